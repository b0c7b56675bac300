/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suite process: processes against each other: calls, handles, ends, budgets, faults, bad images.
 */
#include <lib/string.h>
#include <runtime/archive.h>
#include <runtime/process.h>

#include "systest.h"

#define PAGE        UINT64_C(4096)
#define KILLS       40
#define LARGE_BYTES (UINT64_C(32) << 20)
#define LARGE_REST  64 /* pages that stay: page tables, the thread's stack */

static void who_polls_sees_the_end_of_a_child(void)
{
	handle_t ready = new_notification();
	struct startup_handle given = { CHILD_NOTIFICATION, ready };
	struct child child;
	uint64_t bits = 0, until, began;

	if (!child_start(&child, "many-handles", "0", &given, 1))
		return;
	CHECK_EQUAL(sys_wait(ready, now_ns() + 5000 * MS_NS, &bits), OK);
	CHECK_EQUAL(SYS1(SYS_PROCESS_KILL, child.process).error, OK);
	began = now_ns();
	until = began + 500 * MS_NS;
	while (sys_wait(child.watch, DEADLINE_NOW, &bits) != OK && now_ns() < until)
		;
	test_note("end seen after %llu us", (unsigned long long)(now_ns() - began) / 1000);
	CHECK(now_ns() < until);
	child_end(&child);
	close_handle(ready);
}

static void expect_end(const char *mode, const char *argument, int64_t expected)
{
	struct child child;
	int64_t code = -100;

	if (!child_start(&child, mode, argument, NULL, 0))
		return;
	child_wait(&child, &code);
	child_end(&child);
	CHECK_EQUAL(code, expected);
}

static void exit_code_reaches_the_watcher(void)
{
	expect_end("exit", "42", 42);
}

static void watching_an_ended_process_raises_at_once(void)
{
	handle_t notification = new_notification();
	struct child child;
	uint64_t bits = 0;
	int64_t code;

	if (!child_start(&child, "exit", "0", NULL, 0))
		return;
	CHECK(child_wait(&child, &code));
	CHECK_EQUAL(SYS3(SYS_PROCESS_WATCH, child.process, notification, 8).error, OK);
	CHECK_EQUAL(sys_wait(notification, now_ns() + 1000 * MS_NS, &bits), OK);
	CHECK_EQUAL(bits, 8);
	child_end(&child);
	close_handle(notification);
}

static void killing_ends(const char *mode)
{
	struct child child;
	int64_t code;

	if (!child_start(&child, mode, "", NULL, 0))
		return;
	sleep_until(now_ns() + 5 * MS_NS);
	CHECK_EQUAL(SYS1(SYS_PROCESS_KILL, child.process).error, OK);
	child_wait(&child, &code);
	child_end(&child);
}

static void killing_ends_a_sleeping_process(void)
{
	killing_ends("sleep");
}

static void killing_ends_a_spinning_process(void)
{
	killing_ends("spin");
}

static void ended_process_gives_its_budget_back(void)
{
	struct process_info before = { 0 }, after = { 0 };

	expect_end("exit", "0", 0); /* whatever is allocated once is allocated now */
	SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&before);
	for (unsigned i = 0; i < 3; i++)
		expect_end("exit", "0", 0);
	SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&after);
	CHECK_EQUAL(after.pages_used, before.pages_used);
	CHECK_EQUAL(after.objects_used, before.objects_used);
}

static void faults_end_only_the_process_that_makes_them(void)
{
	static const char *const modes[] = { "crash",        "read-kernel", "write-code",
					     "execute-data", "privileged",  "port",
					     "float",        "vector" };

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]) && !test_failed(); i++) {
		struct child child;
		int64_t code = 0;

		if (!child_start(&child, modes[i], "", NULL, 0))
			return;
		child_wait(&child, &code);
		child_end(&child);
		CHECK(code < 0);
	}
}

