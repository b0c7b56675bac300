/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scheduler. One set of ready queues for all CPUs; a CPU that becomes idle looks there, a
 * thread that becomes ready wakes an idle CPU, or the one that runs the least important thread
 * below it.
 */
#include <abi/marker.h>
#include <kernel/apic.h>
#include <kernel/entry.h>
#include <kernel/ipc.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/time.h>

#define SLICE_NS (10 * NS_PER_MILLISECOND)

bool sched_idle_poll;

static struct list ready[PRIORITY_COUNT];
static struct ktimer slice[CPU_MAX];

static void slice_over(struct ktimer *timer);

void sched_cpu_start(struct cpu *cpu)
{
	for (unsigned i = 0; i < PRIORITY_COUNT; i++)
		if (!ready[i].next)
			list_init(&ready[i]);
	slice[cpu->index].function = slice_over;
	if (timer_reserve(&slice[cpu->index]))
		panic("sched: no memory for a timer");
}

static void enqueue(struct thread *thread)
{
	list_append(&ready[thread->priority], &thread->queue_link);
	thread->queue = &ready[thread->priority];
	sched_pending |= 1ul << thread->priority;
	thread->state = THREAD_READY;
}

/* A CPU's `next` is ready, in no queue, and more important than all that queue: others that become
 * ready send it there first. */
static void next_to_queue(struct cpu *cpu)
{
	struct thread *thread = sched_take_next(cpu);

	if (thread)
		enqueue(thread);
}

void sched_dequeue(struct thread *thread)
{
	if (!thread->queue) {
		for (unsigned i = 0; thread->state == THREAD_READY && i < cpu_count; i++)
			if (cpu_table[i] && cpu_table[i]->next == thread)
				(void)sched_take_next(cpu_table[i]);
		return;
	}
	list_remove(&thread->queue_link);
	thread->queue = NULL;
	if (thread->state == THREAD_READY && list_empty(&ready[thread->priority]))
		sched_pending &= ~(1ul << thread->priority);
}

static void slice_begin(struct cpu *cpu)
{
	if (cpu->slice_runs)
		return;
	cpu->slice_runs = true;
	timer_arm(&slice[cpu->index], time_now_ns() + SLICE_NS);
}

/* Some CPU should look at the queue because of `thread`. */
static void attract(const struct thread *thread)
{
	struct cpu *self = this_cpu(), *weakest = NULL, *equal = NULL;

	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpu_table[i];

		if (!cpu || !cpu->online || cpu == self)
			continue;
		if (cpu->idle) {
			weakest = cpu;
			break;
		}
		if (cpu->current && cpu->current->priority < thread->priority &&
		    (!weakest || cpu->current->priority < weakest->current->priority))
			weakest = cpu;
		if (cpu->current && cpu->current->priority == thread->priority)
			equal = cpu;
	}
	if (!self->current || self->current->state != THREAD_RUNNING ||
	    (self->current->priority < thread->priority && !(weakest && weakest->idle)))
		self->reschedule = 1;
	else if (weakest)
		lapic_ipi((uint8_t)weakest->apic_id, VECTOR_RESCHEDULE);
	else if (self->current->priority == thread->priority)
		slice_begin(self);
	else if (equal) /* which begins to share by time */
		lapic_ipi((uint8_t)equal->apic_id, VECTOR_RESCHEDULE);
}

void sched_ready_slow(struct thread *thread)
{
	if (thread->state == THREAD_DEAD || thread->state == THREAD_READY)
		return;
	next_to_queue(this_cpu());
	enqueue(thread);
	attract(thread);
}

void sched_yield(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current;

	next_to_queue(cpu);
	if (!(sched_queued() >> thread->priority & 1))
		return;
	enqueue(thread);
	cpu->reschedule = 1;
}

static void slice_over(struct ktimer *timer)
{
	(void)timer;
	this_cpu()->slice_runs = false;
	if (current_thread() && current_thread()->state == THREAD_RUNNING)
		sched_yield();
}

static void ports_set(struct cpu *cpu, struct port_range range, bool allow)
{
	for (uint32_t port = range.first; port < (uint32_t)range.first + range.count; port++) {
		uint8_t bit = (uint8_t)(1u << port % 8);

		cpu->iopb[port / 8] =
			(uint8_t)(allow ? cpu->iopb[port / 8] & ~bit : cpu->iopb[port / 8] | bit);
	}
}

