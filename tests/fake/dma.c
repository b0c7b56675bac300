/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that driver and simulated device share. Bus addresses are made up and differ from every
 * pointer; the device's accesses are checked against the regions there are.
 */
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define PAGE_BYTES       4096u
#define BUFFER_BYTES_MAX (4u << 20)

uint8_t *fake_memory(struct fake *fake, uint64_t size_bytes, uint64_t *iova)
{
	uint64_t size = (size_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	uint64_t align = PAGE_BYTES;
	struct fake_region *region;

	while (align < size)
		align *= 2;
	if (!size || fake->region_count == FAKE_REGIONS_MAX)
		return NULL;
	region = &fake->region[fake->region_count++];
	/* A hole after each region, so that running past one is seen. */
	fake->next_iova = (fake->next_iova + PAGE_BYTES + align - 1) & ~(align - 1);
	*region = (struct fake_region){ aligned_alloc(PAGE_BYTES, size), fake->next_iova, size };
	if (!region->cpu)
		abort();
	memset(region->cpu, 0, size);
	fake->next_iova += size;
	*iova = region->iova;
	return region->cpu;
}

void *fake_dma(struct fake *fake, uint64_t iova, uint64_t size_bytes)
{
	for (unsigned i = 0; i < fake->region_count; i++) {
		struct fake_region *region = &fake->region[i];

		if (iova >= region->iova && size_bytes <= region->size_bytes &&
		    iova - region->iova <= region->size_bytes - size_bytes)
			return region->cpu + (iova - region->iova);
	}
	fake_violate(fake, "the device was sent to 0x%llx, %llu bytes", (unsigned long long)iova,
		     (unsigned long long)size_bytes);
	return NULL;
}

enum error shim_dma_allocate(struct shim_device *device, unsigned index, uint64_t size_bytes)
{
	struct fake *fake = fake_of(device);
	enum error error = fake_failure(fake, FAKE_DMA_ALLOCATE);
	struct shim_buffer_view *buffer;
	uint8_t *cpu;

	if (error != OK)
		return error;
	if (index >= device->buffer_count || !size_bytes || size_bytes > BUFFER_BYTES_MAX)
		return ERR_RANGE;
	buffer = &device->buffer[index];
	if (buffer->cpu)
		return size_bytes <= buffer->size_bytes ? OK : ERR_EXISTS;
	cpu = fake_memory(fake, size_bytes, &buffer->iova);
	if (!cpu)
		return ERR_NO_MEMORY;
	buffer->cpu = cpu;
	buffer->size_bytes = (size_bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	return OK;
}

enum error shim_dma_enable(struct shim_device *device)
{
	fake_of(device)->dma_enabled = true;
	return OK;
}
