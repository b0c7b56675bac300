/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls about processes and memory.
 */
#include <kernel/ipc.h>

#include "syscall.h"

#define SYSCALL_INSTRUCTION_BYTES 2

#define PROCESS_RIGHTS (RIGHT_READ | RIGHT_MANAGE | RIGHT_TRANSFER | RIGHT_DUPLICATE)
#define MEMORY_RIGHTS \
	(RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_REVOKE)

static struct result process_handle(struct process *process)
{
	handle_t handle;
	enum error error = handle_insert(caller(), &process->object, PROCESS_RIGHTS, 0, &handle);

	return error ? failed(error) : done(handle);
}

HANDLER(sys_process_spawn)
{
	struct spawn *spawn = kzalloc(sizeof(*spawn));
	struct process *process;
	struct memory *image;
	struct result result;
	enum error error;

	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!spawn)
		return failed(ERR_NO_MEMORY);
	error = user_read(spawn, user(a), sizeof(*spawn));
	if (!error)
		error = handle_object(caller(), spawn->image, OBJECT_MEMORY, RIGHT_READ, &image);
	if (!error && spawn->priority > current_thread()->priority)
		error = ERR_DENIED;
	spawn->name[PROCESS_NAME_BYTES - 1] = 0;
	if (!error)
		error = process_spawn(caller(), spawn, image, &process);
	kfree(spawn, sizeof(*spawn));
	if (error)
		return failed(error);
	result = process_handle(process);
	if (result.error)
		process_exit(process, -1);
	object_release(&process->object);
	return result;
}

HANDLER(sys_process_kill)
{
	struct process *process;
	enum error error =
		handle_object(caller(), (handle_t)a, OBJECT_PROCESS, RIGHT_MANAGE, &process);

	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (process->dying)
		return failed(ERR_GONE);
	process_exit(process, -2);
	return done(0);
}

HANDLER(sys_process_watch)
{
	struct notification *notification;
	struct process *process;
	enum error error =
		handle_object(caller(), (handle_t)a, OBJECT_PROCESS, RIGHT_READ, &process);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = handle_object(caller(), (handle_t)b, OBJECT_NOTIFICATION, RIGHT_WRITE,
				      &notification);
	if (error)
		return failed(error);
	if (process->exited) {
		notification_signal(notification, c);
		return done(0);
	}
	object_reference(&notification->object);
	if (process->watcher)
		object_release(&process->watcher->object);
	process->watcher = notification;
	process->watcher_bits = c;
	return done(0);
}

HANDLER(sys_process_info)
{
	struct process *process = caller();
	struct process_info info;
	enum error error =
		a ? handle_object(caller(), (handle_t)a, OBJECT_PROCESS, RIGHT_READ, &process) : OK;

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	process_info(process, &info);
	return failed(user_write(user(b), &info, sizeof(info)));
}

HANDLER(sys_process_exit)
{
	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	process_exit(caller(), (int64_t)a);
	return done(0);
}

static enum error registry_check(uint64_t handle, uint32_t rights)
{
	struct handle_entry *entry;

	return handle_lookup(caller(), (handle_t)handle, OBJECT_REGISTRY, rights, &entry);
}

HANDLER(sys_process_open)
{
	struct process *process = process_next((uint32_t)b);
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (!process || process->pid != b)
		return failed(ERR_NOT_FOUND);
	return process_handle(process);
}

HANDLER(sys_process_list)
{
	struct process *process = process_next((uint32_t)b);
	struct process_info info;
	enum error error = registry_check(a, RIGHT_READ);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (!process)
		return failed(ERR_NOT_FOUND);
	process_info(process, &info);
	return failed(user_write(user(c), &info, sizeof(info)));
}

/* Another system call from where this one came, with these first two arguments: for work that is
 * done a piece at a time, so that others may run in between. */
static struct result again(enum syscall number, uint64_t a, uint64_t b)
{
	struct thread *thread = current_thread();

	thread->frame.rip -= SYSCALL_INSTRUCTION_BYTES;
	thread->frame.rdi = a;
	thread->frame.rsi = b;
	this_cpu()->reschedule = 1; /* these registers come back too */
	return (struct result){ number, 0 };
}

static struct result commit(struct memory *memory, handle_t handle, uint64_t a, uint64_t flags)
{
	bool more = false;
	enum error error = memory_commit(memory, &more);

	if (error) {
		(void)handle_close(caller(), handle);
		return failed(error);
	}
	return more ? again(SYS_MEMORY_CREATE, a, (uint64_t)handle << 32 | flags) : done(handle);
}

/* Above the flags stands the handle of an object of which more is to be committed: see again(). */
HANDLER(sys_memory_create)
{
	uint32_t flags = (uint32_t)b;
	handle_t handle = (handle_t)(b >> 32);
	struct memory *memory;
	enum error error;

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (handle) {
		error = handle_object(caller(), handle, OBJECT_MEMORY, RIGHT_WRITE, &memory);
		if (!error && !(memory->flags & MEMORY_COMMITTED))
			error = ERR_INVALID;
		return error ? failed(error) : commit(memory, handle, a, flags);
	}
	error = memory_create(caller(), a, flags, 0, &memory);
	if (error)
		return failed(error);
	error = handle_insert(caller(), &memory->object, MEMORY_RIGHTS, 0, &handle);
	object_release(&memory->object);
	if (error)
		return failed(error);
	if (!(flags & MEMORY_COMMITTED) || flags & MEMORY_CONTIGUOUS)
		return done(handle);
	return commit(memory, handle, a, flags);
}

HANDLER(sys_memory_map)
{
	struct memory *memory;
	vaddr_t vaddr = 0;
	enum error error;

	UNUSED(e), UNUSED(f);
	if (d & ~(uint64_t)(RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE))
		return failed(ERR_INVALID);
	error = handle_object(caller(), (handle_t)a, OBJECT_MEMORY, (uint32_t)d, &memory);
	if (!error)
		error = space_map(&caller()->space, memory, b, c, (unsigned)d, &vaddr);
	return error ? failed(error) : done(vaddr);
}

HANDLER(sys_memory_unmap)
{
	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (a < GRANT_END && (b > GRANT_END || a + b > GRANT_START))
		return failed(ERR_DENIED); /* what is borrowed there is the kernel's to take away */
	return failed(space_unmap(&caller()->space, a, b));
}
