/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PCI bus driver: base address registers. Firmware places nearly all of them; what it left gets
 * the first free piece of the bridge's aperture. Source: PCI 3.0 §6.2.5, Bridge 1.2 §3.2.5.
 */
#include "pci.h"

#define SIZE_4G      (UINT64_C(1) << 32)
#define WINDOW_GRAIN (UINT64_C(1) << 20) /* of a bridge's window */
#define WINDOW_LIMIT (UINT64_C(1) << 30) /* a register that wants more gets no window opened */

void pci_bridge_read_windows(struct shim_device *device, struct pci_bridge *bridge)
{
	uint16_t routing = bridge->routing;
	uint32_t memory = pci_read(device, routing, PCI_BRIDGE_MEMORY, 4);
	uint32_t prefetch = pci_read(device, routing, PCI_BRIDGE_PREFETCH, 4);
	uint32_t io_base = pci_read(device, routing, PCI_BRIDGE_IO_BASE, 1);
	uint32_t io_limit = pci_read(device, routing, PCI_BRIDGE_IO_LIMIT, 1);
	uint32_t io_high = 0;
	uint64_t high_base = 0, high_limit = 0;

	if ((prefetch & 15) == PCI_WINDOW_64BIT) {
		high_base = pci_read(device, routing, PCI_BRIDGE_PREFETCH_BASE_H, 4);
		high_limit = pci_read(device, routing, PCI_BRIDGE_PREFETCH_LIM_H, 4);
	}
	if ((io_base & 15) == PCI_IO_32BIT)
		io_high = pci_read(device, routing, PCI_BRIDGE_IO_HIGH, 4);
	bridge->memory = (struct pci_range){ .kind = WINDOW_MMIO,
					     .base = (memory & 0xfff0u) << 16,
					     .limit = (memory & 0xfff00000u) | 0xfffffu };
	bridge->prefetch = (struct pci_range){ .kind = WINDOW_MMIO,
					       .base = high_base << 32 | (prefetch & 0xfff0u) << 16,
					       .limit = high_limit << 32 |
							(prefetch & 0xfff00000u) | 0xfffffu };
	bridge->io = (struct pci_range){ .kind = WINDOW_PORT,
					 .base = (io_high & 0xffffu) << 16 | (io_base & 0xf0) << 8,
					 .limit = (io_high & 0xffff0000u) | (io_limit & 0xf0) << 8 |
						  0xfff };
	/* Out of reset both say 0. */
	if (bridge->memory.base == 0)
		bridge->memory.base = bridge->memory.limit + 1;
	if (bridge->prefetch.base == 0)
		bridge->prefetch.base = bridge->prefetch.limit + 1;
}

/* Remember that a range is in use; false if the table is full. */
static bool pci_range_add(struct pci_state *state, unsigned bus, unsigned kind, uint64_t base,
			  uint64_t limit)
{
	if (limit < base)
		return true;
	if (state->range_count == PCI_RANGES_MAX)
		return false;
	state->range[state->range_count++] = (struct pci_range){
		.base = base, .limit = limit, .bus = (uint8_t)bus, .kind = (uint8_t)kind
	};
	return true;
}

/* A range in use that overlaps, or NULL. */
static const struct pci_range *pci_range_overlap(const struct pci_state *state, unsigned bus,
						 unsigned kind, uint64_t base, uint64_t limit)
{
	for (uint32_t i = 0; i < state->range_count; i++) {
		const struct pci_range *range = &state->range[i];

		if (range->bus == bus && range->kind == kind && range->base <= limit &&
		    base <= range->limit)
			return range;
	}
	return NULL;
}

/* The first free, aligned piece of an aperture. Every step passes one range at least. */
static bool pci_first_fit(const struct pci_state *state, unsigned bus,
			  const struct pci_range *aperture, const struct device_window *window,
			  uint64_t *base)
{
	uint64_t size = window->size_bytes, at = aperture->base, last = aperture->limit;

	if (window->kind == WINDOW_MMIO && !(window->flags & WINDOW_64BIT) && last >= SIZE_4G)
		last = SIZE_4G - 1;
	if (at == 0) /* a base of 0 reads as not placed */
		at = size;
	for (uint32_t i = 0; i <= state->range_count; i++) {
		const struct pci_range *used;

		if (at > UINT64_MAX - (size - 1))
			return false;
		at = (at + size - 1) & ~(size - 1);
		if (at > last || last - at < size - 1)
			return false;
		used = pci_range_overlap(state, bus, window->kind, at, at + size - 1);
		if (!used) {
			*base = at;
			return true;
		}
		if (used->limit == UINT64_MAX)
			return false;
		at = used->limit + 1;
	}
	return false;
}

