/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes: creation, budgets, the end. A process is taken apart by a task once none of its
 * threads is on a CPU; its structure stays until the last reference (a handle, an object charged to
 * it) is gone.
 */
#include <lib/string.h>

#include <generated/autoconf.h>
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/device.h>
#include <kernel/ipc.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/time.h>

static struct list all = { &all, &all };
static uint32_t next_pid = 1, count;
static uint64_t switches_before; /* of processes that are gone */

enum error account_charge_pages(struct process *process, uint64_t pages)
{
	if (!process)
		return OK;
	if (pages > process->account.pages_limit - process->account.pages_used)
		return ERR_BUDGET;
	process->account.pages_used += pages;
	return OK;
}

void account_release_pages(struct process *process, uint64_t pages)
{
	if (!process)
		return;
	assert(process->account.pages_used >= pages);
	process->account.pages_used -= pages;
}

enum error account_charge_object(struct process *process)
{
	if (!process)
		return OK;
	if (process->account.objects_used >= process->account.objects_limit)
		return ERR_BUDGET;
	process->account.objects_used++;
	return OK;
}

void account_release_object(struct process *process)
{
	if (!process)
		return;
	assert(process->account.objects_used);
	process->account.objects_used--;
}

enum error account_allocate(struct process *process, size_t size_bytes, void **pointer)
{
	enum error error = account_charge_pages(process, heap_frames(size_bytes));
	void *memory;

	if (error)
		return error;
	memory = kzalloc(size_bytes);
	if (!memory) {
		account_release_pages(process, heap_frames(size_bytes));
		return ERR_NO_MEMORY;
	}
	*pointer = memory;
	return OK;
}

void account_free(struct process *process, void *pointer, size_t size_bytes)
{
	if (!pointer)
		return;
	kfree(pointer, size_bytes);
	account_release_pages(process, heap_frames(size_bytes));
}

/* A child's budget is reserved out of its parent's, so that a family never has more than its head.
 */
static enum error budget_take(struct process *parent, uint64_t pages, uint64_t objects)
{
	struct account *account = &parent->account;

	if (pages > account->pages_limit - account->pages_used ||
	    objects > account->objects_limit - account->objects_used)
		return ERR_BUDGET;
	account->pages_used += pages;
	account->objects_used += objects;
	return OK;
}

static void budget_return(struct process *process)
{
	struct process *parent = process->budget_from;

	if (!parent)
		return;
	parent->account.pages_used -= process->account.pages_limit;
	parent->account.objects_used -= process->account.objects_limit;
	process->budget_from = NULL;
}

/* What it was not told of, its parent is. */
static void log_share_return(struct process *process)
{
	if (process->budget_from)
		process->budget_from->log.dropped += process->log.dropped;
	process->log.dropped = 0;
}

bool process_may_log(struct process *process, unsigned lines)
{
	struct log_share *share;

	if (!process)
		return true;
#ifdef CONFIG_DEBUG_TRACE /* a line for each access to a device */
	return true;
#endif
	share = &process->log;
	if (process->budget_from && !log_share_take(share, lines, time_now_ns()))
		return false;
	if (share->dropped)
		log_warning("%s (pid %u): %lu lines were too many for the log, and are dropped",
			    process->name, process->pid, (unsigned long)share->dropped);
	share->dropped = 0;
	return true;
}

static void reap(struct ktask *task);

bool process_runs(const struct process *process)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_table[i] && cpu_table[i]->current &&
		    cpu_table[i]->current->process == process)
			return true;
	return false;
}

