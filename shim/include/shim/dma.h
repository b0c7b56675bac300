/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory that driver and device share. A buffer is named by index, belongs to the device's grant,
 * and outlives the instance: a later instance finds the same buffer, content and bus address, under
 * its index.
 */
#ifndef SHIM_DMA_H
#define SHIM_DMA_H

#include <shim/driver.h>

/** A bus address: what the device sees. Not a pointer: only the device follows it. */
typedef struct {
	uint64_t value;
} shim_iova_t;

/** Get buffer `index`, zero-filled when it is new.
 *
 * @param device       device being probed or live
 * @param index        0 ..< the driver's buffer_count
 * @param size_bytes   1 .. 4 MiB; rounded up to pages; physically contiguous, aligned to its size
 * rounded up to a power of two, below 4 GiB
 * @retval OK          also if it existed with at least this size
 * @retval ERR_RANGE   no such index, or size
 * @retval ERR_EXISTS  it exists, and is smaller
 * @retval ERR_NO_MEMORY, ERR_BUDGET
 *
 * Context: the device's own; does not block.
 */
MUST_CHECK enum error shim_dma_allocate(struct shim_device *device, unsigned index,
					uint64_t size_bytes);

/** Let the device master the bus: from now on it may read and write the grant's memory. To be
 * called in probe, once the device has been reset: what an earlier instance left running in it must
 * not go on.
 *
 * @retval OK  also for a device that does no DMA
 *
 * Context: the device's own; does not block. Source: PCI 3.0 §6.2.2.
 */
MUST_CHECK enum error shim_dma_enable(struct shim_device *device);

/** CPU view of buffer `index`, `offset` bytes into it; NULL if it was not allocated. Context: any
 * call of the device. */
static inline void *shim_dma_cpu(const struct shim_device *device, unsigned index, uint64_t offset)
{
	return device->buffer[index].cpu ? device->buffer[index].cpu + offset : NULL;
}

/** Device view of the same byte of buffer `index`, at `offset`. Context: any call of the device. */
static inline shim_iova_t shim_dma_iova(const struct shim_device *device, unsigned index,
					uint64_t offset)
{
	return (shim_iova_t){ device->buffer[index].iova + offset };
}

/** Bytes of buffer `index`; 0 if it was not allocated. Context: any call of the device. */
static inline uint64_t shim_dma_size(const struct shim_device *device, unsigned index)
{
	return device->buffer[index].cpu ? device->buffer[index].size_bytes : 0;
}

#endif
