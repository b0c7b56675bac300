/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an instance borrows with a grant: windows, interrupts, DMA memory; and the units it offers.
 */
#include <lib/string.h>

#include <kernel/device.h>
#include <kernel/domain.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/session.h>

#define UNITS_MAX      256u
#define POPULATE_BYTES (16 * PAGE_SIZE) /* of a window: the rest at first touch */

static enum error ports_allow(struct process *process, const struct device_window *window)
{
	struct port_range *larger;

	for (uint32_t i = 0; i < process->port_count; i++)
		if (process->ports[i].first == window->base)
			return OK;
	if (process->port_count >= PORT_RANGES_MAX)
		return ERR_BUDGET;
	larger = kzalloc((process->port_count + 1) * sizeof(*larger));
	if (!larger)
		return ERR_NO_MEMORY;
	if (process->port_count)
		memcpy(larger, process->ports, process->port_count * sizeof(*larger));
	kfree(process->ports, process->port_count * sizeof(*larger));
	larger[process->port_count++] =
		(struct port_range){ (uint16_t)window->base, (uint16_t)window->size_bytes };
	process->ports = larger;
	process->port_version++;
	sched_ports_update();
	return OK;
}

/* Two devices' registers on one page cannot be told apart by page tables. */
static bool page_shared(const struct device *device, const struct device_window *window)
{
	paddr_t start = window->base & ~PAGE_MASK;
	paddr_t end = page_round_up(window->base + window->size_bytes);

	for (struct device *other = device_next(0); other; other = device_next(other->info.id + 1))
		for (unsigned i = 0; other != device && !other->gone && i < DEVICE_WINDOW_MAX;
		     i++) {
			const struct device_window *taken = &other->info.window[i];

			if (taken->kind == WINDOW_MMIO && !(taken->flags & WINDOW_APERTURE) &&
			    taken->base < end && start < taken->base + taken->size_bytes)
				return true;
		}
	return false;
}

enum error grant_map(struct process *process, struct memory *memory, unsigned rights,
		     vaddr_t *vaddr)
{
	struct space *space = &process->space;
	uint64_t bytes = memory->page_count * PAGE_SIZE;
	vaddr_t at = GRANT_START;
	enum error error = space_map(space, memory, 0, bytes, rights, &at);

	*vaddr = 0;
	if (error)
		return error;
	error = space_populate(space, at, bytes);
	if (error)
		(void)space_unmap(space, at, bytes);
	else
		*vaddr = at;
	return error;
}

/* A process that ends needs no more than to be locked out: its tables go with it. */
void grant_revoke(struct process *process)
{
	space_grant_close(&process->space);
	if (!process->dying)
		(void)space_unmap(&process->space, GRANT_START, GRANT_END - GRANT_START);
}

static enum error registers_map(struct space *space, paddr_t paddr, uint64_t bytes, vaddr_t *at)
{
	enum error error = bytes ? space_map_device(space, paddr, bytes, at) : OK;

	if (error || !bytes)
		return error;
	error = space_populate(space, *at, bytes < POPULATE_BYTES ? bytes : POPULATE_BYTES);
	if (error)
		(void)space_unmap(space, *at, bytes);
	return error;
}

/* All of a window but the pages of the MSI-X table, which may raise any interrupt and write
 * anywhere; no other registers lie there [PCI 3.0 §6.8.2]. They are not entered for a moment. */
static enum error window_map(struct device *device, struct space *space, unsigned index,
			     paddr_t base, uint64_t bytes, vaddr_t *at)
{
	uint64_t table = 0, table_bytes = 0, end;
	enum error error;
	vaddr_t rest;

	if (device->info.bus != BUS_PCI || !pci_msix_table(device, index, &table, &table_bytes) ||
	    table >= bytes)
		return registers_map(space, base, bytes, at);
	error = space_map_device(space, base, bytes, at); /* room for all of it */
	if (error)
		return error;
	(void)space_unmap(space, *at, bytes);
	end = page_round_up(table + table_bytes);
	table &= ~PAGE_MASK;
	error = registers_map(space, base, table, at);
	rest = *at + end;
	return error || end >= bytes ? error : registers_map(space, base + end, bytes - end, &rest);
}

enum error device_window_map(struct device *device, struct process *process, unsigned index,
			     vaddr_t *vaddr)
{
	const struct device_window *window;
	vaddr_t at = GRANT_START;
	uint64_t in_page;
	enum error error;

	if (index >= DEVICE_WINDOW_MAX || device->info.window[index].kind == WINDOW_NONE ||
	    device->info.window[index].flags & WINDOW_APERTURE)
		return ERR_RANGE;
	window = &device->info.window[index];
	*vaddr = 0;
	if (process == device->process)
		device->window_mask |= 1u << index;
	else if (!(device->window_mask & 1u << index))
		return ERR_DENIED;
	if (window->kind == WINDOW_PORT)
		return process == device->process ? ports_allow(process, window) : OK;
	if (page_shared(device, window))
		return ERR_DENIED;
	in_page = window->base & PAGE_MASK;
	error = window_map(device, &process->space, index, window->base - in_page,
			   page_round_up(window->size_bytes + in_page), &at);
	if (!error)
		*vaddr = at + in_page;
	return error;
}

