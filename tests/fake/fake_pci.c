/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated PCI hierarchy. See fake_pci.h.
 */
#include <string.h>

#include "fake_pci.h"

enum { STATUS = 0x06, CLASS = 0x08, HEADER = 0x0e, PRIMARY = 0x18, SECONDARY, SUBORDINATE };
enum { COMMAND = 0x04, LINK_STATUS = 0x12, SLOT_CONTROL = 0x18, SLOT_STATUS = 0x1a };
enum { SLOT_PRESENT = 0x40, SLOT_COMPLETED = 0x10, SLOT_EVENTS = 0x11f, SLOT_POWER_OFF = 0x400 };
enum { LINK_ACTIVE = 0x20 }; /* of the upper byte */
enum { MEMORY = 0x20, PREFETCH = 0x24, CAPABILITIES = 0x34 };

static bool is_bridge(const struct fake_pci_function *function)
{
	return (function->config[HEADER] & 0x7f) == 1;
}

/* The bridge, on the bus behind `parent`, that forwards accesses to `bus`. */
static unsigned route(const struct fake_pci *model, unsigned parent, unsigned bus)
{
	for (unsigned i = 0; i < model->count; i++) {
		const struct fake_pci_function *bridge = &model->function[i];

		if (bridge->parent == parent && is_bridge(bridge) &&
		    bridge->config[SECONDARY] != 0 && bus >= bridge->config[SECONDARY] &&
		    bus <= bridge->config[SUBORDINATE])
			return i;
	}
	return FAKE_PCI_ROOT;
}

/* Who answers an access? Follows the bridges' registers down; a lie leads nowhere, or somewhere. */
static struct fake_pci_function *find(struct fake_pci *model, uint64_t name)
{
	unsigned bus = name >> 8 & 0xff, place = name & 0xff, parent = FAKE_PCI_ROOT;

	model->accesses++;
	if (model->dead || name >> 16)
		return NULL;
	for (unsigned depth = 0; bus != 0 && depth < 256; depth++) {
		parent = route(model, parent, bus);
		if (parent == FAKE_PCI_ROOT)
			return NULL;
		if (model->function[parent].config[SECONDARY] == bus)
			break;
	}
	for (unsigned i = 0; i < model->count; i++) {
		if (model->function[i].parent == parent && model->function[i].place == place &&
		    !model->function[i].absent)
			return &model->function[i];
	}
	return NULL;
}

static enum error config_read(void *context, uint64_t name, unsigned offset, unsigned width,
			      uint32_t *value)
{
	const struct fake_pci_function *function = find(context, name);

	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (function && offset + i < 256 ? function->config[offset + i] : 0xffu)
			  << 8 * i;
	return OK;
}

static uint16_t slot_status(const struct fake_pci_function *port)
{
	const uint8_t *at = port->config + port->slot + SLOT_STATUS;

	return (uint16_t)(at[0] | at[1] << 8);
}

static void slot_status_set(struct fake_pci_function *port, unsigned status)
{
	port->config[port->slot + SLOT_STATUS] = (uint8_t)status;
	port->config[port->slot + SLOT_STATUS + 1] = (uint8_t)(status >> 8);
}

static void slot_acknowledge(struct fake_pci_function *port, uint16_t status, uint32_t value)
{
	slot_status_set(port, status & ~(value & SLOT_EVENTS));
}

/* The command takes effect, and says so. */
static void slot_command(struct fake_pci *model, struct fake_pci_function *port, uint32_t value)
{
	if (slot_status(port) & SLOT_COMPLETED)
		fake_violate(model->fake, "a slot command before the last completion was seen");
	port->config[port->slot + LINK_STATUS + 1] =
		value & SLOT_POWER_OFF || !(slot_status(port) & SLOT_PRESENT) ? 0 : LINK_ACTIVE;
	slot_status_set(port, slot_status(port) | SLOT_COMPLETED);
}

static bool is_writable(const struct fake_pci_function *function, unsigned offset, unsigned width)
{
	if (offset >= PRIMARY && offset + width <= SUBORDINATE + 1)
		return true;
	if (offset == COMMAND || (offset >= MEMORY && offset + width <= MEMORY + 4))
		return !function || is_bridge(function);
	return function && function->slot && offset >= function->slot + (unsigned)SLOT_CONTROL &&
	       offset + width <= function->slot + SLOT_STATUS + 2u;
}

static enum error config_write(void *context, uint64_t name, unsigned offset, unsigned width,
			       uint32_t value)
{
	struct fake_pci *model = context;
	struct fake_pci_function *function = find(model, name);
	uint16_t status = function && function->slot ? slot_status(function) : 0;

	if (!is_writable(function, offset, width) || model->numbers_denied)
		return ERR_DENIED;
	for (unsigned i = 0; function && !function->deaf && i < width; i++)
		function->config[offset + i] = (uint8_t)(value >> 8 * i);
	if (function && function->slot && offset == function->slot + (unsigned)SLOT_STATUS)
		slot_acknowledge(function, status, value);
	if (function && function->slot && offset == function->slot + (unsigned)SLOT_CONTROL)
		slot_command(model, function, value);
	return OK;
}

static enum error bar_size(void *context, uint64_t name, unsigned bar, struct device_window *window)
{
	struct fake_pci_function *function = find(context, name);

