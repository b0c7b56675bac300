/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads, the table that numbers them, and what happens when one faults.
 */
#include <lib/string.h>

#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/elf.h>
#include <kernel/entry.h>
#include <kernel/ipc.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/time.h>

#define THREADS_MAX 65536u
#define RFLAGS_USER 0x202u /* interrupts on */

#define REPORT_LINES 16 /* of a fault, or thereabouts */

struct thread **thread_table;
uint32_t thread_capacity;
static uint32_t count, last_id;

uint32_t thread_total(void)
{
	return count;
}

struct thread *thread_next(uint32_t *id)
{
	for (; *id < thread_capacity; (*id)++)
		if (thread_table[*id])
			return thread_table[*id];
	return NULL;
}

static enum error table_grow(void)
{
	uint32_t larger = thread_capacity ? thread_capacity * 2 : 64;
	struct thread **copy;

	if (larger > THREADS_MAX)
		return ERR_NO_MEMORY;
	copy = kzalloc(larger * sizeof(*copy));
	if (!copy)
		return ERR_NO_MEMORY;
	if (thread_capacity)
		memcpy(copy, thread_table, thread_capacity * sizeof(*copy));
	kfree(thread_table, thread_capacity * sizeof(*copy));
	thread_table = copy;
	thread_capacity = larger;
	return OK;
}

static enum error id_take(struct thread *thread)
{
	if (count == thread_capacity) {
		enum error error = table_grow();

		if (error)
			return error;
	}
	do {
		last_id = (last_id + 1) % thread_capacity;
	} while (thread_table[last_id]);
	thread_table[last_id] = thread;
	thread->id = last_id;
	thread->token = (uint64_t)(uint32_t)time_now_ns() << 32 | thread->id;
	count++;
	return OK;
}

enum error thread_create(struct process *process, vaddr_t entry, vaddr_t stack_top,
			 uint64_t argument, unsigned priority, struct thread **result)
{
	struct thread *thread;
	enum error error;

	if (entry >= USER_END || stack_top > USER_END || !priority || priority >= PRIORITY_COUNT)
		return ERR_INVALID;
	if (process->dying)
		return ERR_GONE;
	error = object_create(process, OBJECT_THREAD, sizeof(*thread), (void **)&thread);
	if (error)
		return error;
	error = timer_reserve(&thread->timer);
	if (!error)
		error = id_take(thread);
	if (error) {
		timer_unreserve(&thread->timer);
		object_free(&thread->object);
		return error;
	}
	thread->timer.function = thread_timeout;
	thread->process = process;
	thread->priority = (uint8_t)priority;
	thread->state = THREAD_WAITING;
	thread->full_frame = 1;
	thread->frame.rip = entry;
	thread->frame.cs = SELECTOR_USER_CODE;
	thread->frame.ss = SELECTOR_USER_DATA;
	thread->frame.rflags = RFLAGS_USER;
	thread->frame.rsp = stack_top;
	thread->frame.rdi = argument;
	list_append(&process->threads, &thread->process_link);
	process->thread_count++;
	*result = thread;
	return OK;
}

struct cpu *thread_cpu(const struct thread *thread)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_table[i] && cpu_table[i]->current == thread)
			return cpu_table[i];
	return NULL;
}

static uint32_t ending; /* threads that were called in and have not left */

void thread_call_in(struct thread *thread)
{
	lapic_ipi((uint8_t)thread_cpu(thread)->apic_id, VECTOR_RESCHEDULE);
	if (thread->called_in)
		return;
	thread->called_in = true;
	ending++;
	sched_pending |= SCHED_ENDING;
}

void thread_finish(struct thread *thread)
{
	struct process *process = thread->process;

	if (thread->state == THREAD_DEAD)
		return;
	if (thread->called_in && --ending == 0)
		sched_pending &= ~SCHED_ENDING;
	sched_dequeue(thread);
	ipc_detach(thread);
	thread->state = THREAD_DEAD;
	timer_unreserve(&thread->timer);
	thread_table[thread->id] = NULL;
	count--;
	list_remove(&thread->process_link);
	process->thread_count--;
	if (!process->thread_count)
		process_exit(process, process->exit_code);
	object_release(&thread->object);
}

void thread_destroy(struct object *object)
{
	object_free(object);
}

/* Reports about ring 3: its memory through its mappings, its names out of its file. */
static bool report_read_user(void *context, uint64_t vaddr, uint64_t *word)
{
	struct process *process = context;

	return copy_from_user(&process->space, word, (const void __user *)vaddr, sizeof(*word)) ==
	       OK;
}

static bool report_symbol_user(void *context, uint64_t vaddr, const char **name, uint64_t *offset)
{
	struct process *process = context;
	struct elf_symbols symbols;

	if (!process->image || !process->image->borrowed)
		return false;
	return elf_symbols_find((char *)phys_to_virt(process->image->base) + process->image_offset,
				process->image_bytes, &symbols) &&
	       elf_symbol_at(&symbols, vaddr, name, offset);
}

static void report_user_backtrace(const struct thread *thread)
{
	report_backtrace(thread->frame.rip, thread->frame.rbp, report_read_user, report_symbol_user,
			 thread->process);
}

void thread_report_current(void)
{
	const struct thread *thread = cpu_table[0] ? current_thread() : NULL;

	if (!thread)
		return;
	log_error("  on behalf of %s (pid %u):", thread->process->name, thread->process->pid);
	report_user_backtrace(thread);
}

void process_fault(struct thread *thread, const char *what)
{
	struct process *process = thread->process;

	if (process_may_log(process, REPORT_LINES)) {
		log_error("%s (pid %u): %s, the process is ended", process->name, process->pid,
			  what);
		report_registers(&thread->frame);
		report_user_backtrace(thread);
	}
	process_exit(process, -1);
}
