/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PCI configuration space as a kernel primitive: serialised, and filtered by register kind, since
 * base addresses, decoding, bus mastering and message-signalled interrupts are the kernel's. What a
 * device owns is derived here from its registers, never believed from a bus driver. Source: PCI 3.0
 * §6; PCI-to-PCI Bridge 1.2 §3.2; PCI Express Base 3.0 §7.2.2 (memory-mapped access).
 */
#include <lib/format.h>
#include <lib/string.h>

#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/device.h>
#include <kernel/domain.h>
#include <kernel/intx.h>
#include <kernel/log.h>
#include <kernel/mmio.h>
#include <kernel/port.h>
#include <kernel/process.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc

#define PORT_PCI_FIRST 0x400 /* below are the board's own */
#define PORT_END       0x10000

#define REG_ID              0x00
#define REG_COMMAND         0x04
#define REG_CLASS           0x08
#define REG_HEADER          0x0e
#define REG_BAR             0x10
#define REG_BUSES           0x18
#define REG_IO_WINDOW       0x1c
#define REG_MEMORY_WINDOW   0x20
#define REG_PREFETCH_WINDOW 0x24
#define REG_ROM             0x30
#define REG_CAPABILITIES    0x34
#define REG_BRIDGE_ROM      0x38
#define REG_INTERRUPT_PIN   0x3d

#define COMMAND_IO          1u
#define COMMAND_MEMORY      2u
#define COMMAND_MASTER      4u
#define COMMAND_INTX_OFF    0x400u
#define COMMAND_OURS        (COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_OFF)
#define STATUS_CAPABILITIES (0x10u << 16)

#define CAPABILITY_MSI     0x05
#define CAPABILITY_EXPRESS 0x10
#define CAPABILITY_MSIX    0x11
#define CAPABILITIES_MAX   48 /* 192 bytes of at least 4 */
#define EXPRESS_BYTES      0x3c
#define HEADER_BYTES       0x40
#define LEGACY_BYTES       0x100 /* beyond: extended capabilities */

#define BAR_IO       1u
#define BAR_64BIT    4u
#define BAR_PREFETCH 8u

#define MSI_CONTROL_ENABLE  (1u << 16)
#define MSI_CONTROL_64BIT   (1u << 23)
#define MSIX_CONTROL_ENABLE (1u << 31)
#define MSIX_CONTROL_MASK   (1u << 30)
#define MSIX_ENTRY_BYTES    16u

/* Memory-mapped configuration space, mapped at first use. */
static uint8_t __iomem *bus_window[256];

static unsigned bus_of(uint64_t function)
{
	return function >> 8 & 255;
}

/* Raw access, naturally aligned. */
static uint8_t __iomem *config_memory(uint64_t function)
{
	unsigned bus = bus_of(function);

	for (unsigned i = 0; i < acpi.mcfg_count; i++) {
		const struct acpi_mcfg *mcfg = &acpi.mcfg[i];

		if (mcfg->segment || bus < mcfg->bus_start || bus > mcfg->bus_end)
			continue;
		if (!bus_window[bus])
			bus_window[bus] = mmio_map(mcfg->paddr + ((uint64_t)bus << 20), 1ul << 20);
		return bus_window[bus] ? bus_window[bus] + ((function & 255) << 12) : NULL;
	}
	return NULL;
}

static uint32_t raw_read(uint64_t function, unsigned offset, unsigned width)
{
	uint8_t __iomem *memory = config_memory(function);
	unsigned port = CONFIG_DATA + (offset & 3);

	if (memory)
		return width == 4   ? mmio_read32(memory + offset)
		       : width == 2 ? mmio_read16(memory + offset)
				    : mmio_read8(memory + offset);
	if (offset >= 256)
		return ~0u;
	port_write32(CONFIG_ADDRESS,
		     0x80000000u | (uint32_t)(function & 0xffff) << 8 | (offset & 0xfc));
	return width == 4   ? port_read32(CONFIG_DATA)
	       : width == 2 ? port_read16((uint16_t)port)
			    : port_read8((uint16_t)port);
}

