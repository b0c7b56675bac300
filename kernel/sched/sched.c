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
static uint32_t ready_mask;
static uint64_t switches;
static struct ktimer slice[CPU_MAX];

__attribute__((noreturn)) void thread_return(struct thread *thread);
__attribute__((noreturn)) void idle_halt(uint64_t stack_top);
__attribute__((noreturn)) void idle_poll(uint64_t stack_top);

uint64_t sched_switches(void)
{
	return switches;
}

static void enqueue(struct thread *thread)
{
	if (!ready[thread->priority].next)
		list_init(&ready[thread->priority]);
	list_append(&ready[thread->priority], &thread->queue_link);
	thread->queue = &ready[thread->priority];
	ready_mask |= 1u << thread->priority;
	thread->state = THREAD_READY;
}

void sched_dequeue(struct thread *thread)
{
	if (!thread->queue)
		return;
	list_remove(&thread->queue_link);
	thread->queue = NULL;
	if (thread->state == THREAD_READY && list_empty(&ready[thread->priority]))
		ready_mask &= ~(1u << thread->priority);
}

/* Some CPU should look at the queue because of `thread`. */
static void attract(const struct thread *thread)
{
	struct cpu *self = this_cpu(), *weakest = NULL;

	if (!self->current) {
		self->reschedule = 1;
		return;
	}
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
	}
	if (self->current->state != THREAD_RUNNING ||
	    (self->current->priority < thread->priority && !(weakest && weakest->idle)))
		self->reschedule = 1;
	else if (weakest)
		lapic_ipi((uint8_t)weakest->apic_id, VECTOR_RESCHEDULE);
	else if (self->current->priority == thread->priority && !slice[self->index].heap_index &&
		 slice[self->index].reserved)
		timer_arm(&slice[self->index], time_now_ns() + SLICE_NS);
}

void sched_ready(struct thread *thread)
{
	if (thread->state == THREAD_DEAD || thread->state == THREAD_READY)
		return;
	enqueue(thread);
	attract(thread);
}

void sched_block(enum thread_state state)
{
	current_thread()->state = (uint8_t)state;
	this_cpu()->reschedule = 1;
}

void sched_yield(void)
{
	struct thread *thread = current_thread();

	if (!(ready_mask >> thread->priority & 1))
		return;
	enqueue(thread);
	this_cpu()->reschedule = 1;
}

static void slice_over(struct ktimer *timer)
{
	(void)timer;
	if (current_thread() && current_thread()->state == THREAD_RUNNING)
		sched_yield();
}

void sched_load_space(struct space *space)
{
	struct cpu *cpu = this_cpu();

	if (cpu->space == space)
		return;
	cpu->space = space;
	cpu->switches++;
	switches++;
	MARKER(MARKER_SWITCH);
	write_cr3(space ? space->root : kernel_cr3);
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
static void ports_load(struct cpu *cpu, struct process *process)
{
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
	ports_load(this_cpu(), current_thread()->process);
}

static void account_time(struct cpu *cpu, struct thread *from, uint64_t now)
{
	if (from)
		from->process->cpu_time_ns += now - cpu->run_since_ns;
	cpu->run_since_ns = now;
}

/* Take the thread off this CPU; a dying one is done for good. */
static void leave(struct cpu *cpu, struct thread *thread)
{
	struct process *process = thread->process;

	cpu->current = NULL;
	process->running_count--;
	if (thread->state == THREAD_RUNNING)
		enqueue(thread);
	if (thread->dying)
		thread_finish(thread);
	if (process->dying && !process->running_count)
		task_post(&process->reaper);
}

static struct thread *pick(void)
{
	while (ready_mask) {
		unsigned priority = 31u - (unsigned)__builtin_clz(ready_mask);
		struct thread *thread = list_first(&ready[priority], struct thread, queue_link);

		sched_dequeue(thread);
		return thread;
	}
	return NULL;
}

static bool outranked(const struct thread *thread)
{
	return ready_mask && 31u - (unsigned)__builtin_clz(ready_mask) > thread->priority;
}

__attribute__((noreturn)) static void run(struct cpu *cpu, struct thread *thread)
{
	struct process *process = thread->process;

	thread->state = THREAD_RUNNING;
	thread->cpu = cpu->index;
	cpu->current = thread;
	process->running_count++;
	process->switches++;
	cpu->tss.rsp[0] = (uint64_t)&thread->frame + sizeof(thread->frame);
	if (process->port_count)
		ports_load(cpu, process);
	else
		cpu->tss.iopb_offset = 0xffff;
	sched_load_space(&process->space);
	if (ready_mask >> thread->priority & 1 && slice[cpu->index].reserved &&
	    !slice[cpu->index].heap_index)
		timer_arm(&slice[cpu->index], time_now_ns() + SLICE_NS);
	thread_return(thread);
}

__attribute__((noreturn)) static void idle(struct cpu *cpu)
{
	cpu->idle = true;
	kernel_lock_release();
	MARKER(MARKER_IDLE_ENTER);
	if (sched_idle_poll)
		idle_poll(cpu->stack_top);
	idle_halt(cpu->stack_top);
}

void schedule(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current;
	bool more = task_run();

	thread = cpu->current;
	cpu->reschedule = 0;
	if (!slice[cpu->index].reserved) {
		slice[cpu->index].function = slice_over;
		if (timer_reserve(&slice[cpu->index]))
			panic("sched: no memory for a timer");
	}
	if (thread && (thread->state != THREAD_RUNNING || thread->dying || outranked(thread))) {
		account_time(cpu, thread, time_now_ns());
		leave(cpu, thread);
		more = task_run() || more;
		thread = NULL;
	}
	if (thread)
		thread_return(thread);
	thread = pick();
	if (!thread && more)
		lapic_ipi((uint8_t)cpu->apic_id, VECTOR_RESCHEDULE);
	cpu->reschedule = 0;
	if (!thread)
		idle(cpu);
	cpu->run_since_ns = time_now_ns();
	run(cpu, thread);
}
