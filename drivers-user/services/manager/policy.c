/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What shall run where: starts the drivers that fit, restarts those that die, and carries out
 * orders. Pure: what it decides is done by act.c, and each wait has a limit.
 *
 *   NONE -> STARTING -> LIVE -> STOPPING -> NONE     orders
 *              |   \      |        |
 *              |    +-----+--------+--> WAITING -> STARTING   deaths, with back-off
 *              +-> FAILED                         too many: FAILED
 *
 *   LIVE -> STANDBY -> MOVING -> LIVE    a hot move; without STANDBY into ring 0. What fails before
 *                                        the kernel switches goes cold, what fails later has died.
 */
#include <abi/log.h>
#include <lib/string.h>

#include "manager.h"

struct device devices[DEVICES_MAX];
static struct order orders[ORDERS_MAX];

static void start(struct device *device);

static const char *ring_text(uint32_t ring)
{
	return ring == PLACEMENT_KERNEL ? "ring 0" : "ring 3";
}

static struct device *find(uint32_t id)
{
	for (unsigned i = 0; id && i < DEVICES_MAX; i++)
		if (devices[i].id == id)
			return &devices[i];
	return NULL;
}

static void set_timer(const struct device *device, uint64_t after_ns)
{
	act_timer((unsigned)(device - devices), after_ns ? act_now_ns() + after_ns : 0);
}

static void enter(struct device *device, enum step step, uint64_t limit_ns)
{
	device->step = (uint8_t)step;
	set_timer(device, limit_ns);
}

/* --- Orders --- */

static struct order *order_open(uint64_t token)
{
	for (unsigned i = 0; i < ORDERS_MAX; i++)
		if (!orders[i].token) {
			orders[i] = (struct order){ .token = token, .waiting = 1 };
			return &orders[i];
		}
	act_reply(token, ERR_BUSY);
	return NULL;
}

/* One part of an order is through: a device, or the caller that opened it. */
static void order_part(struct order *order, enum error error)
{
	if (error && !order->result)
		order->result = error;
	if (--order->waiting)
		return;
	act_reply_order(order);
	order->token = 0;
}

static void order_take(struct order *order, struct device *device)
{
	device->order = order;
	order->waiting++;
}

static void order_end(struct device *device, enum error error)
{
	struct order *order = device->order;

	device->order = NULL;
	if (order)
		order_part(order, error);
}

/* --- Steps --- */

static void give_up(struct device *device, enum error error)
{
	enter(device, STEP_FAILED, 0);
	order_end(device, error);
}

static void start_failed(struct device *device, enum error error)
{
	act_log(LOG_ERROR, "%s: driver %s failed in %s: %s%s", device->name, device->driver->name,
		ring_text(device->ring), error_text(error),
		error == ERR_BUDGET || error == ERR_NO_MEMORY
			? "; `mem` and `ps` tell what there is"
			: "");
	if (device->back == PLACEMENT_OFF) {
		give_up(device, error);
		return;
	}
	if (device->order)
		device->order->result = error;
	device->ring = device->back;
	device->back = PLACEMENT_OFF;
	act_log(LOG_NOTICE, "%s: back to %s", device->name, ring_text(device->ring));
	start(device);
}

static void start(struct device *device)
{
	enum error error;

	device->starts++;
	enter(device, STEP_STARTING, START_LIMIT_NS);
	error = act_start(device);
	if (error)
		start_failed(device, error);
}

static void stop(struct device *device)
{
	enum error error;

	enter(device, STEP_STOPPING, STOP_LIMIT_NS);
	error = act_stop(device);
	if (!error)
		return;
	enter(device, STEP_LIVE, 0);
	device->next = device->back = PLACEMENT_OFF;
	order_end(device, error);
}

/* --- Hot moves --- */

static void move_cold(struct device *device)
{
	device->order->cold = true;
	stop(device);
}

/* The old instance serves as before. */
static void hot_refused(struct device *device, enum error error)
{
	bool only = device->how == MOVE_HOT_ONLY;

	act_log(only ? LOG_WARNING : LOG_NOTICE, "%s: driver %s does not move hot: %s%s",
		device->name, device->driver->name, error_text(error),
		only ? "" : "; it goes cold");
	enter(device, STEP_LIVE, 0);
	if (!only) {
		move_cold(device);
		return;
	}
	device->next = device->back = PLACEMENT_OFF;
	order_end(device, error);
}

