/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hot moves: a live device goes from one instance to another with its requests in flight.
 *
 *   prepare  the new instance exists (a process that stands by, or made here), and what it will
 *            reach is mapped for it behind a closed door
 *   freeze   the old one finishes its event and says so; until then all can be taken back
 *   switch   its door closes, the heir's opens, the signal word changes hands, the epoch counts on
 *   adopt    the new one maps what is new since; interrupts and DMA have gone on meanwhile
 *   verify   the driver's check, the class's import; from here on failure is a crash like any
 *   resume   the new one looks at everything once: interrupts may have been lost in between
 *
 * doc/manager-protocol.md shows the same from the manager's side.
 */
#include <lib/string.h>

#include <abi/marker.h>
#include <kernel/device.h>
#include <kernel/log.h>
#include <kernel/process.h>
#include <kernel/session.h>
#include <kernel/time.h>
#include <shim/driver.h>

#define MOVE_LIMIT_NS (2000 * NS_PER_MILLISECOND) /* to freeze, and again to adopt */

static void standby_drop(struct device *device, bool kill)
{
	struct process *process = device->standby;

	if (!process)
		return;
	device->standby = NULL;
	device->standby_ready = false;
	process->instance_of = NULL;
	object_release(&device->standby_signal->object);
	device->standby_signal = NULL;
	session_standby_gone(device);
	if (kill)
		process_exit(process, -1);
	object_release(&process->object);
	object_release(&device->object);
}

void device_move_cancel(struct device *device)
{
	timer_cancel(&device->move_timer);
	device->moving = PLACEMENT_OFF;
	device->switched = false;
	if (device->next_kernel)
		kernel_instance_end(device->next_kernel);
	device->next_kernel = NULL;
	standby_drop(device, true);
}

/* Before the switch: the old instance goes on as if nothing had been. */
static void roll_back(struct device *device, enum error error)
{
	log_warning("%s: %s is not moved: %s", device->info.name, device->info.driver,
		    error_text(error));
	device_move_cancel(device);
	device->info.state = INSTANCE_LIVE;
	device->info.error = error;
	device->pause_since_ns = 0;
	device->control = device->gone ? CONTROL_STOP : CONTROL_RESUME;
	device_signal(device, 1ul << SIGNAL_CONTROL);
	device_event(device, EVENT_MOVE_FAILED);
}

static void time_over(struct ktimer *timer)
{
	struct device *device = container_of(timer, struct device, move_timer);

	if (!device->moving)
		return;
	if (!device->switched) {
		roll_back(device, ERR_TIMEOUT);
		return;
	}
	log_error("%s: its new instance does not take over in time", device->info.name);
	if (device->process)
		process_exit(device->process, -1);
}

/* What the instance has, as far as its heir must know. */
static void describe(const struct device *device, struct instance_attach *attach)
{
	attach->window_mask = device->window_mask;
	attach->vector_count = device->info.interrupt_vectors;
	attach->buffer_count = device->buffer_count;
	attach->info = device->info;
}

enum error device_standby(struct device *device, struct process *process,
			  struct notification *notification, struct instance_attach *attach)
{
	enum error error;

	if (device->info.state != INSTANCE_LIVE || device->standby || device->moving)
		return ERR_BUSY;
	if (!device_state_fits(device, attach))
		return ERR_UNSUPPORTED;
	error = device_state_map(device, process, attach);
	if (error)
		return error;
	device->standby = process;
	device->standby_signal = notification;
	object_reference(&process->object);
	object_reference(&notification->object);
	object_reference(&device->object);
	process->instance_of = device;
	attach->standby = 1;
	describe(device, attach);
	return OK;
}

enum error device_standby_ready(struct device *device)
{
	if (device->standby_ready)
		return ERR_INVALID;
	device->standby_ready = true;
	device_event(device, EVENT_STANDBY);
	return OK;
}

void device_standby_died(struct device *device)
{
	standby_drop(device, false);
	if (device->moving && !device->switched)
		roll_back(device, ERR_GONE);
}

