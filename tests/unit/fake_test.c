/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fake itself: a test that stands on it must be able to fail.
 * sources: tests/fake/driver.c tests/fake/io.c tests/fake/irq.c tests/fake/dma.c tests/fake/time.c
 * tests/fake/log.c tests/fake/bus.c tests/fake/block.c tests/fake/serial.c tests/fake/session.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <shim/io.h>

#include "fake.h"

/* A driver that does what the test says. */
static struct {
	enum error (*probe)(struct shim_device *device);
	void (*interrupt)(struct shim_device *device);
	void (*timer)(struct shim_device *device, unsigned index);
	void (*submit)(struct shim_device *device);
	unsigned interrupts, timers;
	uint64_t times[8];
} act;

static enum error probe(struct shim_device *device)
{
	return act.probe ? act.probe(device) : OK;
}

static bool interrupt(struct shim_device *device, unsigned index)
{
	(void)index;
	act.interrupts++;
	if (act.interrupt)
		act.interrupt(device);
	return true;
}

static void timer(struct shim_device *device, unsigned index)
{
	if (act.timers < 8)
		act.times[act.timers] = shim_now_ns(device) * 10 + index;
	act.timers++;
	if (act.timer)
		act.timer(device, index);
}

static void quiesce(struct shim_device *device)
{
	shim_quiesce_done(device, OK);
}

static void submit(struct shim_device *device, unsigned queue)
{
	(void)queue;
	if (act.submit)
		act.submit(device);
}

static void transmit(struct shim_device *device, unsigned unit)
{
	uint8_t bytes[2];

	assert_int_equal(shim_serial_next(device, unit, bytes, 2), 2);
	assert_int_equal(shim_serial_received(device, unit, bytes, 2), 2);
}

static const struct shim_block_ops block_ops = { .submit = submit };
static const struct shim_serial_ops serial_ops = { .transmit = transmit };

static struct shim_driver driver = {
	.name = "test",
	.state_base_bytes = 16,
	.state_queue_bytes = 8,
	.queue_count = 2,
	.buffer_count = 2,
	.timer_count = 2,
	.probe = probe,
	.interrupt = interrupt,
	.timer = timer,
	.quiesce = quiesce,
	.ops.block = &block_ops,
};

static int setup(void **state)
{
	memset(&act, 0, sizeof(act));
	driver.ops.block = &block_ops;
	*state = fake_create(&driver);
	return 0;
}

static int teardown(void **state)
{
	fake_destroy(*state);
	return 0;
}

/* One violation was counted, and is forgiven. */
static void assert_violation(struct fake *fake)
{
	assert_int_equal(fake->violations, 1);
	fake->violations = 0;
}

static uint64_t register_read(void *context, uint32_t offset, unsigned bits)
{
	(void)bits;
	return ((uint8_t *)context)[offset];
}

static void register_write(void *context, uint32_t offset, unsigned bits, uint64_t value)
{
	(void)bits;
	((uint8_t *)context)[offset] = (uint8_t)value;
}

static void accesses_reach_the_device_and_stay_inside_the_window(void **state)
{
	struct fake *fake = *state;
	uint8_t registers[16] = { 0 };

	fake_window(fake, 3, WINDOW_MMIO, 16, register_read, register_write, registers);
	assert_int_equal(shim_mmio(&fake->device, 3).size_bytes, 0);
	shim_mmio_read8((struct shim_mmio){ &fake->device, 3, 16 }, 0);
	assert_violation(fake);
	assert_int_equal(shim_window_map(&fake->device, 2), ERR_RANGE);
	assert_int_equal(shim_window_map(&fake->device, 3), OK);
	shim_mmio_write32(shim_mmio(&fake->device, 3), 4, 0x55);
	assert_int_equal(registers[4], 0x55);
	assert_int_equal(shim_mmio_read8(shim_mmio(&fake->device, 3), 4), 0x55);
	assert_int_equal(fake->reads, 2);
	shim_mmio_read32(shim_mmio(&fake->device, 3), 16);
	assert_violation(fake);
	shim_mmio_read32(shim_mmio(&fake->device, 3), 2);
	assert_violation(fake);
	assert_int_equal(shim_port(&fake->device, 3).count, 0);
	shim_port_read8((struct shim_port){ &fake->device, 3, 8 }, 0);
	assert_violation(fake);
}

