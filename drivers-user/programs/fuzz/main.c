/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz [SEED [SECONDS]]: hostile processes make system calls by chance, while a client of a disk
 * checks what it reads. Reports as systest does: what was called and what came of it, whether the
 * client noticed, and whether everything is back that they took. Needs a disk that may be written,
 * and a PCI device that nobody drives. Without SECONDS, a few rounds.
 */
#include <stdarg.h>

#include <lib/format.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/manager.h>
#include <runtime/parent.h>
#include <runtime/process.h>
#include <runtime/verify.h>

#include "fuzz.h"

#define ROUNDS           6  /* at least, */
#define ROUNDS_MAX       30 /* and more until each call was done */
#define CALLS_A_ROUND    8000
#define ROUND_NS         (4000 * MS_NS)
#define HOSTILES         2
#define HOSTILE_PAGES    1500
#define HOSTILE_OBJECTS  160
#define HOSTILE_PRIORITY 4
#define DMA_BUFFERS      256
#define BLOCKS           4096 /* of the disk, for the hostile */
#define PROCESSES_MAX    32
#define GROWTH_MAX       64 /* pages */

static const char *const error_names[ERROR_SLOTS] = {
#define NAME(name, number, sentence) [number] = #name,
	ABI_ERROR_TABLE(NAME)
#undef NAME
};

static const char *const call_names[SYSCALL_COUNT] = {
	[SYS_NULL] = "null",
	[SYS_HANDLE_CLOSE] = "handle_close",
	[SYS_HANDLE_DUPLICATE] = "handle_duplicate",
	[SYS_HANDLE_REVOKE] = "handle_revoke",
	[SYS_PROCESS_SPAWN] = "process_spawn",
	[SYS_PROCESS_KILL] = "process_kill",
	[SYS_PROCESS_WATCH] = "process_watch",
	[SYS_PROCESS_INFO] = "process_info",
	[SYS_PROCESS_EXIT] = "process_exit",
	[SYS_PROCESS_OPEN] = "process_open",
	[SYS_PROCESS_LIST] = "process_list",
	[SYS_THREAD_CREATE] = "thread_create",
	[SYS_THREAD_EXIT] = "thread_exit",
	[SYS_YIELD] = "yield",
	[SYS_MEMORY_CREATE] = "memory_create",
	[SYS_MEMORY_MAP] = "memory_map",
	[SYS_MEMORY_UNMAP] = "memory_unmap",
	[SYS_ENDPOINT_CREATE] = "endpoint_create",
	[SYS_CALL] = "call",
	[SYS_RECEIVE] = "receive",
	[SYS_REPLY] = "reply",
	[SYS_REPLY_RECEIVE] = "reply_receive",
	[SYS_NOTIFICATION_CREATE] = "notification_create",
	[SYS_SIGNAL] = "signal",
	[SYS_WAIT] = "wait",
	[SYS_TIMER_CREATE] = "timer_create",
	[SYS_TIMER_SET] = "timer_set",
	[SYS_SLEEP_UNTIL] = "sleep_until",
	[SYS_LOG_WRITE] = "log_write",
	[SYS_LOG_READ] = "log_read",
	[SYS_DEBUG_WRITE] = "debug_write",
	[SYS_TIME_NOW] = "time_now",
	[SYS_SYSTEM_INFO] = "system_info",
	[SYS_POWER] = "power",
	[SYS_TEST_EXIT] = "test_exit",
	[SYS_DEVICE_LIST] = "device_list",
	[SYS_DEVICE_UNIT] = "device_unit",
	[SYS_DEVICE_WATCH] = "device_watch",
	[SYS_DEVICE_EVENT] = "device_event",
	[SYS_DEVICE_OPEN] = "device_open",
	[SYS_DEVICE_START] = "device_start",
	[SYS_DEVICE_CONTROL] = "device_control",
	[SYS_DRIVER_LIST] = "driver_list",
	[SYS_DEVICE_MOVE] = "device_move",
	[SYS_INSTANCE_ADOPT] = "instance_adopt",
	[SYS_DMA_ENABLE] = "dma_enable",
	[SYS_UNIT_NEXT] = "unit_next",
	[SYS_INSTANCE_ATTACH] = "instance_attach",
	[SYS_INSTANCE_REPORT] = "instance_report",
	[SYS_INSTANCE_CONTROL] = "instance_control",
	[SYS_WINDOW_MAP] = "window_map",
	[SYS_INTERRUPT_ENABLE] = "interrupt_enable",
	[SYS_INTERRUPT_WAIT] = "interrupt_wait",
	[SYS_DMA_ALLOCATE] = "dma_allocate",
	[SYS_CONFIG_READ] = "config_read",
	[SYS_CONFIG_WRITE] = "config_write",
	[SYS_BAR_SIZE] = "bar_size",
	[SYS_BAR_ASSIGN] = "bar_assign",
	[SYS_CHILD_ADD] = "child_add",
	[SYS_CHILD_REMOVE] = "child_remove",
	[SYS_UNIT_ADD] = "unit_add",
	[SYS_UNIT_REMOVE] = "unit_remove",
	[SYS_SESSION_NEXT] = "session_next",
	[SYS_SESSION_DETACH] = "session_detach",
	[SYS_SESSION_WAKE] = "session_wake",
	[SYS_SESSION_CREATE] = "session_create",
	[SYS_SESSION_KICK] = "session_kick",
	[SYS_SESSION_KICK_WAIT] = "session_kick_wait",
};

