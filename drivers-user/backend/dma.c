/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim's DMA buffers in ring 3: the kernel allocates them in the device's grant and maps them
 * here; the next instance, in either ring, finds them again.
 */
#include <runtime/syscall.h>
#include <shim/dma.h>

#include "backend.h"

enum error shim_dma_allocate(struct shim_device *device, unsigned index, uint64_t size_bytes)
{
	struct dma_info info;
	struct sys_result result;

	if (index >= device->buffer_count)
		return ERR_RANGE;
	if (device->buffer[index].cpu)
		return size_bytes <= device->buffer[index].size_bytes ? OK : ERR_EXISTS;
	result = SYS4(SYS_DMA_ALLOCATE, instance.grant, index, size_bytes, (uintptr_t)&info);
	if (result.error)
		return result.error;
	device->buffer[index] = (struct shim_buffer_view){
		.cpu = (uint8_t *)info.vaddr,
		.iova = info.iova,
		.size_bytes = info.size_bytes,
	};
	return OK;
}

enum error shim_dma_enable(struct shim_device *device)
{
	(void)device;
	return SYS1(SYS_DMA_ENABLE, instance.grant).error;
}
