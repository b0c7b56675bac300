/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suite kernel: system calls, handles, memory, IPC inside one process, time, threads, the log.
 */
#include <abi/log.h>
#include <abi/session.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/print.h>
#include <runtime/process.h>

#include "systest.h"

#define PAGE UINT64_C(4096)

static handle_t registry(void)
{
	return runtime_handle(STARTUP_REGISTRY);
}

static enum error signal(handle_t notification, uint64_t bits)
{
	return SYS2(SYS_SIGNAL, notification, bits).error;
}

static struct process_info self_info(void)
{
	struct process_info info = { 0 };

	SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&info);
	return info;
}

/* --- System calls --- */

static void null_call_returns(void)
{
	for (unsigned i = 0; i < 1000; i++)
		CHECK_EQUAL(SYS0(SYS_NULL).error, OK);
}

static void unknown_system_call_is_refused(void)
{
	/* The last two are small numbers to whoever looks at half of the register. */
	static const uint64_t numbers[] = { SYSCALL_COUNT,     10000,
					    0x7fffffff,        0xffffffff,
					    ~UINT64_C(0),      UINT64_C(1) << 63,
					    UINT64_C(1) << 61, UINT64_C(1) << 32 };

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t rax = numbers[i];

		__asm__ volatile("syscall"
				 : "+a"(rax)
				 :
				 : "rcx", "r11", "rdx", "rdi", "rsi", "r8", "r9", "r10", "memory");
		CHECK_EQUAL(rax, ERR_SYSCALL);
	}
}

static void system_call_keeps_the_other_registers(void)
{
	register uint64_t r12 __asm__("r12") = 12;
	register uint64_t r13 __asm__("r13") = 13;
	register uint64_t r14 __asm__("r14") = 14;
	register uint64_t r15 __asm__("r15") = 15;
	uint64_t rax = SYS_NULL, rbx = 3;

	__asm__ volatile("syscall"
			 : "+a"(rax), "+b"(rbx), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
			 :
			 : "rcx", "r11", "rdx", "rdi", "rsi", "r8", "r9", "r10", "memory");
	rbx += r12 << 8 | r13 << 16 | r14 << 24 | r15 << 32;
	CHECK_EQUAL(rax, OK);
	CHECK_EQUAL(rbx, UINT64_C(0x0f0e0d0c03));
}

/* A call with a pointer, and where it goes; the other arguments are good ones. */
struct pointer_call {
	enum syscall number;
	uint64_t before[3];
	unsigned before_count;
	uint64_t after;
};

static void check_bad_pointer(const struct pointer_call *call, uint64_t pointer)
{
	uint64_t argument[6] = { 0 };
	unsigned at = call->before_count;

	for (unsigned i = 0; i < at; i++)
		argument[i] = call->before[i];
	argument[at] = pointer;
	argument[at + 1] = call->after;
	struct sys_result result = sys_call6(call->number, argument[0], argument[1], argument[2],
					     argument[3], argument[4], argument[5]);

	if (result.error != ERR_FAULT)
		log_line(LOG_WARNING, "systest: system call %d with pointer %llx: %s", call->number,
			 (unsigned long long)pointer, error_text(result.error));
	CHECK_EQUAL(result.error, ERR_FAULT);
}

static void bad_pointers_give_fault(void)
{
	static const uint64_t pointers[] = { 0,
					     8,
					     UINT64_C(0x7fffffffe000),
					     UINT64_C(0x7ffffffffff8),
					     UINT64_C(0x800000000000),
					     UINT64_C(0xffff800000000000),
					     UINT64_C(0xffffffff80100000),
					     ~UINT64_C(0) - 7 };
	const struct pointer_call calls[] = {
		{ SYS_PROCESS_SPAWN, { 0 }, 0, 0 },
		{ SYS_PROCESS_INFO, { HANDLE_NONE }, 1, 0 },
		{ SYS_LOG_WRITE, { LOG_DEBUG }, 1, 16 },
		{ SYS_LOG_READ, { registry(), 0 }, 2, 0 },
		{ SYS_DEBUG_WRITE, { registry() }, 1, 16 },
		{ SYS_SYSTEM_INFO, { 0 }, 0, 0 },
		{ SYS_PROCESS_LIST, { registry(), 0 }, 2, 0 },
		{ SYS_DEVICE_LIST, { registry(), 0 }, 2, 0 },
		{ SYS_DRIVER_LIST, { registry(), 0 }, 2, 0 },
		{ SYS_DEVICE_EVENT, { registry() }, 1, 0 },
		{ SYS_DEVICE_START, { registry(), 1 }, 2, 0 },
	};

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (unsigned k = 0; k < sizeof(pointers) / sizeof(pointers[0]); k++) {
			check_bad_pointer(&calls[i], pointers[k]);
			if (test_failed())
				return;
		}
}