/* What cannot come to a good end here, and why. */
static const struct {
	uint32_t number;
	const char *why;
} never_good[] = {
	{ SYS_POWER, "the machine would stop" },
	{ SYS_TEST_EXIT, "the machine would stop" },
	{ SYS_DEVICE_WATCH, "the device manager would hear no more news" },
	{ SYS_DEVICE_EVENT, "the device manager would miss the news" },
	{ SYS_DEVICE_START, "no driver matches the spare device" },
	{ SYS_BAR_SIZE, "only the bus driver may" },
	{ SYS_BAR_ASSIGN, "only the bus driver may" },
	{ SYS_CHILD_ADD, "only the bus driver may" },
	{ SYS_CHILD_REMOVE, "only the bus driver may" },
};

/* --- Report --- */

static unsigned tests;
static bool good = true;

__attribute__((format(printf, 1, 2))) static void report(const char *format, ...)
{
	char text[400];
	va_list list;
	int bytes;

	va_start(list, format);
	bytes = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (bytes >= (int)sizeof(text))
		bytes = sizeof(text) - 1;
	if (parent_listens())
		return parent_print("%s", text);
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)text, bytes);
}

static void result(const char *name, bool passed)
{
	report("%s %u %s\n", passed ? "ok" : "not ok", ++tests, name);
	good &= passed;
}

/* --- What is there before and after --- */

struct census {
	struct system_info system;
	struct process_info process[PROCESSES_MAX];
	unsigned count;
};

static void census_take(struct census *census)
{
	census->count = 0;
	for (uint32_t pid = 0;
	     census->count < PROCESSES_MAX && process_next(&pid, &census->process[census->count]);)
		census->count++;
	SYS1(SYS_SYSTEM_INFO, (uintptr_t)&census->system);
}

static bool differs(bool loud, const char *what, uint64_t before, uint64_t after)
{
	if (before != after && loud)
		report("# %s: %llu before, %llu after\n", what, (unsigned long long)before,
		       (unsigned long long)after);
	return before != after;
}

/* Pages that a process has beyond before: the heap of a driver that served many sessions. */
static uint64_t growth(const struct process_info *before, const struct process_info *after)
{
	return after->pages_used > before->pages_used ? after->pages_used - before->pages_used : 0;
}

/* Objects, processes and threads are as many as before, in all and of each process. Frames that are
 * not there any more are what a process has grown by, and that is little. */
static bool census_equal(const struct census *a, const struct census *b, bool loud)
{
	const struct system_info *before = &a->system, *after = &b->system;
	uint64_t had = (before->memory_free_bytes + before->heap_bytes) / PAGE;
	uint64_t has = (after->memory_free_bytes + after->heap_bytes) / PAGE, grown = 0;
	bool same = true;

	same &= !differs(loud, "objects", before->object_count, after->object_count);
	same &= !differs(loud, "processes", before->process_count, after->process_count);
	same &= !differs(loud, "threads", before->thread_count, after->thread_count);
	for (unsigned i = 0; i < a->count && i < b->count; i++) {
		const struct process_info *one = &a->process[i], *other = &b->process[i];

		same &= !differs(loud, one->name, one->pid, other->pid);
		same &= !differs(loud, one->name, one->objects_used, other->objects_used);
		grown += growth(one, other);
	}
	if (grown > GROWTH_MAX || has + grown < had) {
		differs(loud, "free pages, with the kernel's own", had, has);
		same = false;
	}
	if (loud || same)
		report("# %llu pages less are free, processes have grown by %llu\n",
		       (unsigned long long)(had - has), (unsigned long long)grown);
	return same;
}

