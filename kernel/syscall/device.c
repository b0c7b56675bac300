/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls about devices: the manager's (with the registry), a driver instance's (with its
 * grant), and a client's (with a session).
 */
#include <lib/string.h>

#include <kernel/cmdline.h>
#include <kernel/domain.h>
#include <kernel/log.h>
#include <kernel/session.h>
#include <shim/driver.h>

#include "syscall.h"

#define SESSION_RIGHTS (RIGHT_READ | RIGHT_WRITE)

static enum error registry_check(uint64_t handle, uint32_t rights)
{
	struct handle_entry *entry;

	return handle_lookup(caller(), (handle_t)handle, OBJECT_REGISTRY, rights, &entry);
}

/* --- The registry --- */

HANDLER(sys_device_list)
{
	struct device *device = device_next((uint32_t)b);
	enum error error = registry_check(a, RIGHT_READ);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (!device || b > UINT32_MAX)
		return failed(ERR_NOT_FOUND);
	return failed(user_write(user(c), &device->info, sizeof(device->info)));
}

HANDLER(sys_device_unit)
{
	struct device *device = device_find((uint32_t)b);
	struct unit *unit = device && c <= UINT32_MAX ? unit_next(device, (uint32_t)c) : NULL;
	enum error error = registry_check(a, RIGHT_READ);

	UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	return failed(unit ? user_write(user(d), &unit->info, sizeof(unit->info)) : ERR_NOT_FOUND);
}

HANDLER(sys_device_watch)
{
	struct notification *notification;
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = handle_object(caller(), (handle_t)b, OBJECT_NOTIFICATION, RIGHT_WRITE,
				      &notification);
	if (!error)
		device_watch(notification, c);
	return failed(error);
}

HANDLER(sys_device_event)
{
	struct device_event event = { 0 };
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = user_write(user(b), &event,
				   sizeof(event)); /* nothing is lost to a bad pointer */
	if (!error)
		error = device_event_next(&event);
	if (!error)
		error = user_write(user(b), &event, sizeof(event));
	return failed(error);
}

HANDLER(sys_device_open)
{
	const uint32_t possible =
		RIGHT_INSTANCE | RIGHT_OPEN | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_READ;
	struct device *device = device_find((uint32_t)b);
	handle_t handle;
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (!device)
		return failed(ERR_NOT_FOUND);
	if (c & ~(uint64_t)possible)
		return failed(ERR_INVALID);
	error = handle_insert(caller(), &device->object, (uint32_t)c, d, &handle);
	return error ? failed(error) : done(handle);
}

HANDLER(sys_device_start)
{
	struct device *device = device_find((uint32_t)b);
	char name[DRIVER_NAME_BYTES];
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = user_read(name, user(c), sizeof(name));
	if (error)
		return failed(error);
	name[sizeof(name) - 1] = 0;
	return failed(device ? device_start_kernel(device, name) : ERR_NOT_FOUND);
}

HANDLER(sys_device_control)
{
	struct device *device = device_find((uint32_t)b);
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	return failed(device ? device_control(device, (enum device_control)c) : ERR_NOT_FOUND);
}

HANDLER(sys_device_move)
{
	struct device *device = device_find((uint32_t)b);
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	return failed(device ? device_move(device, (enum placement)c) : ERR_NOT_FOUND);
}

HANDLER(sys_driver_list)
{
	struct driver_info info = { .name = "" };
	enum error error = registry_check(a, RIGHT_READ);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (b >= cmdline.driver_count)
		return failed(ERR_NOT_FOUND);
	string_copy(info.name, sizeof(info.name), cmdline.driver[b].name);
	info.in_kernel_image = cmdline.driver[b].in_kernel;
	info.class_id = cmdline.driver[b].class_id;
	info.placement = cmdline.driver[b].placement;
	info.placement_default = cmdline.driver[b].placement_default;
	return failed(user_write(user(c), &info, sizeof(info)));
}

/* --- The instance --- */

static inline enum error grant_of(uint64_t handle, struct device **device)
{
	return handle_object(caller(), (handle_t)handle, OBJECT_DEVICE, RIGHT_INSTANCE, device);
}

/* The grant, and only for the process that is its instance now. */
static inline enum error instance_of(uint64_t handle, struct device **device)
{
	enum error error = grant_of(handle, device);

	return error ? error : (*device)->process == caller() ? OK : ERR_DENIED;
}