static void results_never_land_in_read_only_memory(void)
{
	static const struct process_info constant = { .pid = 1 };

	CHECK_EQUAL(SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)&constant).error, ERR_FAULT);
	CHECK_EQUAL(SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)null_call_returns).error,
		    ERR_FAULT);
}

/* --- Handles --- */

static void closed_handle_is_refused(void)
{
	handle_t one = new_notification(), other;

	CHECK_EQUAL(SYS1(SYS_HANDLE_CLOSE, one).error, OK);
	CHECK_EQUAL(signal(one, 1), ERR_HANDLE);
	CHECK_EQUAL(SYS1(SYS_HANDLE_CLOSE, one).error, ERR_HANDLE);
	other = new_notification(); /* in the same slot, most likely */
	CHECK(other != one);
	CHECK_EQUAL(signal(one, 1), ERR_HANDLE);
	close_handle(other);
}

static void invented_handles_are_refused(void)
{
	static const uint64_t handles[] = { 0, 0xfffff, 0x7fffffff, 0xffffffff, 0x100000 };

	for (unsigned i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
		CHECK_EQUAL(SYS2(SYS_SIGNAL, handles[i], 1).error, ERR_HANDLE);
		CHECK_EQUAL(SYS1(SYS_HANDLE_CLOSE, handles[i]).error, ERR_HANDLE);
		CHECK_EQUAL(SYS3(SYS_HANDLE_DUPLICATE, handles[i], RIGHT_ALL, 0).error, ERR_HANDLE);
	}
}

static void handle_of_another_type_is_refused(void)
{
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, PAGE, 0);
	handle_t notification = new_notification();
	uint64_t bits;

	CHECK_EQUAL(memory.error, OK);
	CHECK_EQUAL(signal((handle_t)memory.value, 1), ERR_TYPE);
	CHECK_EQUAL(sys_wait((handle_t)memory.value, DEADLINE_NOW, &bits), ERR_TYPE);
	CHECK_EQUAL(SYS4(SYS_MEMORY_MAP, notification, 0, PAGE, RIGHT_READ).error, ERR_TYPE);
	CHECK_EQUAL(SYS1(SYS_PROCESS_KILL, notification).error, ERR_TYPE);
	close_handle((handle_t)memory.value);
	close_handle(notification);
}

static handle_t duplicate(handle_t handle, uint32_t rights, uint64_t badge)
{
	struct sys_result result = SYS3(SYS_HANDLE_DUPLICATE, handle, rights, badge);

	return result.error == OK ? (handle_t)result.value : HANDLE_NONE;
}

static void missing_right_is_refused(void)
{
	handle_t notification = new_notification();
	handle_t reader = duplicate(notification, RIGHT_TRANSFER, 0);
	uint64_t bits;

	CHECK(reader != HANDLE_NONE);
	CHECK_EQUAL(signal(reader, 1), ERR_DENIED);
	CHECK_EQUAL(sys_wait(reader, DEADLINE_NOW, &bits), ERR_DENIED);
	CHECK_EQUAL(SYS3(SYS_HANDLE_DUPLICATE, reader, RIGHT_TRANSFER, 0).error, ERR_DENIED);
	CHECK_EQUAL(SYS1(SYS_HANDLE_REVOKE, reader).error, ERR_DENIED);
	CHECK_EQUAL(signal(notification, 1), OK);
	close_handle(reader);
	close_handle(notification);
}

static void duplicate_never_adds_rights(void)
{
	handle_t notification = new_notification();
	handle_t less = duplicate(notification, RIGHT_WAIT | RIGHT_DUPLICATE, 0), more;

	CHECK(less != HANDLE_NONE);
	more = duplicate(less, RIGHT_ALL, 0); /* refused, or without the rights: both will do */
	if (more != HANDLE_NONE)
		CHECK_EQUAL(signal(more, 1), ERR_DENIED);
	CHECK_EQUAL(signal(less, 1), ERR_DENIED);
	close_handle(more);
	close_handle(less);
	close_handle(notification);
}