static void raw_write(uint64_t function, unsigned offset, unsigned width, uint32_t value)
{
	uint8_t __iomem *memory = config_memory(function);
	unsigned port = CONFIG_DATA + (offset & 3);

	if (memory) {
		if (width == 4)
			mmio_write32(memory + offset, value);
		else if (width == 2)
			mmio_write16(memory + offset, (uint16_t)value);
		else
			mmio_write8(memory + offset, (uint8_t)value);
		return;
	}
	if (offset >= 256)
		return;
	port_write32(CONFIG_ADDRESS,
		     0x80000000u | (uint32_t)(function & 0xffff) << 8 | (offset & 0xfc));
	if (width == 4)
		port_write32(CONFIG_DATA, value);
	else if (width == 2)
		port_write16((uint16_t)port, (uint16_t)value);
	else
		port_write8((uint16_t)port, (uint8_t)value);
}

static uint32_t read32(uint64_t function, unsigned offset)
{
	return raw_read(function, offset, 4);
}

bool pci_answers(uint64_t function)
{
	return function <= 0xffff && (read32(function, REG_ID) & 0xffff) != 0xffff;
}

static bool is_bridge(uint64_t function)
{
	return (raw_read(function, REG_HEADER, 1) & 0x7f) == 1;
}

static bool access_valid(uint64_t function, unsigned offset, unsigned width)
{
	return function <= 0xffff && (width == 1 || width == 2 || width == 4) &&
	       !(offset & (width - 1)) && offset <= 4096 - width;
}

/* Where capability `id` stands; 0: nowhere. */
static unsigned capability_find(uint64_t function, uint8_t id)
{
	unsigned offset;

	if (!(read32(function, REG_COMMAND) & STATUS_CAPABILITIES))
		return 0;
	offset = raw_read(function, REG_CAPABILITIES, 1) & 0xfc;
	for (unsigned i = 0; i < CAPABILITIES_MAX && offset >= 0x40; i++) {
		uint32_t head = read32(function, offset);

		if ((head & 0xff) == id)
			return offset;
		offset = head >> 8 & 0xfc;
	}
	return 0;
}

enum error pci_config_read(uint64_t function, unsigned offset, unsigned width, uint32_t *value)
{
	if (!access_valid(function, offset, width))
		return ERR_RANGE;
	*value = raw_read(function, offset, width);
	return OK;
}

static bool overlaps(unsigned offset, unsigned width, unsigned start, unsigned bytes)
{
	return offset < start + bytes && start < offset + width;
}

/* A bus driver has to do with the headers, and with the slots of bridges. What else a function has
 * is its driver's, or decides over the machine (a host bridge's memory map). */
static bool is_of_bus(uint64_t function, unsigned offset, unsigned width)
{
	unsigned express;

	if (offset + width <= HEADER_BYTES)
		return true;
	express = is_bridge(function) ? capability_find(function, CAPABILITY_EXPRESS) : 0;
	return express && offset >= express && offset + width <= express + EXPRESS_BYTES;
}

/* Registers that only the kernel writes. Extended capabilities open ways around the grant: virtual
 * functions, address translation. */
static bool is_ours(uint64_t function, unsigned offset, unsigned width, bool bus)
{
	unsigned msi = capability_find(function, CAPABILITY_MSI);
	unsigned msix = capability_find(function, CAPABILITY_MSIX);

	if (bus ? !is_of_bus(function, offset, width) : offset >= LEGACY_BYTES)
		return true;
	if (msi && overlaps(offset, width, msi, 24))
		return true;
	if (msix && overlaps(offset, width, msix, 12))
		return true;
	if (!is_bridge(function))
		return overlaps(offset, width, REG_BAR, 24) || overlaps(offset, width, REG_ROM, 4);
	/* Bus numbers and windows of a bridge are its bus driver's. */
	return overlaps(offset, width, REG_BAR, 8) || overlaps(offset, width, REG_BRIDGE_ROM, 4) ||
	       (!bus && overlaps(offset, width, REG_BUSES, 0x34 - REG_BUSES));
}