/* The same, or the process that stands by: it may map ahead what it will reach after the switch. */
static inline enum error heir_of(uint64_t handle, struct device **device)
{
	enum error error = grant_of(handle, device);

	if (error)
		return error;
	return (*device)->process == caller() || (*device)->standby == caller() ? OK : ERR_DENIED;
}

HANDLER(sys_instance_attach)
{
	struct notification *notification;
	struct instance_attach attach;
	struct device *device;
	enum error error = grant_of(a, &device);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = handle_object(caller(), (handle_t)b, OBJECT_NOTIFICATION, RIGHT_WRITE,
				      &notification);
	if (!error)
		error = user_read(&attach, user(c), sizeof(attach));
	if (!error)
		error = device_attach_process(device, caller(), notification, &attach);
	if (!error)
		error = user_write(user(c), &attach, sizeof(attach));
	return failed(error);
}

HANDLER(sys_instance_adopt)
{
	struct instance_attach attach;
	struct device *device;
	enum error error = instance_of(a, &device);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = user_read(&attach, user(b), sizeof(attach));
	if (!error)
		error = device_adopt(device, &attach);
	if (!error)
		error = user_write(user(b), &attach, sizeof(attach));
	return failed(error);
}

HANDLER(sys_instance_report)
{
	struct device *device;
	enum error error = heir_of(a, &device);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (device->standby == caller())
		return failed(b == INSTANCE_STANDBY ? device_standby_ready(device) : ERR_INVALID);
	return failed(device_report(device, (enum instance_state)b, (enum error)c));
}

HANDLER(sys_instance_control)
{
	struct device *device;
	uint32_t control;
	enum error error = instance_of(a, &device);

	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	control = device->control;
	device->control = CONTROL_NONE;
	return done(control);
}

HANDLER(sys_window_map)
{
	struct device *device;
	vaddr_t vaddr;
	enum error error = heir_of(a, &device);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = b < DEVICE_WINDOW_MAX
				? device_window_map(device, caller(), (unsigned)b, &vaddr)
				: ERR_RANGE;
	return error ? failed(error) : done(vaddr);
}

HANDLER(sys_interrupt_enable)
{
	struct device *device;
	unsigned granted;
	enum error error = instance_of(a, &device);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = b <= DEVICE_INTERRUPT_MAX
				? device_interrupt_enable(device, (unsigned)b,
							  (enum interrupt_kind)c, &granted)
				: ERR_RANGE;
	return error ? failed(error) : done(granted | (uint64_t)device->info.interrupt_kind << 16);
}

/* The session of this device with that number; NULL: it has none. */
static inline struct session *session_find(struct device *device, uint64_t id)
{
	list_for_each(session, &device->sessions, struct session,
		      link) if (session->id == id) return session;
	return NULL;
}

static __attribute__((noinline)) struct result wait_long(struct notification *notification,
							 uint64_t deadline_ns)
{
	return wait_for(notification, deadline_ns);
}

/* Any wait of an instance. */
static __attribute__((noinline)) struct result
interrupt_wait(struct device *device, uint64_t acknowledge, uint64_t wake, uint64_t deadline_ns)
{
	struct session *session = wake ? session_find(device, wake) : NULL;

	if (acknowledge)
		device_interrupt_acknowledge(device, acknowledge);
	if (deadline_ns != device->deadline_ns)
		device_deadline_set(device, deadline_ns);
	if (session)
		session_wake_client(session);
	return wait_for(device->signal, DEADLINE_NEVER);
}

static __attribute__((noinline)) struct result wait_for_signals(struct notification *signal)
{
	struct cpu *cpu = this_cpu();

	notification_listen(cpu, cpu->current, signal);
	return wait_long(signal, DEADLINE_NEVER);
}

/* Mostly, just to wait, or to wake one client, which listens, so that the CPU can go to it. */
HANDLER(sys_interrupt_wait)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current, *client;
	struct device *device = thread->process->instance_of;
	struct notification *signal, *answered;
	struct session *session;

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!device || device->process != thread->process)
		return failed(ERR_DENIED);
	if (__builtin_expect(a | (c ^ device->deadline_ns), 0))
		return interrupt_wait(device, a, b, c);
	signal = device->signal;
	if (!b)
		return wait_for_signals(signal);
	session = session_find(device, b);
	if (!session || session->closing || signal->bits | (uintptr_t)signal->waiter)
		return interrupt_wait(device, 0, b, c);
	answered = session->notification;
	client = notification_listener(cpu, answered);
	if (!client)
		return interrupt_wait(device, 0, b, c);
	notification_switch(cpu, thread, signal, client, answered, answered->bits | session->bits);
}

