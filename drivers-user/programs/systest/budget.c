/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processes that take what they can, without end, at the priority of everybody else: a client of a
 * disk goes on, the device manager answers, programs start. How much slower is counted in turns,
 * not in time: how often the greedy got the processor while somebody waited for his. Where there
 * are more processors, what they do on another harms nobody and is not counted.
 */
#include <abi/log.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/disk.h>
#include <runtime/manager.h>
#include <runtime/process.h>

#include "systest.h"

#define PAGE        UINT64_C(4096)
#define HOG_PAGES   600
#define HOG_OBJECTS 200
#define HELD_MAX    (4 * HOG_OBJECTS) /* some handles have an object in common */
#define READS       8
#define REQUESTS    16
#define TURNS_MAX   2 /* of a greedy process, each time that somebody waits for his */
#define LOG_FLOOD   20000

/* --- What the greedy do: modes of a child --- */

static handle_t held[HELD_MAX];
static unsigned held_count;

/* False when there is no more. */
static bool hold(struct sys_result result)
{
	if (result.error != OK)
		return false;
	if (held_count == HELD_MAX) {
		SYS1(SYS_HANDLE_CLOSE, result.value);
		return false;
	}
	held[held_count++] = (handle_t)result.value;
	return true;
}

static void let_go(void)
{
	while (held_count)
		SYS1(SYS_HANDLE_CLOSE, held[--held_count]);
}

static void hog_memory(void)
{
	while (hold(SYS2(SYS_MEMORY_CREATE, 16 * PAGE, MEMORY_COMMITTED)))
		;
	let_go();
}

static void hog_objects(void)
{
	handle_t notification = (handle_t)SYS0(SYS_NOTIFICATION_CREATE).value;

	hold((struct sys_result){ OK, notification });
	for (;;) {
		struct sys_result timer = SYS2(SYS_TIMER_CREATE, notification, 1);

		if (!hold(timer) || !hold(SYS0(SYS_ENDPOINT_CREATE)) ||
		    !hold(SYS3(SYS_HANDLE_DUPLICATE, notification, RIGHT_READ, 0)))
			break;
		SYS2(SYS_TIMER_SET, timer.value, now_ns() + MS_NS); /* all of them, soon */
	}
	let_go();
}

static void hog_sessions(void)
{
	static struct client clients[HOG_OBJECTS];
	struct disk_entry entry;
	uint32_t index = 0;
	unsigned count = 0;

	if (!disk_next(&index, &entry))
		return;
	while (count < HOG_OBJECTS &&
	       client_open(entry.device.id, entry.unit.unit, 4, 4096, 0, 0, &clients[count]) == OK)
		count++;
	while (count)
		client_close(&clients[--count]);
}

/* Each starts another, with most of what it has. */
static void hog_processes(void)
{
	const char *words[] = { "child", "hog", "processes", NULL };
	struct startup_handle handle = { STARTUP_ARCHIVE, runtime_handle(STARTUP_ARCHIVE) };
	struct process_info self = { 0 };
	struct program program = { .path = "bin/systest",
				   .words = words,
				   .handle = &handle,
				   .handle_count = 1,
				   .priority = PRIORITY_PROGRAM };
	handle_t process;

	SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&self);
	program.budget_pages = (self.pages_limit - self.pages_used) * 3 / 4;
	program.budget_objects = (self.objects_limit - self.objects_used) * 3 / 4;
	if (program.budget_pages && program.budget_objects &&
	    program_start(&program, &process) == OK)
		SYS1(SYS_HANDLE_CLOSE, process);
}

static void hog_processor(void)
{
	for (volatile unsigned i = 0; i < 1000000; i++)
		;
}

/* How many lines went through. */
static int flood_the_log(void)
{
	static const char text[] = "systest: a line that nobody needs";
	int lines = 0;

	for (unsigned i = 0; i < LOG_FLOOD; i++)
		lines += SYS3(SYS_LOG_WRITE, LOG_DEBUG, (uintptr_t)text, sizeof(text) - 1).error ==
			 OK;
	return lines;
}

int be_greedy(const char *of_what)
{
	static const struct {
		const char *what;
		void (*once)(void);
	} kinds[] = {
		{ "memory", hog_memory },       { "objects", hog_objects },
		{ "sessions", hog_sessions },   { "processes", hog_processes },
		{ "processor", hog_processor },
	};

	if (strcmp(of_what, "log") == 0)
		return flood_the_log();
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		while (strcmp(kinds[i].what, of_what) == 0) {
			kinds[i].once();
			SYS2(SYS_SIGNAL, runtime_handle(CHILD_NOTIFICATION), 1);
		}
	return -1;
}

