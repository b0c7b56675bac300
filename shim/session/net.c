/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class net, what both rings do alike: checks every request, keeps what the driver has in order,
 * and what clients have set. Used by class/net.c of both rings.
 */
#include <session/net.h>
#include <shim/log.h>

#define MTU_USUAL   1500u
#define MSS_MIN     512u
#define TCP_HEADER  20u
#define RECORD_MASK (NET_DEPTH_MAX - 1)

static bool is_transmit(uint32_t queue)
{
	return queue % NET_QUEUES == NET_TRANSMIT_QUEUE;
}

static uint32_t units_of(const struct shim_driver *driver)
{
	return driver->queue_count / NET_QUEUES;
}

uint32_t net_port_bytes(const struct shim_driver *driver)
{
	return units_of(driver) * (uint32_t)sizeof(struct net_port);
}

static bool net_unit_sane(const struct net_class *class, const struct unit_info *unit)
{
	return unit->class_id == CLASS_NET && unit->unit < class->queue_count / NET_QUEUES &&
	       unit->queue == unit->unit * NET_QUEUES && unit->mtu >= NET_MTU_MIN &&
	       unit->mtu + NET_HEADER_BYTES + NET_TAG_BYTES <= unit->transfer_bytes_max &&
	       unit->transfer_bytes_max <= class->device->driver->ops.net->frame_bytes_max;
}

static uint32_t net_mtu(const struct net_unit *unit)
{
	uint32_t mtu = unit->settings->mtu;

	if (mtu < NET_MTU_MIN || mtu > unit->info.mtu)
		mtu = unit->info.mtu < MTU_USUAL ? unit->info.mtu : MTU_USUAL;
	return mtu;
}

/* --- Start --- */

/* Records are believed when their session is attached: until then nobody is answered. */
static bool net_journal_sane(const struct net_journal *journal)
{
	return journal->tail - journal->head <= NET_DEPTH_MAX;
}

static enum error net_restore(struct net_class *class)
{
	struct unit_info info;

	for (uint32_t i = 0; i < class->queue_count; i++)
		if (!net_journal_sane(class->queue[i].journal))
			return ERR_CORRUPT;
	for (uint32_t number = 0; unit_restore(class->device, number, &info);
	     number = info.unit + 1) {
		if (!net_unit_sane(class, &info))
			return ERR_CORRUPT;
		class->unit[info.unit].present = true;
		class->unit[info.unit].info = info;
	}
	return OK;
}

enum error net_class_init(struct net_class *class, struct shim_device *device, void *port, bool hot)
{
	const struct shim_driver *driver = device->driver;
	struct net_port *ports = port;

	class->device = device;
	device->class_data = class;
	class->queue_count = driver->queue_count;
	class->depth = driver->ops.net->depth;
	if (units_of(driver) > NET_UNITS_MAX || class->depth > NET_DEPTH_MAX)
		return ERR_RANGE;
	for (uint32_t i = 0; i < class->queue_count; i++) {
		struct net_port *mine = &ports[i / NET_QUEUES];

		class->unit[i / NET_QUEUES].settings = &mine->settings;
		class->queue[i].journal = &mine->journal[i % NET_QUEUES];
		if (!hot)
			memset(class->queue[i].journal, 0, sizeof(struct net_journal));
	}
	return hot ? net_restore(class) : OK;
}

/* --- Settings --- */

static enum error net_tell(struct net_class *class, uint32_t unit, enum net_operation operation,
			   uint64_t value)
{
	return class->device->driver->ops.net->control(class->device, unit, operation, value);
}

/* To a device that starts afresh. An earlier instance may have written anything here. */
static void net_settings_apply(struct net_class *class, uint32_t number)
{
	struct net_settings *settings = class->unit[number].settings;
	uint32_t count = settings->multicast_count;
	enum error error;

	settings->filter &= NET_PROMISCUOUS | NET_ALL_MULTICAST;
	if (count > NET_MULTICAST_MAX)
		settings->multicast_count = count = 0;
	error = net_tell(class, number, NET_FILTER, settings->filter);
	for (uint32_t i = 0; !error && i < count; i++)
		error = net_tell(class, number, NET_MULTICAST, settings->multicast[i]);
	if (!error)
		error = net_tell(class, number, NET_MTU, net_mtu(&class->unit[number]));
	if (error)
		shim_log(class->device, LOG_WARNING, "settings of unit %u are lost: %s", number,
			 error_text(error));
}