static void revoked_handles_die(void)
{
	handle_t owner = new_notification(), other = duplicate(owner, RIGHT_ALL, 0);

	if (other == HANDLE_NONE)
		other = duplicate(owner, RIGHT_WRITE, 0);
	CHECK(other != HANDLE_NONE);
	CHECK_EQUAL(signal(other, 1), OK);
	CHECK_EQUAL(SYS1(SYS_HANDLE_REVOKE, owner).error, OK);
	CHECK_EQUAL(signal(other, 1), ERR_HANDLE);
	CHECK_EQUAL(signal(owner, 1), OK);
	close_handle(other);
	close_handle(owner);
}

/* --- Memory --- */

static void *map(handle_t memory, uint64_t offset, uint64_t bytes, uint32_t rights)
{
	struct sys_result result = SYS4(SYS_MEMORY_MAP, memory, offset, bytes, rights);

	return result.error == OK ? (void *)result.value : NULL;
}

static void memory_is_zero_and_keeps_what_is_written(void)
{
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, 4 * PAGE, 0);
	uint64_t *words, *again;

	CHECK_EQUAL(memory.error, OK);
	words = map((handle_t)memory.value, 0, 4 * PAGE, RIGHT_READ | RIGHT_WRITE);
	CHECK(words);
	for (unsigned i = 0; i < 4 * PAGE / 8; i++) {
		CHECK_EQUAL(words[i], 0);
		words[i] = i * UINT64_C(0x100000001);
	}
	again = map((handle_t)memory.value, PAGE, PAGE, RIGHT_READ);
	CHECK(again && again != words);
	CHECK_EQUAL(memcmp(again, (uint8_t *)words + PAGE, PAGE), 0);
	CHECK_EQUAL(SYS2(SYS_MEMORY_UNMAP, (uintptr_t)again, PAGE).error, OK);
	CHECK_EQUAL(SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)again).error, ERR_FAULT);
	CHECK_EQUAL(SYS2(SYS_MEMORY_UNMAP, (uintptr_t)words, 4 * PAGE).error, OK);
	CHECK_EQUAL(SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)words).error, ERR_FAULT);
	close_handle((handle_t)memory.value);
}

static void pages_are_charged_at_first_touch_and_given_back(void)
{
	uint64_t before = self_info().pages_used, mapped;
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, 64 * PAGE, 0);
	volatile uint8_t *bytes;

	CHECK_EQUAL(memory.error, OK);
	bytes = map((handle_t)memory.value, 0, 64 * PAGE, RIGHT_READ | RIGHT_WRITE);
	CHECK(bytes);
	mapped = self_info().pages_used;
	CHECK(mapped - before < 16); /* page tables, perhaps */
	for (unsigned i = 0; i < 64; i++)
		bytes[i * PAGE] = 1;
	CHECK(self_info().pages_used >= mapped + 64);
	CHECK_EQUAL(SYS2(SYS_MEMORY_UNMAP, (uintptr_t)bytes, 64 * PAGE).error, OK);
	close_handle((handle_t)memory.value);
	CHECK(self_info().pages_used <= mapped);
}

static void impossible_memory_is_refused(void)
{
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, 2 * PAGE, 0);
	handle_t handle = (handle_t)memory.value;

	CHECK(SYS2(SYS_MEMORY_CREATE, 0, 0).error != OK);
	CHECK(SYS2(SYS_MEMORY_CREATE, ~UINT64_C(0), 0).error != OK);
	CHECK(SYS2(SYS_MEMORY_CREATE, UINT64_C(1) << 62, 0).error != OK);
	CHECK(SYS2(SYS_MEMORY_CREATE, PAGE, 0x80).error != OK);
	CHECK_EQUAL(memory.error, OK);
	CHECK_EQUAL(SYS4(SYS_MEMORY_MAP, handle, 0, 3 * PAGE, RIGHT_READ).error, ERR_RANGE);
	CHECK_EQUAL(SYS4(SYS_MEMORY_MAP, handle, 2 * PAGE, PAGE, RIGHT_READ).error, ERR_RANGE);
	CHECK_EQUAL(
		SYS4(SYS_MEMORY_MAP, handle, ~UINT64_C(0) - PAGE + 1, 2 * PAGE, RIGHT_READ).error,
		ERR_RANGE);
	CHECK(!map(handle, 0, 0, RIGHT_READ));
	CHECK(!map(handle, 1, PAGE, RIGHT_READ));
	CHECK(!map(handle, 0, PAGE, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE));
	close_handle(handle);
}

