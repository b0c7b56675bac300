/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scheduler: 32 priorities, round robin inside one, all CPUs share the queues. Under the kernel
 * lock.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <abi/marker.h>
#include <kernel/cpu.h>
#include <kernel/process.h>
#include <kernel/time.h>

#define PRIORITY_COUNT 32

extern uint32_t sched_ready_mask; /* priorities that queue */

/** Make a thread that waits runnable; it may preempt. */
void sched_ready_slow(struct thread *thread);
static inline void sched_ready(struct thread *thread)
{
	struct cpu *cpu = this_cpu();

	if (cpu->next || thread->state <= THREAD_RUNNING || thread->state == THREAD_DEAD ||
	    sched_ready_mask >> thread->priority || (cpu_count > 1 && cpu->current)) {
		sched_ready_slow(thread);
		return;
	}
	thread->state = THREAD_READY;
	thread->cpu = cpu->index;
	cpu->next = thread;
	if (cpu->current && cpu->current->priority + cpu->slice_runs <= thread->priority)
		cpu->reschedule = 1; /* to preempt, or to begin to share by time */
}
/** The time since the thread was given the CPU goes on its account. */
static inline void sched_account(struct cpu *cpu, struct thread *thread)
{
	uint64_t now = tsc_read();

	thread->process->cpu_tsc += now - cpu->run_since_tsc;
	cpu->run_since_tsc = now;
}
/** A CPU that starts needs its part of the scheduler. */
void sched_cpu_start(struct cpu *cpu);
/** May this thread be given the CPU at once, past the queues? */
static inline bool sched_may_switch_to(const struct cpu *cpu, const struct thread *thread)
{
	return !(sched_ready_mask >> thread->priority) && !cpu->next && !task_waits();
}
/** Give the CPU to a thread that is in no queue; whoever had it is accounted for and in its new
 * state. */
__attribute__((noreturn)) void sched_run(struct cpu *cpu, struct thread *thread);
/** The current thread lets others of its priority run. */
void sched_yield(void);
/** Take a thread out of whatever queue it is in. */
void sched_dequeue(struct thread *thread);
/** End of a kernel entry: pick a thread and run it, or idle. Releases the lock. */
__attribute__((noreturn)) void schedule(void);
/** Idle by polling instead of halting (idle=poll). */
extern bool sched_idle_poll;
/** Load the tables of a space (NULL: the kernel's). */
static inline void sched_load_space(struct space *space)
{
	struct cpu *cpu = this_cpu();

	if (cpu->space == space)
		return;
	cpu->space = space;
	cpu->switches++;
	MARKER(MARKER_SWITCH);
	write_cr3(space ? space->root : kernel_cr3);
}

__attribute__((noreturn)) void thread_return(struct thread *thread); /* entry.S */

/** sched_run() for the two hot paths of IPC: from `from`, in its new state, to `to`, in no queue.
 */
__attribute__((noreturn, always_inline)) static inline void
sched_switch(struct cpu *cpu, struct thread *from, struct thread *to)
{
	struct process *process = to->process;

	sched_account(cpu, from);
	if (__builtin_expect(process->port_count != 0, 0))
		sched_run(cpu, to);
	to->state = THREAD_RUNNING;
	to->cpu = cpu->index;
	cpu->current = to;
	cpu->tss.rsp[0] = (uint64_t)&to->frame + sizeof(to->frame);
	cpu->tss.iopb_offset = 0xffff;
	process->switches++;
	sched_load_space(&process->space);
	thread_return(to);
}

/** Nothing is to be done: wait for an interrupt. Gives the lock back. */
__attribute__((noreturn)) void sched_idle(struct cpu *cpu);

/** The current thread, in its new state, gives the CPU away: to who was made ready last, else to
 * whom schedule() finds. Does not return if it can switch at once, so nothing may be left to do. */
static inline void sched_block(enum thread_state state)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current, *next = cpu->next;

	thread->state = (uint8_t)state;
	if (task_waits() || thread->dying || (!next && sched_ready_mask)) {
		cpu->reschedule = 1;
		return;
	}
	sched_account(cpu, thread);
	cpu->next = NULL;
	cpu->reschedule = 0;
	if (next)
		sched_run(cpu, next);
	cpu->current = NULL;
	sched_idle(cpu);
}

/** No thread is on the CPU: run the next one. */
__attribute__((noreturn)) static inline void sched_next(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *next = cpu->next;

	if (!next || task_waits())
		schedule();
	cpu->next = NULL;
	cpu->reschedule = 0;
	sched_run(cpu, next);
}

/** The ports of the current process changed: let it use them from now on. */
void sched_ports_update(void);
/** The process has no ports any more: none of its threads that run now does. */
void sched_ports_revoke(const struct process *process);
/** Total of address-space switches. */
uint64_t sched_switches(void);

#endif
