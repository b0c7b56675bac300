/* SPDX-License-Identifier: BSD-2-Clause
 *
 * DMA memory of a ring-0 instance: the grant's buffers, seen through the physical map.
 */
#include <backend/backend.h>
#include <shim/dma.h>

enum error shim_dma_allocate(struct shim_device *device, unsigned index, uint64_t size_bytes)
{
	struct memory *memory;
	uint64_t iova;
	enum error error;

	if (index >= device->buffer_count)
		return ERR_RANGE;
	if (device->buffer[index].cpu)
		return size_bytes <= device->buffer[index].size_bytes ? OK : ERR_EXISTS;
	error = device_dma(instance_of(device)->owner, index, size_bytes, &memory, &iova);
	if (error)
		return error;
	device->buffer[index] = (struct shim_buffer_view){
		.cpu = phys_to_virt(memory->base),
		.iova = iova,
		.size_bytes = memory->page_count * PAGE_SIZE,
	};
	return OK;
}

enum error shim_dma_enable(struct shim_device *device)
{
	struct device *owner = instance_of(device)->owner;

	if (owner->info.bus == BUS_PCI)
		pci_master(owner);
	return OK;
}