/* The device changes hands. Interrupts, DMA memory, units and sessions stay with the device. */
static void switch_over(struct device *device)
{
	struct process *old = device->process;

	device->switched = true;
	session_hand_over_all(device, device->moving == PLACEMENT_USER);
	if (old) {
		process_exit(old, 0);
		device_process_part(device);
	} else {
		kernel_instance_hand_over(device->kernel);
		device->kernel = NULL;
	}
	session_epoch_all(device);
	device->info.state = INSTANCE_PROBING;
	device->info.placement = device->moving;
	timer_arm(&device->move_timer, time_now_ns() + MOVE_LIMIT_NS);
}

static void give_to_standby(struct device *device)
{
	device->process = device->standby; /* with its references */
	device->signal = device->standby_signal;
	device->standby = NULL;
	device->standby_ready = false;
	device->standby_signal = NULL;
	device->info.pid = device->process->pid;
	space_grant_open(&device->process->space);
	device->control = CONTROL_ADOPT;
	device_signal(device, 1ul << SIGNAL_CONTROL);
}

static void give_to_kernel(struct device *device)
{
	struct kernel_instance *instance = device->next_kernel;
	enum error error;

	device->next_kernel = NULL;
	device->kernel = instance;
	device->info.pid = 0;
	error = kernel_instance_adopt(instance);
	if (!error)
		return;
	log_error("%s: %s is refused in the kernel: %s", device->info.name, device->info.driver,
		  error_text(error));
	device_died(device, error);
}

static void hand_over(struct device *device)
{
	switch_over(device);
	if (device->moving == PLACEMENT_KERNEL)
		give_to_kernel(device);
	else
		give_to_standby(device);
}

/* Into ring 0 only what the kernel can rebuild and check. */
static enum error prepare_kernel(struct device *device)
{
	const struct shim_driver *driver = kernel_driver_find(device->info.driver);

	if (!driver || !driver->check)
		return ERR_UNSUPPORTED;
	if (device->process && !session_answers_possible(device)) {
		log_warning("%s: %s wrote an answer that no session can have", device->info.name,
			    driver->name);
		device->on_record = true;
	}
	if (device->on_record)
		return ERR_DENIED;
	for (const struct device *up = device->parent; up; up = up->parent)
		if (up->process)
			return ERR_DENIED;
	return kernel_instance_prepare(device, driver, &device->next_kernel);
}

enum error device_move(struct device *device, enum placement target)
{
	enum error error = OK;

	if (device->info.state != INSTANCE_LIVE || device->moving || device->gone ||
	    device->control == CONTROL_STOP)
		return ERR_BUSY;
	if (target == PLACEMENT_KERNEL)
		error = device->kernel ? ERR_EXISTS : prepare_kernel(device);
	else if (target != PLACEMENT_USER)
		error = ERR_INVALID;
	else if (!device->standby_ready)
		error = ERR_AGAIN;
	if (error)
		return error;
	device->moving = (uint8_t)target;
	device->move_timer.function = time_over;
	device->pause_since_ns = time_now_ns();
	MARKER(MARKER_POINT_PAUSE);
	if (device->kernel) { /* it is not running now, so it is frozen */
		hand_over(device);
		return OK;
	}
	device->control = CONTROL_FREEZE;
	device->freeze_asked = true;
	timer_arm(&device->move_timer, time_now_ns() + MOVE_LIMIT_NS);
	device_signal(device, 1ul << SIGNAL_CONTROL);
	return OK;
}

enum error device_frozen(struct device *device)
{
	bool asked = device->freeze_asked;

	device->freeze_asked = false;
	if (!device->moving || device->switched) {
		/* It may just be too late, after a move that was rolled back. */
		device->on_record |= !asked;
		return ERR_INVALID;
	}
	hand_over(device);
	return OK;
}

/* State, class port and timers are where the standby was told, and now it reaches them. */
enum error device_adopt(struct device *device, struct instance_attach *attach)
{
	if (!device->moving || !device->switched)
		return ERR_INVALID;
	attach->standby = 0;
	describe(device, attach);
	return device_ports_allow(device);
}

void device_moved(struct device *device)
{
	timer_cancel(&device->move_timer);
	device->moving = PLACEMENT_OFF;
	device->switched = false;
	device_event(device, EVENT_MOVED);
	if (device->gone) /* meanwhile */
		(void)device_control(device, CONTROL_STOP);
}