/* --- Others meanwhile --- */

static bool start_greedy(struct child *child, const char *of_what, handle_t note)
{
	const char *words[] = { "child", "hog", of_what, NULL };
	struct startup_handle handle[] = {
		{ STARTUP_ARCHIVE, runtime_handle(STARTUP_ARCHIVE) },
		{ STARTUP_MANAGER, runtime_handle(STARTUP_MANAGER) },
		{ STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) },
		{ CHILD_NOTIFICATION, note },
	};
	struct program program = { .path = "bin/systest",
				   .words = words,
				   .handle = handle,
				   .handle_count = 4,
				   .priority = PRIORITY_PROGRAM,
				   .budget_pages = HOG_PAGES,
				   .budget_objects = HOG_OBJECTS };
	enum error error;

	child->process = HANDLE_NONE;
	child->watch = new_notification();
	error = program_start(&program, &child->process);
	if (error == OK)
		error = SYS3(SYS_PROCESS_WATCH, child->process, child->watch, 1).error;
	if (error != OK)
		test_fail(__FILE__, __LINE__, "starting a greedy process", error, OK);
	return error == OK;
}

struct greed {
	uint64_t turns, processes;
};

/* Of all processes of this program but this one, as far as they live. */
static struct greed greed_now(void)
{
	struct greed greed = { 0 };
	struct process_info info;

	for (uint32_t pid = runtime_startup->pid + 1; process_next(&pid, &info);) {
		if (strcmp(info.name, "systest") != 0)
			continue;
		greed.turns += info.switches;
		greed.processes++;
	}
	return greed;
}

static bool has_one_processor(void)
{
	static struct system_info info;

	SYS1(SYS_SYSTEM_INFO, (uintptr_t)&info);
	return info.cpu_count == 1;
}

/* A parent has a lower pid than its children, and one that is killed starts no more: once through
 * is enough. */
static void kill_them_all(void)
{
	struct process_info info;

	for (uint32_t pid = runtime_startup->pid + 1; process_next(&pid, &info);) {
		struct sys_result process;

		if (strcmp(info.name, "systest") != 0)
			continue;
		process = SYS2(SYS_PROCESS_OPEN, runtime_handle(STARTUP_REGISTRY), info.pid);
		if (process.error != OK)
			continue;
		SYS1(SYS_PROCESS_KILL, process.value);
		close_handle((handle_t)process.value);
	}
}

static void read_meanwhile(struct disk *disk)
{
	static uint8_t first[4096], again[4096];
	struct disk other;

	for (unsigned i = 0; i < READS && !test_failed(); i += 2) {
		CHECK_EQUAL(disk_read(disk, i, 1, first), OK);
		CHECK_EQUAL(disk_read(disk, i, 1, again), OK);
		CHECK(memcmp(first, again, disk->block_bytes) == 0);
	}
	CHECK_EQUAL(disk_open(disk->entry.name, 4, 4096, &other), OK);
	CHECK_EQUAL(disk_read(&other, 0, 1, first), OK);
	disk_close(&other);
}

/* Requests that the driver refuses at once: nobody waits for hardware, and what others get done
 * meanwhile, they get done while somebody would run. */
static void ask_meanwhile(struct disk *disk)
{
	struct session_result result = { 0 };

	for (unsigned i = 0; i < REQUESTS && !test_failed(); i++) {
		CHECK_EQUAL(disk_queue(disk, BLOCK_READ, disk->block_count, 1, 0, i), OK);
		client_kick(&disk->client);
		CHECK_EQUAL(client_wait(&disk->client, now_ns() + DISK_SYNC_TIMEOUT_NS, &result),
			    OK);
		CHECK_EQUAL(result.status, ERR_RANGE);
	}
}