/* --- Children --- */

struct child {
	handle_t process, watch;
};

static bool start(struct child *child, const char *const *words,
		  const struct startup_handle *handle, uint32_t handle_count, uint32_t priority)
{
	struct program program = {
		.path = "bin/fuzz",
		.words = words,
		.handle = handle,
		.handle_count = handle_count,
		.priority = priority,
		.budget_pages = HOSTILE_PAGES,
		.budget_objects = HOSTILE_OBJECTS,
	};
	enum error error;

	*child = (struct child){ .watch = (handle_t)SYS0(SYS_NOTIFICATION_CREATE).value };
	error = program_start(&program, &child->process);
	/* The budget of one that was killed comes back when it is taken apart. */
	for (unsigned i = 0; error == ERR_BUDGET && i < 1000; i++) {
		sleep_until(now_ns() + MS_NS);
		error = program_start(&program, &child->process);
	}
	if (!error)
		error = SYS3(SYS_PROCESS_WATCH, child->process, child->watch, 1).error;
	if (!error)
		return true;
	report("# starting 'fuzz %s': %s\n", words[0], error_text(error));
	SYS1(SYS_HANDLE_CLOSE, child->process);
	SYS1(SYS_HANDLE_CLOSE, child->watch);
	return false;
}

/* Its exit code, if it ends by itself before the deadline; else it is killed, and -3. */
static int64_t end(struct child *child, uint64_t deadline_ns)
{
	struct process_info info = { .exit_code = -3 };
	uint64_t bits;
	bool over = sys_wait(child->watch, deadline_ns, &bits) == OK;

	if (over)
		SYS2(SYS_PROCESS_INFO, child->process, (uintptr_t)&info);
	else
		SYS1(SYS_PROCESS_KILL, child->process);
	if (!over)
		(void)sys_wait(child->watch, now_ns() + ROUND_NS, &bits);
	SYS1(SYS_HANDLE_CLOSE, child->process);
	SYS1(SYS_HANDLE_CLOSE, child->watch);
	return info.exit_code;
}

/* --- The spare device, and the disk --- */

static struct device_info spare;
static struct disk_entry target;
static uint32_t serial_device;

static void look_around(void)
{
	struct device_info info;
	struct disk disk;

	for (uint32_t id = 0; device_next(&id, &info);) {
		if (info.class_id == CLASS_SERIAL && info.state == INSTANCE_LIVE)
			serial_device = info.id;
		if (!spare.id && info.bus == BUS_PCI && info.state == INSTANCE_NONE &&
		    !info.starts && info.class_code != 6)
			spare = info;
	}
	for (uint32_t index = 0; !target.name[0] && disk_next(&index, &target);) {
		bool allowed =
			disk_open(target.name, 1, 4096, &disk) == OK && verify_allowed(&disk);

		disk_close(&disk);
		if (!allowed)
			target.name[0] = 0;
	}
}

/* What stays with a device once somebody drove it: all of it, and always as large. */
static int be_settler(void)
{
	static struct instance_attach attach = { .state_base_bytes = 64,
						 .state_version = 1,
						 .class_id = CLASS_BLOCK,
						 .timer_count = 1,
						 .port_bytes = 64,
						 .driver = "fuzz" };
	handle_t grant = runtime_handle(FUZZ_GRANT), note = runtime_handle(FUZZ_NOTIFICATION);
	struct dma_info dma;

	if (SYS3(SYS_INSTANCE_ATTACH, grant, note, (uintptr_t)&attach).error)
		return 1;
	for (unsigned i = 0; i < DMA_BUFFERS; i++)
		if (SYS4(SYS_DMA_ALLOCATE, grant, i, PAGE, (uintptr_t)&dma).error)
			return 2;
	return SYS3(SYS_INSTANCE_REPORT, grant, INSTANCE_NONE, OK).error ? 3 : 0;
}

/* As many timers and threads as a process may have at once: the kernel's tables are as large then
 * as they will be. It waits to be killed. */
static int be_crowd(void)
{
	handle_t note = runtime_handle(FUZZ_NOTIFICATION);

	while (SYS2(SYS_TIMER_CREATE, note, 1).error == OK)
		;
	SYS2(SYS_SIGNAL, note, 1);
	sleep_until(now_ns() + 100 * ROUND_NS);
	return 0;
}

