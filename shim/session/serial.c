/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial, what both rings do alike: readers wait for bytes, bytes wait for readers, writes
 * take turns. Used by class/serial.c of both rings.
 */
#include <session/serial.h>

static bool serial_unit_sane(const struct unit_info *unit)
{
	return unit->class_id == CLASS_SERIAL && unit->unit < SERIAL_UNITS_MAX &&
	       unit->depth != 0 && unit->depth <= SESSION_SLOTS_MAX;
}

enum error serial_class_init(struct serial_class *class, struct shim_device *device, void *port,
			     bool hot)
{
	struct unit_info info;

	memset(class, 0, sizeof(*class));
	class->device = device;
	device->class_data = class;
	class->port = port;
	for (uint32_t number = 0; hot && unit_restore(device, number, &info);
	     number = info.unit + 1) {
		if (!serial_unit_sane(&info))
			return ERR_CORRUPT;
		class->unit[info.unit] = (struct serial_unit){ true, info };
	}
	return OK;
}

/* --- The receive buffer of a line --- */

static struct serial_fifo *serial_fifo(struct serial_class *class, unsigned unit)
{
	struct serial_fifo *fifo = &class->port->unit[unit];

	if (fifo->head >= SERIAL_FIFO_BYTES || fifo->tail >= SERIAL_FIFO_BYTES)
		fifo->head = fifo->tail = 0;
	return fifo;
}

static size_t serial_fifo_put(struct serial_fifo *fifo, const uint8_t *bytes, size_t size_bytes)
{
	size_t done = 0;

	while (done < size_bytes) {
		uint32_t next = fifo->tail + 1 == SERIAL_FIFO_BYTES ? 0 : fifo->tail + 1;

		if (next == fifo->head)
			break;
		fifo->bytes[fifo->tail] = bytes[done++];
		fifo->tail = next;
	}
	return done;
}

static uint32_t serial_fifo_get(struct serial_fifo *fifo, uint8_t *bytes, uint32_t size_bytes)
{
	uint32_t done = 0;

	while (done < size_bytes && fifo->head != fifo->tail) {
		bytes[done++] = fifo->bytes[fifo->head];
		fifo->head = fifo->head + 1 == SERIAL_FIFO_BYTES ? 0 : fifo->head + 1;
	}
	return done;
}

/* --- Taking requests --- */

static enum error serial_take_read(struct serial_class *class, struct session_link *link,
				   const struct session_request *request)
{
	if (class->read_count == SERIAL_READS_MAX)
		return ERR_BUSY;
	class->read[class->read_count++] =
		(struct serial_read){ link, request->slot, request->data_offset, request->count };
	return OK;
}

/* Begin a write, or go on with it where the last instance stopped. */
static void serial_take_write(struct serial_class *class, struct session_link *link,
			      const struct session_request *request)
{
	const struct serial_fifo *fifo = serial_fifo(class, link->unit);

	link->write.active = true;
	link->write.slot = request->slot;
	link->write.generation = request->generation;
	link->write.data_offset = request->data_offset;
	link->write.count = request->count;
	link->write.done = 0;
	if (fifo->write_session == link->id && fifo->write_slot == request->slot &&
	    fifo->write_generation == request->generation && fifo->write_done < request->count)
		link->write.done = fifo->write_done;
}

static enum error serial_begin(struct serial_class *class, struct session_link *link,
			       const struct session_request *request)
{

	if ((request->operation != SERIAL_READ && request->operation != SERIAL_WRITE) ||
	    request->flags != 0 || request->count == 0)
		return ERR_INVALID;
	if (!session_data_inside(link, request->data_offset, request->count))
		return ERR_PROTOCOL;
	if (request->operation == SERIAL_READ)
		return serial_take_read(class, link, request);
	serial_take_write(class, link, request);
	return OK;
}

/* Take what a session has, up to and with its next write. */
static void serial_take(struct serial_class *class, struct session_link *link)
{
	struct session_request request;

	for (uint32_t i = 0; i <= link->slot_count; i++) {
		enum error error;

		if (!link->ready || link->write.active || !session_take(link, &request))
			return;
		error = serial_begin(class, link, &request);
		if (error != OK)
			session_finish(link, &class->wakes, request.slot, error, 0);
	}
}

static void serial_take_all(struct serial_class *class)
{
	for (struct session_link *link = class->links; link; link = link->next)
		serial_take(class, link);
}

/* --- Readers --- */

static void serial_read_drop(struct serial_class *class, uint32_t index)
{
	class->read_count--;
	for (uint32_t i = index; i < class->read_count; i++)
		class->read[i] = class->read[i + 1];
}

/* Give what was received to whoever asked first. */
static void serial_serve(struct serial_class *class, unsigned unit)
{
	struct serial_fifo *fifo = serial_fifo(class, unit);
	uint32_t i = 0;

	while (i < class->read_count && fifo->head != fifo->tail) {
		struct serial_read read = class->read[i];
		uint32_t count;

		if (read.link->unit != unit) {
			i++;
			continue;
		}
		count = serial_fifo_get(fifo, read.link->pool + read.data_offset, read.count);
		session_finish(read.link, &class->wakes, read.slot, OK, count);
		serial_read_drop(class, i);
	}
}

size_t shim_serial_received(struct shim_device *device, unsigned unit, const uint8_t *bytes,
			    size_t size_bytes)
{
	struct serial_class *class = serial_class_of(device);
	size_t done;

	if (unit >= SERIAL_UNITS_MAX || !class->unit[unit].present)
		return 0;
	done = serial_fifo_put(serial_fifo(class, unit), bytes, size_bytes);
	serial_take_all(class);
	serial_serve(class, unit);
	return done + serial_fifo_put(serial_fifo(class, unit), bytes + done, size_bytes - done);
}

