/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commands about the system: ps, mem, log, uptime, bench, run, kill, poweroff, reboot, echo, clear.
 */
#include <abi/log.h>
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/archive.h>
#include <runtime/devices.h>
#include <runtime/manager.h>
#include <runtime/parent.h>
#include <runtime/process.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>
#include <runtime/time.h>

#include "shell.h"

#define POLL_NS            UINT64_C(100000000) /* for ^C, while a program runs */
#define KEPT_PAGES         64
#define BACKGROUND_PAGES   512
#define BACKGROUND_OBJECTS 48

static void run_ps(int argc, char **argv)
{
	struct process_info process;

	(void)argc, (void)argv;
	print("%5s %5s %-20s %7s %17s %13s %10s\n", "pid", "from", "name", "threads",
	      "pages used/limit", "objects", "cpu");
	for (uint32_t pid = 0; process_next(&pid, &process);) {
		char cpu[24], pages[32], objects[32];

		snprintf(pages, sizeof(pages), "%llu/%llu", (unsigned long long)process.pages_used,
			 (unsigned long long)process.pages_limit);
		snprintf(objects, sizeof(objects), "%llu/%llu",
			 (unsigned long long)process.objects_used,
			 (unsigned long long)process.objects_limit);
		print("%5u %5u %-20s %7u %17s %13s %10s%s\n", process.pid, process.parent_pid,
		      process.name, process.thread_count, pages, objects,
		      duration_text(process.cpu_time_ns, cpu), process.exited ? " ended" : "");
	}
}

static bool get_system(struct system_info *info)
{
	enum error error = SYS1(SYS_SYSTEM_INFO, (uintptr_t)info).error;

	if (error != OK)
		print("the kernel does not tell: %s\n", error_text(error));
	return error == OK;
}

static void run_mem(int argc, char **argv)
{
	struct system_info info;
	char one[24], two[24];

	(void)argc, (void)argv;
	if (!get_system(&info))
		return;
	print("memory       %llu MiB, %llu MiB free\n",
	      (unsigned long long)(info.memory_bytes / MIB),
	      (unsigned long long)(info.memory_free_bytes / MIB));
	print("kernel       %s code, ", size_text(info.kernel_code_bytes, one));
	print("%s data, %s objects\n", size_text(info.kernel_data_bytes, one),
	      size_text(info.heap_bytes, two));
	print("processes    %u, %u threads, %u objects\n", info.process_count, info.thread_count,
	      info.object_count);
}

static void run_uptime(int argc, char **argv)
{
	struct system_info info;
	uint64_t seconds;

	(void)argc, (void)argv;
	if (!get_system(&info))
		return;
	seconds = info.uptime_ns / SECOND_NS;
	print("Eft %s (%s), up %llu:%02llu:%02llu, %u CPU%s, %llu address-space switches\n",
	      info.version, info.configuration, (unsigned long long)(seconds / 3600),
	      (unsigned long long)(seconds / 60 % 60), (unsigned long long)(seconds % 60),
	      info.cpu_count, info.cpu_count == 1 ? "" : "s", (unsigned long long)info.switches);
	print("started with: %s\n", info.cmdline);
}

/* --- log --- */

static const char *const level_names[] = { "panic", "error", "warning", "notice",
					   "info",  "debug", NULL };

static bool log_next(uint64_t *sequence, struct log_record *record)
{
	if (SYS3(SYS_LOG_READ, runtime_handle(STARTUP_REGISTRY), *sequence, (uintptr_t)record)
		    .error != OK)
		return false;
	*sequence = record->sequence + 1;
	return true;
}

static void print_record(const struct log_record *record)
{
	uint64_t us = record->time_ns / 1000;

	print("[%5llu.%06llu] ", (unsigned long long)(us / 1000000),
	      (unsigned long long)(us % 1000000));
	if (record->level <= LOG_WARNING)
		print("%s: ", level_names[record->level]);
	print("%.*s\n", LOG_LINE_BYTES, record->text);
}