HANDLER(sys_dma_allocate)
{
	struct dma_info info = { 0 };
	struct device *device;
	struct memory *memory;
	enum error error = heir_of(a, &device);

	UNUSED(e), UNUSED(f);
	if (!error && b >= DEVICE_BUFFERS_MAX)
		error = ERR_RANGE;
	if (!error && device->standby == caller() && !device->buffer[b])
		error = ERR_NOT_FOUND;
	if (!error)
		error = device_dma(device, (unsigned)b, c, &memory, &info.iova);
	if (!error)
		error = grant_map(caller(), memory, RIGHT_READ | RIGHT_WRITE, &info.vaddr);
	if (error)
		return failed(error);
	info.size_bytes = memory->page_count * PAGE_SIZE;
	return failed(user_write(user(d), &info, sizeof(info)));
}

HANDLER(sys_dma_enable)
{
	struct device *device;
	enum error error = instance_of(a, &device);

	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error && device->info.bus == BUS_PCI)
		pci_master(device);
	return failed(error);
}

/* Which function an instance means, and whether it speaks as the bus driver. */
static enum error function_of(struct device *device, uint64_t *function, bool *bus)
{
	*bus = false;
	if (*function == PCI_ADDRESS_SELF) {
		if (device->info.bus != BUS_PCI)
			return ERR_DENIED;
		*function = pci_address_pack(device->info.pci);
		return OK;
	}
	*bus = true;
	return device->is_pci_host ? OK : ERR_DENIED;
}

HANDLER(sys_config_read)
{
	struct device *device;
	uint32_t value = 0;
	bool bus;
	enum error error = instance_of(a, &device);

	UNUSED(e), UNUSED(f);
	if (!error)
		error = function_of(device, &b, &bus);
	if (!error)
		error = c < 4096 && d <= 4 ? pci_config_read(b, (unsigned)c, (unsigned)d, &value)
					   : ERR_RANGE;
	return error ? failed(error) : done(value);
}

HANDLER(sys_config_write)
{
	struct device *device;
	bool bus;
	enum error error = instance_of(a, &device);

	UNUSED(f);
	if (!error)
		error = function_of(device, &b, &bus);
	if (!error)
		error = c < 4096 && d <= 4
				? pci_config_write(b, (unsigned)c, (unsigned)d, (uint32_t)e, bus)
				: ERR_RANGE;
	return failed(error);
}

static enum error bus_of(uint64_t handle, struct device **device)
{
	enum error error = instance_of(handle, device);

	return error ? error : (*device)->is_pci_host ? OK : ERR_DENIED;
}

HANDLER(sys_bar_size)
{
	struct device_window window = { 0 };
	struct device *device;
	enum error error = bus_of(a, &device);

	UNUSED(e), UNUSED(f);
	if (!error)
		error = c <= 6 ? pci_bar_size(b, (unsigned)c, &window) : ERR_RANGE;
	if (!error || error == ERR_BUSY) {
		enum error fault = user_write(user(d), &window, sizeof(window));

		error = fault ? fault : error;
	}
	return failed(error);
}

HANDLER(sys_bar_assign)
{
	struct device *device;
	enum error error = bus_of(a, &device);

	UNUSED(e), UNUSED(f);
	if (!error)
		error = c <= 6 ? pci_bar_assign(b, (unsigned)c, d) : ERR_RANGE;
	return failed(error);
}

HANDLER(sys_child_add)
{
	struct device *device;
	uint32_t id = 0;
	enum error error = bus_of(a, &device);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = pci_child_add(device, b, &id);
	return (struct result){ error, id };
}

HANDLER(sys_child_remove)
{
	struct device *device;
	enum error error = bus_of(a, &device);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return failed(error ? error : pci_child_remove(device, b));
}

HANDLER(sys_unit_add)
{
	struct unit_info info;
	struct device *device;
	enum error error = instance_of(a, &device);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = user_read(&info, user(b), sizeof(info));
	return failed(error ? error : unit_add(device, &info));
}

