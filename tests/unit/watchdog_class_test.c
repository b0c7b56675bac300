/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class watchdog, what both rings do alike: answers at once, and timers that outlive instances.
 */
/* sources: shim/session/server.c shim/session/client.c shim/session/watchdog.c */
#include "session_fixture.h"

#include <session/watchdog.h>

static struct watchdog_class class;
static struct watchdog_port *port;
static struct shim_device device;
static struct session_host *host;

/* The device behind the methods. */
static struct {
	bool running, locked;
	unsigned starts, pets;
	uint64_t wished_ms;
} timer;

struct watchdog_class *watchdog_class_of(struct shim_device *unused)
{
	(void)unused;
	return &class;
}

static enum error timer_start(struct shim_device *unused, unsigned unit, uint64_t timeout_ms,
			      uint32_t *granted_ms)
{
	(void)unused;
	assert_int_equal(unit, 0);
	timer.wished_ms = timeout_ms;
	if (timeout_ms == 0 || timeout_ms > 60000)
		return ERR_RANGE;
	timer.running = true;
	timer.starts++;
	*granted_ms = (uint32_t)(timeout_ms + 9) / 10 * 10;
	return OK;
}

static void timer_pet(struct shim_device *unused, unsigned unit)
{
	(void)unused;
	(void)unit;
	timer.pets++;
}

static enum error timer_stop(struct shim_device *unused, unsigned unit)
{
	(void)unused;
	(void)unit;
	timer.running &= timer.locked;
	return timer.locked ? ERR_DENIED : OK;
}

static bool timer_running(struct shim_device *unused, unsigned unit)
{
	(void)unused;
	(void)unit;
	return timer.running;
}

static const struct shim_watchdog_ops ops = { timer_start, timer_pet, timer_stop, timer_running };
static const struct shim_driver driver = { .name = "test", .ops.watchdog = &ops };
static const struct unit_info unit = { .class_id = CLASS_WATCHDOG, .depth = 1 };

static enum error instance(bool hot)
{
	enum error error;

	host->info.epoch++;
	session_host_link(host);
	error = watchdog_class_init(&class, &device, port, hot);
	if (error)
		return error;
	assert_int_equal(watchdog_class_attach(&class, &host->link), OK);
	if (!hot)
		assert_int_equal(shim_watchdog_unit_add(&device, &unit), OK);
	watchdog_class_doorbell(&class);
	session_flush(&class.wakes);
	return OK;
}

static int setup(void **state)
{
	(void)state;
	memset(&timer, 0, sizeof(timer));
	device.driver = &driver;
	publish_error = OK;
	port = fixture_area(sizeof(*port));
	host = session_host_make(4, SESSION_PAGE, 0);
	return instance(false);
}

static int teardown(void **state)
{
	(void)state;
	session_host_free(host);
	free(port);
	return 0;
}

static void submit(uint8_t operation, uint64_t position)
{
	struct session_slot slot = { .operation = operation, .position = position };

	assert_int_equal(session_submit(&host->client, &slot, NULL), OK);
}

/* One request, answered by the time the doorbell returns. */
static struct session_result ask(uint8_t operation, uint64_t position)
{
	struct session_result result = { 0 };

	submit(operation, position);
	watchdog_class_doorbell(&class);
	session_flush(&class.wakes);
	assert_true(session_reap(&host->client, &result));
	return result;
}

static void answer_is(struct session_result result, enum error status, uint32_t timeout_ms)
{
	assert_int_equal(result.status, status);
	assert_int_equal(result.count, timeout_ms);
}

static void start_tells_the_time_in_force(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_STATUS, 0), OK, 0);
	answer_is(ask(WATCHDOG_START, 4001), OK, 4010);
	answer_is(ask(WATCHDOG_STATUS, 0), OK, 4010);
	answer_is(ask(WATCHDOG_PET, 0), OK, 4010);
	assert_int_equal(timer.pets, 1);
	answer_is(ask(WATCHDOG_STOP, 0), OK, 0);
	assert_false(timer.running);
}

static void time_out_of_range_changes_nothing(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_START, 5000), OK, 5000);
	answer_is(ask(WATCHDOG_START, UINT64_MAX), ERR_RANGE, 5000);
	assert_int_equal(timer.wished_ms, UINT64_MAX);
	assert_int_equal(timer.starts, 1);
}

