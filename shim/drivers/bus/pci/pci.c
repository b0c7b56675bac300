/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PCI and PCI Express bus: finds the functions behind one host bridge, numbers the buses that
 * firmware left, places registers (pci_place.c), announces every function as a device. What only
 * the kernel may touch it asks the kernel for. Cards that come and go: pci_slot.c. Sources: PCI
 * Local Bus 3.0, PCI-to-PCI Bridge 1.2, PCI Express Base 3.0.
 */
#include "pci.h"

uint64_t pci_name(const struct pci_state *state, uint16_t routing)
{
	return (uint64_t)state->segment << 16 | routing;
}

/* --- Configuration space --- */

uint32_t pci_read(struct shim_device *device, uint16_t routing, unsigned offset, unsigned width)
{
	uint32_t value = 0;

	if (shim_config_read(device, pci_name(shim_state(device), routing), offset, width,
			     &value) != OK)
		return UINT32_MAX >> (32 - 8 * width);
	return value;
}

enum error pci_write(struct shim_device *device, uint16_t routing, unsigned offset, unsigned width,
		     uint32_t value)
{
	return shim_config_write(device, pci_name(shim_state(device), routing), offset, width,
				 value);
}

/* --- Capabilities [PCI 3.0 §6.7] --- */

static void pci_capability_log(struct shim_device *device, uint16_t routing, unsigned id,
			       unsigned offset)
{
	unsigned at = routing >> 3 & 31, bus = pci_bus_of(routing), function = routing & 7;
	uint32_t control = pci_read(device, routing, offset + 2, 2);

	if (id == PCI_CAPABILITY_MSI)
		shim_log(device, LOG_DEBUG, "%02x:%02x.%u: MSI, %u vectors", bus, at, function,
			 PCI_MSI_CAPABLE(control));
	else if (id == PCI_CAPABILITY_MSIX)
		shim_log(device, LOG_DEBUG, "%02x:%02x.%u: MSI-X, %u vectors", bus, at, function,
			 PCI_MSIX_TABLE(control));
	else if (id == PCI_CAPABILITY_EXPRESS)
		shim_log(device, LOG_DEBUG, "%02x:%02x.%u: PCI Express, type %u%s", bus, at,
			 function, PCI_EXPRESS_TYPE(control),
			 control & PCI_EXPRESS_SLOT ? ", slot" : "");
	else if (id == PCI_CAPABILITY_POWER)
		shim_log(device, LOG_DEBUG, "%02x:%02x.%u: power management", bus, at, function);
}

/* Walk the list, which may be a loop or lead anywhere: as many steps as there is room for entries.
 * Returns where the PCI Express capability is, 0 if there is none. */
