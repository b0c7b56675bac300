/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Port I/O, for kernel code. Drivers use shim/io.h.
 */
#ifndef KERNEL_PORT_H
#define KERNEL_PORT_H

#include <stdint.h>

#define PORT_ACCESS(bits, suffix)                                                    \
	static inline uint##bits##_t port_read##bits(uint16_t port)                  \
	{                                                                            \
		uint##bits##_t value;                                                \
		__asm__ volatile("in" suffix " %1, %0" : "=a"(value) : "Nd"(port));  \
		return value;                                                        \
	}                                                                            \
	static inline void port_write##bits(uint16_t port, uint##bits##_t value)     \
	{                                                                            \
		__asm__ volatile("out" suffix " %0, %1" : : "a"(value), "Nd"(port)); \
	}
PORT_ACCESS(8, "b")
PORT_ACCESS(16, "w")
PORT_ACCESS(32, "l")
#undef PORT_ACCESS

#endif
