/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Children of the test: how they are started and awaited, and what they do.
 */
#include <lib/string.h>
#include <runtime/disk.h>
#include <runtime/pattern.h>
#include <runtime/process.h>

#include "systest.h"

#define CHILD_TIMEOUT_NS (2000 * MS_NS)

handle_t new_notification(void)
{
	struct sys_result result = SYS0(SYS_NOTIFICATION_CREATE);

	if (result.error == OK)
		return (handle_t)result.value;
	test_fail(__FILE__, __LINE__, "SYS_NOTIFICATION_CREATE", result.error, OK);
	return HANDLE_NONE;
}

void close_handle(handle_t handle)
{
	if (handle != HANDLE_NONE)
		SYS1(SYS_HANDLE_CLOSE, handle);
}

bool child_start(struct child *child, const char *mode, const char *argument,
		 const struct startup_handle *given, uint32_t given_count)
{
	const char *words[] = { "child", mode, argument, NULL };
	struct startup_handle handle[8] = {
		{ STARTUP_ARCHIVE, runtime_handle(STARTUP_ARCHIVE) },
	};
	struct program program = {
		.path = "bin/systest",
		.words = words,
		.handle = handle,
		.handle_count = 1 + given_count,
		.priority = 1,
		.budget_pages = CHILD_PAGES,
		.budget_objects = CHILD_OBJECTS,
	};
	enum error error;

	for (uint32_t i = 0; i < given_count; i++)
		handle[1 + i] = given[i];
	child->process = HANDLE_NONE;
	child->watch = new_notification();
	error = program_start(&program, &child->process);
	if (error == OK)
		error = SYS3(SYS_PROCESS_WATCH, child->process, child->watch, 1).error;
	if (error == OK)
		return true;
	test_fail(__FILE__, __LINE__, "starting a child", error, OK);
	child_end(child);
	return false;
}

bool child_wait(struct child *child, int64_t *code)
{
	struct process_info info = { 0 };
	uint64_t bits;
	enum error error = sys_wait(child->watch, now_ns() + CHILD_TIMEOUT_NS, &bits);

	if (error == OK)
		error = SYS2(SYS_PROCESS_INFO, child->process, (uintptr_t)&info).error;
	if (error == OK && !info.exited)
		error = ERR_BUSY;
	*code = info.exit_code;
	if (error != OK)
		test_fail(__FILE__, __LINE__, "waiting for the end of a child", error, OK);
	return error == OK;
}

void child_end(struct child *child)
{
	if (child->process != HANDLE_NONE) {
		SYS1(SYS_PROCESS_KILL, child->process);
		close_handle(child->process);
	}
	close_handle(child->watch);
	child->process = child->watch = HANDLE_NONE;
}

/* --- What children do --- */

/* Answers each call with its words plus one, and its handle; ends at label 0. */
static int serve(void)
{
	handle_t endpoint = runtime_handle(CHILD_ENDPOINT);
	struct message message;

	while (sys_receive(endpoint, HANDLE_NONE, DEADLINE_NEVER, &message) == OK) {
		bool last = message.label == 0;

		for (unsigned i = 0; i < MESSAGE_WORDS; i++)
			message.word[i]++;
		if (message.handle != HANDLE_NONE)
			SYS2(SYS_SIGNAL, message.handle, 4);
		if (sys_reply(&message) != OK)
			return 1;
		close_handle(message.handle);
		if (last)
			return 0;
	}
	return 2;
}

/* Receives one call and dies without an answer. */
static int die_while_serving(void)
{
	struct message message;

	return sys_receive(runtime_handle(CHILD_ENDPOINT), HANDLE_NONE, DEADLINE_NEVER, &message) ==
			       OK
		       ? 7
		       : 8;
}

/* Calls once; the exit code is word 0 of the answer. */
static int call(void)
{
	struct message message = { .label = 11, .word = { 1, 2, 3, 4 } };

	if (sys_call(runtime_handle(CHILD_ENDPOINT), &message) != OK)
		return -2;
	return (int)message.word[0];
}

/* Takes objects and pages until none is left; the exit code is the last error. */
static int eat_objects(void)
{
	for (unsigned i = 0; i < 4 * CHILD_OBJECTS; i++) {
		struct sys_result result = SYS0(SYS_NOTIFICATION_CREATE);

		if (result.error != OK)
			return result.error;
	}
	return OK;
}