/* At the priority of the greedy, as all that people start. */
static void work_meanwhile(void)
{
	const char *words[] = { "child", "exit", "7", NULL };
	struct program program = { .path = "bin/systest",
				   .words = words,
				   .priority = PRIORITY_PROGRAM,
				   .budget_pages = CHILD_PAGES,
				   .budget_objects = CHILD_OBJECTS };
	struct child child = { .watch = new_notification() };
	uint64_t version;
	int64_t code = -1;
	enum error error;

	CHECK_EQUAL(manager_version(&version), OK);
	error = program_start(&program, &child.process);
	CHECK_EQUAL(error, OK);
	if (error != OK)
		return;
	CHECK_EQUAL(SYS3(SYS_PROCESS_WATCH, child.process, child.watch, 1).error, OK);
	CHECK(child_wait(&child, &code));
	child_end(&child);
	CHECK_EQUAL(code, 7);
}

static void harms_nobody(const char *of_what)
{
	handle_t note = new_notification();
	bool has_disk, known;
	struct process_info before = { 0 }, after = { 0 };
	struct disk_entry entry;
	uint32_t index = 0;
	struct greed greed, began;
	uint64_t turns, bits;
	struct child child;
	struct disk disk;

	has_disk = disk_next(&index, &entry) && disk_open(entry.name, 4, 16384, &disk) == OK;
	SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&before);
	known = start_greedy(&child, of_what, note);
	if (known && sys_wait(note, now_ns() + 20000 * MS_NS, &bits) != OK)
		test_fail(__FILE__, __LINE__, "waiting for it to take all", ERR_TIMEOUT, OK);
	if (known && has_disk && !test_failed())
		read_meanwhile(&disk);
	began = greed_now();
	if (known && has_disk && !test_failed())
		ask_meanwhile(&disk);
	greed = greed_now();
	/* Some have ended meanwhile, and their turns with them. */
	turns = greed.turns > began.turns ? greed.turns - began.turns : 0;
	if (known && !test_failed())
		work_meanwhile();
	kill_them_all();
	child_end(&child);
	if (has_disk)
		disk_close(&disk);
	close_handle(note);
	test_note("%s: %llu turns of %llu processes while %u requests were answered", of_what,
		  (unsigned long long)turns, (unsigned long long)greed.processes, REQUESTS);
	if (test_failed())
		return;
	CHECK(greed.processes > 0);
	CHECK(!has_one_processor() || turns <= REQUESTS * TURNS_MAX * greed.processes);
	/* All that it had is back. */
	for (unsigned i = 0; i < 2000; i++) {
		SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&after);
		if (after.objects_used <= before.objects_used + 1)
			break;
		sleep_until(now_ns() + MS_NS);
	}
	CHECK(after.objects_used <= before.objects_used + 1);
}

static void greed_for_memory_harms_nobody(void)
{
	harms_nobody("memory");
}

static void greed_for_objects_and_timers_harms_nobody(void)
{
	harms_nobody("objects");
}

static void greed_for_sessions_harms_nobody(void)
{
	struct disk_entry entry;
	uint32_t index = 0;

	if (!disk_next(&index, &entry))
		SKIP("no disk");
	harms_nobody("sessions");
}

static void processes_without_end_harm_nobody(void)
{
	harms_nobody("processes");
}

static void loop_without_end_harms_nobody(void)
{
	harms_nobody("processor");
}

/* What a process may write at once is a part of what its parent has left; then so many a second. */
static void flood_of_the_log_is_cut_off(void)
{
	handle_t note = new_notification();
	struct child child;
	int64_t lines = -1;
	uint64_t began_ns;

	sleep_until(now_ns() + 1000 * MS_NS); /* what earlier tests took of the parent's is back */
	began_ns = now_ns();
	if (!start_greedy(&child, "log", note))
		return;
	CHECK(child_wait(&child, &lines));
	child_end(&child);
	close_handle(note);
	test_note("%lld of %u lines went through", (long long)lines, LOG_FLOOD);
	CHECK(lines > 0);
	CHECK((uint64_t)lines <= 32 + 16 * ((now_ns() - began_ns) / (1000 * MS_NS) + 1));
}

const struct test budget_tests[] = {
	{ "greed_for_memory_harms_nobody", greed_for_memory_harms_nobody },
	{ "greed_for_objects_and_timers_harms_nobody", greed_for_objects_and_timers_harms_nobody },
	{ "greed_for_sessions_harms_nobody", greed_for_sessions_harms_nobody },
	{ "processes_without_end_harm_nobody", processes_without_end_harm_nobody },
	{ "loop_without_end_harms_nobody", loop_without_end_harms_nobody },
	{ "flood_of_the_log_is_cut_off", flood_of_the_log_is_cut_off },
	{ 0 },
};
