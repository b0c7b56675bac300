/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The 6300ESB watchdog driver against a simulated one.
 */
/* sources: shim/drivers/watchdog/i6300esb/i6300esb.c tests/fake/fake_i6300esb.c
 * tests/fake/driver.c tests/fake/io.c tests/fake/irq.c tests/fake/dma.c tests/fake/time.c
 * tests/fake/log.c tests/fake/session.c tests/fake/block.c tests/fake/serial.c tests/fake/bus.c
 * tests/fake/watchdog.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_i6300esb.h"

extern const struct shim_driver shim_driver_i6300esb;

static struct fake *fake;
static struct fake_i6300esb model;

static int setup(void **state)
{
	(void)state;
	fake = fake_create(&shim_driver_i6300esb);
	fake_i6300esb_attach(&model, fake);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(model.ignored, 0);
	fake_destroy(fake);
	return 0;
}

static uint32_t start(uint64_t timeout_ms)
{
	uint32_t granted_ms = 0;

	assert_int_equal(fake_start(fake), OK);
	assert_int_equal(fake_watchdog_start(fake, 0, timeout_ms, &granted_ms), OK);
	return granted_ms;
}

static void probe_announces_a_watchdog_and_starts_nothing(void **state)
{
	(void)state;
	assert_int_equal(fake_start(fake), OK);
	assert_int_equal(fake_unit(fake, 0)->class_id, CLASS_WATCHDOG);
	assert_string_equal(fake_unit(fake, 0)->model, "Intel 6300ESB watchdog");
	assert_false(fake_watchdog_running(fake, 0));
	assert_false(model.enabled);
	assert_false(fake_log_has(fake, "has reset"));
}

static void resets_when_the_time_is_over_and_never_before(void **state)
{
	static const uint64_t wished_ms[] = { 1, 2, 999, 4000, 60000, 2000000 };

	for (unsigned i = 0; i < sizeof(wished_ms) / sizeof(wished_ms[0]); i++) {
		uint32_t granted_ms = start(wished_ms[i]);

		assert_in_range(granted_ms, wished_ms[i], wished_ms[i] + 2);
		assert_true(fake_watchdog_running(fake, 0));
		fake_i6300esb_advance(&model, wished_ms[i] * SHIM_MS - 1);
		assert_int_equal(model.resets, 0);
		fake_i6300esb_advance(&model, 3 * SHIM_MS);
		assert_int_equal(model.resets, 1);
		assert_int_equal(model.config, 3);
		teardown(state);
		setup(state);
	}
}

static void petted_in_time_it_stays_quiet(void **state)
{
	(void)state;
	(void)start(4000);
	for (unsigned i = 0; i < 10; i++) {
		fake_i6300esb_advance(&model, 3900 * SHIM_MS); /* well into the second stage */
		fake_watchdog_pet(fake, 0);
	}
	assert_int_equal(model.resets, 0);
	fake_i6300esb_advance(&model, 4010 * SHIM_MS);
	assert_int_equal(model.resets, 1);
}

static void started_again_it_has_the_new_time_at_once(void **state)
{
	uint32_t granted_ms;

	(void)state;
	(void)start(100000);
	fake_i6300esb_advance(&model, SHIM_S);
	assert_int_equal(fake_watchdog_start(fake, 0, 2000, &granted_ms), OK);
	fake_i6300esb_advance(&model, 1999 * SHIM_MS);
	assert_int_equal(model.resets, 0);
	fake_i6300esb_advance(&model, 5 * SHIM_MS);
	assert_int_equal(model.resets, 1);
}

static void stopped_it_never_resets(void **state)
{
	(void)state;
	(void)start(1000);
	assert_int_equal(fake_watchdog_stop(fake, 0), OK);
	assert_false(fake_watchdog_running(fake, 0));
	fake_i6300esb_advance(&model, 10 * SHIM_S);
	assert_int_equal(model.resets, 0);
}

static void times_that_do_not_fit_change_nothing(void **state)
{
	static const uint64_t wrong_ms[] = { 0, 2082407, UINT32_MAX, UINT64_MAX,
					     UINT64_MAX / 33000 + 1 };
	uint32_t granted_ms = 77;

	(void)state;
	assert_int_equal(start(1000), 1000);
	for (unsigned i = 0; i < sizeof(wrong_ms) / sizeof(wrong_ms[0]); i++)
		assert_int_equal(fake_watchdog_start(fake, 0, wrong_ms[i], &granted_ms), ERR_RANGE);
	assert_int_equal(granted_ms, 77);
	assert_int_equal(model.reloads, 1);
	assert_int_equal(fake_watchdog_start(fake, 0, 2082406, &granted_ms), OK);
	assert_int_equal(model.preload[0], 0xfffff);
}