static void switch_over(struct device *device)
{
	enum error error;

	enter(device, STEP_MOVING, MOVE_LIMIT_NS);
	error = act_move(device);
	if (!error)
		return;
	if (device->next == PLACEMENT_USER)
		act_standby_end(device);
	hot_refused(device, error);
}

static void move_hot(struct device *device)
{
	enum error error;

	if (device->driver->is_bus) { /* its state is the devices below it */
		hot_refused(device, ERR_UNSUPPORTED);
		return;
	}
	if (device->next == PLACEMENT_KERNEL) {
		switch_over(device);
		return;
	}
	device->starts++;
	enter(device, STEP_STANDBY, START_LIMIT_NS);
	error = act_standby(device);
	if (error)
		hot_refused(device, error);
}

static void moved(struct device *device)
{
	device->ring = device->next;
	device->next = device->back = PLACEMENT_OFF;
	device->live_since_ns = act_now_ns();
	enter(device, STEP_LIVE, 0);
	order_end(device, OK);
}

/* The device was left without an instance: a fresh one comes, where it was to go. */
static void move_died(struct device *device)
{
	act_log(LOG_WARNING, "%s: driver %s died while it moved; it starts afresh in %s",
		device->name, device->driver->name, ring_text(device->next));
	device->order->cold = true;
	device->ring = device->next;
	device->next = PLACEMENT_OFF;
	start(device);
}

static void went_live(struct device *device)
{
	device->back = PLACEMENT_OFF;
	device->live_since_ns = act_now_ns();
	enter(device, STEP_LIVE, 0);
	act_log(LOG_DEBUG, "%s: driver %s serves in %s", device->name, device->driver->name,
		ring_text(device->ring));
	order_end(device, OK);
}

static void stopped(struct device *device)
{
	enter(device, STEP_NONE, 0);
	if (device->next == PLACEMENT_OFF) {
		act_log(LOG_INFO, "%s: driver %s stopped", device->name, device->driver->name);
		order_end(device, OK);
		return;
	}
	device->ring = device->next;
	device->next = PLACEMENT_OFF;
	start(device);
}

static void count_death(struct device *device)
{
	uint64_t delay_ns = RESTART_NS;

	if (device->live_since_ns && act_now_ns() - device->live_since_ns > HEALTHY_NS)
		device->deaths = 0;
	if (++device->deaths > DEATHS_MAX) {
		act_log(LOG_ERROR, "%s: driver %s died %u times in a row: the device is out",
			device->name, device->driver->name, device->deaths);
		give_up(device, ERR_GONE);
		return;
	}
	for (unsigned i = 1; i < device->deaths; i++)
		delay_ns *= 4;
	act_log(LOG_WARNING, "%s: driver %s died; it starts again in %u ms", device->name,
		device->driver->name, (unsigned)(delay_ns / 1000000));
	enter(device, STEP_WAITING, delay_ns);
}

static void died(struct device *device)
{
	bool killed = device->killed;

	device->killed = false;
	if (device->step == STEP_STOPPING) {
		act_log(LOG_WARNING, "%s: driver %s died while it stopped", device->name,
			device->driver->name);
		stopped(device);
	} else if (killed) {
		act_log(LOG_NOTICE, "%s: driver %s was killed; it starts again", device->name,
			device->driver->name);
		start(device);
	} else {
		count_death(device);
	}
}

/* The instance missed its limit: what is in ring 3 is ended, and then counts as died. */
static void overdue(struct device *device)
{
	act_log(LOG_ERROR, "%s: driver %s did not %s in time", device->name, device->driver->name,
		device->step == STEP_STARTING   ? "start"
		: device->step == STEP_STOPPING ? "stop"
						: "move");
	if (device->step == STEP_STANDBY) {
		act_standby_end(device);
		hot_refused(device, ERR_TIMEOUT);
		return;
	}
	if (device->ring == PLACEMENT_USER && act_kill(device) == OK)
		return;
	give_up(device, ERR_TIMEOUT);
}

void policy_timer(unsigned index)
{
	struct device *device = &devices[index];

	if (device->step == STEP_WAITING)
		start(device);
	else if (device->step != STEP_LIVE && device->step != STEP_NONE &&
		 device->step != STEP_FAILED)
		overdue(device);
}

/* --- News --- */

/* Rule 5: what sits on a ring-3 bus is in ring 3. */
static bool below_ring3(const struct device *device)
{
	const struct device *parent = find(device->parent);

	return parent && parent->step != STEP_NONE && parent->ring == PLACEMENT_USER;
}