static void mapping_needs_the_rights_of_the_handle(void)
{
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, PAGE, 0);
	handle_t reader = duplicate((handle_t)memory.value, RIGHT_READ, 0);
	void *view;

	CHECK(reader != HANDLE_NONE);
	CHECK_EQUAL(SYS4(SYS_MEMORY_MAP, reader, 0, PAGE, RIGHT_READ | RIGHT_WRITE).error,
		    ERR_DENIED);
	view = map(reader, 0, PAGE, RIGHT_READ);
	CHECK(view);
	CHECK_EQUAL(SYS2(SYS_PROCESS_INFO, HANDLE_NONE, (uintptr_t)view).error, ERR_FAULT);
	CHECK_EQUAL(SYS2(SYS_MEMORY_UNMAP, (uintptr_t)view, PAGE).error, OK);
	close_handle(reader);
	close_handle((handle_t)memory.value);
}

static void memory_beyond_the_budget_is_refused(void)
{
	struct process_info before = self_info();
	uint64_t bytes = (before.pages_limit - before.pages_used + 1) * PAGE;
	enum error error;

	error = SYS2(SYS_MEMORY_CREATE, bytes, MEMORY_COMMITTED).error;
	if (error == ERR_RANGE)
		SKIP("the budget is larger than a memory object can be");
	CHECK_EQUAL(error, ERR_BUDGET);
	CHECK_EQUAL(self_info().pages_used, before.pages_used);
	CHECK_EQUAL(self_info().objects_used, before.objects_used);
}

static void unmapping_what_is_not_mapped_harms_nothing(void)
{
	static const uint64_t places[] = { 0, PAGE, UINT64_C(0x7ffffffff000),
					   UINT64_C(0xffff800000000000),
					   UINT64_C(0xffffffff80000000) };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		CHECK(SYS2(SYS_MEMORY_UNMAP, places[i], PAGE).error != OK);
	CHECK(SYS2(SYS_MEMORY_UNMAP, PAGE, ~UINT64_C(0)).error != OK);
}

/* --- Notifications, timers, time --- */

static void signals_add_up_and_are_cleared_by_waiting(void)
{
	handle_t notification = new_notification();
	uint64_t bits = 0;

	CHECK_EQUAL(sys_wait(notification, DEADLINE_NOW, &bits), ERR_TIMEOUT);
	CHECK_EQUAL(signal(notification, 1), OK);
	CHECK_EQUAL(signal(notification, UINT64_C(1) << 63), OK);
	CHECK_EQUAL(sys_wait(notification, DEADLINE_NEVER, &bits), OK);
	CHECK_EQUAL(bits, UINT64_C(1) << 63 | 1);
	CHECK_EQUAL(sys_wait(notification, DEADLINE_NOW, &bits), ERR_TIMEOUT);
	close_handle(notification);
}

static void wait_ends_at_its_deadline(void)
{
	handle_t notification = new_notification();
	uint64_t bits, deadline = now_ns() + 20 * MS_NS;

	CHECK_EQUAL(sys_wait(notification, deadline, &bits), ERR_TIMEOUT);
	CHECK(now_ns() >= deadline);
	CHECK(now_ns() < deadline + 1000 * MS_NS);
	CHECK_EQUAL(sys_wait(notification, 2, &bits), ERR_TIMEOUT); /* long ago */
	close_handle(notification);
}

static void timers_fire_in_order(void)
{
	handle_t notification = new_notification();
	uint64_t now = now_ns(), seen = 0, bits = 0;
	handle_t timer[4];

	for (unsigned i = 0; i < 4; i++) {
		struct sys_result result = SYS2(SYS_TIMER_CREATE, notification, UINT64_C(1) << i);

		CHECK_EQUAL(result.error, OK);
		timer[i] = (handle_t)result.value;
	}
	for (int i = 3; i >= 0; i--)
		CHECK_EQUAL(
			SYS2(SYS_TIMER_SET, timer[i], now + (20 + 10 * (uint64_t)i) * MS_NS).error,
			OK);
	while (seen != 15) {
		CHECK_EQUAL(sys_wait(notification, now + 2000 * MS_NS, &bits), OK);
		seen |= bits;
		CHECK_EQUAL(seen & (seen + 1), 0); /* no gap: none came before an earlier one */
	}
	CHECK(now_ns() >= now + 50 * MS_NS);
	for (unsigned i = 0; i < 4; i++)
		close_handle(timer[i]);
	close_handle(notification);
}

