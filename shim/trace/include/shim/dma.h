/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Twin of shim/include/shim/dma.h for the trace configuration: that a driver asks for a bus address
 * is logged, as buffer and offset.
 */
#ifndef SHIM_TRACE_DMA_H
#define SHIM_TRACE_DMA_H

#define shim_dma_iova shim_raw_dma_iova
#include_next <shim/dma.h>
#undef shim_dma_iova

#include <shim/trace.h>

static inline shim_iova_t shim_dma_iova(const struct shim_device *device, unsigned index,
					uint64_t offset)
{
	shim_trace_iova(device, index, offset);
	return shim_raw_dma_iova(device, index, offset);
}

#endif