static void dma_memory_is_zeroed_aligned_and_checked(void **state)
{
	struct fake *fake = *state;
	struct shim_device *device = &fake->device;
	uint64_t iova;

	assert_null(shim_dma_cpu(device, 0, 0));
	assert_int_equal(shim_dma_allocate(device, 2, 1), ERR_RANGE);
	assert_int_equal(shim_dma_allocate(device, 0, 12000), OK);
	assert_int_equal(shim_dma_allocate(device, 0, 12288), OK);
	assert_int_equal(shim_dma_allocate(device, 0, 12289), ERR_EXISTS);
	iova = shim_dma_iova(device, 0, 0).value;
	assert_int_equal(iova % 16384, 0);
	assert_true(iova < UINT64_C(1) << 32);
	assert_ptr_not_equal((void *)(uintptr_t)iova, shim_dma_cpu(device, 0, 0));
	assert_ptr_equal(fake_dma(fake, iova + 100, 12188), shim_dma_cpu(device, 0, 100));
	assert_null(fake_dma(fake, iova + 100, 12189));
	assert_violation(fake);
	assert_null(fake_dma(fake, iova - 1, 1));
	assert_violation(fake);
}

static enum error probe_timers(struct shim_device *device)
{
	shim_timer_set(device, 1, 100);
	shim_timer_set(device, 0, 300);
	shim_timer_set(device, 0, 200);
	return OK;
}

static void timers_fire_once_in_order_and_not_early(void **state)
{
	struct fake *fake = *state;

	act.probe = probe_timers;
	assert_int_equal(fake_start(fake), OK);
	fake_advance(fake, 99);
	assert_int_equal(act.timers, 0);
	fake_advance(fake, 1000);
	assert_int_equal(act.timers, 2);
	assert_int_equal(act.times[0], 1001);
	assert_int_equal(act.times[1], 2000);
	assert_int_equal(fake->now_ns, 1099);
	assert_false(fake_advance_to_timer(fake));
	shim_timer_set(&fake->device, 2, 0);
	assert_violation(fake);
}

static void cancelled_timers_stay_silent(void **state)
{
	struct fake *fake = *state;

	act.probe = probe_timers;
	fake_start(fake);
	shim_timer_cancel(&fake->device, 0);
	fake_advance(fake, 1000);
	assert_int_equal(act.timers, 1);
}

static void enable_and_raise(struct shim_device *device)
{
	if (act.interrupts == 1)
		fake_interrupt(fake_of(device), 0);
}

static void interrupts_raised_inside_a_call_arrive_after_it(void **state)
{
	struct fake *fake = *state;
	unsigned granted = 0;

	fake_interrupt(fake, 0);
	assert_int_equal(fake->vectors_pending, 0);
	fake->vectors_max = 2;
	assert_int_equal(shim_interrupt_enable(&fake->device, 8, &granted), OK);
	assert_int_equal(granted, 2);
	assert_int_equal(shim_interrupt_enable(&fake->device, 1, &granted), ERR_EXISTS);
	act.interrupt = enable_and_raise;
	fake_interrupt(fake, 0);
	fake_interrupt(fake, 0);
	fake_run(fake);
	assert_int_equal(act.interrupts, 2);
}

static enum error probe_done_twice(struct shim_device *device)
{
	shim_timer_set(device, 0, 5);
	return ERR_AGAIN;
}

static void probe_ends(struct shim_device *device, unsigned index)
{
	(void)index;
	shim_probe_done(device, OK);
	shim_probe_done(device, OK);
}

static void probe_that_ends_twice_is_a_violation(void **state)
{
	struct fake *fake = *state;

	act.probe = probe_done_twice;
	act.timer = probe_ends;
	assert_int_equal(fake_start(fake), ERR_AGAIN);
	assert_false(fake->probe_done);
	fake_advance(fake, 5);
	assert_true(fake->probe_done);
	assert_int_equal(fake->probe_error, OK);
	assert_violation(fake);
}

