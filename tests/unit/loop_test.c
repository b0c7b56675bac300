/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Timers of the ring-3 event loop, and the matching of drivers to devices.
 *
 * sources: drivers-user/runtime/timers.c shim/lib/match.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <lib/match.h>
#include <runtime/loop.h>

#define TIMERS 4

static uint64_t deadlines[TIMERS];
static unsigned runs[TIMERS];
static uint64_t again_ns; /* timer 0 arms itself for it; 0: no */
static struct loop loop;

static void on_timer(struct loop *from, unsigned index)
{
	runs[index]++;
	if (index == 0 && again_ns)
		loop_timer_set(from, 0, again_ns);
}

static int setup(void **state)
{
	(void)state;
	memset(deadlines, 0, sizeof(deadlines));
	memset(runs, 0, sizeof(runs));
	again_ns = 0;
	loop = (struct loop){ .deadline_ns = deadlines, .timer_count = TIMERS, .timer = on_timer };
	return 0;
}

static void earliest_follows_what_is_set(void **state)
{
	(void)state;
	loop_timer_set(&loop, 1, 500);
	loop_timer_set(&loop, 2, 300);
	loop_timer_set(&loop, 3, 400);
	assert_int_equal(loop.earliest_ns, 300);
}

static void due_timers_run_once_and_the_rest_stays(void **state)
{
	(void)state;
	loop_timer_set(&loop, 1, 500);
	loop_timer_set(&loop, 2, 300);
	loop_timers_run(&loop, 300);
	assert_int_equal(runs[2], 1);
	assert_int_equal(runs[1], 0);
	assert_int_equal(loop.earliest_ns, 500);
	loop_timers_run(&loop, 600);
	assert_int_equal(runs[2], 1);
	assert_int_equal(runs[1], 1);
	assert_int_equal(loop.earliest_ns, 0);
}

static void cancelled_timer_does_not_run(void **state)
{
	(void)state;
	loop_timer_set(&loop, 1, 500);
	loop_timer_cancel(&loop, 1);
	loop_timers_run(&loop, 1000);
	assert_int_equal(runs[1], 0);
	assert_int_equal(loop.earliest_ns, 0);
}

static void timer_may_arm_itself_and_others_from_its_method(void **state)
{
	(void)state;
	again_ns = 900;
	loop_timer_set(&loop, 0, 100);
	loop_timer_set(&loop, 1, 700);
	loop_timers_run(&loop, 100);
	assert_int_equal(loop.earliest_ns, 700);
	loop_timers_run(&loop, 700);
	assert_int_equal(loop.earliest_ns, 900);
	assert_int_equal(runs[0], 1);
}

static void timer_set_in_the_past_does_not_starve_the_loop(void **state)
{
	(void)state;
	again_ns = 1;
	loop_timer_set(&loop, 0, 100);
	loop_timers_run(&loop, 100);
	assert_int_equal(runs[0], 1);
	assert_int_equal(loop.earliest_ns, 1);
}

static void deadline_zero_is_at_once_not_never(void **state)
{
	(void)state;
	loop_timer_set(&loop, 1, 0);
	assert_int_not_equal(loop.earliest_ns, 0);
	loop_timers_run(&loop, 5);
	assert_int_equal(runs[1], 1);
}

static const struct device_info disk = { .bus = BUS_PCI,
					 .vendor_id = 0x8086,
					 .device_id = 0x2922,
					 .class_code = 1,
					 .subclass = 6,
					 .interface = 1 };

static void class_matches_with_and_without_interface(void **state)
{
	struct shim_driver exact = { .match = { SHIM_PCI_CLASS(1, 6, 1) } };
	struct shim_driver any = { .match = { SHIM_PCI_CLASS(1, 6, 0xff) } };
	struct shim_driver other = { .match = { SHIM_PCI_CLASS(1, 6, 2),
						SHIM_PCI_CLASS(1, 8, 1) } };

	(void)state;
	assert_true(driver_match(&exact, &disk) > driver_match(&any, &disk));
	assert_true(driver_match(&any, &disk) > 0);
	assert_int_equal(driver_match(&other, &disk), 0);
}

static void id_beats_class_and_order_does_not_count(void **state)
{
	struct shim_driver both = { .match = { SHIM_PCI_CLASS(1, 6, 1),
					       SHIM_PCI_ID(0x8086, 0x2922) } };
	struct shim_driver vendor = { .match = { SHIM_PCI_ID(0x8086, SHIM_ANY) } };
	struct shim_driver class = { .match = { SHIM_PCI_CLASS(1, 6, 1) } };

	(void)state;
	assert_true(driver_match(&both, &disk) > driver_match(&vendor, &disk));
	assert_true(driver_match(&vendor, &disk) > driver_match(&class, &disk));
}

static void platform_device_matches_by_what_it_is(void **state)
{
	struct shim_driver uart = { .match = { SHIM_PLATFORM("uart16550") } };
	struct shim_driver pci = { .match = { SHIM_PCI_CLASS(0, 0, 0) } };
	struct device_info info = { .bus = BUS_PLATFORM, .name = "uart0", .platform = "uart16550" };

	(void)state;
	assert_true(driver_match(&uart, &info) > 0);
	assert_int_equal(driver_match(&pci, &info), 0);
	assert_int_equal(driver_match(&uart, &disk), 0);
	info.platform[4] = 0;
	assert_int_equal(driver_match(&uart, &info), 0);
}

static void driver_without_matches_fits_nothing(void **state)
{
	struct shim_driver none = { .shim_version = SHIM_VERSION };
	struct device_info info = { .bus = BUS_PLATFORM };

	(void)state;
	assert_int_equal(driver_match(&none, &disk), 0);
	assert_int_equal(driver_match(&none, &info), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(earliest_follows_what_is_set),
		TEST(due_timers_run_once_and_the_rest_stays),
		TEST(cancelled_timer_does_not_run),
		TEST(timer_may_arm_itself_and_others_from_its_method),
		TEST(timer_set_in_the_past_does_not_starve_the_loop),
		TEST(deadline_zero_is_at_once_not_never),
		TEST(class_matches_with_and_without_interface),
		TEST(id_beats_class_and_order_does_not_count),
		TEST(platform_device_matches_by_what_it_is),
		TEST(driver_without_matches_fits_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