static void budgets_bind_a_process(void)
{
	expect_end("eat-objects", "", ERR_BUDGET);
	expect_end("eat-pages", "", ERR_BUDGET);
	expect_end("eat-endpoints", "", ERR_BUDGET);
	expect_end("eat-tables", "handles", ERR_BUDGET);
	expect_end("eat-tables", "memory", ERR_BUDGET);
}

/* Memory that a less important thread takes and gives back at once. */
static struct large {
	handle_t done;
	enum error error;
	volatile bool asking;
	uint64_t took_ns;
	uint64_t pages_used;
	bool zero;
} large;

static void take_large_memory(void *argument)
{
	struct sys_result memory, map;
	struct process_info info = { 0 };
	uint64_t began_ns = now_ns();

	(void)argument;
	large.asking = true;
	memory = SYS2(SYS_MEMORY_CREATE, LARGE_BYTES, MEMORY_COMMITTED);
	large.asking = false;
	large.took_ns = now_ns() - began_ns;
	map = SYS4(SYS_MEMORY_MAP, memory.value, 0, LARGE_BYTES, RIGHT_READ | RIGHT_WRITE);
	large.error = memory.error != OK ? (enum error)memory.error : (enum error)map.error;
	large.zero = true;
	for (uint64_t at = 0; large.error == OK && at < LARGE_BYTES; at += 64 * PAGE) {
		large.zero &= *(volatile uint64_t *)(map.value + at) == 0;
		*(volatile uint64_t *)(map.value + at) = at;
	}
	SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&info);
	large.pages_used = info.pages_used;
	SYS2(SYS_MEMORY_UNMAP, map.value, LARGE_BYTES);
	close_handle((handle_t)memory.value);
	SYS2(SYS_SIGNAL, large.done, 1);
}

static unsigned processor_count(void)
{
	static struct system_info info;

	return SYS1(SYS_SYSTEM_INFO, (uintptr_t)&info).error == OK ? info.cpu_count : 1;
}

/* The kernel works a piece at a time: others run in between. */
static void large_memory_comes_and_goes_in_pieces(void)
{
	struct process_info before = { 0 }, after = { 0 };
	unsigned turns = 0;
	uint64_t bits;

	SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&before);
	if (before.pages_limit - before.pages_used < LARGE_BYTES / PAGE + LARGE_REST)
		SKIP("the budget is too small");
	large = (struct large){ .done = new_notification() };
	CHECK_EQUAL(thread_create(take_large_memory, NULL, 1), OK);
	while (sys_wait(large.done, now_ns() + MS_NS / 10, &bits) == ERR_TIMEOUT)
		turns += large.asking;
	CHECK_EQUAL(large.error, OK);
	CHECK(large.zero);
	CHECK(large.pages_used >= LARGE_BYTES / PAGE);
	/* On one processor the turns say it; on several, the host decides who runs when. */
	CHECK(processor_count() > 1 || large.took_ns < 5 * MS_NS || turns >= 5);
	for (unsigned i = 0; i < 1000; i++) {
		SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&after);
		if (after.pages_used < before.pages_used + LARGE_REST)
			break;
		sleep_until(now_ns() + MS_NS);
	}
	CHECK(after.pages_used < before.pages_used + LARGE_REST);
	close_handle(large.done);
}

static void touching_beyond_the_budget_ends_the_process(void)
{
	struct child child;
	int64_t code = 0;

	if (!child_start(&child, "eat-by-touch", "", NULL, 0))
		return;
	child_wait(&child, &code);
	child_end(&child);
	CHECK(code < 0);
}

static void random_system_calls_harm_nobody(void)
{
	static const char *const seeds[] = { "1", "2", "3" };

	for (unsigned i = 0; i < 3 && !test_failed(); i++) {
		struct child child;
		int64_t code;

		if (!child_start(&child, "random", seeds[i], NULL, 0))
			return;
		child_wait(&child, &code); /* how it ends is its own affair */
		child_end(&child);
	}
	CHECK_EQUAL(SYS0(SYS_NULL).error, OK);
}