/* Place a register in one aperture. What the kernel refuses (RAM, somebody else's) counts as in
 * use; so this ends when the aperture or the table does. */
static bool pci_place_in(struct shim_device *device, uint16_t routing, unsigned bar,
			 const struct pci_range *aperture, const struct device_window *window)
{
	struct pci_state *state = shim_state(device);
	unsigned bus = pci_bus_of(routing);
	enum error error = ERR_DENIED;
	uint64_t base;

	if (aperture->kind != window->kind || aperture->limit < aperture->base)
		return false;
	while (error == ERR_DENIED && pci_first_fit(state, bus, aperture, window, &base)) {
		if (!pci_range_add(state, bus, window->kind, base, base + window->size_bytes - 1))
			return false;
		error = shim_bus_bar_assign(device, pci_name(state, routing), bar, base);
	}
	return error == OK;
}

/* --- Bridge windows that firmware left closed [Bridge 1.2 §3.2.5.8] --- */

/* The piece of a bus that its bridge, or the host bridge, forwards and that nobody has. */
static bool pci_window_find(struct shim_device *device, unsigned bus, uint64_t size, uint64_t *base)
{
	struct pci_state *state = shim_state(device);
	const struct device_window window = { .kind = WINDOW_MMIO, .size_bytes = size };
	const struct pci_bridge *above = pci_bus_parent(state, bus);

	if (above)
		return above->memory.limit > above->memory.base &&
		       pci_first_fit(state, bus, &above->memory, &window, base);
	for (unsigned i = 0; i < DEVICE_WINDOW_MAX; i++) {
		const struct device_window *host = &device->info->window[i];
		struct pci_range aperture = { .base = host->base,
					      .limit = host->base + host->size_bytes - 1 };

		if (host->kind == WINDOW_MMIO &&
		    pci_first_fit(state, bus, &aperture, &window, base))
			return true;
	}
	return false;
}

static void pci_window_open(struct shim_device *device, struct pci_bridge *bridge, uint64_t size)
{
	unsigned bus = pci_bus_of(bridge->routing);
	uint64_t base, limit;
	uint32_t command;

	if (!pci_window_find(device, bus, size, &base))
		return; /* whoever wants a place there says so */
	limit = base + size - 1;
	command = pci_read(device, bridge->routing, PCI_COMMAND, 2);
	if (pci_write(device, bridge->routing, PCI_BRIDGE_MEMORY, 4,
		      (uint32_t)(base >> 16) | (uint32_t)(limit & 0xfff00000u)) != OK ||
	    pci_write(device, bridge->routing, PCI_COMMAND, 2, command | PCI_COMMAND_FORWARD) !=
		    OK ||
	    !pci_range_add(shim_state(device), bus, WINDOW_MMIO, base, limit))
		return;
	bridge->memory.base = base;
	bridge->memory.limit = limit;
	shim_log(device, LOG_INFO, "%02x:%02x.%u: forwards 0x%llx to 0x%llx now", bus,
		 bridge->routing >> 3 & 31, bridge->routing & 7, (unsigned long long)base,
		 (unsigned long long)limit);
}

/* What waits for a place on a bus, and the windows of the bridges there: each is a power of two, so
 * that a power of two as large as their sum holds them. */
static uint64_t pci_window_need(const struct pci_state *state, uint32_t index, const uint64_t *need)
{
	unsigned bus = state->bridge[index].secondary;
	uint64_t sum = 0, size = WINDOW_GRAIN;

	for (uint32_t i = 0; i < state->request_count; i++)
		if (pci_bus_of(state->request[i].routing) == bus &&
		    state->request[i].kind == WINDOW_MMIO &&
		    state->request[i].size_bytes <= WINDOW_LIMIT)
			sum += state->request[i].size_bytes;
	for (uint32_t i = index + 1; i < state->bridge_count; i++)
		if (pci_bus_of(state->bridge[i].routing) == bus)
			sum += need[i];
	while (size < sum)
		size *= 2;
	return sum ? size : 0;
}

/* Bridges stand behind those above them: sizes are found from the back, places from the front. */
static void pci_windows_open(struct shim_device *device)
{
	struct pci_state *state = shim_state(device);
	uint64_t need[PCI_BRIDGES_MAX];

	for (uint32_t i = state->bridge_count; i-- > 0;) {
		const struct pci_bridge *bridge = &state->bridge[i];

		need[i] = bridge->memory.base <= bridge->memory.limit || bridge->secondary == 0
				  ? 0
				  : pci_window_need(state, i, need);
	}
	for (uint32_t i = 0; i < state->bridge_count; i++)
		if (need[i] != 0)
			pci_window_open(device, &state->bridge[i], need[i]);
}

