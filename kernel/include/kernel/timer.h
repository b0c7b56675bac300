/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernel timers (one heap a CPU) and deferred tasks, both run with the kernel lock held.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include <kernel/types.h>

struct ktimer {
	uint64_t deadline_ns;
	void (*function)(struct ktimer *timer);
	uint32_t heap_index; /* + 1; 0: not armed */
	uint32_t cpu;
	bool reserved; /* has its place in every heap */
};

/** Make room for one more timer in every CPU's heap; call once per timer, before it is armed. */
enum error timer_reserve(struct ktimer *timer);
struct cpu;
/** A CPU that has just started gets room for all timers there are. */
void timer_cpu_start(struct cpu *cpu);
/** Disarm, and give the room back. */
void timer_unreserve(struct ktimer *timer);
/** Arm (again) for an absolute time. */
void timer_arm(struct ktimer *timer, uint64_t deadline_ns);
void timer_cancel(struct ktimer *timer);
/** The local timer fired: run what is due, arm the next. */
void timer_interrupt(void);

/* A piece of work that is better done outside of its caller: runs before the next thread does. */
struct ktask {
	void (*function)(struct ktask *task);
	struct ktask *next;
	bool queued;
};

/* What the scheduler has to look at before it hands the CPU on directly: a bit for each priority at
 * which threads queue, and above these two for the rest. */
extern uint64_t sched_pending;
#define SCHED_TASKS (1ull << 32) /* tasks wait */
#define SCHED_ENDING                                                                \
	(1ull << 33) /* a thread was ended while a CPU ran it, and has not left yet \
		      */

static inline bool task_waits(void)
{
	return sched_pending & SCHED_TASKS;
}

void task_post(struct ktask *task);
/** Run a bounded number of tasks. */
void task_run(void);

#endif