/* --- Calls between processes --- */

static handle_t start_with_endpoint(struct child *child, const char *mode)
{
	struct sys_result endpoint = SYS0(SYS_ENDPOINT_CREATE);
	struct startup_handle given = { CHILD_ENDPOINT, (handle_t)endpoint.value };

	if (endpoint.error != OK) {
		test_fail(__FILE__, __LINE__, "SYS_ENDPOINT_CREATE", endpoint.error, OK);
		return HANDLE_NONE;
	}
	return child_start(child, mode, "", &given, 1) ? (handle_t)endpoint.value : HANDLE_NONE;
}

static void call_reaches_another_process_and_the_reply_comes_back(void)
{
	struct child child;
	handle_t endpoint = start_with_endpoint(&child, "serve");
	int64_t code = -1;

	CHECK(endpoint != HANDLE_NONE);
	for (uint64_t label = 100; label != ~UINT64_C(0);
	     label = label ? label - 1 : ~UINT64_C(0)) {
		struct message message = { .label = label, .word = { 10, 20, 30, label } };

		CHECK_EQUAL(sys_call(endpoint, &message), OK);
		CHECK_EQUAL(message.label, label);
		CHECK_EQUAL(message.word[0], 11);
		CHECK_EQUAL(message.word[1], 21);
		CHECK_EQUAL(message.word[2], 31);
		CHECK_EQUAL(message.word[3], label + 1);
	}
	CHECK(child_wait(&child, &code));
	CHECK_EQUAL(code, 0);
	child_end(&child);
	close_handle(endpoint);
}

static void server_in_this_process_answers_another(void)
{
	struct child child;
	handle_t endpoint = start_with_endpoint(&child, "call");
	struct message message;
	int64_t code = -1;

	CHECK(endpoint != HANDLE_NONE);
	CHECK_EQUAL(sys_receive(endpoint, HANDLE_NONE, now_ns() + 2000 * MS_NS, &message), OK);
	CHECK_EQUAL(message.label, 11);
	CHECK_EQUAL(message.word[3], 4);
	message.word[0] = 77;
	CHECK_EQUAL(sys_reply(&message), OK);
	CHECK(child_wait(&child, &code));
	CHECK_EQUAL(code, 77);
	child_end(&child);
	close_handle(endpoint);
}

static void handle_travels_in_a_message(void)
{
	handle_t notification = new_notification();
	struct child child;
	handle_t endpoint = start_with_endpoint(&child, "serve");
	struct message message = { .label = 0, .handle = notification };
	uint64_t bits = 0;

	CHECK(endpoint != HANDLE_NONE);
	CHECK_EQUAL(sys_call(endpoint, &message), OK);
	CHECK_EQUAL(sys_wait(notification, now_ns() + 1000 * MS_NS, &bits), OK);
	CHECK_EQUAL(bits, 4);
	CHECK(message.handle != HANDLE_NONE && message.handle != notification);
	CHECK_EQUAL(SYS2(SYS_SIGNAL, message.handle, 1).error, OK);
	close_handle(message.handle);
	child_end(&child);
	close_handle(endpoint);
	close_handle(notification);
}

static void handle_without_transfer_stays_at_home(void)
{
	struct sys_result notification = SYS0(SYS_NOTIFICATION_CREATE);
	struct sys_result kept = SYS3(SYS_HANDLE_DUPLICATE, notification.value, RIGHT_WRITE, 0);
	struct child child;
	handle_t endpoint = start_with_endpoint(&child, "serve");
	struct message message = { .label = 0, .handle = (handle_t)kept.value };

	CHECK(endpoint != HANDLE_NONE);
	CHECK_EQUAL(kept.error, OK);
	CHECK_EQUAL(sys_call(endpoint, &message), ERR_DENIED);
	child_end(&child);
	close_handle(endpoint);
	close_handle((handle_t)kept.value);
	close_handle((handle_t)notification.value);
}