static int be_load(const char *disk)
{
	struct verify_totals totals;
	bool fine = verify_run(disk, 3, runtime_handle(FUZZ_NOTIFICATION), &totals);

	report("# load: %llu operations, %llu mismatches, %llu failures, %llu violations: %s\n",
	       (unsigned long long)totals.operations, (unsigned long long)totals.mismatches,
	       (unsigned long long)totals.failures, (unsigned long long)totals.violations,
	       error_text(totals.error));
	return fine && totals.operations ? 0 : 1;
}

/* What hostile processes start: some end, some sleep, some crash. */
static int be_victim(void)
{
	uint64_t how = now_ns() / 1000 % 4;

	if (how == 0)
		*(volatile int *)UINT64_C(0xffff800000000000) = 1;
	if (how < 3)
		sleep_until(now_ns() + how * 5 * MS_NS);
	return how == 3;
}

/* --- Rounds --- */

static struct counts *counts;
static struct startup_handle handles[12];
static uint32_t handle_count;

static void hand(uint32_t role, struct sys_result result)
{
	if (result.error == OK)
		handles[handle_count++] = (struct startup_handle){ role, (handle_t)result.value };
}

static bool prepare(void)
{
	const uint32_t open = RIGHT_OPEN | RIGHT_TRANSFER | RIGHT_DUPLICATE;
	handle_t registry = runtime_handle(STARTUP_REGISTRY);
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, COUNTS_BYTES, 0);
	struct sys_result map =
		SYS4(SYS_MEMORY_MAP, memory.value, 0, COUNTS_BYTES, RIGHT_READ | RIGHT_WRITE);

	counts = (struct counts *)map.value;
	hand(STARTUP_REGISTRY, (struct sys_result){ OK, registry });
	hand(STARTUP_ARCHIVE, (struct sys_result){ OK, runtime_handle(STARTUP_ARCHIVE) });
	hand(STARTUP_MANAGER, (struct sys_result){ OK, runtime_handle(STARTUP_MANAGER) });
	hand(FUZZ_COUNTS, memory);
	if (spare.id)
		hand(FUZZ_GRANT,
		     SYS4(SYS_DEVICE_OPEN, registry, spare.id, RIGHT_INSTANCE | open, 0));
	if (target.name[0])
		hand(FUZZ_DISK,
		     SYS4(SYS_DEVICE_OPEN, registry, target.device.id, open, target.unit.unit));
	if (serial_device)
		hand(FUZZ_SERIAL, SYS4(SYS_DEVICE_OPEN, registry, serial_device, open, 0));
	return memory.error == OK && map.error == OK;
}

/* What they share is new every time: they revoke it. */
static uint32_t share(void)
{
	uint32_t kept = handle_count;

	hand(FUZZ_ENDPOINT, SYS0(SYS_ENDPOINT_CREATE));
	hand(FUZZ_MEMORY, SYS2(SYS_MEMORY_CREATE, 8 * PAGE, 0));
	hand(FUZZ_NOTIFICATION, SYS0(SYS_NOTIFICATION_CREATE));
	return kept;
}

static void unshare(uint32_t kept)
{
	while (handle_count > kept)
		SYS1(SYS_HANDLE_CLOSE, handles[--handle_count].handle);
}

static void settle(void)
{
	static const char *const words[] = { "settler", NULL };
	uint32_t kept = share();
	struct child child;
	int64_t code = 0;

	if (spare.id && start(&child, words, handles, handle_count, HOSTILE_PRIORITY))
		code = end(&child, now_ns() + ROUND_NS);
	unshare(kept);
	if (code)
		report("# the spare device cannot be settled: step %lld\n", (long long)code);
}

static void crowd(void)
{
	static const char *const words[] = { "crowd", NULL };
	uint32_t kept = share();
	struct child child[HOSTILES + 1];
	uint64_t bits;

	for (unsigned i = 0; i <= HOSTILES; i++)
		if (start(&child[i], words, handles, handle_count, HOSTILE_PRIORITY))
			(void)sys_wait(handles[handle_count - 1].handle, now_ns() + ROUND_NS,
				       &bits);
	for (unsigned i = 0; i <= HOSTILES; i++)
		(void)end(&child[i], DEADLINE_NOW);
	unshare(kept);
}

static uint32_t calls_before; /* of all rounds that are over */

