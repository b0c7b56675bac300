/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernel timers, a binary heap a CPU. Room in every heap is reserved when a timer is made, so that
 * arming never fails. Deferred tasks.
 */
#include <lib/string.h>

#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/mm.h>
#include <kernel/panic.h>
#include <kernel/time.h>
#include <kernel/timer.h>

#define TIMERS_A_TIME 64 /* timers that fire before the interrupt comes again */
#define TASKS_A_TIME  16 /* tasks run before threads get their turn */

static uint32_t reserved_count;

static enum error heap_grow(struct cpu *cpu, uint32_t capacity)
{
	struct ktimer **larger = kzalloc(capacity * sizeof(*larger));

	if (!larger)
		return ERR_NO_MEMORY;
	if (cpu->timer_count)
		memcpy(larger, cpu->timers, cpu->timer_count * sizeof(*larger));
	kfree(cpu->timers, cpu->timer_capacity * sizeof(*larger));
	cpu->timers = larger;
	cpu->timer_capacity = capacity;
	return OK;
}

enum error timer_reserve(struct ktimer *timer)
{
	uint32_t capacity = 64;

	assert(!timer->reserved);
	while (capacity < reserved_count + 1)
		capacity *= 2;
	for (unsigned i = 0; i < CPU_MAX; i++) {
		struct cpu *cpu = cpu_table[i];

		if (!cpu || cpu->timer_capacity >= capacity)
			continue;
		enum error error = heap_grow(cpu, capacity);

		if (error)
			return error;
	}
	reserved_count++;
	timer->reserved = true;
	timer->heap_index = 0;
	return OK;
}

void timer_cpu_start(struct cpu *cpu)
{
	uint32_t capacity = 64;

	while (capacity < reserved_count + 1)
		capacity *= 2;
	if (cpu->timer_capacity < capacity && heap_grow(cpu, capacity))
		panic("timer: no memory for processor %u", cpu->index);
}

void timer_unreserve(struct ktimer *timer)
{
	if (!timer->reserved)
		return;
	timer_cancel(timer);
	timer->reserved = false;
	reserved_count--;
}

static void heap_set(struct cpu *cpu, uint32_t index, struct ktimer *timer)
{
	cpu->timers[index] = timer;
	timer->heap_index = index + 1;
}

static void heap_up(struct cpu *cpu, uint32_t index, struct ktimer *timer)
{
	while (index) {
		uint32_t parent = (index - 1) / 2;

		if (cpu->timers[parent]->deadline_ns <= timer->deadline_ns)
			break;
		heap_set(cpu, index, cpu->timers[parent]);
		index = parent;
	}
	heap_set(cpu, index, timer);
}

static void heap_down(struct cpu *cpu, uint32_t index, struct ktimer *timer)
{
	for (;;) {
		uint32_t child = 2 * index + 1;

		if (child >= cpu->timer_count)
			break;
		if (child + 1 < cpu->timer_count &&
		    cpu->timers[child + 1]->deadline_ns < cpu->timers[child]->deadline_ns)
			child++;
		if (timer->deadline_ns <= cpu->timers[child]->deadline_ns)
			break;
		heap_set(cpu, index, cpu->timers[child]);
		index = child;
	}
	heap_set(cpu, index, timer);
}

void timer_cancel(struct ktimer *timer)
{
	struct cpu *cpu;
	uint32_t index;
	struct ktimer *last;

	if (!timer->heap_index)
		return;
	cpu = cpu_table[timer->cpu];
	index = timer->heap_index - 1;
	timer->heap_index = 0;
	last = cpu->timers[--cpu->timer_count];
	if (last == timer)
		return;
	if (index && cpu->timers[(index - 1) / 2]->deadline_ns > last->deadline_ns)
		heap_up(cpu, index, last);
	else
		heap_down(cpu, index, last);
}

static void local_timer_set(struct cpu *cpu)
{
	uint64_t first = cpu->timer_count ? cpu->timers[0]->deadline_ns : ~0ul;

	if (first >= cpu->timer_armed_ns)
		return; /* what is armed comes earlier, and will look again */
	cpu->timer_armed_ns = first;
	lapic_timer_arm(first);
}

void timer_arm(struct ktimer *timer, uint64_t deadline_ns)
{
	struct cpu *cpu = this_cpu();

	assert(timer->reserved);
	timer_cancel(timer);
	timer->deadline_ns = deadline_ns;
	timer->cpu = cpu->index;
	heap_up(cpu, cpu->timer_count++, timer);
	local_timer_set(cpu);
}

void timer_interrupt(void)
{
	struct cpu *cpu = this_cpu();
	uint64_t now = time_now_ns();
	uint32_t budget = cpu->timer_count < TIMERS_A_TIME ? cpu->timer_count : TIMERS_A_TIME;

	cpu->timer_armed_ns = ~0ul;
	while (budget-- && cpu->timer_count && cpu->timers[0]->deadline_ns <= now) {
		struct ktimer *timer = cpu->timers[0];

		timer_cancel(timer);
		timer->function(timer);
	}
	local_timer_set(cpu);
}

uint64_t sched_pending;
static struct ktask *task_first, **task_last = &task_first;

void task_post(struct ktask *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = NULL;
	*task_last = task;
	task_last = &task->next;
	sched_pending |= SCHED_TASKS;
	this_cpu()->reschedule = 1;
}

void task_run(void)
{
	for (unsigned i = 0; i < TASKS_A_TIME && task_first; i++) {
		struct ktask *task = task_first;

		task_first = task->next;
		if (!task_first) {
			task_last = &task_first;
			sched_pending &= ~SCHED_TASKS;
		}
		task->queued = false;
		task->function(task);
	}
}