/* --- Writers --- */

/* The session whose write is being sent, or whose turn it is. */
static struct session_link *serial_writer(struct serial_class *class, unsigned unit)
{
	struct session_link *start = class->cursor[unit] ? class->cursor[unit] : class->links;
	struct session_link *link = start;

	if (!link)
		return NULL;
	do {
		serial_take(class, link);
		if (link->unit == unit && link->write.active)
			return class->cursor[unit] = link;
		link = link->next ? link->next : class->links;
	} while (link != start);
	return NULL;
}

static void serial_write_advance(struct serial_class *class, struct session_link *link,
				 uint32_t count)
{
	struct serial_fifo *fifo = serial_fifo(class, link->unit);

	link->write.done += count;
	fifo->write_session = link->id;
	fifo->write_slot = link->write.slot;
	fifo->write_generation = link->write.generation;
	fifo->write_done = link->write.done;
	if (link->write.done < link->write.count)
		return;
	link->write.active = false;
	class->cursor[link->unit] = link->next;
	session_finish(link, &class->wakes, link->write.slot, OK, link->write.count);
}

size_t shim_serial_next(struct shim_device *device, unsigned unit, uint8_t *bytes,
			size_t size_bytes)
{
	struct serial_class *class = serial_class_of(device);
	size_t done = 0;

	if (unit >= SERIAL_UNITS_MAX)
		return 0;
	while (done < size_bytes) {
		struct session_link *link = serial_writer(class, unit);
		uint32_t count;

		if (!link)
			break;
		count = link->write.count - link->write.done;
		if (count > size_bytes - done)
			count = (uint32_t)(size_bytes - done);
		memcpy(bytes + done, link->pool + link->write.data_offset + link->write.done,
		       count);
		serial_write_advance(class, link, count);
		done += count;
	}
	return done;
}

/* --- Sessions and units --- */

static void serial_link_update(struct serial_class *class, struct session_link *link)
{
	link->ready = !link->gone && class->unit[link->unit].present;
}

enum error serial_class_attach(struct serial_class *class, struct session_link *link)
{
	if (link->unit >= SERIAL_UNITS_MAX)
		return ERR_RANGE;
	if (!link->pool)
		return ERR_PROTOCOL;
	session_find_unfinished(link);
	link->next = class->links;
	class->links = link;
	serial_link_update(class, link);
	return OK;
}

bool serial_class_detach(struct serial_class *class, struct session_link *link)
{
	struct session_link **at = &class->links;

	while (*at && *at != link)
		at = &(*at)->next;
	if (*at)
		*at = link->next;
	for (unsigned unit = 0; unit < SERIAL_UNITS_MAX; unit++)
		if (class->cursor[unit] == link)
			class->cursor[unit] = link->next;
	for (uint32_t i = class->read_count; i-- > 0;)
		if (class->read[i].link == link)
			serial_read_drop(class, i);
	link->closing = true;
	link->ready = false;
	session_wakes_remove(&class->wakes, link);
	return true;
}

/* Answer everything of a session whose unit is gone. */
static void serial_refuse(struct serial_class *class, struct session_link *link)
{
	struct session_request request;

	for (uint32_t i = class->read_count; i-- > 0;) {
		if (class->read[i].link == link) {
			session_finish(link, &class->wakes, class->read[i].slot, ERR_GONE, 0);
			serial_read_drop(class, i);
		}
	}
	if (link->write.active)
		session_finish(link, &class->wakes, link->write.slot, ERR_GONE, link->write.done);
	link->write.active = false;
	for (uint32_t i = 0; i < link->slot_count && session_take(link, &request); i++)
		session_finish(link, &class->wakes, request.slot, ERR_GONE, 0);
}

enum error shim_serial_unit_add(struct shim_device *device, const struct unit_info *info)
{
	struct serial_class *class = serial_class_of(device);
	struct unit_info unit = *info;
	enum error error;

	if (!serial_unit_sane(&unit))
		return ERR_INVALID;
	unit.flags |= UNIT_CPU_DATA;
	error = unit_publish(device, &unit);
	if (error != OK)
		return error;
	class->unit[unit.unit].info = unit;
	class->unit[unit.unit].present = true;
	for (struct session_link *link = class->links; link; link = link->next)
		serial_link_update(class, link);
	return OK;
}

void serial_class_doorbell(struct serial_class *class)
{
	for (struct session_link *link = class->links; link; link = link->next) {
		if (link->gone)
			serial_refuse(class, link);
		else
			serial_take(class, link);
	}
	for (unsigned unit = 0; unit < SERIAL_UNITS_MAX; unit++) {
		if (!class->unit[unit].present)
			continue;
		serial_serve(class, unit);
		if (serial_writer(class, unit))
			class->device->driver->ops.serial->transmit(class->device, unit);
	}
}

bool serial_class_sleep(struct serial_class *class)
{
	struct session_link *link;
	bool idle = true;

	for (link = class->links; link; link = link->next)
		__atomic_store_n(&link->server->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (link = class->links; link; link = link->next)
		if ((link->gone || (link->ready && !link->write.active)) && session_pending(link))
			idle = false;
	return idle;
}

void serial_class_awake(struct serial_class *class)
{
	for (struct session_link *link = class->links; link; link = link->next)
		session_server_awake(link);
}