static uint32_t choose_ring(const struct device *device)
{
	const struct driver *driver = device->driver;

	if (driver->placement != PLACEMENT_KERNEL)
		return driver->placement;
	if (below_ring3(device)) {
		act_log(LOG_NOTICE, "%s: its bus is in ring 3, so driver %s is too", device->name,
			driver->name);
		return PLACEMENT_USER;
	}
	return PLACEMENT_KERNEL;
}

static void adopt(struct device *device, const struct device_info *info)
{
	device->ring = info->placement;
	switch (info->state) {
	case INSTANCE_PROBING:
		enter(device, STEP_STARTING, START_LIMIT_NS);
		break;
	case INSTANCE_LIVE:
		device->live_since_ns = act_now_ns();
		enter(device, STEP_LIVE, 0);
		break;
	case INSTANCE_STOPPING:
		enter(device, STEP_STOPPING, STOP_LIMIT_NS);
		break;
	case INSTANCE_FAILED:
		enter(device, STEP_FAILED, 0);
		break;
	default:
		device->ring = (uint8_t)choose_ring(device);
		start(device);
	}
}

void policy_device(const struct device_info *info)
{
	struct driver *driver = drivers_match(info);

	if (!driver || find(info->id))
		return;
	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		struct device *device = &devices[i];

		if (device->id)
			continue;
		*device = (struct device){
			.id = info->id,
			.parent = info->parent,
			.driver = driver,
		};
		string_copy(device->name, sizeof(device->name), info->name);
		adopt(device, info);
		return;
	}
	act_log(LOG_ERROR, "%s: more than %u devices: it gets no driver", info->name, DEVICES_MAX);
}

static void removed(struct device *device)
{
	act_log(LOG_NOTICE, "%s: the device is gone", device->name);
	set_timer(device, 0);
	order_end(device, ERR_GONE);
	device->id = 0;
}

static void move_event(struct device *device, const struct device_info *info, uint32_t events)
{
	uint32_t ended = events & (EVENT_DIED | EVENT_FAILED | EVENT_STOPPED);

	if ((events & EVENT_MOVED) && device->step == STEP_MOVING) {
		moved(device);
		if (ended)
			died(device);
	} else if (ended) {
		move_died(device);
	} else if ((events & EVENT_STANDBY) && device->step == STEP_STANDBY) {
		switch_over(device);
	} else if ((events & EVENT_MOVE_FAILED) && device->step == STEP_MOVING) {
		hot_refused(device, (enum error)info->error);
	}
}

/* In the order in which one instance can meet them; the next starts only after the last one. */
void policy_event(const struct device_info *info, uint32_t events)
{
	struct device *device = find(info->id);

	if (!device && !(events & EVENT_REMOVED))
		policy_device(info);
	if (!device)
		return;
	if (events & EVENT_REMOVED) {
		removed(device);
		return;
	}
	if (device->order && info->last_pause_ns > device->order->pause_ns &&
	    (events & (EVENT_LIVE | EVENT_MOVED)))
		device->order->pause_ns = info->last_pause_ns;
	if (device->step == STEP_STANDBY || device->step == STEP_MOVING) {
		move_event(device, info, events);
		return;
	}
	if ((events & EVENT_LIVE) && device->step == STEP_STARTING)
		went_live(device);
	if ((events & EVENT_FAILED) && device->step == STEP_STARTING)
		start_failed(device, (enum error)info->error);
	else if ((events & EVENT_FAILED) && device->step == STEP_STOPPING)
		stopped(device);
	if ((events & EVENT_STOPPED) && device->step == STEP_STOPPING)
		stopped(device);
	if ((events & EVENT_DIED) && device->step != STEP_NONE && device->step != STEP_WAITING)
		died(device);
}

void policy_process_ended(uint32_t device_id, unsigned start)
{
	struct device *device = find(device_id);

	if (!device || device->starts != start)
		return;
	if (device->step == STEP_STARTING)
		died(device);
	else if (device->step == STEP_STANDBY)
		hot_refused(device, ERR_GONE);
}

bool policy_settled(void)
{
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		if (devices[i].id && devices[i].step != STEP_NONE && devices[i].step != STEP_LIVE &&
		    devices[i].step != STEP_FAILED)
			return false;
	return true;
}

/* --- What callers order --- */

static bool has_image(const struct driver *driver, uint32_t ring)
{
	return ring == PLACEMENT_KERNEL ? driver->in_kernel : driver->in_archive;
}

