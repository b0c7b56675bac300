/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A driver process from attach to its end (drivers-user/backend and class), with a small driver of
 * class block inside. The test is the kernel: a script of signals, and a record of what is called.
 *
 * sources: drivers-user/backend/dma.c drivers-user/backend/io.c drivers-user/backend/irq.c
 * sources: drivers-user/backend/log.c drivers-user/backend/time.c drivers-user/class/block.c
 * sources: drivers-user/class/session.c drivers-user/runtime/loop.c drivers-user/runtime/timers.c
 * sources: drivers-user/runtime/print.c shim/session/block.c shim/session/server.c
 * sources: shim/session/client.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define main driver_main
#include "../../drivers-user/backend/driver.c"
#undef main
#include <session/block.h>
#include <session/client.h>
#include <shim/class/block.h>
#include <shim/irq.h>
#include <shim/time.h>

#define GRANT        ((handle_t)7)
#define NOTIFICATION ((handle_t)9)
#define SLOTS        8
#define POOL_BYTES   8192

/* --- The driver --- */

struct null {
	uint32_t interrupts[4], timers, submits, quiesced, removed;
	uint16_t held[16];
	uint32_t held_count;
};

static enum error probe_result, quiesce_later;
static bool complete_at_once;
static uint32_t cpu_count;
static bool client_goes_on; /* it submits as soon as it is answered, and does not ring */

static void client_submits_one(void);

static enum error null_probe(struct shim_device *device)
{
	struct unit_info unit = { .class_id = CLASS_BLOCK,
				  .block_count = 1000,
				  .block_bytes = 512,
				  .transfer_bytes_max = 4096,
				  .depth = 4 };
	unsigned granted;

	assert_int_equal(shim_interrupt_enable(device, 2, &granted), OK);
	assert_int_equal(granted, 2);
	assert_int_equal(shim_block_unit_add(device, &unit), OK);
	return probe_result;
}

static bool null_interrupt(struct shim_device *device, unsigned index)
{
	struct null *null = shim_state(device);

	null->interrupts[index]++;
	while (null->held_count)
		shim_block_complete(device, 0, null->held[--null->held_count], OK);
	if (client_goes_on)
		client_submits_one();
	return true;
}

static void null_timer(struct shim_device *device, unsigned index)
{
	struct null *null = shim_state(device);

	(void)index;
	null->timers++;
	if (instance.state == INSTANCE_PROBING)
		shim_probe_done(device, OK);
}

static void null_quiesce(struct shim_device *device)
{
	struct null *null = shim_state(device);

	null->quiesced++;
	if (!quiesce_later)
		shim_quiesce_done(device, OK);
}

static void null_submit(struct shim_device *device, unsigned queue)
{
	struct null *null = shim_state(device);
	struct shim_block_request request;

	null->submits++;
	while (shim_block_next(device, queue, &request)) {
		if (complete_at_once)
			shim_block_complete(device, queue, request.tag, OK);
		else
			null->held[null->held_count++] = request.tag;
	}
}

static bool lies; /* what is adopted is not sane */

static bool null_check(const struct shim_device *device)
{
	assert_non_null(shim_state(device));
	return !lies;
}

static void null_remove(struct shim_device *device)
{
	((struct null *)shim_state(device))->removed++;
}

static const struct shim_block_ops null_ops = { .submit = null_submit };

SHIM_DRIVER(null) = {
	.shim_version = SHIM_VERSION,
	.name = "null",
	.class_id = CLASS_BLOCK,
	.state_base_bytes = sizeof(struct null),
	.queue_count = 1,
	.timer_count = 1,
	.probe = null_probe,
	.interrupt = null_interrupt,
	.timer = null_timer,
	.quiesce = null_quiesce,
	.check = null_check,
	.remove = null_remove,
	.ops.block = &null_ops,
};

/* --- The kernel --- */

