/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scheduler: 32 priorities, round robin inside one, all CPUs share the queues. Under the kernel
 * lock.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <kernel/cpu.h>
#include <kernel/process.h>

#define PRIORITY_COUNT 32

/** Make a thread that waits runnable; it may preempt. */
void sched_ready(struct thread *thread);
/** The current thread stops running (its state says why); schedule() follows at the end of the
 * entry. */
void sched_block(enum thread_state state);
/** The current thread lets others of its priority run. */
void sched_yield(void);
/** Take a thread out of whatever queue it is in. */
void sched_dequeue(struct thread *thread);
/** End of a kernel entry: pick a thread and run it, or idle. Releases the lock. */
__attribute__((noreturn)) void schedule(void);
/** Idle by polling instead of halting (idle=poll). */
extern bool sched_idle_poll;
/** Load the tables of a space (NULL: the kernel's). */
void sched_load_space(struct space *space);
/** The ports of the current process changed: let it use them from now on. */
void sched_ports_update(void);
/** Total of address-space switches. */
uint64_t sched_switches(void);

#endif
