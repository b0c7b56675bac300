/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instances of drivers, in either ring: attach, signal, report, end. One mechanism for both; only
 * who receives the signal word differs.
 */
#include <lib/string.h>

#include <abi/marker.h>
#include <kernel/device.h>
#include <kernel/domain.h>
#include <kernel/log.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/session.h>
#include <kernel/time.h>
#include <shim/driver.h>

#define STATE_BYTES_MAX (1ul << 20)
#define TIMERS_MAX      4096u

bool device_state_fits(const struct device *device, const struct instance_attach *attach)
{
	const struct instance_attach *layout = &device->layout;

	return device->state && layout->state_base_bytes == attach->state_base_bytes &&
	       layout->state_queue_bytes == attach->state_queue_bytes &&
	       layout->state_queues == attach->state_queues &&
	       layout->state_version == attach->state_version &&
	       layout->timer_count == attach->timer_count &&
	       layout->port_bytes == attach->port_bytes &&
	       !strncmp(layout->driver, attach->driver, DRIVER_NAME_BYTES);
}

static enum error state_create(struct device *device, const struct instance_attach *attach,
			       uint64_t bytes)
{
	struct memory *state, *port;
	enum error error = memory_create(registry_account(), bytes, MEMORY_CONTIGUOUS, 0, &state);

	if (error)
		return error;
	error = memory_create(registry_account(), attach->port_bytes ? attach->port_bytes : 1,
			      MEMORY_CONTIGUOUS, 0, &port);
	if (error) {
		object_release(&state->object);
		return error;
	}
	if (device->state)
		object_release(&device->state->object);
	if (device->port)
		object_release(&device->port->object);
	device->state = state;
	device->port = port;
	device->layout = *attach;
	return OK;
}

/* A fresh instance starts from zeroed state; class state is kept as long as it has the same shape.
 */
enum error device_state(struct device *device, const struct instance_attach *attach)
{
	uint64_t bytes = state_timers_offset(attach) + attach->timer_count * sizeof(uint64_t);

	if (attach->state_base_bytes > STATE_BYTES_MAX || attach->timer_count > TIMERS_MAX ||
	    attach->port_bytes > STATE_BYTES_MAX || bytes > STATE_BYTES_MAX)
		return ERR_RANGE;
	if (!device_state_fits(device, attach))
		return state_create(device, attach, bytes ? bytes : 1);
	memset(phys_to_virt(device->state->base), 0, device->state->page_count * PAGE_SIZE);
	return OK;
}

enum error device_state_map(struct device *device, struct process *process,
			    struct instance_attach *attach)
{
	enum error error =
		grant_map(process, device->state, RIGHT_READ | RIGHT_WRITE, &attach->state_vaddr);

	if (!error)
		error = grant_map(process, device->port, RIGHT_READ | RIGHT_WRITE,
				  &attach->port_vaddr);
	if (error)
		grant_revoke(process);
	attach->timers_vaddr = attach->state_vaddr + state_timers_offset(attach);
	return error;
}

/* What every new instance begins with. */
static void begin(struct device *device, const char *driver, uint32_t class_id,
		  enum placement placement)
{
	device->info.state = INSTANCE_PROBING;
	device->info.error = OK;
	device->info.placement = (uint8_t)placement;
	device->info.class_id = (uint8_t)class_id;
	string_copy(device->info.driver, sizeof(device->info.driver), driver);
	device->control = CONTROL_NONE;
	device->on_record = device->freeze_asked = false;
	device->window_mask = 0;
	session_epoch_all(device);
	if (device->info.bus == BUS_PCI)
		pci_enable(device, true);
}

/* Rule 5: ring 0 never depends on ring 3. */
static bool parent_in_ring3(const struct device *device)
{
	for (const struct device *up = device->parent; up; up = up->parent)
		if (up->process || up->info.placement == PLACEMENT_USER)
			return true;
	return false;
}

enum error device_start_kernel(struct device *device, const char *name)
{
	const struct shim_driver *driver = kernel_driver_find(name);
	enum error error;