/* What a wait returns: bits, or 0 for the deadline; before it, `act` changes the world. */
struct turn {
	uint64_t bits;
	void (*act)(void);
};

static jmp_buf ended;
static const struct turn *script;
static struct startup startup;
static uint8_t state_block[4096] __attribute__((aligned(64)));
static uint8_t port_memory[8192] __attribute__((aligned(64)));
static uint64_t timers[1];
static bool stands_by;
static uint64_t acknowledged, deadline_seen;
static unsigned reports[INSTANCE_STANDBY + 1], wakes, detaches;
static uint64_t report_detail;
static struct unit_info unit_known;
static int64_t exit_code;
static uint32_t pending_control;

static struct session_info session_info;
static uint8_t client_area[8192] __attribute__((aligned(64)));
static uint8_t server_area[8192] __attribute__((aligned(64)));
static uint8_t pool[POOL_BYTES];
static struct session_client_side side;
static bool session_exists, session_closing;

const struct startup *runtime_startup = &startup;

handle_t runtime_handle(uint32_t role)
{
	return role == STARTUP_GRANT ? GRANT : HANDLE_NONE;
}

void runtime_prefault(void)
{
}

_Noreturn void runtime_exit(int64_t code)
{
	exit_code = code;
	longjmp(ended, 1);
}

enum error sys_receive(handle_t endpoint, handle_t notification, uint64_t deadline_ns,
		       struct message *message)
{
	(void)endpoint;
	(void)notification;
	(void)deadline_ns;
	(void)message;
	fail_msg("a driver has no endpoint");
	return ERR_INVALID;
}

static struct sys_result do_wait(uint64_t acknowledge, uint64_t deadline_ns)
{
	const struct turn *turn = script++;

	acknowledged |= acknowledge;
	deadline_seen = deadline_ns;
	if (turn->act)
		turn->act();
	if (turn->bits == ~UINT64_C(0))
		longjmp(ended, 2);
	return (struct sys_result){ OK, turn->bits };
}

static struct sys_result do_attach(struct instance_attach *attach)
{
	assert_string_equal(attach->driver, "null");
	assert_int_equal(attach->state_base_bytes, sizeof(struct null));
	assert_true(attach->port_bytes > 4096 && attach->port_bytes <= sizeof(port_memory));
	assert_int_equal(attach->timer_count, 1);
	attach->standby = stands_by;
	if (stands_by) {
		attach->vector_count = 2; /* the instance before has them */
		return (struct sys_result){ OK, 0 };
	}
	attach->state_vaddr = (uintptr_t)state_block;
	attach->port_vaddr = (uintptr_t)port_memory;
	attach->timers_vaddr = (uintptr_t)timers;
	snprintf(attach->info.name, sizeof(attach->info.name), "null0");
	return (struct sys_result){ OK, 0 };
}

static struct sys_result do_adopt(struct instance_attach *attach)
{
	stands_by = false;
	attach->vector_count = 2;
	return do_attach(attach);
}

static struct sys_result do_session_next(uint64_t id, struct session_view *view)
{
	if (!session_exists || id > session_info.id)
		return (struct sys_result){ ERR_NOT_FOUND, 0 };
	*view = (struct session_view){
		.id = session_info.id,
		.closing = session_closing,
		.info_vaddr = (uintptr_t)&session_info,
		.client_vaddr = (uintptr_t)client_area,
		.server_vaddr = (uintptr_t)server_area,
		.pool_iova = 0x100000,
	};
	return (struct sys_result){ OK, 0 };
}

struct sys_result sys_call6(enum syscall number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			    uint64_t e, uint64_t f)
{
	(void)d;
	struct sys_result result = { OK, 0 };