static bool any_lives(const struct child *child, unsigned count)
{
	struct process_info info;
	bool lives = false;

	for (unsigned i = 0; i < count; i++)
		lives |= SYS2(SYS_PROCESS_INFO, child[i].process, (uintptr_t)&info).error == OK &&
			 !info.exited;
	return lives;
}

/* Two at once, who share much; in every third round they are killed in the midst. */
static void play_round(uint64_t seed, uint32_t number)
{
	char text[24], calls[16], device[16];
	const char *const words[] = { "hostile", text, calls, device, NULL };
	uint32_t enough =
		number % 3 == 2 ? 200 + (uint32_t)(seed + number) * 997 % 3000 : CALLS_A_ROUND;
	uint64_t began_ns = now_ns();
	struct child child[HOSTILES];
	unsigned started = 0;
	uint32_t kept = share();

	counts->calls = 0;
	snprintf(calls, sizeof(calls), "%u", CALLS_A_ROUND);
	snprintf(device, sizeof(device), "%u", spare.id);
	for (unsigned i = 0; i < HOSTILES; i++) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)(seed * 1000 + number * HOSTILES + i));
		started += start(&child[started], words, handles, handle_count, HOSTILE_PRIORITY);
	}
	while (counts->calls < enough && now_ns() < began_ns + ROUND_NS &&
	       any_lives(child, started))
		sleep_until(now_ns() + MS_NS);
	for (unsigned i = 0; i < started; i++)
		(void)end(&child[i], DEADLINE_NOW);
	unshare(kept);
	calls_before += counts->calls;
}

static bool cannot_be_good(uint32_t number)
{
	for (unsigned i = 0; i < sizeof(never_good) / sizeof(never_good[0]); i++)
		if (never_good[i].number == number)
			return true;
	return false;
}

/* Calls that need what this machine may not have. */
static bool needs_spare(uint32_t number)
{
	return number == SYS_INSTANCE_ADOPT || number == SYS_UNIT_NEXT ||
	       number == SYS_DMA_ENABLE || number == SYS_DEVICE_MOVE ||
	       number == SYS_DEVICE_CONTROL || number == SYS_DEVICE_OPEN ||
	       (number >= SYS_INSTANCE_ATTACH && number <= SYS_SESSION_WAKE);
}

static bool needs_unit(uint32_t number)
{
	return number == SYS_DEVICE_UNIT || number == SYS_SESSION_CREATE ||
	       number == SYS_SESSION_KICK || number == SYS_SESSION_KICK_WAIT;
}

/* Did it come to a good end at least once, or could it not? */
static bool was_done(uint32_t number)
{
	uint32_t ended = 0;

	for (unsigned error = 0; error <= ERROR_SLOTS; error++)
		ended += counts->ended[number][error];
	/* Who ends with his call does not come back from it. */
	if (number == SYS_PROCESS_EXIT || number == SYS_THREAD_EXIT)
		return counts->began[number] > ended;
	return counts->ended[number][OK] || cannot_be_good(number) ||
	       (needs_spare(number) && !spare.id) ||
	       (needs_unit(number) && !spare.id && !serial_device && !target.name[0]) ||
	       /* One unit of one device is met too seldom to count on. */
	       (number == SYS_DEVICE_UNIT && !spare.id && !target.name[0]);
}

static bool all_done(void)
{
	for (uint32_t number = 0; number < SYSCALL_COUNT; number++)
		if (!was_done(number))
			return false;
	return true;
}

static void report_undone(void)
{
	for (uint32_t number = 0; number < SYSCALL_COUNT; number++)
		if (!was_done(number))
			report("# %s was never done\n", call_names[number]);
}

/* After the last result, so that it stands in the log alone. */
static void report_counts(void)
{
	for (uint32_t number = 0; number <= SYSCALL_COUNT; number++) {
		const char *name = number < SYSCALL_COUNT ? call_names[number] : "none";
		char text[400];
		int length = 0;

		for (unsigned error = 0; error <= ERROR_SLOTS; error++) {
			uint32_t count = counts->ended[number][error];

			if (count && (size_t)length < sizeof(text) - 40)
				length += snprintf(
					text + length, sizeof(text) - (size_t)length, " %s %u",
					error == ERROR_SLOTS ? "other" : error_names[error], count);
		}
		text[length] = 0;
		report("# %s: %u calls%s\n", name, counts->began[number], text);
	}
}

