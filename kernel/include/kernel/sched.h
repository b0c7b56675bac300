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

/** The priorities that queue, a bit each. */
static inline uint32_t sched_queued(void)
{
	return (uint32_t)sched_pending;
}

/** Make a thread that waits runnable; it may preempt. */
void sched_ready_slow(struct thread *thread);
/** The same for one that does wait. */
static inline void sched_ready_waiting(struct thread *thread)
{
	struct cpu *cpu = this_cpu();
	struct thread *current = cpu->current;

	if (__builtin_expect(cpu->next || (sched_pending && sched_queued() >> thread->priority) ||
				     (current && cpu_count > 1),
			     0)) {
		sched_ready_slow(thread);
		return;
	}
	thread->state = THREAD_READY;
	cpu->next = thread;
	cpu->attention |= CPU_HAS_NEXT;
	if (current && current->priority + cpu->slice_runs <= thread->priority)
		cpu->reschedule = 1; /* to preempt, or to begin to share by time */
}
static inline void sched_ready(struct thread *thread)
{
	if (thread->state > THREAD_RUNNING && thread->state != THREAD_DEAD)
		sched_ready_waiting(thread);
}
/** A thread of the process is given the CPU, or loses it: its time goes on its account. */
static inline void sched_account_in(struct process *process, uint64_t now_tsc)
{
	process->cpu_tsc -= now_tsc;
}
static inline void sched_account_out(struct process *process, uint64_t now_tsc)
{
	process->cpu_tsc += now_tsc;
}
/** A CPU that starts needs its part of the scheduler. */
void sched_cpu_start(struct cpu *cpu);
/** Nothing and nobody wants this CPU: it may be handed on at once. What the hot paths ask; a thread
 * of low priority that queues sends them the long way, where sched_may_switch_to() is asked. */
static inline bool sched_calm(const struct cpu *cpu)
{
	return __builtin_expect(!(sched_pending | cpu->attention), 1);
}

/** May this thread be given the CPU at once, past the queues? One that may use ports is none of
 * those who wait as listener or receiver. */
static inline bool sched_may_switch_to(const struct cpu *cpu, const struct thread *thread)
{
	return !(sched_pending >> thread->priority) && !cpu->attention;
}

/** May threads of this process be given the CPU so? */
static inline bool sched_may_listen(const struct process *process)
{
	return process->port_count == 0;
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
/** Load the tables of a space. */
static inline void sched_load_space(struct cpu *cpu, struct space *space)
{
	if (cpu->space == space)
		return;
	cpu->space = space;
	space->switches++;
	MARKER(MARKER_SWITCH);
	write_cr3(space->root);
}

/* Back to ring 3, with the lock given back: entry.S. */
__attribute__((noreturn)) void thread_return(struct thread *thread);

/** The same for a thread that waited for a notification, and gets these bits. */
__attribute__((noreturn, always_inline)) static inline void
thread_return_signal(struct thread *thread, uint64_t bits)
{
	__asm__ volatile("jmp thread_return_signal" : : "a"(thread), "d"(bits) : "memory");
	__builtin_unreachable();
}

void sched_ports_load(struct cpu *cpu, struct process *process);

/** The CPU is the thread's from now on; it is in no queue, and whoever had it is accounted for and
 * in its new state. Neither of them may use ports. What is left is to return to it. */
__attribute__((always_inline)) static inline void
sched_enter(struct cpu *cpu, struct thread *thread, struct process *process)
{
	thread->state = THREAD_RUNNING;
	cpu->current = thread;
	cpu->tss.rsp[0] = (uint64_t)&thread->frame + sizeof(thread->frame);
	sched_load_space(cpu, &process->space);
}

/** sched_enter() for the hot paths of IPC: from `from`, in its new state. */
__attribute__((always_inline)) static inline void
sched_switch(struct cpu *cpu, struct process *from, struct thread *thread)
{
	struct process *process = thread->process;
	uint64_t now_tsc = tsc_read();

	sched_account_out(from, now_tsc);
	sched_account_in(process, now_tsc);
	sched_enter(cpu, thread, process);
}

/** Nothing is to be done: wait for an interrupt. Gives the lock back. */
__attribute__((noreturn, always_inline)) static inline void sched_idle(struct cpu *cpu)
{
	cpu->idle = true;
	kernel_lock_release();
	MARKER(MARKER_IDLE_ENTER);
	if (sched_idle_poll)
		__asm__ volatile("jmp idle_poll" : : "D"(cpu->stack_top) : "memory");
	__asm__ volatile("jmp idle_halt" : : "D"(cpu->stack_top) : "memory");
	__builtin_unreachable();
}

/** Take whom `next` names. */
static inline struct thread *sched_take_next(struct cpu *cpu)
{
	struct thread *thread = cpu->next;

	cpu->next = NULL;
	cpu->attention &= ~CPU_HAS_NEXT;
	return thread;
}

/** The current thread, in its new state, leaves the CPU; nothing wants attention, so that it idles.
 */
__attribute__((noreturn, always_inline)) static inline void
sched_block_idle(struct cpu *cpu, struct process *process)
{
	sched_account_out(process, tsc_read());
	cpu->current = NULL;
	sched_idle(cpu);
}

/** The current thread, in its new state, gives the CPU away: to who was made ready last, else to
 * whom schedule() finds. Does not return if it can switch at once, so nothing may be left to do. */
static inline void sched_block(struct cpu *cpu, struct thread *thread, enum thread_state state)
{
	thread->state = (uint8_t)state;
	if (__builtin_expect(sched_pending != 0, 0) &&
	    (task_waits() || thread->dying || (!cpu->next && sched_queued()))) {
		cpu->reschedule = 1;
		return;
	}
	sched_account_out(thread->process, tsc_read());
	cpu->reschedule = 0;
	if (cpu->next)
		sched_run(cpu, sched_take_next(cpu));
	cpu->current = NULL;
	sched_idle(cpu);
}

/** No thread is on the CPU: run the next one. */
__attribute__((noreturn)) static inline void sched_next(void)
{
	struct cpu *cpu = this_cpu();

	if (!cpu->next || sched_pending) /* what queues is for other CPUs to take */
		schedule();
	cpu->reschedule = 0;
	sched_run(cpu, sched_take_next(cpu));
}

/** The ports of the current process changed: let it use them from now on. */
void sched_ports_update(void);
/** The process has no ports any more: none of its threads that run now does. */
void sched_ports_revoke(const struct process *process);

#endif