enum error process_create(struct process *parent, const char *name, uint64_t pages,
			  uint64_t objects, struct process **result)
{
	struct process *process;
	enum error error =
		object_create(parent, OBJECT_PROCESS, sizeof(*process), (void **)&process);

	if (error)
		return error;
	if (parent)
		error = budget_take(parent, pages, objects);
	if (error) {
		object_free(&process->object);
		return error;
	}
	process->budget_from = parent;
	if (parent && parent->budget_from)
		log_share_split(&parent->log, &process->log, time_now_ns());
	process->account.pages_limit = pages;
	process->account.objects_limit = objects;
	process->pid = next_pid++;
	process->parent_pid = parent ? parent->pid : 0;
	string_copy(process->name, sizeof(process->name), name);
	process->reaper.function = reap;
	handle_table_init(&process->handles);
	list_init(&process->threads);
	list_append(&all, &process->link);
	count++;
	error = space_create(process, &process->space);
	if (error) {
		process->dying = true;
		task_post(&process->reaper);
		return error;
	}
	*result = process;
	return OK;
}

/* Nothing of it runs any more. It is taken apart a piece at a time: others may want to run. */
static void reap(struct ktask *task)
{
	struct process *process = container_of(task, struct process, reaper);

	if (process_runs(process))
		return;
	if (!process->exited) {
		process->exited = true;
		if (process->instance_of)
			device_process_died(process->instance_of, process);
		ipc_server_gone(process);
	}
	if (!handle_table_destroy(process) || !space_destroy(&process->space)) {
		task_post(task);
		return;
	}
	if (process->image)
		object_release(&process->image->object);
	process->image = NULL;
	kfree(process->ports, process->port_count * sizeof(*process->ports));
	process->ports = NULL;
	process->port_count = 0;
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_table[i] && cpu_table[i]->port_owner == process)
			cpu_table[i]->port_owner = NULL;
	if (process->watcher) {
		notification_signal(process->watcher, process->watcher_bits);
		object_release(&process->watcher->object);
		process->watcher = NULL;
	}
	list_remove(&process->link);
	switches_before += process->space.switches;
	count--;
	object_release(&process->object); /* of its being alive */
}

void process_destroy(struct object *object)
{
	struct process *process = container_of(object, struct process, object);

	log_share_return(process);
	budget_return(process);
	object_free(object);
}

void process_exit(struct process *process, int64_t code)
{
	if (process->dying)
		return;
	process->dying = true;
	process->exit_code = code;
	/* Threads on other CPUs are called in; the last to leave starts the reaper. */
	for (struct list *link = process->threads.next, *next; link != &process->threads;
	     link = next) {
		struct thread *thread = container_of(link, struct thread, process_link);

		next = link->next;
		thread->dying = true;
		if (thread == current_thread())
			this_cpu()->reschedule = 1;
		else if (thread_cpu(thread))
			thread_call_in(thread);
		else
			thread_finish(thread);
	}
	if (!process_runs(process))
		task_post(&process->reaper);
}

/* As if each of its threads that run now just lost the CPU. */
static uint64_t cpu_time_tsc(const struct process *process)
{
	uint64_t now = tsc_read(), sum = process->cpu_tsc;

	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_table[i] && cpu_table[i]->current &&
		    cpu_table[i]->current->process == process)
			sum += now;
	return sum;
}

void process_info(struct process *process, struct process_info *info)
{
	*info = (struct process_info){
		.pid = process->pid,
		.parent_pid = process->parent_pid,
		.thread_count = process->thread_count,
		.exited = process->dying,
		.exit_code = process->exit_code,
		.pages_used = process->account.pages_used,
		.pages_limit = process->account.pages_limit,
		.objects_used = process->account.objects_used,
		.objects_limit = process->account.objects_limit,
		.cpu_time_ns =
			(uint64_t)(((unsigned __int128)cpu_time_tsc(process) * tsc_mult) >> 32),
		.switches = process->space.switches,
	};
	memcpy(info->name, process->name, sizeof(info->name));
}

struct process *process_next(uint32_t pid)
{
	list_for_each(process, &all, struct process, link) if (process->pid >= pid) return process;
	return NULL;
}

uint64_t process_switches(void)
{
	uint64_t sum = switches_before;

	list_for_each(process, &all, struct process, link) sum += process->space.switches;
	return sum;
}

uint32_t process_count(void)
{
	return count;
}
