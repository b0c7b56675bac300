/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suite kernel: what the kernel's own services cost. The interrupt's way to the driver is counted
 * by the plugin during suite block, between MARKER_POINT_INTERRUPT and MARKER_POINT_DRIVER.
 */
#include <stddef.h>

#include <runtime/process.h>
#include <runtime/syscall.h>

#include "bench.h"

#define PEER_ENDPOINT STARTUP_USER
#define PEER_STOP     1u
#define PAGE_BYTES    4096u

unsigned effort_times(const struct effort *effort, unsigned usual)
{
	unsigned count = usual * effort->percent / 100;

	return count < 10 ? 10 : count;
}

static void measure_syscall(const struct effort *effort)
{
	unsigned count = effort_times(effort, 20000);
	struct segment segment;

	segment_begin(1);
	for (unsigned i = 0; i < count; i++) {
		uint64_t began = operation_begin();

		SYS0(SYS_NULL);
		operation_end(began);
	}
	segment = segment_end(count);
	data_line(&segment, "suite=kernel name=syscall");
}

handle_t start_self(const char *word, const struct startup_handle *handle, uint32_t count,
		    uint32_t priority)
{
	const char *const words[] = { word, NULL };
	struct program program = { .path = "bin/bench",
				   .words = words,
				   .handle = handle,
				   .handle_count = count,
				   .priority = priority };
	handle_t process = HANDLE_NONE;

	must(program_start(&program, &process), "start bin/bench");
	return process;
}

/* Answers every call until it is told to stop. */
int kernel_peer(void)
{
	handle_t endpoint = runtime_handle(PEER_ENDPOINT);
	struct message message = { 0 };

	if (sys_receive(endpoint, HANDLE_NONE, DEADLINE_NEVER, &message))
		return 1;
	while (message.label != PEER_STOP)
		if (sys_reply_receive(endpoint, HANDLE_NONE, &message))
			return 1;
	return sys_reply(&message) != OK;
}

handle_t create(enum syscall what)
{
	struct sys_result result = SYS0(what);

	must(result.error, "create an object");
	return (handle_t)result.value;
}

static void measure_call(const struct effort *effort)
{
	unsigned count = effort_times(effort, 10000);
	handle_t endpoint = create(SYS_ENDPOINT_CREATE);
	struct startup_handle handle = { PEER_ENDPOINT, endpoint };
	handle_t process = start_self("peer", &handle, 1, PRIORITY_PROGRAM);
	struct message message = { .label = 0 };
	struct segment segment;

	for (unsigned i = 0; i < 100; i++)
		must(sys_call(endpoint, &message), "call the peer");
	segment_begin(1);
	for (unsigned i = 0; i < count; i++) {
		uint64_t began = operation_begin();

		must(sys_call(endpoint, &message), "call the peer");
		operation_end(began);
	}
	segment = segment_end(count);
	message.label = PEER_STOP;
	must(sys_call(endpoint, &message), "stop the peer");
	SYS1(SYS_HANDLE_CLOSE, process);
	SYS1(SYS_HANDLE_CLOSE, endpoint);
	data_line(&segment, "suite=kernel name=call");
}

/* Two threads that wake each other in turn: each operation is one signal, one wait, one switch. */
static handle_t ping, pong;
static volatile bool waiter_stops;

static void waiter(void *argument)
{
	uint64_t bits;

	(void)argument;
	while (!waiter_stops) {
		must(sys_wait(ping, DEADLINE_NEVER, &bits), "wait for the ping");
		SYS2(SYS_SIGNAL, pong, 1);
	}
}

static void ping_once(void)
{
	uint64_t bits;

	SYS2(SYS_SIGNAL, ping, 1);
	must(sys_wait(pong, DEADLINE_NEVER, &bits), "wait for the pong");
}

static void measure_notify(const struct effort *effort)
{
	unsigned count = effort_times(effort, 10000);
	struct segment segment;

	ping = create(SYS_NOTIFICATION_CREATE);
	pong = create(SYS_NOTIFICATION_CREATE);
	must(thread_create(waiter, NULL, PRIORITY_PROGRAM), "create a thread");
	for (unsigned i = 0; i < 100; i++)
		ping_once();
	segment_begin(1);
	for (unsigned i = 0; i < count; i++) {
		uint64_t began = operation_begin();

		ping_once();
		operation_end(began);
	}
	segment = segment_end(count);
	waiter_stops = true;
	ping_once();
	data_line(&segment, "suite=kernel name=notify per_sample=2");
}

static void measure_page_fault(const struct effort *effort)
{
	unsigned count = effort_times(effort, 1000);
	uint64_t bytes = (uint64_t)count * PAGE_BYTES;
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, bytes, 0), map;
	struct segment segment;

	must(memory.error, "create memory");
	map = SYS4(SYS_MEMORY_MAP, memory.value, 0, bytes, RIGHT_READ | RIGHT_WRITE);
	must(map.error, "map memory");
	segment_begin(1);
	for (unsigned i = 0; i < count; i++) {
		uint64_t began = operation_begin();

		*(volatile uint8_t *)(map.value + (uint64_t)i * PAGE_BYTES) = 1;
		operation_end(began);
	}
	segment = segment_end(count);
	SYS2(SYS_MEMORY_UNMAP, map.value, bytes);
	SYS1(SYS_HANDLE_CLOSE, memory.value);
	data_line(&segment, "suite=kernel name=page-fault");
}

/* From the request to the news of its end: create, load, run to main, exit, clean up. */
static void spawn_once(handle_t notification)
{
	handle_t process = start_self("exit", NULL, 0, PRIORITY_PROGRAM);
	uint64_t bits;

	must(SYS3(SYS_PROCESS_WATCH, process, notification, 1).error, "watch a process");
	must(sys_wait(notification, DEADLINE_NEVER, &bits), "wait for its end");
	SYS1(SYS_HANDLE_CLOSE, process);
}

static void measure_spawn(const struct effort *effort)
{
	unsigned count = effort_times(effort, 200);
	handle_t notification = create(SYS_NOTIFICATION_CREATE);
	struct segment segment;

	spawn_once(notification);
	segment_begin(1);
	for (unsigned i = 0; i < count; i++) {
		uint64_t began = operation_begin();

		spawn_once(notification);
		operation_end(began);
	}
	segment = segment_end(count);
	SYS1(SYS_HANDLE_CLOSE, notification);
	data_line(&segment, "suite=kernel name=spawn");
}

void kernel_suite(const struct effort *effort)
{
	measure_syscall(effort);
	measure_call(effort);
	measure_notify(effort);
	measure_page_fault(effort);
	measure_spawn(effort);
}