static void pet_of_a_stopped_timer_does_not_start_it(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_PET, 0), OK, 0);
	assert_int_equal(timer.pets, 0);
	assert_false(timer.running);
}

static void locked_timer_is_not_said_to_stop(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_START, 5000), OK, 5000);
	timer.locked = true;
	answer_is(ask(WATCHDOG_STOP, 0), ERR_DENIED, 5000);
	answer_is(ask(WATCHDOG_STATUS, 0), OK, 5000);
}

static void status_asks_the_device(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_START, 5000), OK, 5000);
	timer.running = false;
	answer_is(ask(WATCHDOG_STATUS, 0), OK, 0);
}

static void unknown_operation_is_refused(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_STATUS + 1, 0), ERR_UNSUPPORTED, 0);
}

static void client_that_leaves_does_not_stop_it(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_START, 5000), OK, 5000);
	assert_true(watchdog_class_detach(&class, &host->link));
	watchdog_class_doorbell(&class);
	assert_true(timer.running);
}

static void fresh_instance_starts_what_ran(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_START, 5000), OK, 5000);
	assert_int_equal(instance(false), OK);
	assert_int_equal(timer.starts, 2);
	assert_int_equal(timer.wished_ms, 5000);
	answer_is(ask(WATCHDOG_STOP, 0), OK, 0);
	assert_int_equal(instance(false), OK);
	assert_int_equal(timer.starts, 2);
}

static void time_that_a_bad_instance_left_is_the_drivers_to_refuse(void **state)
{
	(void)state;
	port->timeout_ms[0] = UINT32_MAX;
	assert_int_equal(instance(false), OK);
	assert_int_equal(timer.starts, 0);
	answer_is(ask(WATCHDOG_STATUS, 0), OK, 0);
}

static void hot_move_touches_nothing(void **state)
{
	(void)state;
	answer_is(ask(WATCHDOG_START, 5000), OK, 5000);
	assert_int_equal(instance(true), OK);
	assert_int_equal(timer.starts, 1);
	answer_is(ask(WATCHDOG_PET, 0), OK, 5000);
	unit_registered.unit = WATCHDOG_UNITS_MAX;
	assert_int_equal(instance(true), ERR_CORRUPT);
	unit_registered.unit = 0;
}

static void request_of_the_last_instance_is_answered_once(void **state)
{
	struct session_result result;

	(void)state;
	submit(WATCHDOG_START, 5000);
	assert_int_equal(instance(false), OK);
	assert_true(session_reap(&host->client, &result));
	answer_is(result, OK, 5000);
	assert_false(session_reap(&host->client, &result));
	assert_int_equal(timer.starts, 1);
}

static void unit_out_of_range_is_refused(void **state)
{
	const struct unit_info far = { .class_id = CLASS_WATCHDOG, .depth = 1, .unit = 4 };
	const struct unit_info foreign = { .class_id = CLASS_SERIAL, .depth = 1 };

	(void)state;
	assert_int_equal(shim_watchdog_unit_add(&device, &far), ERR_INVALID);
	assert_int_equal(shim_watchdog_unit_add(&device, &foreign), ERR_INVALID);
	host->info.unit = 4;
	session_host_link(host);
	assert_int_equal(watchdog_class_attach(&class, &host->link), ERR_RANGE);
}

static void unit_that_is_gone_answers_gone(void **state)
{
	(void)state;
	host->link.gone = true;
	answer_is(ask(WATCHDOG_START, 5000), ERR_GONE, 0);
	assert_int_equal(timer.starts, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(start_tells_the_time_in_force),
		TEST(time_out_of_range_changes_nothing),
		TEST(pet_of_a_stopped_timer_does_not_start_it),
		TEST(locked_timer_is_not_said_to_stop),
		TEST(status_asks_the_device),
		TEST(unknown_operation_is_refused),
		TEST(client_that_leaves_does_not_stop_it),
		TEST(fresh_instance_starts_what_ran),
		TEST(time_that_a_bad_instance_left_is_the_drivers_to_refuse),
		TEST(hot_move_touches_nothing),
		TEST(request_of_the_last_instance_is_answered_once),
		TEST(unit_out_of_range_is_refused),
		TEST(unit_that_is_gone_answers_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