static void print_log(unsigned level, uint64_t most)
{
	struct log_record record;
	uint64_t found = 0, seen = 0;

	for (uint64_t at = 0; log_next(&at, &record);)
		found += record.level <= level;
	for (uint64_t at = 0; seen < found && log_next(&at, &record) && !interrupted();) {
		if (record.level > level)
			continue;
		if (seen++ + most >= found)
			print_record(&record);
	}
}

void print_log_summary(void)
{
	struct log_record record;
	unsigned errors = 0, warnings = 0;

	for (uint64_t at = 0; log_next(&at, &record);) {
		errors += record.level <= LOG_ERROR;
		warnings += record.level == LOG_WARNING;
	}
	if (errors + warnings)
		print("%u errors and %u warnings so far: `log warning` shows them.\n", errors,
		      warnings);
}

static void run_log(int argc, char **argv)
{
	unsigned level = LOG_DEBUG;
	uint64_t most = ~(uint64_t)0 >> 1;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) {
			if (!number_argument("log -n", argv[++i], &most))
				return;
			continue;
		}
		level = 0;
		while (level_names[level] && strcmp(level_names[level], argv[i]) != 0)
			level++;
		if (!level_names[level]) {
			print("log: there is no level '%s'; levels are panic, error, warning, "
			      "notice, info, debug\n",
			      argv[i]);
			return;
		}
	}
	print_log(level, most);
}

static const char *complete_log(int word, char **words, unsigned index)
{
	(void)words;
	return word == 1 ? complete_from(level_names, index) : NULL;
}

/* --- Programs --- */

static handle_t program_watch(handle_t process)
{
	struct sys_result result = SYS0(SYS_NOTIFICATION_CREATE);

	if (result.error != OK)
		return HANDLE_NONE;
	if (SYS3(SYS_PROCESS_WATCH, process, result.value, 1).error == OK)
		return (handle_t)result.value;
	SYS1(SYS_HANDLE_CLOSE, result.value);
	return HANDLE_NONE;
}

/* Shows what a program prints. */
static void serve_program(struct message *message)
{
	if (message->label == PARENT_PRINT)
		print("%.*s", (int)sizeof(message->word), (const char *)message->word);
	message->handle = HANDLE_NONE;
	(void)sys_reply(message);
}

/* Serves a program until it ends; ^C kills it. */
static void program_wait(const char *name, handle_t process, handle_t endpoint)
{
	struct process_info info = { 0 };
	handle_t notification = program_watch(process);
	struct message message;
	enum error error = OK;

	print_flush();
	while (notification != HANDLE_NONE) {
		error = sys_receive(endpoint, notification, now_ns() + POLL_NS, &message);
		if (error == OK && message.label == MESSAGE_SIGNAL && message.token == 0)
			break;
		if (error == OK)
			serve_program(&message);
		print_flush();
		if (interrupted()) {
			SYS1(SYS_PROCESS_KILL, process);
			print("^C\n");
		}
	}
	if (SYS2(SYS_PROCESS_INFO, process, (uintptr_t)&info).error == OK && info.exited &&
	    info.exit_code != 0)
		print("%s: ended with %lld; `log` has the details\n", name,
		      (long long)info.exit_code);
	if (notification != HANDLE_NONE)
		SYS1(SYS_HANDLE_CLOSE, notification);
}

/* It gets what the shell does not need while it waits. */
static void share_budget(struct program *program)
{
	struct process_info self = { 0 };

	if (SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&self).error != OK ||
	    self.pages_limit - self.pages_used <= 2 * KEPT_PAGES)
		return;
	program->budget_pages = self.pages_limit - self.pages_used - KEPT_PAGES;
	program->budget_objects = (self.objects_limit - self.objects_used) / 2;
}

/* Starts a program that prints to `endpoint`. In the background: it gets little, and `stop`, a
 * notification that ends it. */
