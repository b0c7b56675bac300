/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time since boot, by the time-stamp counter.
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <stdint.h>

#define NS_PER_SECOND      1000000000ull
#define NS_PER_MILLISECOND 1000000ull
#define NS_PER_MICROSECOND 1000ull

/* For struct startup: ns = (rdtsc - tsc_base) * tsc_mult >> 32. tsc_mult is 0 before time_init().
 */
extern uint64_t tsc_mult, tsc_base, tsc_hz;

/** Calibrate the counter against the HPET, the ACPI timer or the PIT: 1 or 10 ms.
 * Context: boot, after acpi_init(), interrupts off. */
void time_init(void);

static inline uint64_t tsc_read(void)
{
	uint64_t low, high; /* whose upper halves are cleared */

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return high << 32 | low;
}

/** Nanoseconds since the kernel's entry; 0 before time_init(). */
static inline uint64_t time_now_ns(void)
{
	return (uint64_t)(((unsigned __int128)(tsc_read() - tsc_base) * tsc_mult) >> 32);
}

/** Spin. Context: boot and platform code only; before time_init() by port accesses. */
void time_delay_ns(uint64_t duration_ns);

#endif