enum error pci_config_write(uint64_t function, unsigned offset, unsigned width, uint32_t value,
			    bool bus)
{
	if (!access_valid(function, offset, width))
		return ERR_RANGE;
	if (!pci_answers(function))
		return ERR_NOT_FOUND;
	if (is_ours(function, offset, width, bus))
		return ERR_DENIED;
	if (overlaps(offset, width, REG_COMMAND, 2)) {
		uint32_t shift = (offset - REG_COMMAND) * 8, ours = COMMAND_OURS >> shift;

		if (bus && is_bridge(function)) /* what it forwards is its bus driver's */
			ours &= COMMAND_INTX_OFF >> shift;
		value = (value & ~ours) | (raw_read(function, offset, width) & ours);
	}
	raw_write(function, offset, width, value);
	return OK;
}

struct device *pci_device(uint64_t function)
{
	for (struct device *device = device_next(0); device;
	     device = device_next(device->info.id + 1))
		if (device->info.bus == BUS_PCI && !device->gone &&
		    pci_address_pack(device->info.pci) == function)
			return device;
	return NULL;
}

static bool is_live(uint64_t function)
{
	struct device *device = pci_device(function);

	return device && (device->kernel || device->process);
}

static unsigned bar_offset(uint64_t function, unsigned bar)
{
	return bar == 6 ? (is_bridge(function) ? REG_BRIDGE_ROM : REG_ROM) : REG_BAR + 4 * bar;
}

/* A 64-bit register takes two places; the second is no register of its own. */
static bool is_upper_half(uint64_t function, unsigned bar)
{
	unsigned i = 0;

	if (bar == 6)
		return false;
	while (i < bar) {
		uint32_t low = read32(function, REG_BAR + 4 * i);

		i += !(low & BAR_IO) && (low & 6) == BAR_64BIT ? 2 : 1;
	}
	return i != bar;
}

/* Write ones, see what sticks, put back; decoding is off meanwhile. */
static uint64_t size_probe(uint64_t function, unsigned offset, bool wide)
{
	uint32_t low = read32(function, offset), high = wide ? read32(function, offset + 4) : 0;
	uint64_t sticks;

	raw_write(function, offset, 4,
		  offset == REG_ROM || offset == REG_BRIDGE_ROM ? ~0x7ffu : ~0u);
	sticks = read32(function, offset);
	raw_write(function, offset, 4, low);
	if (wide) {
		raw_write(function, offset + 4, 4, ~0u);
		sticks |= (uint64_t)read32(function, offset + 4) << 32;
		raw_write(function, offset + 4, 4, high);
	}
	return sticks;
}

static void window_read(uint64_t function, unsigned bar, struct device_window *window)
{
	unsigned offset = bar_offset(function, bar);
	uint32_t low = read32(function, offset);
	bool io = bar != 6 && low & BAR_IO;
	bool wide = bar != 6 && !io && (low & 6) == BAR_64BIT && bar < 5;
	uint64_t mask = bar == 6 ? ~0x7ffull : io ? ~3ull : ~15ull;
	uint64_t base = low | (wide ? (uint64_t)read32(function, offset + 4) << 32 : 0);
	uint64_t sticks = size_probe(function, offset, wide) & mask;

	*window = (struct device_window){ 0 };
	if (!wide)
		sticks |= sticks ? 0xffffffff00000000ull : 0;
	if (io)
		sticks |= sticks ? 0xffffffffffff0000ull : 0;
	if (!sticks)
		return;
	window->kind = io ? WINDOW_PORT : WINDOW_MMIO;
	window->base = base & mask;
	window->size_bytes = ~sticks + 1;
	window->flags =
		(uint8_t)((wide ? WINDOW_64BIT : 0) |
			  (!io && bar != 6 && low & BAR_PREFETCH ? WINDOW_PREFETCHABLE : 0));
}

static unsigned bar_count(uint64_t function)
{
	return is_bridge(function) ? 2 : 6;
}

/* The registers of the function sized last. Decoding goes off and on once for all of them: that
 * costs far more than reading them, in a virtual machine at least. Asking for the first one sizes
 * anew. */
static struct {
	uint64_t function;
	struct device_window window[7];
} sized = { .function = PCI_ADDRESS_SELF };