static void disarmed_and_closed_timers_stay_silent(void)
{
	handle_t notification = new_notification();
	struct sys_result one = SYS2(SYS_TIMER_CREATE, notification, 1);
	struct sys_result two = SYS2(SYS_TIMER_CREATE, notification, 2);
	uint64_t now = now_ns(), bits;

	CHECK_EQUAL(one.error, OK);
	CHECK_EQUAL(two.error, OK);
	CHECK_EQUAL(SYS2(SYS_TIMER_SET, one.value, now + 10 * MS_NS).error, OK);
	CHECK_EQUAL(SYS2(SYS_TIMER_SET, two.value, now + 10 * MS_NS).error, OK);
	CHECK_EQUAL(SYS2(SYS_TIMER_SET, one.value, 0).error, OK);
	close_handle((handle_t)two.value);
	CHECK_EQUAL(sys_wait(notification, now + 30 * MS_NS, &bits), ERR_TIMEOUT);
	close_handle((handle_t)one.value);
	close_handle(notification);
}

static void time_goes_forward_and_both_clocks_agree(void)
{
	uint64_t before = now_ns(), kernel = SYS0(SYS_TIME_NOW).value, after = now_ns();

	CHECK(kernel + MS_NS >= before && kernel <= after + MS_NS);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t now = SYS0(SYS_TIME_NOW).value;

		CHECK(now >= kernel);
		kernel = now;
	}
	before = now_ns();
	sleep_until(before + 15 * MS_NS);
	CHECK(now_ns() >= before + 15 * MS_NS);
}

/* --- Endpoints inside one process --- */

static handle_t new_endpoint(void)
{
	struct sys_result result = SYS0(SYS_ENDPOINT_CREATE);

	if (result.error != OK)
		test_fail(__FILE__, __LINE__, "SYS_ENDPOINT_CREATE", result.error, OK);
	return (handle_t)result.value;
}

static struct caller {
	handle_t endpoint, done;
	struct message message;
	enum error error;
	uint64_t bit;
} callers[2];

static void caller_thread(void *argument)
{
	struct caller *caller = argument;

	caller->error = sys_call(caller->endpoint, &caller->message);
	SYS2(SYS_SIGNAL, caller->done, caller->bit);
}

static void start_caller(unsigned index, handle_t endpoint, handle_t done)
{
	callers[index] = (struct caller){
		.endpoint = endpoint,
		.done = done,
		.message = { .label = 100 + index, .word = { index, 5, 6, 7 } },
		.error = ERR_AGAIN,
		.bit = UINT64_C(1) << index,
	};
	CHECK_EQUAL(thread_create(caller_thread, &callers[index], 1), OK);
}

static bool all_done(handle_t done, uint64_t wanted)
{
	uint64_t seen = 0, bits;

	while (seen != wanted && sys_wait(done, now_ns() + 1000 * MS_NS, &bits) == OK)
		seen |= bits;
	return seen == wanted;
}

static void replies_in_another_order_reach_their_callers(void)
{
	handle_t endpoint = new_endpoint(), done = new_notification();
	struct message received[2];

	start_caller(0, endpoint, done);
	start_caller(1, endpoint, done);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQUAL(
			sys_receive(endpoint, HANDLE_NONE, now_ns() + 1000 * MS_NS, &received[i]),
			OK);
	CHECK(received[0].token != received[1].token && received[0].token && received[1].token);
	for (int i = 1; i >= 0; i--) {
		CHECK_EQUAL(received[i].word[1], 5);
		CHECK_EQUAL(received[i].word[3], 7);
		received[i].word[0] += 40;
		CHECK_EQUAL(sys_reply(&received[i]), OK);
	}
	CHECK(all_done(done, 3));
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQUAL(callers[i].error, OK);
		CHECK_EQUAL(callers[i].message.label, 100 + i);
		CHECK_EQUAL(callers[i].message.word[0], 40 + i);
	}
	CHECK_EQUAL(sys_reply(&received[0]), ERR_GONE);
	close_handle(endpoint);
	close_handle(done);
}

static void badge_of_what_is_no_endpoint_stays(void)
{
	handle_t notification = new_notification();

	CHECK_EQUAL(SYS3(SYS_HANDLE_DUPLICATE, notification, RIGHT_WRITE, 1).error, ERR_DENIED);
	close_handle(notification);
}

static void badge_tells_who_calls(void)
{
	handle_t endpoint = new_endpoint(), done = new_notification();
	handle_t badged = duplicate(endpoint, RIGHT_CALL, 77);
	struct message message;

	CHECK(badged != HANDLE_NONE);
	start_caller(0, badged, done);
	CHECK_EQUAL(sys_receive(endpoint, HANDLE_NONE, now_ns() + 1000 * MS_NS, &message), OK);
	CHECK_EQUAL(message.badge, 77);
	CHECK_EQUAL(sys_reply(&message), OK);
	CHECK(all_done(done, 1));
	CHECK_EQUAL(sys_receive(badged, HANDLE_NONE, DEADLINE_NOW, &message), ERR_DENIED);
	close_handle(badged);
	close_handle(endpoint);
	close_handle(done);
}