static bool pci_place(struct shim_device *device, uint16_t routing, unsigned bar,
		      const struct device_window *window)
{
	struct pci_state *state = shim_state(device);
	struct pci_bridge *bridge = pci_bus_parent(state, pci_bus_of(routing));

	if (bridge)
		return ((window->flags & WINDOW_PREFETCHABLE) &&
			pci_place_in(device, routing, bar, &bridge->prefetch, window)) ||
		       pci_place_in(device, routing, bar, &bridge->memory, window) ||
		       pci_place_in(device, routing, bar, &bridge->io, window);
	for (unsigned i = 0; i < DEVICE_WINDOW_MAX; i++) {
		const struct device_window *host = &device->info->window[i];
		struct pci_range aperture = { .base = host->base,
					      .limit = host->base + host->size_bytes - 1,
					      .kind = host->kind };

		if (host->size_bytes != 0 && pci_place_in(device, routing, bar, &aperture, window))
			return true;
	}
	return false;
}

/* Is this a size that a base address register can want? */
static bool pci_window_sane(const struct device_window *window)
{
	uint64_t size = window->size_bytes;

	return window->kind != WINDOW_NONE && size != 0 && (size & (size - 1)) == 0 &&
	       window->base <= UINT64_MAX - (size - 1);
}

static void pci_place_one(struct shim_device *device, const struct pci_request *request)
{
	struct pci_state *state = shim_state(device);
	struct device_window window = { .kind = request->kind,
					.flags = request->flags,
					.size_bytes = request->size_bytes };
	uint16_t routing = request->routing;

	if (pci_place(device, routing, request->bar, &window)) {
		state->placed++;
		return;
	}
	state->unplaced++;
	shim_log(device, LOG_WARNING,
		 "%02x:%02x.%u: no room for window %u of 0x%llx bytes on its bus", routing >> 8,
		 routing >> 3 & 31, routing & 7, request->bar,
		 (unsigned long long)window.size_bytes);
}

/* Note what a register says: a range in use, or a wish. */
static void pci_note(struct pci_state *state, uint16_t routing, unsigned bar,
		     const struct device_window *window, bool live)
{
	if (window->base != 0)
		(void)pci_range_add(state, pci_bus_of(routing), window->kind, window->base,
				    window->base + window->size_bytes - 1);
	else if (!live && state->request_count == PCI_REQUESTS_MAX)
		state->unplaced++;
	else if (!live)
		state->request[state->request_count++] =
			(struct pci_request){ .size_bytes = window->size_bytes,
					      .routing = routing,
					      .bar = (uint8_t)bar,
					      .kind = window->kind,
					      .flags = window->flags };
}

/* Size the registers of a function. A live child's are never touched: they say ERR_BUSY. */
static void pci_function_bars(struct shim_device *device, const struct pci_function *function)
{
	struct pci_state *state = shim_state(device);
	unsigned count = function->layout == PCI_LAYOUT_ENDPOINT ? PCI_BARS_ENDPOINT
			 : function->layout == PCI_LAYOUT_BRIDGE ? PCI_BARS_BRIDGE
								 : 0;

	for (unsigned bar = 0; bar < count; bar++) {
		struct device_window window = { 0 };
		enum error error =
			shim_bus_bar_size(device, pci_name(state, function->routing), bar, &window);

		if ((error != OK && error != ERR_BUSY) || !pci_window_sane(&window))
			continue;
		pci_note(state, function->routing, bar, &window, error == ERR_BUSY);
		if (window.flags & WINDOW_64BIT)
			bar++;
	}
}

void pci_place_from(struct shim_device *device, uint32_t function, uint32_t first)
{
	struct pci_state *state = shim_state(device);

	state->request_count = 0;
	for (uint32_t i = first; i < state->bridge_count; i++) {
		struct pci_bridge *bridge = &state->bridge[i];
		unsigned bus = pci_bus_of(bridge->routing);

		pci_range_add(state, bus, WINDOW_MMIO, bridge->memory.base, bridge->memory.limit);
		pci_range_add(state, bus, WINDOW_MMIO, bridge->prefetch.base,
			      bridge->prefetch.limit);
		pci_range_add(state, bus, WINDOW_PORT, bridge->io.base, bridge->io.limit);
	}
	for (uint32_t i = function; i < state->function_count; i++)
		pci_function_bars(device, &state->function[i]);
	pci_windows_open(device);
	for (uint32_t i = 0; i < state->request_count; i++)
		pci_place_one(device, &state->request[i]);
}