	(void)e;
	(void)f;
	switch (number) {
	case SYS_NOTIFICATION_CREATE:
		return (struct sys_result){ OK, NOTIFICATION };
	case SYS_LOG_WRITE:
		return result;
	case SYS_SYSTEM_INFO:
		((struct system_info *)a)->cpu_count = cpu_count;
		return result;
	case SYS_WAIT:
		assert_true(stands_by);
		assert_int_equal(a, NOTIFICATION);
		return do_wait(0, b);
	case SYS_INTERRUPT_WAIT:
		assert_false(stands_by);
		wakes += b != 0;
		return do_wait(a, c);
	default:
		assert_int_equal(a, GRANT);
	}
	switch (number) {
	case SYS_INSTANCE_ATTACH:
		assert_int_equal(b, NOTIFICATION);
		return do_attach((struct instance_attach *)c);
	case SYS_INSTANCE_ADOPT:
		return do_adopt((struct instance_attach *)b);
	case SYS_INSTANCE_REPORT:
		reports[b]++;
		report_detail = c;
		return result;
	case SYS_INSTANCE_CONTROL:
		result.value = pending_control;
		pending_control = CONTROL_NONE;
		return result;
	case SYS_INTERRUPT_ENABLE:
		return (struct sys_result){ OK, b };
	case SYS_SESSION_NEXT:
		return do_session_next(b, (struct session_view *)c);
	case SYS_SESSION_WAKE:
		wakes++;
		return result;
	case SYS_SESSION_DETACH:
		detaches++;
		session_exists = false;
		return result;
	case SYS_UNIT_ADD:
		unit_known = *(const struct unit_info *)b;
		return result;
	case SYS_UNIT_NEXT:
		if (b > unit_known.unit)
			return (struct sys_result){ ERR_NOT_FOUND, 0 };
		*(struct unit_info *)c = unit_known;
		return result;
	default:
		fail_msg("system call %d is not expected", (int)number);
		return result;
	}
}

/* Run the process through a script that ends with END, or until it exits. */
#define END                        \
	{                          \
		~UINT64_C(0), NULL \
	}

static bool run(const struct turn *turns)
{
	int end;

	script = turns;
	end = setjmp(ended);
	if (end == 0)
		(void)driver_main(1, (char *[]){ (char *)"null", NULL });
	return end == 1;
}

/* The process keeps what it has to its end. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

static int setup(void **unused)
{
	static uint32_t session_id;

	(void)unused;
	instance = (struct instance){ .grant = 0 };
	memset(state_block, 0, sizeof(state_block));
	memset(client_area, 0, sizeof(client_area));
	memset(server_area, 0, sizeof(server_area));
	memset(reports, 0, sizeof(reports));
	wakes = detaches = 0;
	cpu_count = 1;
	client_goes_on = false;
	acknowledged = deadline_seen = 0;
	exit_code = -1;
	pending_control = CONTROL_NONE;
	session_exists = session_closing = false;
	probe_result = OK;
	quiesce_later = OK;
	stands_by = lies = false;
	timers[0] = 0;
	memset(port_memory, 0, sizeof(port_memory));
	complete_at_once = false;
	startup.tsc_mult = UINT64_C(1) << 32;
	session_info = (struct session_info){ .magic = SESSION_MAGIC,
					      .version = SESSION_VERSION,
					      .id = ++session_id,
					      .class_id = CLASS_BLOCK,
					      .slot_count = SLOTS,
					      .pool_bytes = POOL_BYTES,
					      .block_bytes = 512,
					      .range_count = 1000,
					      .transfer_bytes_max = 4096 };
	return session_client_init(&side, &session_info, (struct session_client *)client_area,
				   (struct session_server *)server_area, pool);
}

static struct null *null_state(void)
{
	return (struct null *)(void *)state_block;
}

/* --- Acts: what happens while the process waits --- */

static void client_comes(void)
{
	session_exists = true;
}

static void client_goes(void)
{
	session_closing = true;
}

static void client_submits_one(void)
{
	struct session_slot slot = { .operation = BLOCK_READ, .count = 1 };

	assert_int_equal(session_submit(&side, &slot, NULL), OK);
}

