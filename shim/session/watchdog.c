/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class watchdog, what both rings do alike: every request is answered at once, and what runs goes
 * on running whoever comes and goes. Used by class/watchdog.c of both rings.
 */
#include <session/watchdog.h>

static bool watchdog_unit_sane(const struct unit_info *unit)
{
	return unit->class_id == CLASS_WATCHDOG && unit->unit < WATCHDOG_UNITS_MAX &&
	       unit->depth == 1;
}

enum error watchdog_class_init(struct watchdog_class *class, struct shim_device *device, void *port,
			       bool hot)
{
	struct unit_info info;

	memset(class, 0, sizeof(*class));
	class->device = device;
	device->class_data = class;
	class->port = port;
	for (uint32_t number = 0; hot && unit_restore(device, number, &info);
	     number = info.unit + 1) {
		if (!watchdog_unit_sane(&info))
			return ERR_CORRUPT;
		class->present[info.unit] = true;
	}
	return OK;
}

/* --- Requests --- */

static enum error watchdog_start(struct watchdog_class *class, unsigned unit, uint64_t timeout_ms)
{
	uint32_t granted_ms = 0;
	enum error error = class->device->driver->ops.watchdog->start(class->device, unit,
								      timeout_ms, &granted_ms);

	if (error == OK)
		class->port->timeout_ms[unit] = granted_ms;
	return error;
}

static enum error watchdog_stop(struct watchdog_class *class, unsigned unit)
{
	enum error error = class->device->driver->ops.watchdog->stop(class->device, unit);

	if (error == OK)
		class->port->timeout_ms[unit] = 0;
	return error;
}

static enum error watchdog_answer(struct watchdog_class *class, unsigned unit,
				  const struct session_request *request)
{
	const struct shim_watchdog_ops *ops = class->device->driver->ops.watchdog;

	switch (request->operation) {
	case WATCHDOG_START:
		return watchdog_start(class, unit, request->position);
	case WATCHDOG_PET:
		if (class->port->timeout_ms[unit])
			ops->pet(class->device, unit);
		return OK;
	case WATCHDOG_STOP:
		return watchdog_stop(class, unit);
	case WATCHDOG_STATUS:
		if (!ops->running(class->device, unit))
			class->port->timeout_ms[unit] = 0;
		return OK;
	}
	return ERR_UNSUPPORTED;
}

/* As many as the table has, so that a client cannot keep the driver here. */
static void watchdog_take(struct watchdog_class *class, struct session_link *link)
{
	struct session_request request;

	for (uint32_t i = 0; i < link->slot_count && session_take(link, &request); i++) {
		enum error error =
			link->gone ? ERR_GONE : watchdog_answer(class, link->unit, &request);

		session_finish(link, &class->wakes, request.slot, error,
			       link->gone ? 0 : class->port->timeout_ms[link->unit]);
	}
}

void watchdog_class_doorbell(struct watchdog_class *class)
{
	for (struct session_link *link = class->links; link; link = link->next)
		if (link->gone || class->present[link->unit])
			watchdog_take(class, link);
}

/* --- Sessions and units --- */

enum error watchdog_class_attach(struct watchdog_class *class, struct session_link *link)
{
	if (link->unit >= WATCHDOG_UNITS_MAX)
		return ERR_RANGE;
	session_find_unfinished(link);
	link->next = class->links;
	class->links = link;
	return OK;
}

bool watchdog_class_detach(struct watchdog_class *class, struct session_link *link)
{
	struct session_link **at = &class->links;

	while (*at && *at != link)
		at = &(*at)->next;
	if (*at)
		*at = link->next;
	link->closing = true;
	session_wakes_remove(&class->wakes, link);
	return true;
}

enum error shim_watchdog_unit_add(struct shim_device *device, const struct unit_info *unit)
{
	struct watchdog_class *class = watchdog_class_of(device);
	enum error error;

	if (!watchdog_unit_sane(unit))
		return ERR_INVALID;
	error = unit_publish(device, unit);
	if (error != OK)
		return error;
	class->present[unit->unit] = true;
	if (class->port->timeout_ms[unit->unit] &&
	    watchdog_start(class, unit->unit, class->port->timeout_ms[unit->unit]) != OK)
		class->port->timeout_ms[unit->unit] = 0;
	return OK;
}