static unsigned pci_capabilities(struct shim_device *device, uint16_t routing)
{
	unsigned express = 0, offset;

	if (!(pci_read(device, routing, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES))
		return 0;
	offset = pci_read(device, routing, PCI_CAPABILITIES, 1) & ~3u;
	for (unsigned i = 0; offset >= 0x40; i++) {
		unsigned id = pci_read(device, routing, offset, 1);

		if (i == PCI_CAPABILITIES_MAX || id == 0xff) {
			shim_log(device, LOG_WARNING,
				 "%02x:%02x.%u: the capability list has no end", routing >> 8,
				 routing >> 3 & 31, routing & 7);
			break;
		}
		pci_capability_log(device, routing, id, offset);
		if (id == PCI_CAPABILITY_EXPRESS)
			express = offset;
		offset = pci_read(device, routing, offset + 1, 1) & ~3u;
	}
	return express;
}

/* --- Bus numbers [Bridge 1.2 §3.2.5.3 to .5] --- */

static bool pci_bus_scanned(const struct pci_state *state, unsigned bus)
{
	return state->scanned[bus / 64] >> bus % 64 & 1;
}

struct pci_bridge *pci_bus_parent(struct pci_state *state, unsigned bus)
{
	for (uint32_t i = 0; i < state->bridge_count; i++)
		if (state->bridge[i].secondary == bus && bus != state->bus_first)
			return &state->bridge[i];
	return NULL;
}

/* Does a bridge on bus `above`, other than `except`, forward a bus of first .. last? */
static bool pci_numbers_claimed(const struct pci_state *state, unsigned above, unsigned first,
				unsigned last, const struct pci_bridge *except)
{
	for (uint32_t i = 0; i < state->bridge_count; i++) {
		const struct pci_bridge *bridge = &state->bridge[i];

		if (bridge != except && bridge->secondary != 0 &&
		    pci_bus_of(bridge->routing) == above && first <= bridge->subordinate &&
		    bridge->secondary <= last)
			return true;
	}
	return false;
}

/* May the range above `bus` grow to hold `number`? Asked of every bridge up to the root. */
static bool pci_number_reachable(struct pci_state *state, unsigned bus, unsigned number)
{
	for (uint32_t i = 0; i <= state->bridge_count; i++) {
		struct pci_bridge *bridge = pci_bus_parent(state, bus);

		if (!bridge)
			return number > bus && number <= state->bus_last;
		bus = pci_bus_of(bridge->routing);
		if (number < bridge->secondary ||
		    pci_numbers_claimed(state, bus, bridge->secondary, number, bridge))
			return false;
	}
	return false;
}

/* Let every bridge above `bus` forward `number`. */
static enum error pci_number_extend(struct shim_device *device, unsigned bus, unsigned number)
{
	struct pci_state *state = shim_state(device);
	struct pci_bridge *bridge = pci_bus_parent(state, bus);

	for (uint32_t i = 0; bridge && i <= state->bridge_count; i++) {
		if (bridge->subordinate < number) {
			enum error error = pci_write(device, bridge->routing,
						     PCI_BRIDGE_SUBORDINATE, 1, number);
			if (error != OK)
				return error;
			bridge->subordinate = (uint8_t)number;
		}
		bridge = pci_bus_parent(state, pci_bus_of(bridge->routing));
	}
	return OK;
}

/* The lowest number that a new bus below `bus` can have; 0 if there is none. */
static unsigned pci_number_find(struct pci_state *state, unsigned bus)
{
	for (unsigned number = bus + 1; number <= state->bus_last; number++)
		if (!pci_bus_scanned(state, number) &&
		    !pci_numbers_claimed(state, bus, number, number, NULL) &&
		    pci_number_reachable(state, bus, number))
			return number;
	return 0;
}

/* Give a bridge its numbers; on failure it stays closed, and is not asked again. */
static void pci_bridge_number(struct shim_device *device, struct pci_bridge *bridge)
{
	struct pci_state *state = shim_state(device);
	unsigned bus = pci_bus_of(bridge->routing), number = pci_number_find(state, bus);
	enum error error = number == 0 ? ERR_RANGE : pci_number_extend(device, bus, number);

	if (error == OK)
		error = pci_write(device, bridge->routing, PCI_BRIDGE_PRIMARY, 1, bus);
	if (error == OK)
		error = pci_write(device, bridge->routing, PCI_BRIDGE_SUBORDINATE, 1, number);
	if (error == OK)
		error = pci_write(device, bridge->routing, PCI_BRIDGE_SECONDARY, 1, number);
	if (error != OK) {
		bridge->hopeless = 1;
		shim_log(device, LOG_WARNING,
			 "%02x:%02x.%u: no bus number for what is behind this bridge: %s", bus,
			 bridge->routing >> 3 & 31, bridge->routing & 7, error_text(error));
		return;
	}
	bridge->secondary = bridge->subordinate = (uint8_t)number;
	shim_log(device, LOG_INFO, "%02x:%02x.%u: leads to bus %02x now", bus,
		 bridge->routing >> 3 & 31, bridge->routing & 7, number);
}

/* Are the numbers that firmware gave a bridge possible? Not its own bus, not one that another
 * bridge leads to, inside of what the bridge above forwards. */
static bool pci_numbers_sane(struct pci_state *state, unsigned bus, unsigned secondary,
			     unsigned subordinate)
{
	const struct pci_bridge *above = pci_bus_parent(state, bus);
	unsigned last = above ? above->subordinate : state->bus_last;

	return secondary > bus && subordinate >= secondary && subordinate <= last &&
	       !pci_bus_scanned(state, secondary) &&
	       !pci_numbers_claimed(state, bus, secondary, subordinate, NULL);
}

/* --- Functions --- */

static uint16_t pci_bridge_found(struct shim_device *device, uint16_t routing, unsigned express)
{
	struct pci_state *state = shim_state(device);
	unsigned secondary = pci_read(device, routing, PCI_BRIDGE_SECONDARY, 1);
	unsigned subordinate = pci_read(device, routing, PCI_BRIDGE_SUBORDINATE, 1);
	struct pci_bridge *bridge;

	if (state->bridge_count == PCI_BRIDGES_MAX) {
		shim_log(device, LOG_WARNING, "more than %u bridges: the rest stays closed",
			 PCI_BRIDGES_MAX);
		return PCI_NO_BRIDGE;
	}
	if (!pci_numbers_sane(state, pci_bus_of(routing), secondary, subordinate))
		secondary = subordinate = 0;
	bridge = &state->bridge[state->bridge_count];
	*bridge = (struct pci_bridge){ .routing = routing,
				       .secondary = (uint8_t)secondary,
				       .subordinate = (uint8_t)subordinate };
	if (express != 0) {
		bridge->express_offset = (uint8_t)express;
		bridge->express_type =
			PCI_EXPRESS_TYPE(pci_read(device, routing, express + PCI_EXPRESS_FLAGS, 2));
	}
	pci_bridge_read_windows(device, bridge);
	return (uint16_t)state->bridge_count++;
}

/* Look at one function. Returns its header type, all ones if nobody answers. */
static unsigned pci_scan_function(struct shim_device *device, uint16_t routing)
{
	struct pci_state *state = shim_state(device);
	uint32_t id = pci_read(device, routing, PCI_VENDOR_ID, 4);
	unsigned header, layout, express;
	uint16_t bridge = PCI_NO_BRIDGE;

	if (id == UINT32_MAX || (id & 0xffff) == 0xffff || id == 0)
		return 0xff;
	header = pci_read(device, routing, PCI_HEADER_TYPE, 1);
	if (header == 0xff)
		return 0xff;
	if (state->function_count == PCI_FUNCTIONS_MAX) {
		shim_log(device, LOG_WARNING, "more than %u functions: the rest is left out",
			 PCI_FUNCTIONS_MAX);
		return 0xff;
	}
	layout = header & PCI_HEADER_LAYOUT;
	shim_log(device, LOG_DEBUG, "%02x:%02x.%u: %04x:%04x class %06x", routing >> 8,
		 routing >> 3 & 31, routing & 7, id & 0xffff, id >> 16,
		 pci_read(device, routing, PCI_CLASS_REVISION, 4) >> 8);
	express = pci_capabilities(device, routing);
	if (layout == PCI_LAYOUT_BRIDGE)
		bridge = pci_bridge_found(device, routing, express);
	state->function[state->function_count++] = (struct pci_function){
		.routing = routing, .bridge = bridge, .layout = (uint8_t)layout
	};
	return header;
}

/* Behind a PCI Express downstream port there is device 0 alone [PCIe 2.1 §7.3.1]. */
static unsigned pci_bus_devices(struct pci_state *state, unsigned bus)
{
	const struct pci_bridge *bridge = pci_bus_parent(state, bus);

	if (bridge &&
	    (bridge->express_type == PCI_EXPRESS_ROOT || bridge->express_type == PCI_EXPRESS_DOWN))
		return 1;
	return 32;
}

static void pci_scan_bus(struct shim_device *device, unsigned bus)
{
	struct pci_state *state = shim_state(device);
	unsigned devices = pci_bus_devices(state, bus);

	state->scanned[bus / 64] |= UINT64_C(1) << bus % 64;
	state->bus_count++;
	for (unsigned at = 0; at < devices; at++) {
		uint16_t routing = (uint16_t)(bus << 8 | at << 3);
		unsigned header = pci_scan_function(device, routing);

		if (header == 0xff || !(header & PCI_HEADER_MULTI_FUNCTION))
			continue;
		for (unsigned function = 1; function < 8; function++)
			pci_scan_function(device, (uint16_t)(routing | function));
	}
}

/* Buses that firmware numbered come first, so that the numbers in use are known before new ones are
 * given. Every round scans one more bus, or gives up one bridge. */
static struct pci_bridge *pci_bridge_next(struct pci_state *state)
{
	for (uint32_t i = 0; i < state->bridge_count; i++)
		if (state->bridge[i].secondary != 0 &&
		    !pci_bus_scanned(state, state->bridge[i].secondary))
			return &state->bridge[i];
	for (uint32_t i = 0; i < state->bridge_count; i++)
		if (state->bridge[i].secondary == 0 && !state->bridge[i].hopeless)
			return &state->bridge[i];
	return NULL;
}

void pci_scan(struct shim_device *device, unsigned bus)
{
	struct pci_state *state = shim_state(device);
	struct pci_bridge *bridge;

	pci_scan_bus(device, bus);
	while ((bridge = pci_bridge_next(state)) != NULL) {
		if (bridge->secondary == 0)
			pci_bridge_number(device, bridge);
		if (bridge->secondary != 0)
			pci_scan_bus(device, bridge->secondary);
	}
}

void pci_announce(struct shim_device *device, uint32_t first)
{
	struct pci_state *state = shim_state(device);

	for (uint32_t i = first; i < state->function_count; i++) {
		uint16_t routing = state->function[i].routing;
		enum error error = shim_bus_child_add(device, pci_name(state, routing));

		if (error != OK && error != ERR_EXISTS)
			shim_log(device, LOG_ERROR, "%02x:%02x.%u could not be announced: %s",
				 routing >> 8, routing >> 3 & 31, routing & 7, error_text(error));
	}
}

static bool pci_bus_inside(unsigned bus, unsigned first, unsigned last)
{
	return bus >= first && bus <= last;
}

static void pci_bridge_forget(struct pci_state *state, uint32_t index)
{
	state->bridge_count--;
	for (uint32_t i = index; i < state->bridge_count; i++)
		state->bridge[i] = state->bridge[i + 1];
	for (uint32_t i = 0; i < state->function_count; i++)
		if (state->function[i].bridge != PCI_NO_BRIDGE && state->function[i].bridge > index)
			state->function[i].bridge--;
}

void pci_forget(struct pci_state *state, unsigned first, unsigned last)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < state->function_count; i++)
		if (!pci_bus_inside(pci_bus_of(state->function[i].routing), first, last))
			state->function[kept++] = state->function[i];
	state->function_count = kept;
	for (uint32_t i = state->bridge_count; i-- > 0;)
		if (pci_bus_inside(pci_bus_of(state->bridge[i].routing), first, last))
			pci_bridge_forget(state, i);
	kept = 0;
	for (uint32_t i = 0; i < state->range_count; i++)
		if (!pci_bus_inside(state->range[i].bus, first, last))
			state->range[kept++] = state->range[i];
	state->range_count = kept;
	for (unsigned bus = first; bus <= last; bus++) {
		state->bus_count -= pci_bus_scanned(state, bus);
		state->scanned[bus / 64] &= ~(UINT64_C(1) << bus % 64);
	}
}