static void windows_size(uint64_t function)
{
	uint32_t command = raw_read(function, REG_COMMAND, 2);
	bool decodes = command & (COMMAND_IO | COMMAND_MEMORY);

	if (decodes)
		raw_write(function, REG_COMMAND, 2, command & ~(COMMAND_IO | COMMAND_MEMORY));
	for (unsigned bar = 0; bar <= 6; bar++) {
		sized.window[bar] = (struct device_window){ 0 };
		if (bar == 6 || (bar < bar_count(function) && !is_upper_half(function, bar)))
			window_read(function, bar, &sized.window[bar]);
	}
	if (decodes)
		raw_write(function, REG_COMMAND, 2, command);
	sized.function = function;
}

static void window_sized(uint64_t function, unsigned bar, struct device_window *window)
{
	if (bar == 0 || sized.function != function)
		windows_size(function);
	*window = sized.window[bar];
}

/* A bridge that was announced counts as live: what is behind it may be. */
enum error pci_bar_size(uint64_t function, unsigned bar, struct device_window *window)
{
	struct device *device;

	if (function > 0xffff || !pci_answers(function))
		return ERR_NOT_FOUND;
	if (bar > 6 || (bar != 6 && bar >= bar_count(function)))
		return ERR_RANGE;
	device = pci_device(function);
	if (device && (is_live(function) || is_bridge(function))) {
		*window = device->info.window[bar];
		return ERR_BUSY;
	}
	window_sized(function, bar, window);
	return OK;
}

/* The bridge whose secondary bus this is; ~0: none. */
static uint64_t bridge_above(unsigned bus)
{
	for (unsigned upper = 0; upper < bus; upper++)
		for (unsigned place = 0; place < 256; place++) {
			uint64_t function = upper << 8 | place;

			if (!(place & 7) && !pci_answers(function)) {
				place |= 7; /* no function 0: no others */
				continue;
			}
			if (pci_answers(function) && is_bridge(function) &&
			    (read32(function, REG_BUSES) >> 8 & 255) == bus)
				return function;
		}
	return PCI_ADDRESS_SELF;
}

static bool window_inside(const struct device_window *window, uint64_t start, uint64_t end)
{
	return start <= window->base && window->base + window->size_bytes - 1 <= end;
}

/* Does the bridge above forward the window? On bus 0 everything is. */
static bool aperture_holds(unsigned bus, const struct device_window *window)
{
	uint64_t bridge, start, end;
	uint32_t value;

	if (!bus)
		return true;
	bridge = bridge_above(bus);
	if (bridge == PCI_ADDRESS_SELF)
		return false;
	if (window->kind == WINDOW_PORT) {
		value = raw_read(bridge, REG_IO_WINDOW, 2);
		start = (value & 0xf0) << 8;
		end = (value & 0xf000) | 0xfff;
		return window_inside(window, start, end);
	}
	value = read32(bridge, REG_MEMORY_WINDOW);
	start = (uint64_t)(value & 0xfff0) << 16;
	end = (value & 0xfff00000u) | 0xfffff;
	if (window_inside(window, start, end))
		return true;
	value = read32(bridge, REG_PREFETCH_WINDOW);
	start = (uint64_t)(value & 0xfff0) << 16 | (uint64_t)read32(bridge, 0x28) << 32;
	end = (value & 0xfff00000u) | 0xfffff | (uint64_t)read32(bridge, 0x2c) << 32;
	return window_inside(window, start, end);
}

static const char *window_fault(const struct device *self, unsigned bus,
				const struct device_window *window)
{
	if (window->base + window->size_bytes < window->base)
		return "wraps around";
	if (window->kind == WINDOW_PORT &&
	    (window->base < PORT_PCI_FIRST || window->base + window->size_bytes > PORT_END ||
	     (window->base < CONFIG_DATA + 4 &&
	      window->base + window->size_bytes > CONFIG_ADDRESS)))
		return "lies over ports of the system";
	if (window->kind == WINDOW_MMIO &&
	    (memory_is_ram(window->base, window->size_bytes) ||
	     (window->base < 0xfef00000u && window->base + window->size_bytes > 0xfec00000u)))
		return "lies over memory or interrupt controllers";
	if (!aperture_holds(bus, window))
		return "is outside of what its bridge forwards";
	for (struct device *other = device_next(0); other;
	     other = device_next(other->info.id + 1)) {
		if (other == self || (other->gone && !other->kernel && !other->process))
			continue;
		for (unsigned i = 0; i < DEVICE_WINDOW_MAX; i++) {
			const struct device_window *taken = &other->info.window[i];

			if (taken->kind == window->kind && !(taken->flags & WINDOW_APERTURE) &&
			    taken->base < window->base + window->size_bytes &&
			    window->base < taken->base + taken->size_bytes)
				return "overlaps another device's";
		}
	}
	return NULL;
}

