/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernel files on the host: a test includes this, then the kernel's .c file. Physical memory is an
 * arena with a piece below 4 GiB and one above; the clock and the current CPU are variables.
 */
#ifndef TESTS_UNIT_KERNEL_HOST_H
#define TESTS_UNIT_KERNEL_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define phys_to_virt kernel_phys_to_virt
#define virt_to_phys kernel_virt_to_phys
#define this_cpu     kernel_this_cpu
#define time_now_ns  kernel_time_now_ns
#include <kernel/cpu.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/time.h>
#include <kernel/types.h>
#undef phys_to_virt
#undef virt_to_phys
#undef this_cpu
#undef time_now_ns

#define HOST_LOW_START  UINT64_C(0x100000)
#define HOST_HIGH_START UINT64_C(0x100000000)
#define HOST_ARENA      ((uint64_t)24 << 20) /* each */
#define HOST_TOP        (HOST_HIGH_START + HOST_ARENA)

static uint8_t host_low[HOST_ARENA] __attribute__((aligned(4096), unused));
static uint8_t host_high[HOST_ARENA] __attribute__((aligned(4096), unused));
static struct cpu *host_cpu __attribute__((unused));
static uint64_t host_now_ns __attribute__((unused));
static uint64_t host_looks __attribute__((unused)); /* at physical memory */

static inline void *phys_to_virt(paddr_t paddr)
{
	host_looks++;
	if (paddr >= HOST_HIGH_START) {
		assert_true(paddr < HOST_TOP);
		return host_high + (paddr - HOST_HIGH_START);
	}
	assert_true(paddr >= HOST_LOW_START && paddr < HOST_LOW_START + HOST_ARENA);
	return host_low + (paddr - HOST_LOW_START);
}

static inline paddr_t virt_to_phys(const void *pointer)
{
	const uint8_t *at = pointer;

	if (at >= host_high && at < host_high + HOST_ARENA)
		return HOST_HIGH_START + (uint64_t)(at - host_high);
	assert_true(at >= host_low && at < host_low + HOST_ARENA);
	return HOST_LOW_START + (uint64_t)(at - host_low);
}

static inline struct cpu *this_cpu(void)
{
	return host_cpu;
}

static inline uint64_t time_now_ns(void)
{
	return host_now_ns;
}

void panic(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	fail_msg("the kernel panics");
	abort();
}

#endif
