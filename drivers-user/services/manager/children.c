/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The processes that the manager starts: drivers, and the shell or the program in its place, which
 * raise one signal when they end; and what callers ask it to run, which is theirs to watch.
 */
#include <lib/string.h>
#include <runtime/print.h>
#include <runtime/process.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

#include "manager.h"

#define CHILDREN_MAX    96
#define WORDS_MAX       16
#define LINE_BYTES      512
#define DRIVER_PAGES    1024
#define DRIVER_OBJECTS  128
#define PROGRAM_SHARE   4 /* a program may have this part of the memory that is free */
#define PROGRAM_OBJECTS 1024

struct child {
	enum child_kind kind;
	handle_t process;
	uint32_t device_id;
	unsigned start; /* CHILD_DRIVER: of the device's starts */
	char name[PROCESS_NAME_BYTES];
};

static struct child children[CHILDREN_MAX];
static handle_t signal_to;
static uint64_t signal_bits;

void children_open(handle_t notification, uint64_t bits)
{
	signal_to = notification;
	signal_bits = bits;
}

/* Start a program, and watch it as a child of `kind`. */
static enum error start_child(const struct program *program, enum child_kind kind,
			      struct child **out)
{
	struct child *child = children;
	enum error error;

	while (child < children + CHILDREN_MAX && child->kind != CHILD_FREE)
		child++;
	if (child == children + CHILDREN_MAX)
		return ERR_BUSY;
	error = program_start(program, &child->process);
	if (error)
		return error;
	/* Raised at once if it has ended already. */
	error = SYS3(SYS_PROCESS_WATCH, child->process, signal_to, signal_bits).error;
	if (error)
		log_line(LOG_WARNING, "manager: cannot watch %s: %s", program->path,
			 error_text(error));
	string_copy(child->name, sizeof(child->name), program->path);
	child->kind = kind;
	*out = child;
	return OK;
}

enum error children_start_driver(const struct device *device, handle_t grant)
{
	struct startup_handle handle = { STARTUP_GRANT, grant };
	const char *words[] = { device->name, NULL };
	struct program program = {
		.path = device->driver->path,
		.words = words,
		.handle = &handle,
		.handle_count = 1,
		.priority = PRIORITY_DRIVER,
		.budget_pages = DRIVER_PAGES,
		.budget_objects = DRIVER_OBJECTS,
	};
	struct child *child;
	enum error error = start_child(&program, CHILD_DRIVER, &child);

	if (error)
		return error;
	child->device_id = device->id;
	child->start = device->starts;
	return OK;
}

void children_kill_driver(const struct device *device)
{
	for (unsigned i = 0; i < CHILDREN_MAX; i++)
		if (children[i].kind == CHILD_DRIVER && children[i].device_id == device->id &&
		    children[i].start == device->starts)
			SYS1(SYS_PROCESS_KILL, children[i].process);
}

/* "NAME,ARG,ARG" into the path bin/NAME and words; the copy is cut in place. */
static enum error split_line(char *line, char *path, size_t path_bytes, const char **words)
{
	unsigned count = 0;
	char *comma;

	comma = strchr(line, ',');
	if (comma)
		*comma = 0;
	if ((size_t)snprintf(path, path_bytes, "bin/%s", line) >= path_bytes)
		return ERR_RANGE;
	while (comma) {
		if (count == WORDS_MAX)
			return ERR_RANGE;
		words[count++] = comma + 1;
		comma = strchr(comma + 1, ',');
		if (comma)
			*comma = 0;
	}
	words[count] = NULL;
	return OK;
}

static uint64_t program_pages(void)
{
	static struct system_info info;

	if (SYS1(SYS_SYSTEM_INFO, (uintptr_t)&info).error)
		return 0;
	return info.memory_free_bytes / 4096 / PROGRAM_SHARE;
}

/* Give a program what the shell gets, and start it with start(). */
static enum error start_line(const char *line, handle_t endpoint,
			     enum error (*start)(const struct program *program, void *out),
			     void *out)
{
	static char copy[LINE_BYTES];
	char path[PROCESS_NAME_BYTES + 4];
	const char *words[WORDS_MAX + 1];
	struct startup_handle handle[] = {
		{ STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) },
		{ STARTUP_ARCHIVE, runtime_handle(STARTUP_ARCHIVE) },
		{ STARTUP_MANAGER, endpoint },
	};
	struct program program = {
		.path = path,
		.words = words,
		.handle = handle,
		.handle_count = 3,
		.budget_pages = program_pages(),
		.budget_objects = PROGRAM_OBJECTS,
	};
	enum error error;

	if (!string_copy(copy, sizeof(copy), line))
		return ERR_RANGE;
	error = split_line(copy, path, sizeof(path), words);
	return error ? error : start(&program, out);
}

static enum error start_main(const struct program *program, void *out)
{
	struct child *child;

	(void)out;
	return start_child(program, CHILD_MAIN, &child);
}

static enum error start_other(const struct program *program, void *out)
{
	return program_start(program, out);
}

enum error children_start_main(const char *line, handle_t endpoint)
{
	return start_line(line, endpoint, start_main, NULL);
}

enum error children_start_program(const char *line, handle_t endpoint, handle_t *process)
{
	return start_line(line, endpoint, start_other, process);
}

static void ended(struct child *child, const struct process_info *info)
{
	enum child_kind kind = child->kind;
	unsigned level = info->exit_code && kind != CHILD_DRIVER ? LOG_WARNING : LOG_INFO;

	log_line((enum log_level)level, "manager: %s (pid %u) ended with code %ld", child->name,
		 info->pid, (long)info->exit_code);
	SYS1(SYS_HANDLE_CLOSE, child->process);
	child->kind = CHILD_FREE;
	if (kind == CHILD_DRIVER)
		policy_process_ended(child->device_id, child->start);
}

bool children_reap(void)
{
	struct process_info info;
	bool main_ended = false;

	for (unsigned i = 0; i < CHILDREN_MAX; i++) {
		struct child *child = &children[i];

		if (child->kind == CHILD_FREE ||
		    SYS2(SYS_PROCESS_INFO, child->process, (uintptr_t)&info).error || !info.exited)
			continue;
		main_ended |= child->kind == CHILD_MAIN;
		ended(child, &info);
	}
	return main_ended;
}