static enum error net_control(struct net_class *class, struct session_link *link,
			      const struct session_request *request)
{
	struct net_unit *unit = &class->unit[link->unit];
	struct net_settings *settings = unit->settings;
	uint64_t value = request->position;
	enum error error;

	if (request->flags || request->count)
		return ERR_INVALID;
	if ((request->operation == NET_FILTER && value & ~3ull) ||
	    (request->operation == NET_MULTICAST && (!(value & 1) || value >> 48)) ||
	    (request->operation == NET_MTU && (value < NET_MTU_MIN || value > unit->info.mtu)))
		return ERR_INVALID;
	if (request->operation == NET_MULTICAST && settings->multicast_count >= NET_MULTICAST_MAX)
		return ERR_BUDGET;
	error = net_tell(class, link->unit, request->operation, value);
	if (error || request->operation == NET_STATISTICS)
		return error;
	settings->session = link->id;
	if (request->operation == NET_FILTER) {
		settings->filter = (uint32_t)value;
		settings->multicast_count = 0;
	} else if (request->operation == NET_MULTICAST) {
		settings->multicast[settings->multicast_count++] = value;
	} else if (request->operation == NET_MTU) {
		settings->mtu = (uint32_t)value;
	}
	return OK;
}

void shim_net_counters(struct shim_device *device, unsigned unit, const uint64_t *counter)
{
	struct net_class *class = net_class_of(device);
	const struct session_link *link;

	if (unit >= units_of(device->driver))
		return;
	link = class->queue[unit * NET_QUEUES + NET_TRANSMIT_QUEUE].serving;
	for (unsigned i = 0; link && i < NET_COUNTERS; i++)
		__atomic_store_n(&link->server->counter[i], counter[i], __ATOMIC_RELAXED);
}

/* --- Sessions and units --- */

/* Whose turn is it? Nobody's, while the device has something of another. */
static void net_queue_update(struct net_class *class, struct net_queue *queue)
{
	struct net_journal *journal = queue->journal;
	struct session_link *link = queue->links;

	queue->serving = NULL;
	while (link && (!link->ready || link->gone))
		link = link->next;
	if (!link || (journal->head != journal->tail && queue->owner != link))
		return;
	queue->serving = queue->owner = link;
	journal->session = link->id;
	queue->low = (link->slot_count < class->depth ? link->slot_count : class->depth) / 2;
}

static void net_link_update(struct net_class *class, struct session_link *link)
{
	link->ready = !link->gone && !link->closing && class->unit[link->unit].present;
	class->refuses |= link->gone;
	net_queue_update(class, &class->queue[link->queue]);
}

/* Nobody is there any more who set it. */
static void net_settings_forget(struct net_class *class, uint32_t number)
{
	struct net_unit *unit = &class->unit[number];

	memset(unit->settings, 0, sizeof(*unit->settings));
	if (unit->present)
		net_settings_apply(class, number);
}

/* Go on with what an earlier instance has in the hardware. A record that does not fit keeps its
 * place in the order, and nobody is answered for it; its request is replayed. */
static void net_take_over(struct net_queue *queue, struct session_link *link)
{
	struct net_journal *journal = queue->journal;

	if (journal->head == journal->tail || queue->owner || journal->session != link->id)
		return;
	queue->owner = link;
	for (uint32_t at = journal->head; at != journal->tail; at++) {
		uint64_t *record = &journal->record[at & RECORD_MASK], one = *record;

		if ((uint32_t)one >= link->slot_count ||
		    !session_take_over(link, (uint32_t)one, (uint32_t)(one >> 32)))
			*record = NET_VOID;
	}
}

enum error net_class_attach(struct net_class *class, struct session_link *link)
{
	const struct net_settings *settings;
	struct net_queue *queue;

	if (link->queue >= class->queue_count || link->queue / NET_QUEUES != link->unit)
		return ERR_RANGE;
	queue = &class->queue[link->queue];
	settings = class->unit[link->unit].settings;
	if (is_transmit(link->queue) && settings->session && settings->session != link->id)
		net_settings_forget(class, link->unit);
	net_take_over(queue, link);
	session_find_unfinished(link);
	link->next = queue->links;
	queue->links = link;
	net_link_update(class, link);
	return OK;
}