	if (!function)
		return ERR_NOT_FOUND;
	if (bar > 5)
		return ERR_RANGE;
	*window = function->bar[bar];
	return function->live ? ERR_BUSY : OK;
}

static enum error bar_assign(void *context, uint64_t name, unsigned bar, uint64_t base)
{
	struct fake_pci *model = context;
	struct fake_pci_function *function = find(model, name);

	if (!function || bar > 5)
		return ERR_NOT_FOUND;
	if (function->live) {
		model->touched++;
		return ERR_BUSY;
	}
	if (base <= model->ram_limit &&
	    base + function->bar[bar].size_bytes - 1 >= model->ram_base) {
		model->refusals++;
		return ERR_DENIED;
	}
	if (base & (function->bar[bar].size_bytes - 1))
		fake_violate(model->fake, "a base address is not aligned");
	function->bar[bar].base = base;
	function->assigned++;
	return OK;
}

void fake_pci_attach(struct fake_pci *model, struct fake *fake)
{
	memset(model, 0, sizeof(*model));
	model->fake = fake;
	model->ram_base = UINT64_MAX;
	fake->bus.config_read = config_read;
	fake->bus.config_write = config_write;
	fake->bus.bar_size = bar_size;
	fake->bus.bar_assign = bar_assign;
	fake->bus.context = model;
}

unsigned fake_pci_add(struct fake_pci *model, unsigned parent, unsigned device, unsigned function,
		      uint32_t class_code)
{
	struct fake_pci_function *added = &model->function[model->count];

	if (model->count == FAKE_PCI_MAX) {
		fake_violate(model->fake, "the test has too many functions");
		return 0;
	}
	memset(added, 0, sizeof(*added));
	added->parent = parent;
	added->place = (uint8_t)(device << 3 | function);
	added->config[0] = 0x86;
	added->config[1] = 0x80;
	added->config[2] = (uint8_t)model->count;
	added->config[3] = 0x29;
	for (unsigned i = 0; i < 3; i++)
		added->config[CLASS + 1 + i] = (uint8_t)(class_code >> 8 * i);
	return model->count++;
}

unsigned fake_pci_bridge(struct fake_pci *model, unsigned parent, unsigned device,
			 unsigned secondary, unsigned subordinate)
{
	unsigned index = fake_pci_add(model, parent, device, 0, 0x060400);
	uint8_t *config = model->function[index].config;

	config[HEADER] = 1;
	config[SECONDARY] = (uint8_t)secondary;
	config[SUBORDINATE] = (uint8_t)subordinate;
	config[MEMORY] = config[MEMORY + 1] = 0xff; /* base above limit: closed */
	config[PREFETCH] = 0xf0;
	config[PREFETCH + 1] = 0xff;
	config[0x1c] = 0xf0;
	return index;
}

void fake_pci_aperture(struct fake_pci *model, unsigned bridge, unsigned base_mib,
		       unsigned limit_mib)
{
	uint8_t *config = model->function[bridge].config + MEMORY;

	config[0] = (uint8_t)(base_mib << 4);
	config[1] = (uint8_t)(base_mib >> 4);
	config[2] = (uint8_t)(limit_mib << 4);
	config[3] = (uint8_t)(limit_mib >> 4);
}

void fake_pci_bar(struct fake_pci *model, unsigned index, unsigned bar, enum window_kind kind,
		  uint64_t base, uint64_t size_bytes, unsigned flags)
{
	model->function[index].bar[bar] = (struct device_window){ .kind = (uint8_t)kind,
								  .flags = (uint8_t)flags,
								  .base = base,
								  .size_bytes = size_bytes };
}

void fake_pci_capability(struct fake_pci *model, unsigned index, unsigned offset, unsigned id,
			 unsigned next)
{
	uint8_t *config = model->function[index].config;

	config[STATUS] |= 0x10;
	if (config[CAPABILITIES] == 0)
		config[CAPABILITIES] = (uint8_t)offset;
	config[offset] = (uint8_t)id;
	config[offset + 1] = (uint8_t)next;
}

void fake_pci_slot(struct fake_pci *model, unsigned index, unsigned offset)
{
	uint8_t *config = model->function[index].config;

	fake_pci_capability(model, index, offset, 0x10, 0);
	model->function[index].slot = (uint8_t)offset;
	config[offset + 2] = 0x42;    /* root port */
	config[offset + 3] = 0x01;    /* with a slot */
	config[offset + 0x0e] = 0x10; /* says whether the link is active */
	config[offset + 0x14] = 0x53; /* button, power, its indicator, hot-plug */
	config[offset + SLOT_CONTROL + 1] = SLOT_POWER_OFF >> 8;
}

void fake_pci_slot_event(struct fake_pci *model, unsigned index, bool present, unsigned events)
{
	struct fake_pci_function *port = &model->function[index];
	unsigned status = slot_status(port) & ~(unsigned)SLOT_PRESENT;

	slot_status_set(port, status | events | (present ? SLOT_PRESENT : 0));
	if (!present)
		port->config[port->slot + LINK_STATUS + 1] = 0;
}

bool fake_pci_announced(const struct fake_pci *model, unsigned bus, unsigned device,
			unsigned function)
{
	const struct fake_bus *announced = &model->fake->bus;

	for (unsigned i = 0; i < announced->child_count; i++) {
		if (announced->child[i] == (bus << 8 | device << 3 | function))
			return true;
	}
	return false;
}