/* Wherever it is just then: in ring 3, waiting for the kernel on another processor, or calling. */
static void killing_ends_a_process_in_the_midst_of_calls(void)
{
	struct sys_result endpoint = SYS0(SYS_ENDPOINT_CREATE);
	struct startup_handle given = { CHILD_ENDPOINT, (handle_t)endpoint.value };
	struct child server, caller;
	int64_t code;

	CHECK_EQUAL(endpoint.error, OK);
	CHECK(child_start(&server, "serve", "", &given, 1));
	for (unsigned i = 0; i < KILLS && !test_failed(); i++) {
		CHECK(child_start(&caller, "call-for-ever", "", &given, 1));
		sleep_until(now_ns() + MS_NS + i * 37000);
		CHECK_EQUAL(SYS1(SYS_PROCESS_KILL, caller.process).error, OK);
		child_wait(&caller, &code);
		child_end(&caller);
	}
	child_end(&server);
	close_handle((handle_t)endpoint.value);
}

static void caller_of_a_server_that_dies_is_told(void)
{
	struct child child;
	handle_t endpoint = start_with_endpoint(&child, "die-while-serving");
	struct message message = { .label = 1 };

	CHECK(endpoint != HANDLE_NONE);
	CHECK_EQUAL(sys_call(endpoint, &message), ERR_GONE);
	child_end(&child);
	close_handle(endpoint);
}

/* --- Starting: images and arguments that are refused --- */

static struct spawn spawn;
static handle_t image_memory;
static uint8_t *image;
static uint64_t image_bytes;

/* A copy of this program that may be damaged. */
static bool make_image(void)
{
	struct archive_file file;
	struct sys_result result;

	if (runtime_file("bin/systest", &file) != OK)
		return false;
	image_bytes = file.size_bytes;
	result = SYS2(SYS_MEMORY_CREATE, image_bytes, 0);
	if (result.error != OK)
		return false;
	image_memory = (handle_t)result.value;
	result = SYS4(SYS_MEMORY_MAP, image_memory, 0, (image_bytes + PAGE - 1) & ~(PAGE - 1),
		      RIGHT_READ | RIGHT_WRITE);
	image = (uint8_t *)result.value;
	if (result.error == OK)
		memcpy(image, file.data, image_bytes);
	return result.error == OK;
}

static void drop_image(void)
{
	SYS2(SYS_MEMORY_UNMAP, (uintptr_t)image, (image_bytes + PAGE - 1) & ~(PAGE - 1));
	close_handle(image_memory);
	image = NULL;
}

static struct sys_result spawn_image(uint64_t bytes)
{
	memset(&spawn, 0, sizeof(spawn));
	string_copy(spawn.name, sizeof(spawn.name), "bad-image");
	spawn.image = image_memory;
	spawn.image_bytes = bytes;
	spawn.priority = 1;
	spawn.budget_pages = CHILD_PAGES;
	spawn.budget_objects = CHILD_OBJECTS;
	string_copy(spawn.args, sizeof(spawn.args), "systest");
	spawn.args_bytes = 8;
	return SYS1(SYS_PROCESS_SPAWN, (uintptr_t)&spawn);
}

/* Puts `value` at `offset` of the file, starts it, and puts back what was there. */
static enum error spawn_with(uint64_t offset, unsigned width, uint64_t value)
{
	struct sys_result result;
	uint64_t old = 0;

	memcpy(&old, image + offset, width);
	memcpy(image + offset, &value, width);
	result = spawn_image(image_bytes);
	memcpy(image + offset, &old, width);
	if (result.error == OK) {
		SYS1(SYS_PROCESS_KILL, result.value);
		close_handle((handle_t)result.value);
	}
	return result.error;
}

