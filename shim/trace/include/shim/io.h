/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Twin of shim/include/shim/io.h (or of the fake's) for the trace configuration, chosen by include
 * path: the same calls, and each register access is logged (shim/trace.h).
 */
#ifndef SHIM_TRACE_IO_H
#define SHIM_TRACE_IO_H

/* The next io.h in the path, under other names. */
#define shim_mmio         shim_raw_mmio
#define shim_port         shim_raw_port
#define shim_mmio_read8   shim_raw_mmio_read8
#define shim_mmio_read16  shim_raw_mmio_read16
#define shim_mmio_read32  shim_raw_mmio_read32
#define shim_mmio_read64  shim_raw_mmio_read64
#define shim_mmio_write8  shim_raw_mmio_write8
#define shim_mmio_write16 shim_raw_mmio_write16
#define shim_mmio_write32 shim_raw_mmio_write32
#define shim_mmio_write64 shim_raw_mmio_write64
#define shim_port_read8   shim_raw_port_read8
#define shim_port_read16  shim_raw_port_read16
#define shim_port_read32  shim_raw_port_read32
#define shim_port_write8  shim_raw_port_write8
#define shim_port_write16 shim_raw_port_write16
#define shim_port_write32 shim_raw_port_write32
#include_next <shim/io.h>
#undef shim_mmio
#undef shim_port
#undef shim_mmio_read8
#undef shim_mmio_read16
#undef shim_mmio_read32
#undef shim_mmio_read64
#undef shim_mmio_write8
#undef shim_mmio_write16
#undef shim_mmio_write32
#undef shim_mmio_write64
#undef shim_port_read8
#undef shim_port_read16
#undef shim_port_read32
#undef shim_port_write8
#undef shim_port_write16
#undef shim_port_write32

#include <shim/trace.h>

struct shim_mmio {
	struct shim_raw_mmio raw;
	uint64_t size_bytes;
	const struct shim_device *device;
	unsigned index;
};

struct shim_port {
	struct shim_raw_port raw;
	uint16_t count;
	const struct shim_device *device;
	unsigned index;
};

static inline struct shim_mmio shim_mmio(const struct shim_device *device, unsigned index)
{
	struct shim_raw_mmio raw = shim_raw_mmio(device, index);

	return (struct shim_mmio){ raw, raw.size_bytes, device, index };
}

static inline struct shim_port shim_port(const struct shim_device *device, unsigned index)
{
	struct shim_raw_port raw = shim_raw_port(device, index);

	return (struct shim_port){ raw, raw.count, device, index };
}

#define SHIM_TRACE_ACCESS(kind, offset_type, bits)                                             \
	static inline uint##bits##_t shim_##kind##_read##bits(struct shim_##kind window,       \
							      offset_type offset)              \
	{                                                                                      \
		uint##bits##_t value = shim_raw_##kind##_read##bits(window.raw, offset);       \
                                                                                               \
		shim_trace_access(window.device, 'r', window.index, offset, bits, value);      \
		return value;                                                                  \
	}                                                                                      \
	static inline void shim_##kind##_write##bits(struct shim_##kind window,                \
						     offset_type offset, uint##bits##_t value) \
	{                                                                                      \
		shim_trace_access(window.device, 'w', window.index, offset, bits, value);      \
		shim_raw_##kind##_write##bits(window.raw, offset, value);                      \
	}
SHIM_TRACE_ACCESS(mmio, uint32_t, 8)
SHIM_TRACE_ACCESS(mmio, uint32_t, 16)
SHIM_TRACE_ACCESS(mmio, uint32_t, 32)
SHIM_TRACE_ACCESS(mmio, uint32_t, 64)
SHIM_TRACE_ACCESS(port, uint16_t, 8)
SHIM_TRACE_ACCESS(port, uint16_t, 16)
SHIM_TRACE_ACCESS(port, uint16_t, 32)
#undef SHIM_TRACE_ACCESS

#endif