static enum error launch(const char *name, const char *const *words, handle_t endpoint,
			 handle_t stop, handle_t *process)
{
	static char path[64];
	struct sys_result parent =
		SYS3(SYS_HANDLE_DUPLICATE, endpoint, RIGHT_CALL | RIGHT_TRANSFER, 0);
	struct startup_handle handle[] = {
		{ STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) },
		{ STARTUP_ARCHIVE, runtime_handle(STARTUP_ARCHIVE) },
		{ STARTUP_MANAGER, runtime_handle(STARTUP_MANAGER) },
		{ STARTUP_PARENT, (handle_t)parent.value },
		{ STARTUP_USER, stop },
	};
	struct program program = {
		.path = path,
		.words = words,
		.handle = handle,
		.handle_count = stop == HANDLE_NONE ? 4 : 5,
		.budget_pages = BACKGROUND_PAGES,
		.budget_objects = BACKGROUND_OBJECTS,
	};
	enum error error = parent.error;

	if (stop == HANDLE_NONE)
		share_budget(&program);
	snprintf(path, sizeof(path), "bin/%s", name);
	if (error == OK)
		error = program_start(&program, process);
	SYS1(SYS_HANDLE_CLOSE, parent.value);
	return error;
}

static enum error start_and_wait(const char *name, const char *const *words, handle_t endpoint)
{
	handle_t process;
	enum error error = launch(name, words, endpoint, HANDLE_NONE, &process);

	if (error != OK)
		return error;
	program_wait(name, process, endpoint);
	SYS1(SYS_HANDLE_CLOSE, process);
	return OK;
}

static void start_program(const char *name, char **words)
{
	struct sys_result endpoint = SYS0(SYS_ENDPOINT_CREATE);
	enum error error = endpoint.error;

	if (error == OK) {
		error = start_and_wait(name, (const char *const *)words, (handle_t)endpoint.value);
		SYS1(SYS_HANDLE_CLOSE, endpoint.value);
	}
	if (error == ERR_NOT_FOUND)
		print("%s: there is no such program in the archive; `run` lists them\n", name);
	else if (error != OK)
		print("%s: cannot be started: %s\n", name, error_text(error));
}

static const char *complete_program(unsigned index)
{
	struct archive archive;
	struct archive_file file;
	uint64_t position = 0;

	if (runtime_archive(&archive) != OK)
		return NULL;
	while (archive_next(&archive, &position, &file) == OK)
		if (string_starts(file.name, "bin/") && index-- == 0)
			return file.name + 4;
	return NULL;
}

static void run_run(int argc, char **argv)
{
	const char *name;

	if (argc > 1)
		return start_program(argv[1], argv + 2);
	for (unsigned i = 0; (name = complete_program(i)); i++)
		print("%s\n", name);
}

static const char *complete_run(int word, char **words, unsigned index)
{
	(void)words;
	return word == 1 ? complete_program(index) : NULL;
}

/* The load of `bench verify &`; no process: it does not run. */
static struct {
	handle_t process, endpoint, stop;
} verify;

static void verify_forget(void)
{
	if (verify.process != HANDLE_NONE)
		SYS1(SYS_HANDLE_CLOSE, verify.process);
	SYS1(SYS_HANDLE_CLOSE, verify.endpoint);
	SYS1(SYS_HANDLE_CLOSE, verify.stop);
	verify.process = HANDLE_NONE;
}

static void verify_start(const char *load)
{
	const char *const words[] = { load, NULL };
	struct sys_result endpoint, stop;
	enum error error;

	if (verify.process != HANDLE_NONE) {
		print("bench: a load runs already; `bench verify stop` ends it\n");
		return;
	}
	endpoint = SYS0(SYS_ENDPOINT_CREATE);
	stop = SYS0(SYS_NOTIFICATION_CREATE);
	error = endpoint.error ? endpoint.error : stop.error;
	verify.endpoint = (handle_t)endpoint.value;
	verify.stop = (handle_t)stop.value;
	if (error == OK)
		error = launch("bench", words, verify.endpoint, verify.stop, &verify.process);
	if (error == OK)
		return;
	print("bench: cannot be started: %s\n", error_text(error));
	verify_forget();
}

static void verify_stop(void)
{
	if (verify.process == HANDLE_NONE) {
		print("bench: no load runs; `bench verify &` starts it\n");
		return;
	}
	SYS2(SYS_SIGNAL, verify.stop, 1);
	program_wait("bench", verify.process, verify.endpoint);
	verify_forget();
}