/* Ports of the process in the CPU's bitmap: clear what stands there, set what should. */
void sched_ports_load(struct cpu *cpu, struct process *process)
{
	cpu->attention &= ~CPU_HAS_PORTS;
	cpu->tss.iopb_offset = 0xffff;
	if (!process->port_count)
		return;
	cpu->attention |= CPU_HAS_PORTS;
	if (cpu->port_owner != process || cpu->port_version != process->port_version) {
		for (uint32_t i = 0; i < cpu->port_count; i++)
			ports_set(cpu, cpu->ports[i], false);
		for (uint32_t i = 0; i < process->port_count; i++) {
			cpu->ports[i] = process->ports[i];
			ports_set(cpu, cpu->ports[i], true);
		}
		cpu->port_count = process->port_count;
		cpu->port_owner = process;
		cpu->port_version = process->port_version;
	}
	cpu->tss.iopb_offset = offsetof(struct cpu, iopb) - offsetof(struct cpu, tss);
}

void sched_ports_update(void)
{
	struct process *process = current_thread()->process;

	ipc_stop_listening(process);
	/* Where other threads of it run, none may begin to listen; they get their ports with the
	 * next switch. */
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_table[i] && cpu_table[i]->current &&
		    cpu_table[i]->current->process == process)
			cpu_table[i]->attention |= CPU_HAS_PORTS;
	sched_ports_load(this_cpu(), process);
}

void sched_ports_revoke(const struct process *process)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_table[i] && cpu_table[i]->current &&
		    cpu_table[i]->current->process == process)
			cpu_table[i]->tss.iopb_offset = 0xffff;
}

/* Take the thread off this CPU; a dying one is done for good. */
static void leave(struct cpu *cpu, struct thread *thread)
{
	sched_account_out(thread->process, tsc_read());
	cpu->current = NULL;
	if (thread->state == THREAD_RUNNING) {
		if (cpu->next && cpu->next->priority <= thread->priority)
			next_to_queue(cpu);
		enqueue(thread);
	}
	if (__builtin_expect(thread->dying, 0)) {
		struct process *process = thread->process;

		thread_finish(thread);
		if (process->dying && !process_runs(process))
			task_post(&process->reaper);
		task_run();
	}
}

static struct thread *pick(struct cpu *cpu)
{
	struct thread *thread = sched_take_next(cpu);

	if (thread)
		return thread;
	if (!sched_queued())
		return NULL;
	thread = list_first(&ready[31u - (unsigned)__builtin_clz(sched_queued())], struct thread,
			    queue_link);
	sched_dequeue(thread);
	return thread;
}

/* Does a thread wait that is more important? */
static bool outranked(const struct cpu *cpu, const struct thread *thread)
{
	return sched_queued() >> thread->priority > 1 ||
	       (cpu->next && cpu->next->priority > thread->priority);
}

void sched_run(struct cpu *cpu, struct thread *thread)
{
	struct process *process = thread->process;

	if (__builtin_expect(cpu->attention & CPU_HAS_PORTS || process->port_count, 0))
		sched_ports_load(cpu, process);
	sched_account_in(process, tsc_read());
	sched_enter(cpu, thread, process);
	thread_return(thread);
}

/* Work is left for other CPUs that have none. */
static void spread(void)
{
	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpu_table[i];

		if (cpu && cpu->idle) {
			lapic_ipi((uint8_t)cpu->apic_id, VECTOR_RESCHEDULE);
			return;
		}
	}
}

void schedule(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread;

	if (__builtin_expect(task_waits(), 0))
		task_run();
	thread = cpu->current;
	cpu->reschedule = 0;
	if (thread) {
		if (thread->state == THREAD_RUNNING && !thread->dying && !outranked(cpu, thread)) {
			if ((cpu->next && cpu->next->priority == thread->priority) ||
			    sched_queued() >> thread->priority & 1)
				slice_begin(cpu);
			if (__builtin_expect(task_waits(), 0))
				lapic_ipi((uint8_t)cpu->apic_id, VECTOR_RESCHEDULE);
			thread_return(thread);
		}
		leave(cpu, thread);
	}
	thread = pick(cpu);
	cpu->reschedule = 0;
	if (__builtin_expect(task_waits(), 0))
		lapic_ipi((uint8_t)cpu->apic_id, VECTOR_RESCHEDULE); /* more tasks: come back */
	if (!thread)
		sched_idle(cpu);
	if (__builtin_expect(sched_queued() != 0, 0)) {
		if (sched_queued() >> thread->priority & 1)
			slice_begin(cpu);
		if (cpu_count > 1)
			spread();
	}
	sched_run(cpu, thread);
}