HANDLER(sys_unit_next)
{
	struct device *device;
	struct unit *unit;
	enum error error = instance_of(a, &device);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	unit = b <= UINT32_MAX ? unit_next(device, (uint32_t)b) : NULL;
	return failed(unit ? user_write(user(c), &unit->info, sizeof(unit->info)) : ERR_NOT_FOUND);
}

HANDLER(sys_unit_remove)
{
	struct device *device;
	enum error error = instance_of(a, &device);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = b <= UINT32_MAX ? unit_remove(device, (uint32_t)b) : ERR_NOT_FOUND;
	if (!error)
		session_unit_gone(device, (uint32_t)b, true);
	return failed(error);
}

HANDLER(sys_session_next)
{
	struct session_view view;
	struct session *session;
	struct device *device;
	enum error error = heir_of(a, &device);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	session = b <= UINT32_MAX ? session_next(device, (uint32_t)b) : NULL;
	if (!session)
		return failed(ERR_NOT_FOUND);
	error = session_view(session, caller(), &view);
	return failed(error ? error : user_write(user(c), &view, sizeof(view)));
}

static enum error session_of(uint64_t grant, uint64_t id, struct session **session)
{
	struct device *device;
	enum error error = instance_of(grant, &device);

	if (error)
		return error;
	*session = id <= UINT32_MAX ? session_next(device, (uint32_t)id) : NULL;
	return *session && (*session)->id == id && (*session)->attached ? OK : ERR_NOT_FOUND;
}

HANDLER(sys_session_detach)
{
	struct session *session;
	enum error error = session_of(a, b, &session);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	session->device->on_record |= !session->closing; /* its client goes on */
	session_detach(session);
	return failed(OK);
}

HANDLER(sys_session_wake)
{
	struct session *session;
	enum error error = session_of(a, b, &session);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		session_wake_client(session);
	return failed(error);
}

/* --- The client --- */

HANDLER(sys_session_create)
{
	struct notification *notification;
	struct session_create parameters;
	struct session *session;
	struct handle_entry *entry;
	struct device *device;
	uint32_t unit;
	handle_t handle;
	enum error error = handle_lookup(caller(), (handle_t)a, OBJECT_DEVICE, RIGHT_OPEN, &entry);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	device = container_of(entry->object, struct device, object);
	unit = (uint32_t)entry->badge;
	error = user_read(&parameters, user(b), sizeof(parameters));
	if (!error)
		error = handle_object(caller(), parameters.notification, OBJECT_NOTIFICATION,
				      RIGHT_WRITE | RIGHT_WAIT, &notification);
	if (!error)
		error = session_create(caller(), device, unit, &parameters, &session);
	if (error)
		return failed(error);
	session->notification = notification;
	session->bits = parameters.notification_bits;
	object_reference(&notification->object);
	error = handle_insert(caller(), &session->object, SESSION_RIGHTS, 0, &handle);
	if (!error)
		error = user_write(user(b), &parameters, sizeof(parameters));
	object_release(&session->object);
	if (error)
		return failed(error);
	device_signal(device, 1ul << SIGNAL_CONTROL);
	return done(handle);
}

HANDLER(sys_session_kick)
{
	struct session *session;
	enum error error =
		handle_object(caller(), (handle_t)a, OBJECT_SESSION, RIGHT_WRITE, &session);

	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		session_kick(session);
	return failed(error);
}

/* The long way of the next. */
static __attribute__((noinline)) struct result kick_and_wait(struct session *session,
							     uint64_t deadline_ns)
{
	struct cpu *cpu = this_cpu();

	session_kick(session);
	if (deadline_ns == DEADLINE_NEVER)
		notification_listen(cpu, cpu->current, session->notification);
	return wait_long(session->notification, deadline_ns);
}

/* Doorbell and the client's wait in one. With the driver in ring 3, the CPU goes to it. */
HANDLER(sys_session_kick_wait)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current, *driver;
	struct notification *signal, *answered;
	struct session *session;
	enum error error =
		handle_object(thread->process, (handle_t)a, OBJECT_SESSION, RIGHT_WRITE, &session);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	signal = session->device->signal;
	answered = session->notification;
	if (!signal || b != DEADLINE_NEVER || answered->bits | (uintptr_t)answered->waiter)
		return kick_and_wait(session, b);
	driver = notification_listener(cpu, signal);
	if (!driver)
		return kick_and_wait(session, b);
	notification_switch(cpu, thread, answered, driver, signal, signal->bits | session->signal);
}