static void locked_device_is_not_said_to_obey(void **state)
{
	uint32_t granted_ms = 0;

	(void)state;
	model.locked = true;
	assert_int_equal(fake_start(fake), OK);
	assert_int_equal(fake_watchdog_start(fake, 0, 1000, &granted_ms), ERR_DENIED);
	model.enabled = true;
	assert_int_equal(fake_watchdog_start(fake, 0, 1000, &granted_ms), OK);
	assert_int_equal(fake_watchdog_stop(fake, 0), ERR_DENIED);
	assert_true(model.enabled);
}

static void reset_by_the_watchdog_is_told_once(void **state)
{
	(void)state;
	model.timed_out = true;
	assert_int_equal(fake_start(fake), OK);
	assert_true(fake_log_has(fake, "has reset the machine"));
	assert_false(model.timed_out);
}

static void silent_device_does_not_run(void **state)
{
	uint32_t granted_ms;

	(void)state;
	assert_int_equal(fake_start(fake), OK);
	model.deaf = true;
	assert_int_equal(fake_watchdog_start(fake, 0, 1000, &granted_ms), OK);
	assert_false(fake_watchdog_running(fake, 0));
}

static void vanished_device_says_nothing_but_ones(void **state)
{
	uint32_t granted_ms = 0;

	(void)state;
	(void)start(1000);
	model.gone = true;
	(void)fake_watchdog_start(fake, 0, 1000, &granted_ms);
	fake_watchdog_pet(fake, 0);
	assert_int_equal(fake_watchdog_stop(fake, 0), ERR_DENIED); /* locked: also a one */
	model.config_error = ERR_GONE;
	assert_int_equal(fake_watchdog_stop(fake, 0), ERR_GONE);
	assert_false(fake_watchdog_running(fake, 0));
	fake_remove(fake);
}

static void whatever_is_refused_fails_probe(void **state)
{
	static const enum fake_call calls[] = { FAKE_WINDOW_MAP, FAKE_UNIT_ADD };

	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fake_fail(fake, calls[i], 1, ERR_BUDGET);
		assert_int_equal(fake_start(fake), ERR_BUDGET);
		teardown(state);
		setup(state);
	}
	fake->info.window[0].size_bytes = 8;
	assert_int_equal(fake_start(fake), ERR_INVALID);
}

static void quiesce_and_a_fresh_instance_leave_it_counting(void **state)
{
	(void)state;
	(void)start(4000);
	fake_i6300esb_advance(&model, 1000 * SHIM_MS);
	fake_quiesce(fake);
	assert_true(fake->quiesce_done);
	assert_int_equal(fake->quiesce_error, OK);
	fake_restart(fake, false);
	assert_int_equal(fake_start(fake), OK);
	assert_true(fake_watchdog_running(fake, 0));
	fake_i6300esb_advance(&model, 2990 * SHIM_MS);
	assert_int_equal(model.resets, 0);
	fake_i6300esb_advance(&model, 20 * SHIM_MS);
	assert_int_equal(model.resets, 1);
}

static void moved_hot_it_is_petted_by_the_next_instance(void **state)
{
	uint64_t writes;

	(void)state;
	(void)start(4000);
	fake_i6300esb_advance(&model, 3000 * SHIM_MS);
	writes = fake->writes;
	fake_restart(fake, true);
	assert_true(shim_driver_i6300esb.check(&fake->device));
	assert_int_equal(fake->writes, writes);
	fake_watchdog_pet(fake, 0);
	fake_i6300esb_advance(&model, 3000 * SHIM_MS);
	assert_int_equal(model.resets, 0);
}

static void check_refuses_a_state_that_no_instance_has(void **state)
{
	uint32_t *word = fake->device.state;

	(void)state;
	assert_int_equal(fake->driver->state_base_bytes, 8);
	assert_false(shim_driver_i6300esb.check(&fake->device)); /* not live */
	(void)start(1000);
	assert_true(shim_driver_i6300esb.check(&fake->device));
	word[0] += 1;
	assert_false(shim_driver_i6300esb.check(&fake->device));
	word[0] -= 1;
	word[1] = 0x100000;
	assert_false(shim_driver_i6300esb.check(&fake->device));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(probe_announces_a_watchdog_and_starts_nothing),
		TEST(resets_when_the_time_is_over_and_never_before),
		TEST(petted_in_time_it_stays_quiet),
		TEST(started_again_it_has_the_new_time_at_once),
		TEST(stopped_it_never_resets),
		TEST(times_that_do_not_fit_change_nothing),
		TEST(locked_device_is_not_said_to_obey),
		TEST(reset_by_the_watchdog_is_told_once),
		TEST(silent_device_does_not_run),
		TEST(vanished_device_says_nothing_but_ones),
		TEST(whatever_is_refused_fails_probe),
		TEST(quiesce_and_a_fresh_instance_leave_it_counting),
		TEST(moved_hot_it_is_petted_by_the_next_instance),
		TEST(check_refuses_a_state_that_no_instance_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