bool net_class_detach(struct net_class *class, struct session_link *link)
{
	struct net_queue *queue = &class->queue[link->queue];
	struct session_link **at = &queue->links;

	while (*at && *at != link)
		at = &(*at)->next;
	if (*at)
		*at = link->next;
	link->closing = true;
	link->ready = false;
	net_queue_update(class, queue);
	if (is_transmit(link->queue) && class->unit[link->unit].settings->session == link->id)
		net_settings_forget(class, link->unit);
	if (!is_transmit(link->queue) && link->in_flight)
		class->device->driver->ops.net->cancel(class->device, link->queue);
	if (link->in_flight)
		return false;
	if (queue->owner == link)
		queue->owner = NULL;
	session_wakes_remove(&class->wakes, link);
	return true;
}

/* Answer everything that waits in a session whose unit is gone. */
static void net_refuse(struct net_class *class, struct session_link *link)
{
	struct session_request request;

	for (uint32_t i = 0; i < link->slot_count && session_take(link, &request); i++)
		session_finish(link, &class->wakes, request.slot, ERR_GONE, 0);
}

enum error shim_net_unit_add(struct shim_device *device, const struct unit_info *info)
{
	struct net_class *class = net_class_of(device);
	struct unit_info unit = *info;
	bool fresh;
	enum error error;

	unit.flags |= UNIT_EXCLUSIVE;
	unit.queue_count = NET_QUEUES;
	unit.depth = class->depth;
	if (!net_unit_sane(class, &unit))
		return ERR_INVALID;
	error = unit_publish(device, &unit);
	if (error)
		return error;
	fresh = !class->unit[unit.unit].present;
	class->unit[unit.unit].info = unit;
	class->unit[unit.unit].present = true;
	if (!fresh)
		return OK;
	net_settings_apply(class, unit.unit);
	for (uint32_t i = 0; i < NET_QUEUES; i++)
		for (struct session_link *link = class->queue[unit.queue + i].links; link;
		     link = link->next)
			net_link_update(class, link);
	return OK;
}

void shim_net_unit_remove(struct shim_device *device, unsigned number)
{
	struct net_class *class = net_class_of(device);

	if (number >= units_of(device->driver) || !class->unit[number].present)
		return;
	class->unit[number].present = false;
	for (uint32_t i = number * NET_QUEUES; i < (number + 1) * NET_QUEUES; i++) {
		for (struct session_link *link = class->queue[i].links; link; link = link->next) {
			link->gone = true;
			net_link_update(class, link);
			net_refuse(class, link);
		}
	}
	unit_withdraw(device, number);
}

void net_class_doorbell(struct net_class *class, unsigned queue)
{
	if (queue >= class->queue_count)
		return;
	if (__builtin_expect(class->refuses, 0))
		for (struct session_link *link = class->queue[queue].links; link; link = link->next)
			if (link->gone)
				net_refuse(class, link);
	class->device->driver->ops.net->submit(class->device, queue);
}

/* --- Requests --- */

static uint32_t net_frame_max(const struct net_unit *unit)
{
	return net_mtu(unit) + NET_HEADER_BYTES + NET_TAG_BYTES;
}

/* Are the headers where a frame can have them? */
static bool net_offload_good(const struct session_request *request)
{
	uint64_t offload = request->position;
	uint32_t ip = NET_OFFLOAD_IP(offload), tcp = NET_OFFLOAD_TCP(offload);
	uint32_t sum = NET_OFFLOAD_SUM(offload), header = NET_OFFLOAD_HEADER(offload);

	if (ip < NET_HEADER_BYTES || tcp < ip + 20 || tcp >= request->count || sum < tcp + 2 ||
	    sum + 2 > request->count || offload >> 48)
		return false;
	if (!(request->flags & NET_SEGMENT))
		return !header && !NET_OFFLOAD_MSS(offload);
	return request->flags & NET_SUM && header >= tcp + TCP_HEADER && header < request->count &&
	       NET_OFFLOAD_MSS(offload) >= MSS_MIN;
}

static enum error net_check_send(const struct net_unit *unit, const struct session_request *request)
{
	uint32_t most = net_frame_max(unit), header = NET_OFFLOAD_HEADER(request->position);