enum error device_ports_allow(struct device *device)
{
	enum error error = OK;

	for (uint32_t left = device->window_mask; left && !error; left &= left - 1) {
		const struct device_window *window = &device->info.window[__builtin_ctz(left)];

		if (window->kind == WINDOW_PORT)
			error = ports_allow(device->process, window);
	}
	return error;
}

enum error device_dma(struct device *device, unsigned index, uint64_t size_bytes,
		      struct memory **memory, uint64_t *iova)
{
	uint64_t bytes = page_round_up(size_bytes);
	enum error error;

	if (index >= DEVICE_BUFFERS_MAX || bytes > PAGE_SIZE << FRAME_ORDER_MAX)
		return ERR_RANGE;
	if (!device->buffer[index] && !size_bytes)
		return ERR_NOT_FOUND;
	if (device->buffer[index]) {
		if (device->buffer[index]->page_count * PAGE_SIZE < bytes)
			return ERR_EXISTS;
	} else {
		if (bytes > DEVICE_DMA_BYTES_MAX - device->dma_bytes)
			return ERR_BUDGET;
		error = memory_create(registry_account(), bytes, MEMORY_CONTIGUOUS, FRAME_LOW,
				      &device->buffer[index]);
		if (error)
			return error;
		device->dma_bytes += bytes;
		if (index >= device->buffer_count)
			device->buffer_count = index + 1;
	}
	*memory = device->buffer[index];
	return domain_map(device->domain, (*memory)->base, (*memory)->page_count * PAGE_SIZE, iova);
}

enum error device_interrupt_enable(struct device *device, unsigned wanted, enum interrupt_kind most,
				   unsigned *granted)
{
	uint32_t gsi = device->line_gsi;
	unsigned flags = device->line_flags;
	enum error error;

	if (device->info.interrupt_kind != INTERRUPT_NONE)
		return ERR_EXISTS;
	if (!wanted || wanted > DEVICE_INTERRUPT_MAX)
		return ERR_RANGE;
	if (device->info.bus == BUS_PCI) {
		error = pci_interrupt_enable(device, wanted, most, granted);
		if (error != ERR_UNSUPPORTED)
			return error;
		error = pci_line(pci_address_pack(device->info.pci), &gsi, &flags);
		if (error)
			return error;
	} else if (!device->has_line) {
		return ERR_UNSUPPORTED;
	}
	error = interrupt_bind_line(&device->interrupt[0], gsi, flags, device, 0);
	if (error)
		return error;
	device->info.interrupt_kind = INTERRUPT_LINE;
	device->info.interrupt_vectors = 1;
	*granted = 1;
	return OK;
}

void device_interrupt_disable(struct device *device)
{
	if (device->info.interrupt_kind == INTERRUPT_MSI ||
	    device->info.interrupt_kind == INTERRUPT_MSIX)
		pci_interrupt_disable(device);
	for (unsigned i = 0; i < device->info.interrupt_vectors; i++)
		interrupt_release(&device->interrupt[i]);
	device->info.interrupt_kind = INTERRUPT_NONE;
	device->info.interrupt_vectors = 0;
}

void device_interrupt_acknowledge(struct device *device, uint64_t signals)
{
	if (device->info.interrupt_kind == INTERRUPT_LINE && signals & 1ul << SIGNAL_INTERRUPT(0))
		interrupt_acknowledge(&device->interrupt[0]);
}

struct unit *unit_next(struct device *device, uint32_t number)
{
	struct unit *best = NULL;

	list_for_each(unit, &device->units, struct unit,
		      link) if (unit->info.unit >= number &&
				(!best || unit->info.unit < best->info.unit)) best = unit;
	return best;
}

struct unit *unit_find(struct device *device, uint32_t number)
{
	struct unit *unit = unit_next(device, number);

	return unit && unit->info.unit == number ? unit : NULL;
}

enum error unit_add(struct device *device, const struct unit_info *info)
{
	struct unit *unit = unit_find(device, info->unit);

	if (info->class_id != device->info.class_id ||
	    (info->class_id == CLASS_BLOCK &&
	     (!info->block_count || info->block_bytes < 512 || info->block_bytes > 4096 ||
	      (info->block_bytes & (info->block_bytes - 1)))))
		return ERR_INVALID;
	if (!unit) {
		if (device->info.unit_count >= UNITS_MAX)
			return ERR_BUDGET;
		unit = kzalloc(sizeof(*unit));
		if (!unit)
			return ERR_NO_MEMORY;
		list_append(&device->units, &unit->link);
		device->info.unit_count++;
	}
	unit->info = *info;
	unit->info.model[sizeof(unit->info.model) - 1] = 0;
	unit->info.serial[sizeof(unit->info.serial) - 1] = 0;
	unit->info.firmware[sizeof(unit->info.firmware) - 1] = 0;
	if (info->class_id == CLASS_NET)
		session_link_changed(device, info);
	device_event(device, EVENT_UNITS);
	return OK;
}

enum error unit_remove(struct device *device, uint32_t number)
{
	struct unit *unit = unit_find(device, number);

	if (!unit)
		return ERR_NOT_FOUND;
	list_remove(&unit->link);
	kfree(unit, sizeof(*unit));
	device->info.unit_count--;
	device_event(device, EVENT_UNITS);
	return OK;
}