	if (!driver)
		return ERR_NOT_FOUND;
	if (!driver_matches(driver, &device->info))
		return ERR_INVALID;
	if (device->gone)
		return ERR_GONE;
	if (device->kernel || device->process)
		return ERR_BUSY;
	if (parent_in_ring3(device)) {
		log_notice("%s: %s stays out of the kernel, since its bus is driven by a process",
			   device->info.name, driver->name);
		return ERR_DENIED;
	}
	begin(device, driver->name, driver->class_id, PLACEMENT_KERNEL);
	error = kernel_instance_start(device, driver);
	if (error)
		(void)device_report(device, INSTANCE_FAILED, error);
	return OK; /* how it went is news of the device: said once */
}

/* Rule 5 from the other side: what sits on a ring-3 bus is in ring 3. */
static bool child_in_ring0(const struct device *device)
{
	for (struct device *other = device_next(0); other; other = device_next(other->info.id + 1))
		if (other->parent == device && other->kernel)
			return true;
	return false;
}

enum error device_attach_process(struct device *device, struct process *process,
				 struct notification *notification, struct instance_attach *attach)
{
	enum error error;

	if (device->gone)
		return ERR_GONE;
	if (process->instance_of)
		return ERR_BUSY;
	if (attach->class_id >= CLASS_COUNT)
		return ERR_INVALID;
	attach->driver[DRIVER_NAME_BYTES - 1] = 0;
	attach->standby = 0;
	if (child_in_ring0(device))
		return ERR_DENIED;
	if (device->kernel || device->process)
		return device_standby(device, process, notification, attach);
	error = device_state(device, attach);
	if (error)
		return error;
	error = device_state_map(device, process, attach);
	if (error)
		return error;
	space_grant_open(&process->space);
	device->process = process;
	object_reference(&process->object);
	object_reference(&notification->object);
	object_reference(&device->object);
	process->instance_of = device;
	device->signal = notification;
	device->info.pid = process->pid;
	begin(device, attach->driver, attach->class_id, PLACEMENT_USER);
	attach->info = device->info;
	return OK;
}

/* It serves: a move if the last one was in the other ring, and the end of its clients' pause. */
static void went_live(struct device *device)
{
	struct device_info *info = &device->info;

	info->state = INSTANCE_LIVE;
	info->starts++;
	if (device->ring_before != PLACEMENT_OFF && device->ring_before != info->placement)
		info->moves++;
	device->ring_before = info->placement;
	if (device->pause_since_ns) {
		MARKER(MARKER_POINT_LIVE);
		info->last_pause_ns = time_now_ns() - device->pause_since_ns;
	}
	device->pause_since_ns = 0;
}

static void pause_begins(struct device *device)
{
	if (device->ring_before == PLACEMENT_OFF || device->pause_since_ns)
		return;
	device->pause_since_ns = time_now_ns();
	MARKER(MARKER_POINT_PAUSE);
}

static void deadline_came(struct ktimer *timer)
{
	struct device *device = container_of(timer, struct device, timer);

	device->deadline_ns = 0;
	if (device->signal)
		notification_signal(device->signal, 1ul << SIGNAL_TIMER);
}

void device_deadline_set(struct device *device, uint64_t deadline_ns)
{
	device->deadline_ns = deadline_ns;
	device->timer.function = deadline_came;
	if (deadline_ns)
		timer_arm(&device->timer, deadline_ns);
	else
		timer_cancel(&device->timer);
}

/* Take everything away that was mapped for the ring-3 instance, and the device from it. */
void device_process_part(struct device *device)
{
	struct process *process = device->process;

	if (!process)
		return;
	grant_revoke(process);
	device_deadline_set(device, 0);
	kfree(process->ports, process->port_count * sizeof(*process->ports));
	process->ports = NULL;
	process->port_count = 0;
	process->port_version++;
	sched_ports_revoke(process);
	process->instance_of = NULL;
	device->process = NULL;
	object_release(&device->signal->object);
	device->signal = NULL;
	object_release(&process->object);
	object_release(&device->object);
}

