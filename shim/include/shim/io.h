/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device registers: memory-mapped windows and port windows, by index, inline, one instruction an
 * access. Host and trace builds put another shim/io.h before this one in the include path.
 *
 * How to use: map a window in probe; in every call take it with shim_mmio() or shim_port(), which
 * are values, not pointers into anything, and access registers by byte offset.
 */
#ifndef SHIM_IO_H
#define SHIM_IO_H

#include <shim/driver.h>

struct shim_mmio {
	volatile uint8_t __iomem *base;
	uint64_t size_bytes;
};

struct shim_port {
	uint16_t base;
	uint16_t count;
};

/** Make one window of the device's grant accessible.
 *
 * @param device  device; being probed or live
 * @param index   window number, 0 ..< DEVICE_WINDOW_MAX: for PCI the base address register
 * @retval OK         also if it was mapped before
 * @retval ERR_RANGE  the device has no such window
 * @retval ERR_BUDGET, ERR_NO_MEMORY
 *
 * Context: the device's own; does not block. Source: PCI 3.0 §6.2.5.
 */
MUST_CHECK enum error shim_window_map(struct shim_device *device, unsigned index);

/** A mapped memory window. Base NULL and size 0 if `index` is not one. Context: any call of the
 * device. */
static inline struct shim_mmio shim_mmio(const struct shim_device *device, unsigned index)
{
	const struct shim_window_view *window = &device->window[index];

	return (struct shim_mmio){ window->mmio, window->mmio ? window->size_bytes : 0 };
}

/** A mapped port window. Count 0 if `index` is not one. Context: any call of the device. */
static inline struct shim_port shim_port(const struct shim_device *device, unsigned index)
{
	const struct shim_window_view *window = &device->window[index];

	return (struct shim_port){ window->port,
				   window->kind == WINDOW_PORT ? (uint16_t)window->size_bytes : 0 };
}

/* Register access. Offsets are in bytes, naturally aligned, and inside the window: the caller's
 * duty (constants of the datasheet, or checked against size_bytes). Context: any call of the
 * device. */
#define SHIM_MMIO_ACCESS(bits)                                                                    \
	static inline uint##bits##_t shim_mmio_read##bits(struct shim_mmio mmio, uint32_t offset) \
	{                                                                                         \
		return *(volatile uint##bits##_t __force *)(mmio.base + offset);                  \
	}                                                                                         \
	static inline void shim_mmio_write##bits(struct shim_mmio mmio, uint32_t offset,          \
						 uint##bits##_t value)                            \
	{                                                                                         \
		*(volatile uint##bits##_t __force *)(mmio.base + offset) = value;                 \
	}
SHIM_MMIO_ACCESS(8)
SHIM_MMIO_ACCESS(16)
SHIM_MMIO_ACCESS(32)
SHIM_MMIO_ACCESS(64)
#undef SHIM_MMIO_ACCESS

/* Port access; offsets are in ports, otherwise the same. Context: any call of the device. */
#define SHIM_PORT_ACCESS(bits, suffix)                                                            \
	static inline uint##bits##_t shim_port_read##bits(struct shim_port port, uint16_t offset) \
	{                                                                                         \
		uint##bits##_t value;                                                             \
		__asm__ volatile("in" suffix " %1, %0"                                            \
				 : "=a"(value)                                                    \
				 : "Nd"((uint16_t)(port.base + offset)));                         \
		return value;                                                                     \
	}                                                                                         \
	static inline void shim_port_write##bits(struct shim_port port, uint16_t offset,          \
						 uint##bits##_t value)                            \
	{                                                                                         \
		__asm__ volatile("out" suffix " %0, %1"                                           \
				 :                                                                \
				 : "a"(value), "Nd"((uint16_t)(port.base + offset)));             \
	}
SHIM_PORT_ACCESS(8, "b")
SHIM_PORT_ACCESS(16, "w")
SHIM_PORT_ACCESS(32, "l")
#undef SHIM_PORT_ACCESS

/** Everything written to memory before is visible to the device before anything written after. On
 * x86-64 stores are ordered, so this holds the compiler only. Context: any call of the device. */
static inline void shim_write_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

/** Nothing is read from memory after this that was fetched before. Context: any call of the device.
 */
static inline void shim_read_barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

#define SHIM_CONFIG_SELF (~(uint64_t)0)

/** Read the device's own configuration space, or, as a bus driver, that of a function on its bus.
 *
 * @param device    device
 * @param function  SHIM_CONFIG_SELF, or pci_address packed by pci_address_pack() (bus drivers only)
 * @param offset    bytes, aligned to width
 * @param width     1, 2 or 4 bytes
 * @param[out] value  unchanged on error; all ones where no function answers
 * @retval OK
 * @retval ERR_RANGE   offset or width is none
 * @retval ERR_DENIED  not this driver's function
 *
 * Context: the device's own; does not block. Source: PCI 3.0 §6.1.
 */
MUST_CHECK enum error shim_config_read(struct shim_device *device, uint64_t function,
				       unsigned offset, unsigned width, uint32_t *value);

/** Write configuration space; parameters as above.
 *
 * @retval ERR_DENIED  the register is the kernel's: base addresses, decode and bus master enable,
 * MSI, MSI-X
 */
MUST_CHECK enum error shim_config_write(struct shim_device *device, uint64_t function,
					unsigned offset, unsigned width, uint32_t value);

#endif