static void add_disk(struct fake *fake, uint32_t depth)
{
	const struct unit_info unit = { .class_id = CLASS_BLOCK,
					.unit = 1,
					.queue = 1,
					.block_count = 100,
					.block_bytes = 512,
					.transfer_bytes_max = 4096,
					.depth = depth };

	assert_int_equal(shim_block_unit_add(&fake->device, &unit), OK);
}

static void requests_are_taken_up_to_the_depth_and_completed_once(void **state)
{
	struct fake *fake = *state;
	struct shim_block_request one, two;
	unsigned ids[3];

	add_disk(fake, 2);
	for (unsigned i = 0; i < 3; i++)
		ids[i] = fake_block_submit(fake, 1, BLOCK_WRITE, i, 2, BLOCK_FUA);
	assert_true(shim_block_next(&fake->device, 1, &one));
	assert_true(shim_block_next(&fake->device, 1, &two));
	assert_false(shim_block_next(&fake->device, 1, &two));
	assert_false(shim_block_next(&fake->device, 0, &two));
	assert_int_not_equal(one.tag, two.tag);
	assert_int_equal(one.data_bytes, 1024);
	assert_int_equal(one.flags, BLOCK_FUA);
	assert_ptr_equal(fake_dma(fake, one.data.value, 1024), fake_block_data(fake, ids[0]));
	shim_block_complete(&fake->device, 1, one.tag, ERR_MEDIA);
	assert_int_equal(fake_block_error(fake, ids[0]), ERR_MEDIA);
	assert_false(fake_block_done(fake, ids[1]));
	shim_block_complete(&fake->device, 1, one.tag, OK);
	assert_violation(fake);
	assert_true(shim_block_next(&fake->device, 1, &one));
	assert_int_equal(one.position, 2);
}

static void requests_that_make_no_sense_never_reach_the_driver(void **state)
{
	struct fake *fake = *state;
	struct shim_block_request request;

	add_disk(fake, 1);
	assert_int_equal(fake_block_error(fake, fake_block_submit(fake, 1, BLOCK_READ, 100, 1, 0)),
			 ERR_RANGE);
	assert_int_equal(fake_block_error(fake, fake_block_submit(fake, 1, BLOCK_READ, 0, 9, 0)),
			 ERR_RANGE);
	assert_int_equal(fake_block_error(fake, fake_block_submit(fake, 0, BLOCK_READ, 0, 1, 0)),
			 ERR_GONE);
	assert_false(shim_block_next(&fake->device, 1, &request));
}

static void a_removed_unit_fails_what_waits(void **state)
{
	struct fake *fake = *state;
	unsigned id;

	add_disk(fake, 1);
	id = fake_block_submit(fake, 1, BLOCK_FLUSH, 0, 0, 0);
	shim_block_unit_remove(&fake->device, 1);
	assert_int_equal(fake_block_error(fake, id), ERR_GONE);
	assert_null(fake_unit(fake, 1));
	shim_block_unit_remove(&fake->device, 1);
	assert_violation(fake);
}

static void units_of_odd_shape_are_refused(void **state)
{
	struct fake *fake = *state;
	struct unit_info unit = {
		.class_id = CLASS_BLOCK, .block_count = 1, .block_bytes = 513, .depth = 1
	};

	assert_int_equal(shim_block_unit_add(&fake->device, &unit), ERR_INVALID);
	unit.block_bytes = 512;
	unit.depth = 257;
	assert_int_equal(shim_block_unit_add(&fake->device, &unit), ERR_INVALID);
	unit.depth = 1;
	assert_int_equal(shim_block_unit_add(&fake->device, &unit), OK);
}

static void the_nth_call_fails_as_told(void **state)
{
	struct fake *fake = *state;

	fake_fail(fake, FAKE_DMA_ALLOCATE, 2, ERR_BUDGET);
	assert_int_equal(shim_dma_allocate(&fake->device, 0, 1), OK);
	assert_int_equal(shim_dma_allocate(&fake->device, 1, 1), ERR_BUDGET);
	assert_int_equal(shim_dma_allocate(&fake->device, 1, 1), OK);
}