/* Quarantine and part: no interrupt, no bus mastering, nothing mapped any more. */
void device_end(struct device *device)
{
	device_move_cancel(device);
	pause_begins(device);
	device_interrupt_disable(device);
	if (device->info.bus == BUS_PCI)
		pci_enable(device, false);
	session_detach_all(device);
	while (!list_empty(&device->units))
		unit_remove(device, list_first(&device->units, struct unit, link)->info.unit);
	if (device->kernel)
		kernel_instance_end(device->kernel);
	device->kernel = NULL;
	device_process_part(device);
	device->info.pid = 0;
	device->info.driver[0] = 0;
	device->info.class_id = CLASS_NONE;
	device->info.placement = PLACEMENT_OFF;
	if (device->is_console)
		console_seize();
	if (device->gone)
		device_event(device, EVENT_REMOVED);
}

void device_died(struct device *device, enum error error)
{
	device_end(device);
	device->info.state = INSTANCE_NONE;
	device->info.error = error;
	device->info.deaths++;
	device_event(device, EVENT_DIED);
}

/* No instance that keeps the protocol says this now. */
static enum error out_of_turn(struct device *device)
{
	device->on_record = true;
	return ERR_INVALID;
}

enum error device_report(struct device *device, enum instance_state state, enum error error)
{
	char driver[DRIVER_NAME_BYTES];

	if (device->info.state != INSTANCE_PROBING && device->info.state != INSTANCE_LIVE &&
	    device->info.state != INSTANCE_STOPPING)
		return out_of_turn(device);
	memcpy(driver, device->info.driver, sizeof(driver));
	switch (state) {
	case INSTANCE_LIVE:
		if (device->info.state != INSTANCE_PROBING)
			return out_of_turn(device);
		went_live(device);
		if (device->moving) {
			device->info.taken_over = (uint32_t)error;
			device_moved(device);
			return OK;
		}
		if (process_may_log(device->process, 1))
			log_info("%s: %s is live in ring %u", device->info.name, driver,
				 device->kernel ? 0 : 3);
		if (device->is_console)
			console_release();
		device_event(device, EVENT_LIVE);
		return OK;
	case INSTANCE_STOPPING:
		device->info.state = INSTANCE_STOPPING;
		pause_begins(device);
		return OK;
	case INSTANCE_NONE:
		device_end(device);
		device->info.state = INSTANCE_NONE;
		device_event(device, EVENT_STOPPED);
		return OK;
	case INSTANCE_FROZEN:
		return device_frozen(device);
	case INSTANCE_PROBING:
	case INSTANCE_STANDBY:
		return out_of_turn(device);
	case INSTANCE_FAILED:
		if (device->switched) { /* it could not take over: as if it had crashed */
			device_died(device, error);
			return OK;
		}
		if (process_may_log(device->process, 1))
			log_warning("%s: %s gave up: %s", device->info.name, driver,
				    error_text(error));
		device_end(device);
		device->info.state = INSTANCE_FAILED;
		device->info.error = error;
		device_event(device, EVENT_FAILED);
		return OK;
	}
	return out_of_turn(device);
}

void device_process_died(struct device *device, struct process *process)
{
	object_reference(&device->object); /* the process may have had the last one */
	if (device->standby == process)
		device_standby_died(device);
	if (device->process == process) {
		if (process_may_log(process, 1))
			log_warning("%s: its driver %s (pid %u) died", device->info.name,
				    device->info.driver, process->pid);
		device_died(device, ERR_GONE);
	}
	object_release(&device->object);
}

enum error device_control(struct device *device, enum device_control control)
{
	if (!device->kernel && !device->process)
		return ERR_NOT_FOUND;
	if (control != CONTROL_STOP)
		return ERR_INVALID;
	if (device->moving || device->gone)
		return ERR_BUSY;
	device->control = control;
	device_signal(device, 1ul << SIGNAL_CONTROL);
	return OK;
}
