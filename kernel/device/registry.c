/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry: the list of devices, the news about them, and the root of authority that the device
 * manager holds. What is registered here outlives drivers and manager alike.
 */
#include <lib/string.h>

#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/cmdline.h>
#include <kernel/device.h>
#include <kernel/domain.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/port.h>
#include <kernel/process.h>
#include <kernel/session.h>
#include <kernel/time.h>
#include <shim/driver.h>

#define COM1         0x3f8
#define COM1_ISA_IRQ 4
#define UART_SCRATCH 7

#define REMOVE_LIMIT_NS (3000 * NS_PER_MILLISECOND)

/* Where chipsets put the registers of devices: below the interrupt controllers. */
#define APERTURE_END 0xfec00000ul

static struct list devices = { &devices, &devices };
static uint32_t next_id = 1;
static struct notification *watcher;
static uint64_t watcher_bits;
static struct object *root; /* the registry object */
static struct process *manager;
static struct memory *archive;

struct process *registry_account(void)
{
	return manager;
}

void registry_archive_set(struct memory *memory)
{
	archive = memory;
}

enum error registry_give(struct process *process, struct startup *startup)
{
	const uint32_t rights = RIGHT_ALL & ~RIGHT_REVOKE;
	enum error error = OK;

	if (!root)
		error = object_create(NULL, OBJECT_REGISTRY, sizeof(struct object), (void **)&root);
	if (!error)
		error = handle_insert(process, root, rights, 0, &startup->handle[0].handle);
	if (!error)
		error = handle_insert(process, &archive->object,
				      RIGHT_READ | RIGHT_TRANSFER | RIGHT_DUPLICATE, 0,
				      &startup->handle[1].handle);
	if (error)
		return error;
	startup->handle[0].role = STARTUP_REGISTRY;
	startup->handle[1].role = STARTUP_ARCHIVE;
	startup->handle_count = 2;
	object_reference(&process->object); /* it is charged for ever */
	manager = process;
	return OK;
}

struct device *device_next(uint32_t id)
{
	list_for_each(device, &devices, struct device,
		      link) if (device->info.id >= id) return device;
	return NULL;
}

struct device *device_find(uint32_t id)
{
	struct device *device = device_next(id);

	return device && device->info.id == id ? device : NULL;
}

struct device *device_create(struct device *parent, enum device_bus bus, const char *name)
{
	struct device *device;

	if (object_create(registry_account(), OBJECT_DEVICE, sizeof(*device), (void **)&device))
		return NULL;
	device->info.id = next_id++;
	device->info.parent = parent ? parent->info.id : 0;
	device->info.bus = (uint8_t)bus;
	string_copy(device->info.name, sizeof(device->info.name), name);
	device->parent = parent;
	if (parent)
		object_reference(&parent->object);
	device->domain = domain_of(PCI_ADDRESS_SELF);
	list_init(&device->units);
	list_init(&device->sessions);
	if (timer_reserve(&device->move_timer) || timer_reserve(&device->timer)) {
		object_release(&device->object);
		return NULL;
	}
	list_append(&devices, &device->link);
	return device;
}

void device_event(struct device *device, uint32_t events)
{
	device->events |= events;
	if (watcher)
		notification_signal(watcher, watcher_bits);
}

enum error device_event_next(struct device_event *event)
{
	list_for_each(device, &devices, struct device, link)
	{
		if (!device->events)
			continue;
		event->id = device->info.id;
		event->events = device->events;
		device->events = 0;
		if (event->events & EVENT_REMOVED) {
			list_remove(&device->link);
			object_release(&device->object);
		}
		return OK;
	}
	return ERR_AGAIN;
}

void device_watch(struct notification *notification, uint64_t bits)
{
	object_reference(&notification->object);
	if (watcher)
		object_release(&watcher->object);
	watcher = notification;
	watcher_bits = bits;
	notification_signal(watcher, bits);
}

/* Can its registers still be reached? */
static bool device_answers(const struct device *device)
{
	return device->info.bus != BUS_PCI || pci_answers(pci_address_pack(device->info.pci));
}

static void removal_overdue(struct ktimer *timer)
{
	struct device *device = container_of(timer, struct device, move_timer);

	log_warning("%s: its driver does not let go of it", device->info.name);
	if (device->process)
		process_exit(device->process, -1);
	else if (device->kernel)
		(void)device_report(device, INSTANCE_NONE, OK);
}