static void client_submits_two(void)
{
	struct session_slot slot = { .operation = BLOCK_READ, .count = 1 };

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(session_submit(&side, &slot, NULL), OK);
	assert_true(session_client_sleep(&side));
}

static void manager_stops(void)
{
	pending_control = CONTROL_STOP;
}

static unsigned reap(void)
{
	struct session_result result;
	unsigned count = 0;

	while (session_reap(&side, &result)) {
		assert_int_equal(result.status, OK);
		count++;
	}
	return count;
}

#define CONTROL_BIT      (UINT64_C(1) << SIGNAL_CONTROL)
#define TIMER_BIT        (UINT64_C(1) << SIGNAL_TIMER)
#define INTERRUPT_BIT(i) (UINT64_C(1) << SIGNAL_INTERRUPT(i))
#define QUEUE_BIT        (UINT64_C(1) << SIGNAL_QUEUE(0))

/* --- Tests --- */

static void good_probe_is_reported_live(void **unused)
{
	(void)unused;
	run((const struct turn[]){ END });
	assert_int_equal(reports[INSTANCE_LIVE], 1);
}

static void bad_probe_is_reported_and_ends_the_process(void **unused)
{
	(void)unused;
	probe_result = ERR_IO;
	assert_true(run((const struct turn[]){ END }));
	assert_int_equal(reports[INSTANCE_FAILED], 1);
	assert_int_equal(reports[INSTANCE_LIVE], 0);
	assert_int_equal(exit_code, ERR_IO);
}

static void arm_timer_in_the_past(void)
{
	shim_timer_set(&instance.device, 0, 1);
}

static void late_probe_is_reported_when_it_is_done(void **unused)
{
	(void)unused;
	probe_result = ERR_AGAIN;
	run((const struct turn[]){ { TIMER_BIT, arm_timer_in_the_past }, END });
	assert_int_equal(null_state()->timers, 1);
	assert_int_equal(reports[INSTANCE_LIVE], 1);
}

static void stop_while_probing_waits_for_the_probe(void **unused)
{
	(void)unused;
	probe_result = ERR_AGAIN;
	assert_true(run((const struct turn[]){
		{ CONTROL_BIT, manager_stops }, { TIMER_BIT, arm_timer_in_the_past }, END }));
	assert_int_equal(reports[INSTANCE_LIVE], 1);
	assert_int_equal(reports[INSTANCE_NONE], 1);
}

static void interrupts_reach_their_vectors_and_are_acknowledged(void **unused)
{
	(void)unused;
	run((const struct turn[]){ { INTERRUPT_BIT(0) | INTERRUPT_BIT(1), NULL },
				   { INTERRUPT_BIT(1), NULL },
				   { INTERRUPT_BIT(5), NULL },
				   END });
	assert_int_equal(null_state()->interrupts[0], 1);
	assert_int_equal(null_state()->interrupts[1], 2);
	assert_true(acknowledged & INTERRUPT_BIT(0));
}

static void timers_are_the_deadline_of_the_wait(void **unused)
{
	(void)unused;
	run((const struct turn[]){
		{ CONTROL_BIT, arm_timer_in_the_past }, { TIMER_BIT, NULL }, END });
	assert_int_equal(null_state()->timers, 1);
	assert_int_equal(deadline_seen, 0);
}

static void device_goes(void)
{
	pending_control = CONTROL_REMOVE;
}

static void device_that_is_gone_is_not_touched_any_more(void **unused)
{
	(void)unused;
	assert_true(run((const struct turn[]){ { CONTROL_BIT, device_goes }, END }));
	assert_int_equal(null_state()->quiesced, 0);
	assert_int_equal(null_state()->removed, 1);
	assert_int_equal(reports[INSTANCE_NONE], 1);
	assert_int_equal(exit_code, 0);
}