static void serial_bytes_go_both_ways(void **state)
{
	struct fake *fake = *state;
	const struct unit_info unit = { .class_id = CLASS_SERIAL };
	char bytes[8] = { 0 };

	driver.ops.serial = &serial_ops;
	assert_int_equal(shim_serial_unit_add(&fake->device, &unit), OK);
	fake_serial_send(fake, 0, "abc", 3);
	assert_int_equal(fake_serial_waiting(fake, 0), 1);
	assert_int_equal(fake_serial_read(fake, 0, bytes, 8), 2);
	assert_string_equal(bytes, "ab");
	fake->serial[0].in_limit = 1;
	assert_int_equal(shim_serial_received(&fake->device, 0, (const uint8_t *)"xy", 2), 1);
}

static void children_are_known_until_removed(void **state)
{
	struct fake *fake = *state;

	assert_int_equal(shim_bus_child_add(&fake->device, 7), OK);
	assert_int_equal(shim_bus_child_add(&fake->device, 7), ERR_EXISTS);
	assert_int_equal(shim_bus_child_remove(&fake->device, 7), OK);
	assert_int_equal(fake->bus.child_count, 0);
	assert_int_equal(shim_bus_child_add(&fake->device, 7), OK);
}

static void log_lines_are_kept_with_their_level(void **state)
{
	struct fake *fake = *state;

	assert_false(fake_log_has(fake, "unit"));
	shim_log(&fake->device, LOG_INFO, "unit %d is %s", 4, "here");
	shim_log(&fake->device, LOG_ERROR, "unit %d", 5);
	assert_true(fake_log_has(fake, "4 unit 4 is here\n1 unit 5\n"));
	assert_int_equal(fake_log_count(fake, "unit"), 2);
}

static void a_restart_keeps_buffers_and_loses_state(void **state)
{
	struct fake *fake = *state;
	uint8_t *bytes;

	assert_int_equal(shim_dma_allocate(&fake->device, 0, 1), OK);
	bytes = shim_dma_cpu(&fake->device, 0, 0);
	bytes[0] = 7;
	memset(fake->device.state, 1, 16);
	fake_restart(fake, true);
	assert_int_equal(((uint8_t *)fake->device.state)[15], 1);
	fake_restart(fake, false);
	assert_int_equal(((uint8_t *)fake->device.state)[15], 0);
	assert_int_equal(shim_dma_allocate(&fake->device, 0, 1), OK);
	assert_int_equal(((uint8_t *)shim_dma_cpu(&fake->device, 0, 0))[0], 7);
}

static void overlap(struct shim_device *device)
{
	fake_block_kick(fake_of(device), 1);
}

static void overlapping_calls_are_a_violation(void **state)
{
	struct fake *fake = *state;
	unsigned granted;

	add_disk(fake, 1);
	assert_int_equal(shim_interrupt_enable(&fake->device, 1, &granted), OK);
	act.interrupt = overlap;
	fake_interrupt(fake, 0);
	fake_run(fake);
	assert_violation(fake);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(accesses_reach_the_device_and_stay_inside_the_window),
		TEST(dma_memory_is_zeroed_aligned_and_checked),
		TEST(timers_fire_once_in_order_and_not_early),
		TEST(cancelled_timers_stay_silent),
		TEST(interrupts_raised_inside_a_call_arrive_after_it),
		TEST(probe_that_ends_twice_is_a_violation),
		TEST(requests_are_taken_up_to_the_depth_and_completed_once),
		TEST(requests_that_make_no_sense_never_reach_the_driver),
		TEST(a_removed_unit_fails_what_waits),
		TEST(units_of_odd_shape_are_refused),
		TEST(the_nth_call_fails_as_told),
		TEST(serial_bytes_go_both_ways),
		TEST(children_are_known_until_removed),
		TEST(log_lines_are_kept_with_their_level),
		TEST(a_restart_keeps_buffers_and_loses_state),
		TEST(overlapping_calls_are_a_violation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
