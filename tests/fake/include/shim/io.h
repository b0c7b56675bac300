/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Host twin of shim/include/shim/io.h: the same calls, but every register access goes to the
 * simulated device behind the window (tests/fake/io.c). Chosen by include path.
 */
#ifndef SHIM_IO_H
#define SHIM_IO_H

#include <shim/driver.h>

struct shim_mmio {
	const struct shim_device *device;
	unsigned index;
	uint64_t size_bytes;
};

struct shim_port {
	const struct shim_device *device;
	unsigned index;
	uint16_t count;
};

MUST_CHECK enum error shim_window_map(struct shim_device *device, unsigned index);

/** One access of the driver to the simulated device; outside of a mapped window it is a violation
 * and reads all ones. */
uint64_t fake_register_read(const struct shim_device *device, unsigned index, uint8_t kind,
			    uint32_t offset, unsigned bits);
void fake_register_write(const struct shim_device *device, unsigned index, uint8_t kind,
			 uint32_t offset, unsigned bits, uint64_t value);

static inline struct shim_mmio shim_mmio(const struct shim_device *device, unsigned index)
{
	const struct shim_window_view *window = &device->window[index];

	return (struct shim_mmio){ device, index,
				   window->kind == WINDOW_MMIO ? window->size_bytes : 0 };
}

static inline struct shim_port shim_port(const struct shim_device *device, unsigned index)
{
	const struct shim_window_view *window = &device->window[index];

	return (struct shim_port){ device, index,
				   window->kind == WINDOW_PORT ? (uint16_t)window->size_bytes : 0 };
}

#define SHIM_MMIO_ACCESS(bits)                                                                    \
	static inline uint##bits##_t shim_mmio_read##bits(struct shim_mmio mmio, uint32_t offset) \
	{                                                                                         \
		return (uint##bits##_t)fake_register_read(mmio.device, mmio.index, WINDOW_MMIO,   \
							  offset, bits);                          \
	}                                                                                         \
	static inline void shim_mmio_write##bits(struct shim_mmio mmio, uint32_t offset,          \
						 uint##bits##_t value)                            \
	{                                                                                         \
		fake_register_write(mmio.device, mmio.index, WINDOW_MMIO, offset, bits, value);   \
	}
SHIM_MMIO_ACCESS(8)
SHIM_MMIO_ACCESS(16)
SHIM_MMIO_ACCESS(32)
SHIM_MMIO_ACCESS(64)
#undef SHIM_MMIO_ACCESS

#define SHIM_PORT_ACCESS(bits)                                                                    \
	static inline uint##bits##_t shim_port_read##bits(struct shim_port port, uint16_t offset) \
	{                                                                                         \
		return (uint##bits##_t)fake_register_read(port.device, port.index, WINDOW_PORT,   \
							  offset, bits);                          \
	}                                                                                         \
	static inline void shim_port_write##bits(struct shim_port port, uint16_t offset,          \
						 uint##bits##_t value)                            \
	{                                                                                         \
		fake_register_write(port.device, port.index, WINDOW_PORT, offset, bits, value);   \
	}
SHIM_PORT_ACCESS(8)
SHIM_PORT_ACCESS(16)
SHIM_PORT_ACCESS(32)
#undef SHIM_PORT_ACCESS

static inline void shim_write_barrier(void)
{
}

static inline void shim_read_barrier(void)
{
}

#define SHIM_CONFIG_SELF (~(uint64_t)0)

MUST_CHECK enum error shim_config_read(struct shim_device *device, uint64_t function,
				       unsigned offset, unsigned width, uint32_t *value);
MUST_CHECK enum error shim_config_write(struct shim_device *device, uint64_t function,
					unsigned offset, unsigned width, uint32_t value);

#endif