static void client_that_is_awake_need_not_ring(void **unused)
{
	(void)unused;
	for (uint32_t count = 1; count <= 2; count++) {
		setup(NULL);
		cpu_count = count;
		client_goes_on = true;
		run((const struct turn[]){ { CONTROL_BIT, client_comes },
					   { QUEUE_BIT, client_submits_one },
					   { INTERRUPT_BIT(0), NULL },
					   END });
		assert_int_equal(null_state()->held_count, count - 1);
		assert_int_equal(wakes, 0);
		assert_true(session_needs_doorbell(&side));
	}
}

static void stop_quiesces_reports_and_ends_with_zero(void **unused)
{
	(void)unused;
	assert_true(run((const struct turn[]){ { CONTROL_BIT, manager_stops }, END }));
	assert_int_equal(null_state()->quiesced, 1);
	assert_int_equal(reports[INSTANCE_STOPPING], 1);
	assert_int_equal(reports[INSTANCE_NONE], 1);
	assert_int_equal(exit_code, 0);
}

static void requests_complete_and_the_client_is_woken_once_a_turn(void **unused)
{
	(void)unused;
	run((const struct turn[]){ { CONTROL_BIT, client_comes },
				   { QUEUE_BIT, client_submits_two },
				   { INTERRUPT_BIT(0), NULL },
				   END });
	assert_int_equal(null_state()->held_count, 0);
	assert_int_equal(wakes, 1);
	assert_int_equal(reap(), 2);
}

static void waiting_requests_are_found_by_the_instance_that_comes(void **unused)
{
	(void)unused;
	session_exists = true;
	client_submits_two();
	complete_at_once = true;
	run((const struct turn[]){ END });
	assert_int_equal(reap(), 2);
	assert_int_equal(wakes, 1);
}

static void doorbell_while_stopping_is_left_to_the_next_instance(void **unused)
{
	(void)unused;
	quiesce_later = ERR_AGAIN;
	run((const struct turn[]){ { CONTROL_BIT, client_comes },
				   { CONTROL_BIT, manager_stops },
				   { QUEUE_BIT, client_submits_two },
				   END });
	assert_int_equal(reports[INSTANCE_STOPPING], 1);
	assert_int_equal(null_state()->held_count, 0);
	assert_int_equal(session_in_flight(&side), 2);
}

static void closing_session_is_left_when_it_has_drained(void **unused)
{
	(void)unused;
	run((const struct turn[]){ { CONTROL_BIT, client_comes },
				   { QUEUE_BIT, client_submits_two },
				   { CONTROL_BIT, client_goes },
				   { CONTROL_BIT, NULL },
				   END });
	assert_int_equal(detaches, 0);

	setup(NULL);
	run((const struct turn[]){ { CONTROL_BIT, client_comes },
				   { QUEUE_BIT, client_submits_two },
				   { CONTROL_BIT, client_goes },
				   { INTERRUPT_BIT(0), NULL },
				   END });
	assert_int_equal(detaches, 1);
	assert_int_equal(wakes, 0);
}

static void idle_session_is_left_at_once(void **unused)
{
	(void)unused;
	run((const struct turn[]){
		{ CONTROL_BIT, client_comes }, { CONTROL_BIT, client_goes }, END });
	assert_int_equal(detaches, 1);
}

/* --- Hot moves --- */

static void kernel_freezes(void)
{
	pending_control = CONTROL_FREEZE;
}

static void kernel_hands_over(void)
{
	pending_control = CONTROL_ADOPT;
}

static void frozen_instance_wakes_its_clients_and_says_so(void **unused)
{
	(void)unused;
	complete_at_once = true;
	run((const struct turn[]){ { CONTROL_BIT, client_comes },
				   { QUEUE_BIT | CONTROL_BIT, client_submits_two },
				   { CONTROL_BIT, kernel_freezes },
				   END });
	assert_int_equal(reports[INSTANCE_FROZEN], 1);
	assert_int_equal(wakes, 1);
	assert_int_equal(null_state()->quiesced, 0);
}