static void receive_returns_signals_and_ends_at_its_deadline(void)
{
	handle_t endpoint = new_endpoint(), notification = new_notification();
	uint64_t deadline = now_ns() + 10 * MS_NS;
	struct message message;

	CHECK_EQUAL(sys_receive(endpoint, notification, deadline, &message), ERR_TIMEOUT);
	CHECK(now_ns() >= deadline);
	CHECK_EQUAL(signal(notification, 6), OK);
	CHECK_EQUAL(sys_receive(endpoint, notification, DEADLINE_NEVER, &message), OK);
	CHECK_EQUAL(message.label, MESSAGE_SIGNAL);
	CHECK_EQUAL(message.word[0], 6);
	CHECK_EQUAL(message.token, 0);
	close_handle(endpoint);
	close_handle(notification);
}

static void reply_to_nobody_is_refused(void)
{
	static const uint64_t tokens[] = { 0, 1, 0x100000001, ~UINT64_C(0) };

	for (unsigned i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		struct message message = { .token = tokens[i] };

		CHECK_EQUAL(sys_reply(&message), ERR_GONE);
	}
}

/* --- Threads --- */

static volatile bool thread_ran, thread_stop;
static handle_t thread_done;

static void set_flag(void *argument)
{
	thread_ran = argument == &thread_ran;
	SYS2(SYS_SIGNAL, thread_done, 1);
}

static void spin(void *argument)
{
	(void)argument;
	thread_ran = true;
	while (!thread_stop)
		;
	SYS2(SYS_SIGNAL, thread_done, 1);
}

static void thread_runs_with_its_argument(void)
{
	uint64_t bits;

	thread_ran = false;
	thread_done = new_notification();
	CHECK_EQUAL(thread_create(set_flag, (void *)&thread_ran, 1), OK);
	CHECK_EQUAL(sys_wait(thread_done, now_ns() + 1000 * MS_NS, &bits), OK);
	CHECK(thread_ran);
	close_handle(thread_done);
}

static void thread_of_higher_priority_than_its_maker_is_refused(void)
{
	CHECK(thread_create(set_flag, NULL, 31) != OK);
	CHECK(thread_create(set_flag, NULL, 32) != OK);
	CHECK(thread_create(set_flag, NULL, 0) != OK);
}

static void spinning_thread_does_not_keep_others_from_running(void)
{
	uint64_t bits, began = now_ns();

	thread_ran = thread_stop = false;
	thread_done = new_notification();
	CHECK_EQUAL(thread_create(spin, NULL, 1), OK);
	for (unsigned i = 0; i < 5; i++)
		sleep_until(now_ns() + 5 * MS_NS);
	CHECK(thread_ran);
	CHECK(now_ns() < began + 1000 * MS_NS);
	thread_stop = true;
	CHECK_EQUAL(sys_wait(thread_done, now_ns() + 1000 * MS_NS, &bits), OK);
	close_handle(thread_done);
}

static void yield_lets_equals_run(void)
{
	uint64_t deadline = now_ns() + 1000 * MS_NS, bits;

	thread_ran = false;
	thread_done = new_notification();
	CHECK_EQUAL(thread_create(set_flag, (void *)&thread_ran, PRIORITY_PROGRAM), OK);
	while (!thread_ran && now_ns() < deadline)
		SYS0(SYS_YIELD);
	CHECK(thread_ran);
	CHECK_EQUAL(sys_wait(thread_done, deadline, &bits), OK);
	close_handle(thread_done);
}

/* REVIEW */
static unsigned processors(void)
{
	struct system_info info;

	return SYS1(SYS_SYSTEM_INFO, (uintptr_t)&info).error == OK ? info.cpu_count : 1;
}

static handle_t due_signal[3];
static volatile uint64_t due_woke[3];
static volatile bool due_stop;

static void due_thread(void *argument)
{
	unsigned i = (unsigned)(uintptr_t)argument;
	uint64_t bits;

	(void)sys_wait(due_signal[i], DEADLINE_NEVER, &bits);
	due_woke[i] = now_ns();
	while (i == 2 && !due_stop)
		;
}