enum error pci_bar_assign(uint64_t function, unsigned bar, uint64_t base)
{
	struct device_window window;
	unsigned offset;
	enum error error = pci_bar_size(function, bar, &window);

	if (error)
		return error;
	if (window.kind == WINDOW_NONE)
		return ERR_RANGE;
	if (base & (window.size_bytes - 1) || (!(window.flags & WINDOW_64BIT) && base >> 32))
		return ERR_INVALID;
	window.base = base;
	if (window_fault(pci_device(function), bus_of(function), &window))
		return ERR_DENIED;
	offset = bar_offset(function, bar);
	raw_write(function, offset, 4, (uint32_t)base);
	if (window.flags & WINDOW_64BIT)
		raw_write(function, offset + 4, 4, (uint32_t)(base >> 32));
	sized.function = PCI_ADDRESS_SELF;
	return OK;
}

static void windows_derive(struct device *device, uint64_t function)
{
	for (unsigned bar = 0; bar < bar_count(function); bar++) {
		struct device_window window;
		const char *fault;

		window_sized(function, bar, &window);
		if (window.kind == WINDOW_NONE || !window.base)
			continue;
		fault = window_fault(device, bus_of(function), &window);
		if (fault) {
			if (process_may_log(device->parent->process, 1))
				log_warning("%s: window %u at %#lx %s: not granted",
					    device->info.name, bar, (unsigned long)window.base,
					    fault);
			continue;
		}
		device->info.window[bar] = window;
		device->info.window_count = bar + 1;
	}
}

enum error pci_child_add(struct device *host, uint64_t function, uint32_t *id)
{
	struct device *device;
	uint32_t value;
	char name[DEVICE_NAME_BYTES];

	if (function > 0xffff || !pci_answers(function))
		return ERR_NOT_FOUND;
	device = pci_device(function);
	if (device) {
		*id = device->info.id;
		return ERR_EXISTS;
	}
	snprintf(name, sizeof(name), "0000:%02x:%02x.%x", bus_of(function),
		 (unsigned)(function >> 3 & 31), (unsigned)(function & 7));
	device = device_create(host, BUS_PCI, name);
	if (!device)
		return ERR_NO_MEMORY;
	device->info.pci = (struct pci_address){ .bus = (uint8_t)bus_of(function),
						 .device = function >> 3 & 31,
						 .function = function & 7 };
	value = read32(function, REG_ID);
	device->info.vendor_id = (uint16_t)value;
	device->info.device_id = (uint16_t)(value >> 16);
	value = read32(function, REG_CLASS);
	device->info.revision = (uint8_t)value;
	device->info.interface = (uint8_t)(value >> 8);
	device->info.subclass = (uint8_t)(value >> 16);
	device->info.class_code = (uint8_t)(value >> 24);
	device->domain = domain_of(function);
	device->info.iommu = domain_confines(device->domain);
	windows_derive(device, function);
	*id = device->info.id;
	device_event(device, EVENT_ADDED);
	return OK;
}

/* Does an instance hold on to what was there? */
static bool is_leaving(uint64_t function)
{
	for (struct device *device = device_next(0); device;
	     device = device_next(device->info.id + 1))
		if (device->info.bus == BUS_PCI && device->gone &&
		    (device->kernel || device->process) &&
		    pci_address_pack(device->info.pci) == function)
			return true;
	return false;
}

enum error pci_child_remove(struct device *host, uint64_t function)
{
	struct device *device = pci_device(function);