	if (request->flags & ~(NET_SUM | NET_SUM_IP | NET_SEGMENT))
		return ERR_INVALID;
	if ((request->flags && !(unit->info.flags & UNIT_CHECKSUM)) ||
	    (request->flags & NET_SEGMENT && !(unit->info.flags & UNIT_SEGMENT)))
		return ERR_UNSUPPORTED;
	if (request->flags && !net_offload_good(request))
		return ERR_INVALID;
	if (request->flags & NET_SEGMENT) {
		if (header + NET_OFFLOAD_MSS(request->position) > most)
			return ERR_INVALID;
		most = unit->info.transfer_bytes_max;
	}
	return request->count < NET_HEADER_BYTES || request->count > most ? ERR_RANGE : OK;
}

static enum error net_check(const struct net_class *class, const struct session_link *link,
			    const struct session_request *request)
{
	enum error error = OK;

	if (!is_transmit(link->queue)) {
		if (request->operation != NET_RECEIVE || request->flags)
			return ERR_INVALID;
		if (request->count < NET_BUFFER_BYTES)
			return ERR_RANGE;
	} else {
		error = net_check_send(&class->unit[link->unit], request);
	}
	if (!error && !session_data_inside(link, request->data_offset, request->count))
		return ERR_PROTOCOL;
	return error;
}

/* Anything that is not plain: take one request, and see what it is. True: it is for the device. */
__attribute__((noinline)) static bool net_take_any(struct net_class *class, struct net_queue *queue,
						   struct session_link *link,
						   struct shim_net_request *request)
{
	struct session_request taken;
	enum error error;

	if (!session_take(link, &taken))
		return false;
	if (is_transmit(link->queue) && taken.operation >= NET_FILTER &&
	    taken.operation < NET_OPERATIONS)
		error = net_control(class, link, &taken);
	else if (is_transmit(link->queue) && taken.operation != NET_SEND)
		error = ERR_INVALID;
	else
		error = net_check(class, link, &taken);
	if (error || taken.operation >= NET_FILTER) {
		session_finish(link, &class->wakes, taken.slot, error, 0);
		return false;
	}
	queue->journal->record[queue->journal->tail++ & RECORD_MASK] =
		(uint64_t)taken.generation << 32 | taken.slot;
	request->data.value = link->pool_iova + taken.data_offset;
	request->bytes = taken.count;
	request->flags = taken.flags;
	request->offload = taken.position;
	return true;
}

/* The case that counts: buffers, or frames without offload. Looks first and changes nothing for a
 * request that is anything else: net_take_any() reads and checks it anew. Each word of a slot is
 * read once. */
static inline unsigned net_take_plain(struct net_queue *queue, struct session_link *link,
				      enum net_operation operation, uint32_t least, uint32_t most,
				      struct shim_net_request *requests, unsigned count)
{
	uint64_t *records = queue->journal->record;
	uint32_t head = link->submit_head, end, mask = link->slot_count - 1;
	uint32_t waiting = __atomic_load_n(&link->client->submit_tail, __ATOMIC_ACQUIRE) - head;
	uint32_t at = queue->journal->tail;

	if (waiting > link->slot_count || link->replay_count != link->replay_next)
		return 0;
	end = head + (waiting < count ? waiting : count);
	for (; head != end; head++, at++, requests++) {
		uint64_t slot = __atomic_load_n(&link->submit_ring[head & mask], __ATOMIC_RELAXED);
		const uint64_t *words = (const uint64_t *)(const void *)&link->slots[slot];
		uint64_t first, span;

		if (slot > mask || link->taken[slot])
			break;
		first = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
		span = __atomic_load_n(&words[2], __ATOMIC_RELAXED);
		if ((uint16_t)first != operation || (uint32_t)span - least > most - least ||
		    (span >> 32) + (uint32_t)span > link->pool_bytes)
			break;
		link->taken[slot] = true;
		records[at & RECORD_MASK] = (first & ~(uint64_t)UINT32_MAX) | slot;
		requests->data.value = link->pool_iova + (span >> 32);
		requests->bytes = (uint32_t)span;
		requests->flags = 0;
	}
	count = head - link->submit_head;
	if (!count)
		return 0;
	queue->journal->tail = at;
	link->in_flight += count;
	link->submit_head = head;
	__atomic_store_n(&link->server->submit_head, head, __ATOMIC_RELAXED);
	return count;
}

