/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device registers that the kernel itself accesses: naturally aligned, one instruction each.
 */
#ifndef KERNEL_MMIO_H
#define KERNEL_MMIO_H

#include <stdint.h>

#include <abi/space.h>

#define MMIO_ACCESS(bits)                                                                         \
	static inline uint##bits##_t mmio_read##bits(const volatile void __iomem *address)        \
	{                                                                                         \
		return *(const volatile uint##bits##_t __force *)address;                         \
	}                                                                                         \
	static inline void mmio_write##bits(volatile void __iomem *address, uint##bits##_t value) \
	{                                                                                         \
		*(volatile uint##bits##_t __force *)address = value;                              \
	}
MMIO_ACCESS(8)
MMIO_ACCESS(16)
MMIO_ACCESS(32)
#undef MMIO_ACCESS

#endif