	if (device && device->parent == host)
		device_remove(device);
	if (is_leaving(function))
		return ERR_BUSY;
	return device ? OK : ERR_NOT_FOUND;
}

void pci_enable(struct device *device, bool enable)
{
	uint64_t function = pci_address_pack(device->info.pci);
	uint32_t command = raw_read(function, REG_COMMAND, 2);

	if (is_bridge(function))
		return; /* what lies behind needs its forwarding */
	command = enable ? command | COMMAND_IO | COMMAND_MEMORY
			 : (command & ~COMMAND_MASTER) | COMMAND_INTX_OFF;
	raw_write(function, REG_COMMAND, 2, command);
}

void pci_master(struct device *device)
{
	uint64_t function = pci_address_pack(device->info.pci);

	raw_write(function, REG_COMMAND, 2, raw_read(function, REG_COMMAND, 2) | COMMAND_MASTER);
}

static uint8_t target_apic(void)
{
	return (uint8_t)cpu_table[0]->apic_id;
}

static enum error msi_enable(struct device *device, unsigned wanted, unsigned *granted)
{
	uint64_t function = pci_address_pack(device->info.pci);
	unsigned offset = capability_find(function, CAPABILITY_MSI), count = 1, log2 = 0;
	uint32_t head;
	uint8_t vector;

	if (!offset)
		return ERR_UNSUPPORTED;
	head = read32(function, offset);
	while (count * 2 <= wanted && log2 < (head >> 17 & 7)) {
		count *= 2;
		log2++;
	}
	vector = interrupt_vectors_allocate(count);
	if (!vector)
		return ERR_NO_MEMORY;
	for (unsigned i = 0; i < count; i++)
		interrupt_bind_message(&device->interrupt[i], (uint8_t)(vector + i), device, i);
	raw_write(function, offset + 4, 4, (uint32_t)msi_address(target_apic()));
	if (head & MSI_CONTROL_64BIT)
		raw_write(function, offset + 8, 4, (uint32_t)(msi_address(target_apic()) >> 32));
	raw_write(function, offset + (head & MSI_CONTROL_64BIT ? 12 : 8), 2, msi_data(vector));
	raw_write(function, offset, 4, (head & ~(7u << 20)) | log2 << 20 | MSI_CONTROL_ENABLE);
	device->info.interrupt_kind = INTERRUPT_MSI;
	device->info.interrupt_vectors = (uint16_t)count;
	*granted = count;
	return OK;
}

static void msix_entry_set(struct device *device, unsigned entry, uint8_t vector)
{
	uint32_t __iomem *words =
		(uint32_t __iomem *)device->msix_table + entry * MSIX_ENTRY_BYTES / 4;

	mmio_write32(words, (uint32_t)msi_address(target_apic()));
	mmio_write32(words + 1, (uint32_t)(msi_address(target_apic()) >> 32));
	mmio_write32(words + 2, msi_data(vector));
	mmio_write32(words + 3, 0);
}

static enum error msix_enable(struct device *device, unsigned wanted, unsigned *granted)
{
	uint64_t function = pci_address_pack(device->info.pci);
	unsigned offset = capability_find(function, CAPABILITY_MSIX), size, count = 0;
	const struct device_window *window;
	uint32_t head, table;

	if (!offset)
		return ERR_UNSUPPORTED;
	head = read32(function, offset);
	table = read32(function, offset + 4);
	size = (head >> 16 & 0x7ff) + 1;
	if ((table & 7) >= 6)
		return ERR_UNSUPPORTED;
	window = &device->info.window[table & 7];
	if (window->kind != WINDOW_MMIO || (table & ~7u) > window->size_bytes ||
	    size * MSIX_ENTRY_BYTES > window->size_bytes - (table & ~7u))
		return ERR_UNSUPPORTED;
	device->msix_bytes = size * MSIX_ENTRY_BYTES;
	device->msix_table = mmio_map(window->base + (table & ~7u), device->msix_bytes);
	if (!device->msix_table)
		return ERR_NO_MEMORY;
	raw_write(function, offset, 4, head | MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK);
	for (; count < wanted && count < size; count++) {
		uint8_t vector = interrupt_vectors_allocate(1);

		if (!vector)
			break;
		interrupt_bind_message(&device->interrupt[count], vector, device, count);
		msix_entry_set(device, count, vector);
	}
	device->info.interrupt_kind = INTERRUPT_MSIX;
	device->info.interrupt_vectors = (uint16_t)count;
	if (!count) {
		device_interrupt_disable(device);
		return ERR_NO_MEMORY;
	}
	raw_write(function, offset, 4, (head | MSIX_CONTROL_ENABLE) & ~MSIX_CONTROL_MASK);
	*granted = count;
	return OK;
}