static void run_bench(int argc, char **argv)
{
	static char *usual[] = { "quick", "kernel", NULL };
	struct archive_file file;

	bool load = argc == 3 && (strcmp(argv[1], "verify") == 0 || strcmp(argv[1], "net") == 0);

	if (load && strcmp(argv[2], "stop") == 0)
		return verify_stop();
	if (load && strcmp(argv[2], "&") == 0 && runtime_file("bin/bench", &file) == OK)
		return verify_start(argv[1]);
	if (runtime_file("bin/bench", &file) == OK)
		return start_program("bench", argc > 1 ? argv + 1 : usual);
	print("bench: this image has no bin/bench; on the host, `make bench` builds one that has, "
	      "and measures\n");
}

#define MANAGER_PID 1 /* the kernel starts it first */

static void run_kill(int argc, char **argv)
{
	struct sys_result process;
	enum error error;
	uint64_t pid;

	if (argc == 3 && strcmp(argv[1], "driver") == 0)
		return kill_driver(argv[2]);
	if (argc != 2)
		return print_usage(argv[0]);
	if (!number_argument("kill", argv[1], &pid))
		return;
	if (pid == MANAGER_PID) {
		print("kill: process 1 is the device manager: nothing would start drivers any "
		      "more; "
		      "`reboot` or `poweroff` ends the system\n");
		return;
	}
	process = SYS2(SYS_PROCESS_OPEN, runtime_handle(STARTUP_REGISTRY), pid);
	error = process.error;
	if (error == OK) {
		error = SYS1(SYS_PROCESS_KILL, process.value).error;
		SYS1(SYS_HANDLE_CLOSE, process.value);
	}
	if (error == ERR_NOT_FOUND)
		print("kill: there is no process %s; `ps` lists them\n", argv[1]);
	else if (error != OK)
		print("kill: process %s: %s\n", argv[1], error_text(error));
}

static const char *complete_kill(int word, char **words, unsigned index)
{
	static const char *const what[] = { "driver", NULL };

	if (word == 1)
		return complete_from(what, index);
	return word == 2 && strcmp(words[1], "driver") == 0 ? complete_driver(index) : NULL;
}

/* --- The rest --- */

static void power(const char *name, enum power_action action)
{
	enum error error;

	print_flush();
	error = SYS3(SYS_POWER, runtime_handle(STARTUP_REGISTRY), action, 0).error;
	print("%s: %s\n", name, error_text(error));
}

static void run_poweroff(int argc, char **argv)
{
	(void)argc;
	power(argv[0], POWER_OFF);
}

static void run_reboot(int argc, char **argv)
{
	(void)argc;
	power(argv[0], POWER_REBOOT);
}

static void run_echo(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		print("%s%s", i > 1 ? " " : "", argv[i]);
	print("\n");
}

static void run_clear(int argc, char **argv)
{
	(void)argc, (void)argv;
	print("\x1b[2J\x1b[H");
}

const struct command system_commands[] = {
	{ "ps", "", "processes: memory, objects, processor time", run_ps, NULL },
	{ "mem", "", "memory of the machine and the kernel", run_mem, NULL },
	{ "log", "[LEVEL] [-n LINES]", "the system log, down to a level", run_log, complete_log },
	{ "uptime", "", "version, time since boot, command line", run_uptime, NULL },
	{ "bench", "[quick] [kernel hot cold recovery] [block overwrite] [net] | verify|net &|stop",
	  "run benchmarks (`block overwrite` writes over the first disk), or a load that checks "
	  "itself",
	  run_bench, NULL },
	{ "run", "[PROGRAM [ARGUMENTS]]", "run a program, or list them", run_run, complete_run },
	{ "kill", "PID | driver DRIVER", "end a process, or kill a driver's", run_kill,
	  complete_kill },
	{ "echo", "[WORDS]", "print words", run_echo, NULL },
	{ "clear", "", "clear the screen", run_clear, NULL },
	{ "reboot", "", "restart the machine", run_reboot, NULL },
	{ "poweroff", "", "switch the machine off", run_poweroff, NULL },
	{ 0 },
};