static void instance_goes_on_when_the_move_is_off(void **unused)
{
	(void)unused;
	run((const struct turn[]){ { CONTROL_BIT, client_comes },
				   { CONTROL_BIT, kernel_freezes },
				   { QUEUE_BIT, client_submits_two },
				   { INTERRUPT_BIT(0), NULL },
				   END });
	assert_int_equal(reap(), 2);
}

/* Two requests are in the hardware, an interrupt was lost, a timer is due. */
static void leave_requests_in_flight(void)
{
	struct block_journal *journal = (struct block_journal *)(void *)port_memory;

	run((const struct turn[]){ { CONTROL_BIT, client_comes },
				   { QUEUE_BIT, client_submits_two },
				   { CONTROL_BIT, kernel_freezes },
				   END });
	assert_int_equal(null_state()->held_count, 2);
	timers[0] = 1;
	memset(reports, 0, sizeof(reports));
	instance = (struct instance){ .grant = 0 };
	stands_by = true;
	/* Both instances are this process, which knows the session by its id: give it another. */
	session_info.id += 1000;
	journal->record[0].session = journal->record[1].session = session_info.id;
}

static void standby_takes_over_what_is_in_flight(void **unused)
{
	uint32_t before; /* of all the processes that this one was */

	(void)unused;
	leave_requests_in_flight();
	before = sessions_in_flight();
	run((const struct turn[]){
		{ CONTROL_BIT, NULL },
		{ CONTROL_BIT | INTERRUPT_BIT(0), kernel_hands_over }, /* which came with it */
		{ 0, NULL },
		END });
	assert_int_equal(reports[INSTANCE_STANDBY], 1);
	assert_int_equal(reports[INSTANCE_LIVE], 1);
	assert_int_equal(report_detail, before + 2);
	assert_int_equal(null_state()->interrupts[0], 1);
	assert_int_equal(null_state()->interrupts[1], 1);
	assert_int_equal(null_state()->timers, 1);
	assert_int_equal(null_state()->submits,
			 3); /* as the session came, rang; and once to be sure */
	assert_int_equal(reap(), 2);
	assert_int_equal(timers[0], 0);
}

static void standby_refuses_a_state_that_is_not_sane(void **unused)
{
	(void)unused;
	leave_requests_in_flight();
	lies = true;
	assert_true(run((const struct turn[]){ { CONTROL_BIT, kernel_hands_over }, END }));
	assert_int_equal(reports[INSTANCE_FAILED], 1);
	assert_int_equal(report_detail, ERR_CORRUPT);
	assert_int_equal(reports[INSTANCE_LIVE], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(good_probe_is_reported_live),
		TEST(bad_probe_is_reported_and_ends_the_process),
		TEST(late_probe_is_reported_when_it_is_done),
		TEST(stop_while_probing_waits_for_the_probe),
		TEST(interrupts_reach_their_vectors_and_are_acknowledged),
		TEST(timers_are_the_deadline_of_the_wait),
		TEST(client_that_is_awake_need_not_ring),
		TEST(device_that_is_gone_is_not_touched_any_more),
		TEST(stop_quiesces_reports_and_ends_with_zero),
		TEST(requests_complete_and_the_client_is_woken_once_a_turn),
		TEST(waiting_requests_are_found_by_the_instance_that_comes),
		TEST(doorbell_while_stopping_is_left_to_the_next_instance),
		TEST(closing_session_is_left_when_it_has_drained),
		TEST(idle_session_is_left_at_once),
		TEST(frozen_instance_wakes_its_clients_and_says_so),
		TEST(instance_goes_on_when_the_move_is_off),
		TEST(standby_takes_over_what_is_in_flight),
		TEST(standby_refuses_a_state_that_is_not_sane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