/* --- The driver --- */

static enum error pci_probe(struct shim_device *device)
{
	struct pci_state *state = shim_state(device);

	memset(state, 0, sizeof(*state));
	state->segment = device->info->pci.segment;
	state->bus_first = device->info->pci.bus;
	state->bus_last = PCI_BUSES - 1;
	pci_scan(device, state->bus_first);
	pci_place_from(device, 0, 0);
	pci_announce(device, 0);
	if (state->function_count == 0) {
		shim_log(device, LOG_ERROR, "no function answers on bus %02x", state->bus_first);
		return ERR_NOT_FOUND;
	}
	shim_log(device, LOG_INFO, "%u functions on %u buses, %u windows placed",
		 state->function_count, state->bus_count, state->placed);
	pci_slots_open(device, 0);
	return OK;
}

/* Nothing is ever in flight: configuration accesses end before they return. */
static void pci_quiesce(struct shim_device *device)
{
	shim_quiesce_done(device, OK);
}

static bool pci_check(const struct shim_device *device)
{
	const struct pci_state *state = shim_state(device);

	if (state->function_count > PCI_FUNCTIONS_MAX || state->bridge_count > PCI_BRIDGES_MAX ||
	    state->range_count > PCI_RANGES_MAX || state->request_count > PCI_REQUESTS_MAX ||
	    state->bus_count > PCI_BUSES)
		return false;
	for (uint32_t i = 0; i < state->function_count; i++)
		if (state->function[i].bridge != PCI_NO_BRIDGE &&
		    state->function[i].bridge >= state->bridge_count)
			return false;
	for (uint32_t i = 0; i < state->bridge_count; i++)
		if (state->bridge[i].slot >= SLOT_STATES ||
		    state->bridge[i].secondary > state->bridge[i].subordinate)
			return false;
	return true;
}

SHIM_DRIVER(pci) = {
	.shim_version = SHIM_VERSION,
	.state_version = 2,
	.name = "pci",
	.class_id = CLASS_BUS,
	.state_base_bytes = sizeof(struct pci_state),
	.timer_count = 1,
	.match = { SHIM_PLATFORM("pci-host") },
	.probe = pci_probe,
	.timer = pci_slots_poll,
	.quiesce = pci_quiesce,
	.check = pci_check,
};