static int eat_pages(void)
{
	for (unsigned i = 0; i < 4 * CHILD_PAGES; i++) {
		struct sys_result result =
			SYS2(SYS_MEMORY_CREATE, 16 * SESSION_PAGE, MEMORY_COMMITTED);

		if (result.error != OK)
			return result.error;
	}
	return OK;
}

/* Takes all pages, then makes objects until their handles need a larger table. */
static int eat_endpoints(void)
{
	struct sys_result result = { OK, 0 };

	for (uint64_t pages = CHILD_PAGES; pages; pages /= 2)
		while (SYS2(SYS_MEMORY_CREATE, pages * SESSION_PAGE, MEMORY_COMMITTED).error == OK)
			;
	for (unsigned i = 0; i < 4 * CHILD_OBJECTS && result.error == OK; i++)
		result = SYS0(SYS_ENDPOINT_CREATE);
	return result.error;
}

/* Handles to one object, memory that is never touched, and mappings: what the kernel keeps of them
 * has its price too. */
static int eat_tables(const char *what)
{
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, SESSION_PAGE, 0), result = { OK, 0 };

	for (unsigned i = 0; i < 70000 && result.error == OK; i++) {
		if (strcmp(what, "handles") == 0)
			result = SYS3(SYS_HANDLE_DUPLICATE, memory.value, RIGHT_READ, 0);
		else if (strcmp(what, "mappings") == 0)
			result = SYS4(SYS_MEMORY_MAP, memory.value, 0, SESSION_PAGE, RIGHT_READ);
		else
			result = SYS2(SYS_MEMORY_CREATE, UINT64_C(1) << 29, 0);
	}
	return result.error;
}

/* Touches more pages than the budget has: the fault ends it. */
static int eat_by_touch(void)
{
	uint64_t bytes = 4 * CHILD_PAGES * (uint64_t)SESSION_PAGE;
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, bytes, 0);
	struct sys_result map =
		SYS4(SYS_MEMORY_MAP, memory.value, 0, bytes, RIGHT_READ | RIGHT_WRITE);

	if (memory.error != OK || map.error != OK)
		return 1;
	for (uint64_t at = 0; at < bytes; at += SESSION_PAGE)
		*(volatile uint8_t *)(map.value + at) = 1;
	return 2;
}

/* Three calls deep, so that the report has a backtrace to show. */
static __attribute__((noinline)) int write_through(volatile int *pointer)
{
	__asm__ volatile("" : : "r"(__builtin_frame_address(0))); /* a leaf has no frame else */
	*pointer = 1;
	return 1;
}

static __attribute__((noinline)) int forget_to_check(volatile int *pointer)
{
	int result = write_through(pointer);

	__asm__ volatile("" : "+r"(result)); /* no tail call: it keeps its frame */
	return result + 1;
}

static __attribute__((noinline)) int dereference_null(void)
{
	volatile int *null = NULL;
	int result;

	__asm__ volatile("" : "+r"(null));
	result = forget_to_check(null);
	__asm__ volatile("" : "+r"(result));
	return result + 1;
}

static int read_kernel(void)
{
	return *(volatile uint8_t *)UINT64_C(0xffffffff80100000);
}

static int write_code(void)
{
	*(volatile uint8_t *)(uintptr_t)read_kernel = 0xcc;
	return 0;
}

static int execute_data(void)
{
	static uint8_t code[16] = { 0xb8, 0, 0, 0, 0, 0xc3 }; /* mov $0, %eax; ret */
	uint8_t *volatile target = code;

	return ((int (*)(void))(uintptr_t)target)();
}

static int privileged(void)
{
	__asm__ volatile("cli");
	return 0;
}

static int port_access(void)
{
	__asm__ volatile("outb %%al, $0x80" : : "a"(0));
	return 0;
}

/* Registers that nobody saves between processes. */
static int float_instruction(void)
{
	__asm__ volatile("fld1");
	return 0;
}

static int vector_instruction(void)
{
	__asm__ volatile("pxor %%mm0, %%mm0" : :);
	return 0;
}

/* Calls the server for ever: somebody ends it in the midst of one. */
static int call_for_ever(void)
{
	struct message message = { .label = 1 };

	while (sys_call(runtime_handle(CHILD_ENDPOINT), &message) == OK)
		message.label = 1;
	return 0;
}