/* Up to `count`, which the device has room for. At most as many others as the session has slots: a
 * client that floods waits for its next doorbell. */
static inline unsigned net_take_some(struct net_class *class, struct net_queue *queue,
				     struct session_link *link, bool transmit,
				     struct shim_net_request *requests, unsigned count)
{
	unsigned done = 0;

	for (uint32_t others = 0; others <= link->slot_count; others++) {
		if (transmit)
			done += net_take_plain(queue, link, NET_SEND, NET_HEADER_BYTES,
					       net_frame_max(&class->unit[link->unit]),
					       requests + done, count - done);
		else
			done += net_take_plain(queue, link, NET_RECEIVE, NET_BUFFER_BYTES,
					       SESSION_POOL_MAX, requests + done, count - done);
		if (done == count || !session_pending(link))
			break;
		done += net_take_any(class, queue, link, requests + done);
		if (done == count)
			break;
	}
	return done;
}

/* Buffers need no doorbell as long as the device has enough: they are taken with the next frames.
 * The client looks after it has queued, this side after it has said so: one of them sees. */
static unsigned net_take_buffers(struct net_class *class, struct net_queue *queue,
				 struct session_link *link, struct shim_net_request *requests,
				 unsigned count)
{
	const struct net_journal *journal = queue->journal;
	unsigned done = net_take_some(class, queue, link, false, requests, count);

	for (unsigned rounds = 0; done < count && rounds < 2; rounds++) {
		if (journal->tail - journal->head >= queue->low) {
			session_server_awake(link);
			break;
		}
		if (session_server_sleep(link))
			break;
		done += net_take_some(class, queue, link, false, requests + done, count - done);
	}
	return done;
}

unsigned shim_net_take(struct shim_device *device, unsigned index,
		       struct shim_net_request *requests, unsigned count)
{
	struct net_class *class = device->class_data;
	struct net_queue *queue = &class->queue[index];
	struct session_link *link;
	uint32_t room;

	if (index >= class->queue_count || !queue->serving)
		return 0;
	link = queue->serving;
	room = class->depth - (queue->journal->tail - queue->journal->head);
	if (count > room)
		count = room;
	if (!count)
		return 0;
	return is_transmit(index) ? net_take_some(class, queue, link, true, requests, count)
				  : net_take_buffers(class, queue, link, requests, count);
}

/* What was taken is no more than `count`? Else the driver errs. */
static bool net_completable(struct net_class *class, unsigned index, unsigned count)
{
	const struct net_journal *journal = class->queue[index].journal;

	if (index < class->queue_count && count <= journal->tail - journal->head)
		return true;
	if (class->bad_completions++ == 0)
		shim_log(class->device, LOG_ERROR,
			 "the driver completed %u requests of queue %u, more than it has", count,
			 index);
	return false;
}

static inline void net_complete(struct shim_device *device, unsigned index, const uint32_t *counts,
				unsigned count, enum error error)
{
	struct net_class *class = device->class_data;
	struct net_queue *queue = &class->queue[index];
	struct net_journal *journal = queue->journal;
	struct session_link *link = queue->owner;
	uint32_t head, tail;

	if (!count || !net_completable(class, index, count))
		return;
	head = journal->head;
	journal->head = head + count;
	if (link) {
		tail = link->complete_tail;
		for (unsigned i = 0; i < count; i++) {
			uint64_t record = journal->record[(head + i) & RECORD_MASK];

			if (__builtin_expect(record == NET_VOID, 0))
				continue;
			session_answer(link, tail++, (uint32_t)record, (uint32_t)(record >> 32),
				       error, counts ? counts[i] : 0);
		}
		session_answers_publish(link, &class->wakes, tail);
	}
	if (__builtin_expect(!queue->serving, 0) && journal->head == journal->tail) {
		queue->owner = NULL; /* it is answered, and closes: the next one's turn */
		net_queue_update(class, queue);
	}
}

void shim_net_complete_many(struct shim_device *device, unsigned index, const uint32_t *counts,
			    unsigned count)
{
	if (counts)
		net_complete(device, index, counts, count, OK);
	else
		net_complete(device, index, NULL, count, OK);
}

void shim_net_fail(struct shim_device *device, unsigned index, unsigned count, enum error error)
{
	net_complete(device, index, NULL, count, error);
}
