/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time without a system call: the time-stamp counter, scaled as the kernel says at start-up.
 */
#ifndef RUNTIME_TIME_H
#define RUNTIME_TIME_H

#include <runtime/startup.h>
#include <runtime/syscall.h>

/** Nanoseconds since boot; the kernel's deadlines count the same. Context: any. */
static inline uint64_t now_ns(void)
{
	const struct startup *startup = runtime_startup;
	uint64_t ticks = __builtin_ia32_rdtsc() - startup->tsc_base;

	return (uint64_t)((unsigned __int128)ticks * startup->tsc_mult >> 32);
}

/** Do nothing until a time, as now_ns() counts. Context: the calling thread blocks. */
static inline void sleep_until(uint64_t deadline_ns)
{
	SYS1(SYS_SLEEP_UNTIL, deadline_ns);
}

#endif