/* System calls with numbers and arguments by chance, but none that waits or ends. */
static int call_at_random(uint64_t seed)
{
	static const uint64_t interesting[] = { 0,
						1,
						~UINT64_C(0),
						UINT64_C(0x7fffffffffff),
						UINT64_C(0x800000000000),
						UINT64_C(0xffff800000000000),
						UINT64_C(0xffffffff80100000),
						4096 };

	for (unsigned i = 0; i < 20000; i++) {
		uint64_t argument[6];
		uint64_t number = splitmix64(seed++) % (SYSCALL_COUNT + 2);

		for (unsigned k = 0; k < 6; k++) {
			uint64_t random = splitmix64(seed++);

			argument[k] = random & 1 ? interesting[random / 2 % 8] : random >> 40;
		}
		if (number == SYS_PROCESS_EXIT || number == SYS_THREAD_EXIT ||
		    number == SYS_THREAD_CREATE || number == SYS_SLEEP_UNTIL ||
		    number == SYS_MEMORY_UNMAP || number == SYS_CALL || number == SYS_RECEIVE ||
		    number == SYS_WAIT)
			continue;
		if (number == SYS_HANDLE_CLOSE || number == SYS_PROCESS_KILL)
			argument[0] |= 0xff000; /* not its own few */
		sys_call6((enum syscall)number, argument[0], argument[1], argument[2], argument[3],
			  argument[4], argument[5]);
	}
	return 0;
}

/* Reads a disk as fast as it can, for ever: somebody kills it. */
static int hammer(const char *name)
{
	static struct disk disk;
	struct session_result result;
	uint64_t block = 0;

	if (disk_open(name, 32, 32 * 4096, &disk) != OK)
		return 1;
	SYS2(SYS_SIGNAL, runtime_handle(CHILD_NOTIFICATION), 2);
	for (;;) {
		for (uint32_t i = 0; disk_queue(&disk, BLOCK_READ, block % disk.block_count, 1,
						i % 32 * 4096, 0) == OK;
		     i++)
			block += 9;
		client_kick(&disk.client);
		if (client_wait(&disk.client, DEADLINE_NEVER, &result) != OK)
			return 2;
	}
}

static int sleep_for_ever(void)
{
	while (now_ns() != 0)
		sleep_until(now_ns() + 1000 * 1000 * MS_NS);
	return 0;
}

static int spin_for_ever(void)
{
	while (now_ns() != 0)
		;
	return 0;
}

static int many_handles(void)
{
	handle_t mine = new_notification();

	for (unsigned i = 0; i < 12000; i++)
		if (SYS3(SYS_HANDLE_DUPLICATE, mine, RIGHT_READ, 0).error)
			return (int)i;
	SYS2(SYS_SIGNAL, runtime_handle(CHILD_NOTIFICATION), 1);
	return sleep_for_ever();
}

int child_main(const char *mode, const char *argument)
{
	static const struct {
		const char *mode;
		int (*run)(void);
	} modes[] = {
		{ "serve", serve },
		{ "die-while-serving", die_while_serving },
		{ "call", call },
		{ "eat-objects", eat_objects },
		{ "eat-pages", eat_pages },
		{ "eat-endpoints", eat_endpoints },
		{ "eat-by-touch", eat_by_touch },
		{ "crash", dereference_null },
		{ "read-kernel", read_kernel },
		{ "write-code", write_code },
		{ "execute-data", execute_data },
		{ "privileged", privileged },
		{ "port", port_access },
		{ "float", float_instruction },
		{ "vector", vector_instruction },
		{ "call-for-ever", call_for_ever },
		{ "sleep", sleep_for_ever },
		{ "many-handles", many_handles },
		{ "spin", spin_for_ever },
	};
	uint64_t number = 0;

	string_to_u64(argument, &number);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].mode, mode) == 0)
			return modes[i].run();
	if (strcmp(mode, "exit") == 0)
		return (int)number;
	if (strcmp(mode, "hog") == 0)
		return be_greedy(argument);
	if (strcmp(mode, "eat-tables") == 0)
		return eat_tables(argument);
	if (strcmp(mode, "random") == 0)
		return call_at_random(number);
	if (strcmp(mode, "instance") == 0)
		return be_an_instance((uint32_t)number);
	if (strcmp(mode, "ports") == 0)
		return use_ports((uint32_t)number);
	if (strcmp(mode, "verify") == 0)
		return be_a_load(argument);
	if (strcmp(mode, "msix") == 0)
		return reach_for_msix((uint32_t)number);
	if (strcmp(mode, "hammer") == 0)
		return hammer(argument);
	return -3;
}