static enum error check_ring(const struct device *device, uint32_t ring)
{
	if (!has_image(device->driver, ring))
		return ERR_UNSUPPORTED;
	if (ring == PLACEMENT_KERNEL && below_ring3(device)) {
		act_log(LOG_NOTICE, "%s: not to ring 0: its bus is in ring 3", device->name);
		return ERR_DENIED;
	}
	for (unsigned i = 0; ring == PLACEMENT_USER && i < DEVICES_MAX; i++) {
		const struct device *child = &devices[i];

		if (!child->id || child->parent != device->id || child->step == STEP_NONE ||
		    child->ring != PLACEMENT_KERNEL)
			continue;
		act_log(LOG_NOTICE, "%s: not to ring 3: %s below it is in ring 0", device->name,
			child->name);
		return ERR_DENIED;
	}
	return OK;
}

static enum error start_one(struct order *order, struct device *device, uint32_t ring)
{
	enum error error;

	if (device->step != STEP_NONE && device->step != STEP_FAILED &&
	    device->step != STEP_WAITING)
		return device->step == STEP_LIVE ? OK : ERR_BUSY;
	if (ring == PLACEMENT_OFF)
		ring = choose_ring(device);
	error = check_ring(device, ring);
	if (error || device->order)
		return error ? error : ERR_BUSY;
	device->ring = (uint8_t)ring;
	device->deaths = 0;
	order_take(order, device);
	start(device);
	return OK;
}

static enum error stop_one(struct order *order, struct device *device, uint32_t ring)
{
	(void)ring;
	if (device->step == STEP_NONE || device->step == STEP_FAILED)
		return OK;
	if (device->order)
		return ERR_BUSY;
	if (device->step == STEP_WAITING) {
		enter(device, STEP_NONE, 0);
		return OK;
	}
	if (device->step != STEP_LIVE)
		return ERR_BUSY;
	order_take(order, device);
	stop(device);
	return OK;
}

static enum manager_move order_how; /* of the move that is being ordered */

static enum error move_one(struct order *order, struct device *device, uint32_t ring)
{
	enum error error = check_ring(device, ring);

	if (error)
		return error;
	if (device->step != STEP_LIVE || device->order)
		return ERR_BUSY;
	if (device->ring == ring)
		return OK;
	device->next = (uint8_t)ring;
	device->back = device->ring;
	device->how = (uint8_t)order_how;
	order_take(order, device);
	if (order_how == MOVE_COLD)
		move_cold(device);
	else
		move_hot(device);
	return OK;
}

static enum error kill_one(struct order *order, struct device *device, uint32_t ring)
{
	enum error error;

	(void)ring;
	if (device->step != STEP_LIVE || device->order)
		return ERR_BUSY;
	if (device->ring == PLACEMENT_KERNEL) {
		act_log(LOG_NOTICE, "%s: driver %s is in ring 0: its death would be the machine's",
			device->name, device->driver->name);
		return ERR_DENIED;
	}
	device->killed = true;
	order_take(order, device);
	error = act_kill(device);
	if (!error)
		return OK;
	device->killed = false;
	device->order = NULL;
	order->waiting--;
	return error;
}

static void for_each(uint64_t token, struct driver *driver, uint32_t ring,
		     enum error (*one)(struct order *order, struct device *device, uint32_t ring))
{
	struct order *order = order_open(token);
	enum error result = OK;

	if (!order)
		return;
	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		enum error error;

		if (!devices[i].id || devices[i].driver != driver)
			continue;
		error = one(order, &devices[i], ring);
		if (!result)
			result = error;
	}
	order_part(order, result);
}

void policy_start(uint64_t token, struct driver *driver, uint32_t ring)
{
	for_each(token, driver, ring, start_one);
}

void policy_stop(uint64_t token, struct driver *driver)
{
	for_each(token, driver, PLACEMENT_OFF, stop_one);
}

void policy_move(uint64_t token, struct driver *driver, uint32_t ring, enum manager_move how)
{
	order_how = how;
	for_each(token, driver, ring, move_one);
}

void policy_free_console(void)
{
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		if (devices[i].id && devices[i].step == STEP_LIVE && !devices[i].order &&
		    devices[i].driver->manifest->class_id == CLASS_SERIAL)
			stop(&devices[i]);
}

void policy_kill(uint64_t token, struct driver *driver)
{
	for_each(token, driver, PLACEMENT_OFF, kill_one);
}