static void threads_that_become_ready_together_spread(void)
{
	struct sys_result timer[3];
	uint64_t at;

	if (processors() < 2)
		SKIP("one processor");
	due_stop = false;
	for (unsigned i = 0; i < 3; i++) {
		due_woke[i] = 0;
		due_signal[i] = new_notification();
		timer[i] = SYS2(SYS_TIMER_CREATE, due_signal[i], 1);
		CHECK_EQUAL(timer[i].error, OK);
		CHECK_EQUAL(thread_create(due_thread, (void *)(uintptr_t)i,
					  PRIORITY_PROGRAM - (i == 2 ? 1 : 2)),
			    OK);
	}
	sleep_until(now_ns() + 50 * MS_NS);
	at = now_ns() + 50 * MS_NS;
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQUAL(SYS2(SYS_TIMER_SET, timer[i].value, at + i).error, OK);
	sleep_until(at + 400 * MS_NS);
	test_note("woke %lld %lld %lld us after", (long long)(due_woke[0] - at) / 1000,
		  (long long)(due_woke[1] - at) / 1000, (long long)(due_woke[2] - at) / 1000);
	due_stop = true;
	CHECK(due_woke[0] && due_woke[0] - at < 300 * MS_NS);
	CHECK(due_woke[1] && due_woke[1] - at < 300 * MS_NS);
	sleep_until(now_ns() + 50 * MS_NS);
}

static void equal_waits(void *argument)
{
	uint64_t bits;

	(void)argument;
	(void)sys_wait(due_signal[0], DEADLINE_NEVER, &bits);
	due_woke[0] = now_ns();
}

static void equal_hog(void *argument)
{
	(void)argument;
	while (!due_stop)
		;
}

static void equal_spinner(void *argument)
{
	(void)argument;
	due_woke[1] = now_ns() + 60 * MS_NS;
	while (now_ns() < due_woke[1])
		;
	SYS2(SYS_SIGNAL, due_signal[0], 1);
	while (!due_stop)
		;
}

static void equals_share_a_cpu_while_another_is_taken(void)
{
	if (processors() < 2)
		SKIP("one processor");
	due_stop = false;
	due_woke[0] = due_woke[1] = 0;
	due_signal[0] = new_notification();
	CHECK_EQUAL(thread_create(equal_waits, NULL, 4), OK);
	sleep_until(now_ns() + 20 * MS_NS);
	CHECK_EQUAL(thread_create(equal_hog, NULL, 4), OK);
	sleep_until(now_ns() + 20 * MS_NS);
	CHECK_EQUAL(thread_create(equal_spinner, NULL, 6), OK);
	sleep_until(now_ns() + 400 * MS_NS);
	test_note("equal woke %lld us after the signal",
		  (long long)(due_woke[0] - due_woke[1]) / 1000);
	due_stop = true;
	CHECK(due_woke[0] && due_woke[1]);
	sleep_until(now_ns() + 50 * MS_NS);
}

/* --- Log and system --- */

/* Does `text` end with `end`? The kernel may put the writer's name first. */
static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), wanted = strlen(end);

	return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

static void log_returns_what_was_written(void)
{
	uint64_t stamp = now_ns();
	struct log_record record;
	uint64_t sequence = 0;
	char text[LOG_LINE_BYTES];
	bool found = false;

	snprintf(text, sizeof(text), "systest: stamp %llu", (unsigned long long)stamp);
	log_line(LOG_DEBUG, "%s", text);
	while (SYS3(SYS_LOG_READ, registry(), sequence, (uintptr_t)&record).error == OK) {
		CHECK(record.sequence >= sequence);
		CHECK(strnlen(record.text, LOG_LINE_BYTES) < LOG_LINE_BYTES);
		sequence = record.sequence + 1;
		if (ends_with(record.text, text)) {
			found = true;
			CHECK(record.pid == runtime_startup->pid);
			CHECK(record.level == LOG_DEBUG);
		}
	}
	CHECK(found);
	CHECK(SYS3(SYS_LOG_READ, registry(), sequence + 1000, (uintptr_t)&record).error != OK);
}

static void system_info_makes_sense(void)
{
	static struct system_info info;

	CHECK_EQUAL(SYS1(SYS_SYSTEM_INFO, (uintptr_t)&info).error, OK);
	CHECK(info.memory_bytes >= UINT64_C(16) << 20);
	CHECK(info.memory_free_bytes > 0 && info.memory_free_bytes < info.memory_bytes);
	CHECK(info.cpu_count >= 1 && info.cpu_count <= 256);
	CHECK(info.process_count >= 2 && info.thread_count >= info.process_count);
	CHECK(info.tsc_hz > 1000000);
	CHECK(strnlen(info.cmdline, sizeof(info.cmdline)) < sizeof(info.cmdline));
	CHECK(info.version[0] && info.configuration[0]);
}