void device_remove(struct device *device)
{
	if (device->gone)
		return;
	device->gone = true;
	log_notice("%s: the device is gone", device->info.name);
	session_unit_gone(device, UINT32_MAX, true);
	if (device->switched && device->process) /* what was about to take over cannot any more */
		process_exit(device->process, -1);
	device_move_cancel(device);
	if (!device->kernel && !device->process) {
		device_event(device, EVENT_REMOVED);
		return;
	}
	device->move_timer.function = removal_overdue;
	timer_arm(&device->move_timer, time_now_ns() + REMOVE_LIMIT_NS);
	device->control = device_answers(device) ? CONTROL_STOP : CONTROL_REMOVE;
	device_signal(device, 1ul << SIGNAL_CONTROL);
}

void device_destroy(struct object *object)
{
	struct device *device = container_of(object, struct device, object);

	while (!list_empty(&device->units))
		unit_remove(device, list_first(&device->units, struct unit, link)->info.unit);
	for (unsigned i = 0; i < DEVICE_BUFFERS_MAX; i++)
		if (device->buffer[i])
			object_release(&device->buffer[i]->object);
	if (device->state)
		object_release(&device->state->object);
	if (device->port)
		object_release(&device->port->object);
	if (device->parent)
		object_release(&device->parent->object);
	timer_unreserve(&device->move_timer);
	timer_unreserve(&device->timer);
	object_free(object);
}

/* A 16550 keeps what is written to its scratch register. */
static bool com1_present(void)
{
	uint8_t before = port_read8(COM1 + UART_SCRATCH), after;

	port_write8(COM1 + UART_SCRATCH, 0x5a);
	after = port_read8(COM1 + UART_SCRATCH);
	port_write8(COM1 + UART_SCRATCH, before);
	return after == 0x5a;
}

static void platform_uart(void)
{
	struct device *device;

	if (!com1_present()) {
		log_notice("platform: no serial port at %#x", COM1);
		return;
	}
	device = device_create(NULL, BUS_PLATFORM, "uart0");
	if (!device)
		panic("platform: no memory");
	string_copy(device->info.platform, sizeof(device->info.platform), "uart16550");
	device->info.window[0] =
		(struct device_window){ .kind = WINDOW_PORT, .base = COM1, .size_bytes = 8 };
	device->info.window_count = 1;
	device->has_line = true;
	device->line_gsi = ioapic_isa_gsi(COM1_ISA_IRQ, &device->line_flags);
	device->is_console = true;
	device->events = EVENT_ADDED;
}

/* What the host bridge forwards to devices: without AML, from the end of what is known to be
 * something else up to the interrupt controllers. */
static struct device_window host_aperture(void)
{
	uint64_t base = memory_low_end(APERTURE_END);

	for (unsigned i = 0; i < acpi.mcfg_count; i++) {
		const struct acpi_mcfg *mcfg = &acpi.mcfg[i];
		uint64_t end = mcfg->paddr + ((uint64_t)(mcfg->bus_end + 1) << 20);

		if (mcfg->paddr < APERTURE_END && end > base)
			base = end < APERTURE_END ? end : APERTURE_END;
	}
	return (struct device_window){ .kind = base < APERTURE_END ? WINDOW_MMIO : WINDOW_NONE,
				       .flags = WINDOW_APERTURE,
				       .base = base,
				       .size_bytes = APERTURE_END - base };
}

static void platform_pci(void)
{
	struct device *device = device_create(NULL, BUS_PLATFORM, "pci-host");

	if (!device)
		panic("platform: no memory");
	string_copy(device->info.platform, sizeof(device->info.platform), "pci-host");
	device->is_pci_host = true;
	device->info.window[0] = host_aperture();
	device->info.window_count = 1;
	device->events = EVENT_ADDED;
}

void device_init(void)
{
	platform_uart();
	pci_init();
	platform_pci();
	device_bind_kernel();
}

/* Built-in policy for ring 0, before any process runs: what is placed there and matches is started.
 * Devices that a bus finds meanwhile stand behind it in the list, so one pass is enough. */
void device_bind_kernel(void)
{
	list_for_each(device, &devices, struct device, link)
	{
		const struct shim_driver *driver = kernel_driver_match(&device->info);
		enum error error;

		if (!driver || device->info.state != INSTANCE_NONE ||
		    cmdline_placement(&cmdline, driver->name) != PLACEMENT_KERNEL)
			continue;
		error = device_start_kernel(device, driver->name);
		if (error)
			log_warning("%s: driver %s does not start in the kernel: %s",
				    device->info.name, driver->name, error_text(error));
	}
}