/* ELF-64: offsets in the header, and in the first program header, which is PT_LOAD. */
#define HEADER_PROGRAMS 32
#define PROGRAM_OFFSET  8
#define PROGRAM_VADDR   16
#define PROGRAM_FILE    32
#define PROGRAM_MEMORY  40

static const struct bad_header {
	const char *what;
	unsigned in_program, offset, width;
	uint64_t value;
} bad_headers[] = {
	{ "magic", 0, 0, 4, 0x464c457e },
	{ "32 bits", 0, 4, 1, 1 },
	{ "big-endian", 0, 5, 1, 2 },
	{ "relocatable", 0, 16, 2, 1 },
	{ "another machine", 0, 18, 2, 3 },
	{ "entry in the kernel", 0, 24, 8, UINT64_C(0xffffffff80100000) },
	{ "entry at no segment", 0, 24, 8, 0x1000 },
	{ "program headers outside", 0, 32, 8, UINT64_C(0x7fffffffffffffff) },
	{ "program headers that wrap", 0, 32, 8, ~UINT64_C(0) - 8 },
	{ "odd program header size", 0, 54, 2, 12 },
	{ "no program headers", 0, 56, 2, 0 },
	{ "too many program headers", 0, 56, 2, 0xffff },
	{ "segment outside of the file", 1, PROGRAM_OFFSET, 8, UINT64_C(0x7ffffffffffff000) },
	{ "segment in the kernel", 1, PROGRAM_VADDR, 8, UINT64_C(0xffffffff80100000) },
	{ "segment at page 0", 1, PROGRAM_VADDR, 8, 0 },
	{ "segment that wraps", 1, PROGRAM_MEMORY, 8, ~UINT64_C(0) - 4096 },
	{ "segment larger in the file", 1, PROGRAM_MEMORY, 8, 1 },
	{ "segment that ends outside of the file", 1, PROGRAM_FILE, 8, UINT64_C(1) << 40 },
	{ "writable code", 1, 4, 4, 7 },
};

static void bad_images_are_refused(void)
{
	uint64_t program;

	CHECK(make_image());
	memcpy(&program, image + HEADER_PROGRAMS, sizeof(program));
	for (unsigned i = 0; i < sizeof(bad_headers) / sizeof(bad_headers[0]); i++) {
		const struct bad_header *bad = &bad_headers[i];
		enum error error = spawn_with(bad->offset + (bad->in_program ? program : 0),
					      bad->width, bad->value);

		if (error == OK)
			test_fail(__FILE__, __LINE__, bad->what, OK, ERR_CORRUPT);
	}
	for (uint64_t bytes = 0; bytes < 128; bytes += 9)
		CHECK(spawn_image(bytes).error != OK);
	CHECK(spawn_image(image_bytes + 2 * PAGE).error != OK);
	drop_image();
}

static void undamaged_image_of_a_memory_object_starts(void)
{
	struct sys_result result;

	CHECK(make_image());
	result = spawn_image(image_bytes);
	CHECK_EQUAL(result.error, OK);
	SYS1(SYS_PROCESS_KILL, result.value);
	close_handle((handle_t)result.value);
	drop_image();
}

static void impossible_spawns_are_refused(void)
{
	struct program program = { .path = "bin/systest",
				   .priority = 1,
				   .budget_pages = UINT64_C(1) << 40,
				   .budget_objects = CHILD_OBJECTS };
	struct startup_handle nonsense = { STARTUP_USER, 0x12345 };
	handle_t process;

	CHECK_EQUAL(program_start(&program, &process), ERR_BUDGET);
	program.budget_pages = CHILD_PAGES;
	program.budget_objects = UINT64_C(1) << 40;
	CHECK_EQUAL(program_start(&program, &process), ERR_BUDGET);
	program.budget_objects = CHILD_OBJECTS;
	program.priority = 31;
	CHECK(program_start(&program, &process) != OK);
	program.priority = 1;
	program.handle = &nonsense;
	program.handle_count = 1;
	CHECK_EQUAL(program_start(&program, &process), ERR_HANDLE);
	program.handle_count = 0;
	program.path = "bin/nonsense";
	CHECK_EQUAL(program_start(&program, &process), ERR_NOT_FOUND);
}