static void process_list_has_this_process_once(void)
{
	struct process_info process;
	unsigned found = 0;
	uint32_t last = 0;

	for (uint32_t pid = 0; process_next(&pid, &process);) {
		CHECK(process.pid > last);
		last = process.pid;
		if (process.pid == runtime_startup->pid) {
			found++;
			CHECK(strcmp(process.name, "systest") == 0);
		}
	}
	CHECK_EQUAL(found, 1);
}

static void registry_calls_need_the_registry(void)
{
	handle_t notification = new_notification();
	struct process_info process;

	CHECK_EQUAL(SYS3(SYS_PROCESS_LIST, notification, 0, (uintptr_t)&process).error, ERR_TYPE);
	CHECK_EQUAL(SYS3(SYS_POWER, notification, POWER_OFF, 0).error, ERR_TYPE);
	CHECK_EQUAL(SYS3(SYS_POWER, HANDLE_NONE, POWER_OFF, 0).error, ERR_HANDLE);
	CHECK_EQUAL(SYS3(SYS_POWER, registry(), 1234, 0).error, ERR_INVALID);
	close_handle(notification);
}

const struct test kernel_tests[] = {
	{ "null_call_returns", null_call_returns },
	{ "unknown_system_call_is_refused", unknown_system_call_is_refused },
	{ "system_call_keeps_the_other_registers", system_call_keeps_the_other_registers },
	{ "bad_pointers_give_fault", bad_pointers_give_fault },
	{ "results_never_land_in_read_only_memory", results_never_land_in_read_only_memory },
	{ "closed_handle_is_refused", closed_handle_is_refused },
	{ "invented_handles_are_refused", invented_handles_are_refused },
	{ "handle_of_another_type_is_refused", handle_of_another_type_is_refused },
	{ "missing_right_is_refused", missing_right_is_refused },
	{ "duplicate_never_adds_rights", duplicate_never_adds_rights },
	{ "revoked_handles_die", revoked_handles_die },
	{ "memory_is_zero_and_keeps_what_is_written", memory_is_zero_and_keeps_what_is_written },
	{ "pages_are_charged_at_first_touch_and_given_back",
	  pages_are_charged_at_first_touch_and_given_back },
	{ "impossible_memory_is_refused", impossible_memory_is_refused },
	{ "mapping_needs_the_rights_of_the_handle", mapping_needs_the_rights_of_the_handle },
	{ "memory_beyond_the_budget_is_refused", memory_beyond_the_budget_is_refused },
	{ "unmapping_what_is_not_mapped_harms_nothing",
	  unmapping_what_is_not_mapped_harms_nothing },
	{ "signals_add_up_and_are_cleared_by_waiting", signals_add_up_and_are_cleared_by_waiting },
	{ "wait_ends_at_its_deadline", wait_ends_at_its_deadline },
	{ "timers_fire_in_order", timers_fire_in_order },
	{ "disarmed_and_closed_timers_stay_silent", disarmed_and_closed_timers_stay_silent },
	{ "time_goes_forward_and_both_clocks_agree", time_goes_forward_and_both_clocks_agree },
	{ "replies_in_another_order_reach_their_callers",
	  replies_in_another_order_reach_their_callers },
	{ "badge_tells_who_calls", badge_tells_who_calls },
	{ "badge_of_what_is_no_endpoint_stays", badge_of_what_is_no_endpoint_stays },
	{ "receive_returns_signals_and_ends_at_its_deadline",
	  receive_returns_signals_and_ends_at_its_deadline },
	{ "reply_to_nobody_is_refused", reply_to_nobody_is_refused },
	{ "thread_runs_with_its_argument", thread_runs_with_its_argument },
	{ "thread_of_higher_priority_than_its_maker_is_refused",
	  thread_of_higher_priority_than_its_maker_is_refused },
	{ "spinning_thread_does_not_keep_others_from_running",
	  spinning_thread_does_not_keep_others_from_running },
	{ "yield_lets_equals_run", yield_lets_equals_run },
	{ "equals_share_a_cpu_while_another_is_taken", equals_share_a_cpu_while_another_is_taken },
	{ "threads_that_become_ready_together_spread", threads_that_become_ready_together_spread },
	{ "log_returns_what_was_written", log_returns_what_was_written },
	{ "system_info_makes_sense", system_info_makes_sense },
	{ "process_list_has_this_process_once", process_list_has_this_process_once },
	{ "registry_calls_need_the_registry", registry_calls_need_the_registry },
	{ 0 },
};
