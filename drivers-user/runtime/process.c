/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Programs out of the archive, and threads with a stack of their own.
 */
#include <stdbool.h>

#include <lib/string.h>
#include <runtime/archive.h>
#include <runtime/process.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

#define STACK_BYTES ((uint64_t)32 << 10)

/* At the top of a new thread's stack. */
struct thread_begin {
	void (*entry)(void *argument);
	void *argument;
};

void thread_start(void);
_Noreturn void thread_main(const struct thread_begin *begin);

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool add_word(struct spawn *spawn, const char *word)
{
	size_t bytes = strlen(word) + 1;

	if (bytes > STARTUP_ARGS_BYTES - spawn->args_bytes)
		return false;
	memcpy(spawn->args + spawn->args_bytes, word, bytes);
	spawn->args_bytes += (uint32_t)bytes;
	return true;
}

static enum error fill_spawn(const struct program *program, struct spawn *spawn)
{
	const char *name = last_part(program->path);
	struct archive_file file;
	enum error error = runtime_file(program->path, &file);

	if (error)
		return error;
	if (program->handle_count > STARTUP_HANDLES_MAX || !add_word(spawn, name))
		return ERR_RANGE;
	for (const char *const *word = program->words; word && *word; word++)
		if (!add_word(spawn, *word))
			return ERR_RANGE;
	string_copy(spawn->name, sizeof(spawn->name), name);
	for (uint32_t i = 0; i < program->handle_count; i++)
		spawn->handle[i] = program->handle[i];
	spawn->handle_count = program->handle_count;
	spawn->image = runtime_handle(STARTUP_ARCHIVE);
	spawn->image_offset = file.offset;
	spawn->image_bytes = file.size_bytes;
	spawn->priority = program->priority ? program->priority : PRIORITY_PROGRAM;
	spawn->budget_pages = program->budget_pages;
	spawn->budget_objects = program->budget_objects;
	return OK;
}

enum error program_start(const struct program *program, handle_t *process)
{
	static struct spawn spawn; /* too large for a small stack */
	struct sys_result result;
	enum error error;

	memset(&spawn, 0, sizeof(spawn));
	error = fill_spawn(program, &spawn);
	if (error)
		return error;
	result = SYS1(SYS_PROCESS_SPAWN, (uintptr_t)&spawn);
	if (result.error == OK)
		*process = (handle_t)result.value;
	return result.error;
}

_Noreturn void thread_main(const struct thread_begin *begin)
{
	begin->entry(begin->argument);
	for (;;)
		SYS0(SYS_THREAD_EXIT);
}

enum error thread_create(void (*entry)(void *argument), void *argument, uint32_t priority)
{
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, STACK_BYTES, 0);
	struct sys_result result;
	struct thread_begin *begin;

	if (memory.error)
		return memory.error;
	result = SYS4(SYS_MEMORY_MAP, memory.value, 0, STACK_BYTES, RIGHT_READ | RIGHT_WRITE);
	SYS1(SYS_HANDLE_CLOSE, memory.value); /* the mapping keeps it alive */
	if (result.error)
		return result.error;
	begin = (struct thread_begin *)(result.value + STACK_BYTES) - 1;
	*begin = (struct thread_begin){ entry, argument };
	result = SYS4(SYS_THREAD_CREATE, (uintptr_t)thread_start, (uintptr_t)begin,
		      (uintptr_t)begin, priority);
	if (result.error == OK)
		SYS1(SYS_HANDLE_CLOSE, result.value);
	return result.error;
}