static void process_is_found_by_its_pid(void)
{
	struct process_info info = { 0 };
	struct sys_result found;
	struct child child;

	if (!child_start(&child, "sleep", "", NULL, 0))
		return;
	CHECK_EQUAL(SYS2(SYS_PROCESS_INFO, child.process, (uintptr_t)&info).error, OK);
	CHECK_EQUAL(info.parent_pid, runtime_startup->pid);
	found = SYS2(SYS_PROCESS_OPEN, runtime_handle(STARTUP_REGISTRY), info.pid);
	CHECK_EQUAL(found.error, OK);
	CHECK_EQUAL(SYS1(SYS_PROCESS_KILL, found.value).error, OK);
	close_handle((handle_t)found.value);
	int64_t code;

	CHECK(child_wait(&child, &code));
	child_end(&child);
	CHECK_EQUAL(SYS2(SYS_PROCESS_OPEN, runtime_handle(STARTUP_REGISTRY), 0x7fffffff).error,
		    ERR_NOT_FOUND);
}

const struct test process_tests[] = {
	{ "who_polls_sees_the_end_of_a_child", who_polls_sees_the_end_of_a_child },
	{ "exit_code_reaches_the_watcher", exit_code_reaches_the_watcher },
	{ "watching_an_ended_process_raises_at_once", watching_an_ended_process_raises_at_once },
	{ "killing_ends_a_sleeping_process", killing_ends_a_sleeping_process },
	{ "killing_ends_a_spinning_process", killing_ends_a_spinning_process },
	{ "process_is_found_by_its_pid", process_is_found_by_its_pid },
	{ "ended_process_gives_its_budget_back", ended_process_gives_its_budget_back },
	{ "faults_end_only_the_process_that_makes_them",
	  faults_end_only_the_process_that_makes_them },
	{ "budgets_bind_a_process", budgets_bind_a_process },
	{ "large_memory_comes_and_goes_in_pieces", large_memory_comes_and_goes_in_pieces },
	{ "touching_beyond_the_budget_ends_the_process",
	  touching_beyond_the_budget_ends_the_process },
	{ "random_system_calls_harm_nobody", random_system_calls_harm_nobody },
	{ "call_reaches_another_process_and_the_reply_comes_back",
	  call_reaches_another_process_and_the_reply_comes_back },
	{ "server_in_this_process_answers_another", server_in_this_process_answers_another },
	{ "handle_travels_in_a_message", handle_travels_in_a_message },
	{ "handle_without_transfer_stays_at_home", handle_without_transfer_stays_at_home },
	{ "killing_ends_a_process_in_the_midst_of_calls",
	  killing_ends_a_process_in_the_midst_of_calls },
	{ "caller_of_a_server_that_dies_is_told", caller_of_a_server_that_dies_is_told },
	{ "undamaged_image_of_a_memory_object_starts", undamaged_image_of_a_memory_object_starts },
	{ "bad_images_are_refused", bad_images_are_refused },
	{ "impossible_spawns_are_refused", impossible_spawns_are_refused },
	{ 0 },
};

/* --- Suite crash-user: a fault with a report, for the host to read --- */

static void crash_of_a_child_is_reported_and_survived(void)
{
	struct child child;
	int64_t code = 0;

	if (!child_start(&child, "crash", "", NULL, 0))
		return;
	child_wait(&child, &code);
	child_end(&child);
	CHECK(code < 0);
}

const struct test crash_tests[] = {
	{ "crash_of_a_child_is_reported_and_survived", crash_of_a_child_is_reported_and_survived },
	{ 0 },
};