static bool all_answer(void)
{
	static const char *const words[] = { "nothing", NULL };
	struct child child;
	uint64_t version;
	bool fine = manager_version(&version) == OK;

	fine &= start(&child, words, handles, handle_count, HOSTILE_PRIORITY);
	return fine && end(&child, now_ns() + ROUND_NS) == 0;
}

static uint32_t sessions_of_target(void)
{
	struct device_info info = target.device;

	SYS3(SYS_DEVICE_LIST, runtime_handle(STARTUP_REGISTRY), info.id, (uintptr_t)&info);
	return info.session_count;
}

/* The disk's name counts disks, and the hostile offer some too: the load has found its own when one
 * session more is open there. */
static bool start_load(struct child *load, const struct startup_handle *handle, uint32_t count)
{
	static const char *const words[] = { "load", target.name, NULL };
	uint64_t until_ns = now_ns() + ROUND_NS;
	uint32_t sessions = sessions_of_target();

	if (!start(load, words, handle, count, PRIORITY_PROGRAM))
		return false;
	while (sessions_of_target() <= sessions && now_ns() < until_ns)
		sleep_until(now_ns() + MS_NS);
	return true;
}

static void fuzz(uint64_t seed, uint64_t seconds)
{
	static struct census before, after;
	uint64_t until_ns = now_ns() + seconds * 1000 * MS_NS;
	uint32_t rounds = 0;
	struct startup_handle for_load[] = {
		handles[0], handles[1], handles[2], { FUZZ_NOTIFICATION, 0 }
	};
	struct child load;
	bool same = false, loads;

	for_load[3].handle = (handle_t)SYS0(SYS_NOTIFICATION_CREATE).value;
	report("# seed %llu, spare device %s, disk %s\n", (unsigned long long)seed,
	       spare.id ? spare.name : "none", target.name[0] ? target.name : "none");
	settle();
	crowd();
	play_round(seed, 0); /* what is made at first use is there */
	settle();
	sleep_until(now_ns() + 50 * MS_NS);
	census_take(&before);
	loads = target.name[0] && start_load(&load, for_load, 4);
	while (seconds ? now_ns() < until_ns
		       : rounds < ROUNDS || (rounds < ROUNDS_MAX && !all_done()))
		play_round(seed, ++rounds);
	SYS2(SYS_SIGNAL, for_load[3].handle, 1);
	if (loads)
		result("disk_client_sees_no_error_and_no_mismatch",
		       end(&load, now_ns() + 10 * ROUND_NS) == 0);
	result("kernel_and_device_manager_answer", all_answer());
	settle();
	for (unsigned i = 0; i < 100 && !same; i++) {
		sleep_until(now_ns() + 20 * MS_NS);
		census_take(&after);
		same = census_equal(&before, &after, i == 99);
	}
	result("all_that_was_taken_is_back", same);
	report("# %u rounds, %u calls\n", rounds, calls_before);
	report_undone();
	result("every_call_was_done_at_least_once", all_done());
	report_counts();
}

static int be_child(int argc, char **argv)
{
	static struct place place = { .blocks = BLOCKS };
	uint64_t number = 0;

	if (strcmp(argv[1], "victim") == 0)
		return be_victim();
	if (strcmp(argv[1], "settler") == 0)
		return be_settler();
	if (strcmp(argv[1], "crowd") == 0)
		return be_crowd();
	if (strcmp(argv[1], "nothing") == 0)
		return 0;
	if (strcmp(argv[1], "load") == 0 && argc == 3)
		return be_load(argv[2]);
	if (strcmp(argv[1], "hostile") != 0 || argc != 5)
		return -1;
	string_to_u64(argv[2], &place.seed);
	string_to_u64(argv[3], &number);
	place.calls = (uint32_t)number;
	string_to_u64(argv[4], &number);
	place.spare = (uint32_t)number;
	return be_hostile(&place);
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, seconds = 0;

	if (argc > 1 && !string_to_u64(argv[1], &seed))
		return be_child(argc, argv);
	if (argc > 2)
		string_to_u64(argv[2], &seconds);
	look_around();
	report("KTAP version 1\n1..%u\n", target.name[0] ? 4 : 3);
	if (prepare())
		fuzz(seed, seconds);
	else
		report("# no memory to begin with\n");
	report("# eft: end of tests\n");
	if (!parent_listens())
		SYS2(SYS_TEST_EXIT, runtime_handle(STARTUP_REGISTRY), good ? 0 : 1);
	return good ? 0 : 1;
}