enum error pci_interrupt_enable(struct device *device, unsigned wanted, enum interrupt_kind most,
				unsigned *granted)
{
	uint64_t function = pci_address_pack(device->info.pci);
	enum error error = ERR_UNSUPPORTED;

	if (most >= INTERRUPT_MSIX)
		error = msix_enable(device, wanted, granted);
	if (error == ERR_UNSUPPORTED && most >= INTERRUPT_MSI)
		error = msi_enable(device, wanted, granted);
	if (error == ERR_UNSUPPORTED)
		raw_write(function, REG_COMMAND, 2,
			  raw_read(function, REG_COMMAND, 2) & ~COMMAND_INTX_OFF);
	return error;
}

void pci_interrupt_disable(struct device *device)
{
	uint64_t function = pci_address_pack(device->info.pci);
	unsigned msi = capability_find(function, CAPABILITY_MSI);
	unsigned msix = capability_find(function, CAPABILITY_MSIX);

	if (device->info.interrupt_kind == INTERRUPT_MSI && msi)
		raw_write(function, msi, 4, read32(function, msi) & ~MSI_CONTROL_ENABLE);
	if (device->info.interrupt_kind == INTERRUPT_MSIX && msix)
		raw_write(function, msix, 4, read32(function, msix) & ~MSIX_CONTROL_ENABLE);
	if (device->msix_table)
		mmio_unmap(device->msix_table, device->msix_bytes);
	device->msix_table = NULL;
}

bool pci_msix_table(struct device *device, unsigned index, uint64_t *offset, uint64_t *bytes)
{
	uint64_t function = pci_address_pack(device->info.pci);
	unsigned msix = capability_find(function, CAPABILITY_MSIX);
	uint32_t table = msix ? read32(function, msix + 4) : 0;

	if (!msix || (table & 7) != index)
		return false;
	*offset = table & ~7u;
	*bytes = ((read32(function, msix) >> 16 & 0x7ff) + 1) * MSIX_ENTRY_BYTES;
	return true;
}

static uint32_t intx_config(unsigned device, unsigned function, unsigned offset)
{
	return read32(device << 3 | function, offset);
}

static uint32_t intx_memory(uint64_t paddr)
{
	void __iomem *word = mmio_map(paddr, 4);
	uint32_t value = word ? mmio_read32(word) : 0;

	if (word)
		mmio_unmap(word, 4);
	return value;
}

enum error pci_line(uint64_t function, uint32_t *gsi, unsigned *flags)
{
	unsigned pin = raw_read(function, REG_INTERRUPT_PIN, 1);
	struct intx_route route;
	enum error error;

	if (pin < 1 || pin > 4)
		return ERR_UNSUPPORTED;
	for (unsigned depth = 0; bus_of(function) && depth < 256; depth++) {
		uint64_t bridge = bridge_above(bus_of(function));

		if (bridge == PCI_ADDRESS_SELF)
			return ERR_NOT_FOUND;
		pin = intx_swizzle(function >> 3 & 31, pin);
		function = bridge;
	}
	error = intx_lookup(function >> 3 & 31, pin, intx_config, intx_memory, &route);
	if (error)
		return error;
	*flags = IOAPIC_ACTIVE_LOW | IOAPIC_LEVEL;
	*gsi = route.number;
	if (route.isa)
		*gsi = ioapic_isa_gsi(route.number, flags);
	return OK;
}

void pci_init(void)
{
	log_info("pci: configuration space by %s", acpi.mcfg_count ? "memory" : "ports");
}
