/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The 16550A driver against a simulated port.
 */
/* sources: shim/drivers/serial/uart/uart.c tests/fake/fake_uart.c
 * tests/fake/driver.c tests/fake/io.c tests/fake/irq.c tests/fake/dma.c tests/fake/time.c
 * tests/fake/log.c tests/fake/session.c tests/fake/block.c tests/fake/serial.c tests/fake/bus.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_uart.h"

enum { OVERRUN = 2, PARITY = 4, FRAMING = 8, BREAK = 0x10 };

extern const struct shim_driver shim_driver_uart;

static struct fake *fake;
static struct fake_uart model;

static int setup(void **state)
{
	(void)state;
	fake = fake_create(&shim_driver_uart);
	fake_uart_attach(&model, fake, FAKE_UART_16550A);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(fake);
	return 0;
}

static void start(void)
{
	assert_int_equal(fake_start(fake), OK);
	assert_non_null(fake_unit(fake, 0));
}

static void type(const char *text)
{
	for (; *text; text++) {
		fake_uart_receive(&model, (uint8_t)*text, 0);
		fake_run(fake);
	}
}

static void read_is(const char *text)
{
	char bytes[256] = { 0 };

	assert_int_equal(fake_serial_read(fake, 0, bytes, sizeof(bytes)), strlen(text));
	assert_string_equal(bytes, text);
}

static void out_is(const char *text)
{
	assert_int_equal(model.out_count, strlen(text));
	assert_memory_equal(model.out, text, strlen(text));
}

static void send(const char *text)
{
	fake_serial_send(fake, 0, text, strlen(text));
	fake_run(fake);
}

static void probe_sets_the_line_and_tells_the_chip(void **state)
{
	(void)state;
	start();
	assert_string_equal(fake_unit(fake, 0)->model, "16550A");
	assert_int_equal(fake_unit(fake, 0)->class_id, CLASS_SERIAL);
	assert_true(fake_unit(fake, 0)->flags & UNIT_CPU_DATA);
	assert_int_equal(model.lcr, 3);
	assert_int_equal(model.dll, 1);
	assert_int_equal(model.dlm, 0);
	assert_int_equal(model.ier, 5);
	assert_true(model.fifo);
	assert_int_equal(model.mcr, 0x0b);
}

static void probe_tells_older_chips_apart(void **state)
{
	static const char *const names[] = { "8250", "16450", "16550" };

	(void)state;
	for (unsigned kind = FAKE_UART_8250; kind <= FAKE_UART_16550; kind++) {
		teardown(NULL);
		setup(NULL);
		model.kind = (enum fake_uart_kind)kind;
		start();
		assert_string_equal(fake_unit(fake, 0)->model, names[kind]);
		assert_false(model.fifo);
		send("slow");
		out_is("slow");
		assert_int_equal(model.tx_most, 1);
		assert_int_equal(model.tx_lost, 0);
		type("in");
		read_is("in");
	}
}

static void empty_socket_is_not_a_port(void **state)
{
	(void)state;
	model.absent = true;
	assert_int_equal(fake_start(fake), ERR_NOT_FOUND);
	assert_int_equal(fake_unit_count(fake), 0);
}

static void port_that_does_not_loop_back_is_none(void **state)
{
	(void)state;
	model.no_loopback = true;
	assert_int_equal(fake_start(fake), ERR_NOT_FOUND);
}

static void probe_fails_with_what_it_lacks(void **state)
{
	(void)state;
	fake_fail(fake, FAKE_WINDOW_MAP, 1, ERR_RANGE);
	assert_int_equal(fake_start(fake), ERR_RANGE);
	fake_fail(fake, FAKE_INTERRUPT_ENABLE, 1, ERR_BUDGET);
	assert_int_equal(fake_start(fake), ERR_BUDGET);
	fake_fail(fake, FAKE_UNIT_ADD, 1, ERR_NO_MEMORY);
	fake->vectors = 0;
	assert_int_equal(fake_start(fake), ERR_NO_MEMORY);
	assert_int_equal(model.ier, 0);
}

static void window_too_small_is_refused(void **state)
{
	(void)state;
	fake->info.window[0].size_bytes = 4;
	assert_int_equal(fake_start(fake), ERR_INVALID);
}

static void last_words_of_the_last_owner_get_out(void **state)
{
	(void)state;
	model.fifo = true;
	model.held = true;
	fake_uart_leftover(&model, 'x');
	fake_uart_receive(&model, 'k', 0);
	assert_int_equal(fake_start(fake), ERR_AGAIN);
	fake_advance(fake, 3 * SHIM_MS);
	assert_false(fake->probe_done);
	model.held = false;
	fake_advance(fake, 3 * SHIM_MS);
	assert_true(fake->probe_done);
	assert_int_equal(fake->probe_error, OK);
	out_is("x");
	assert_int_equal(model.cleared + model.looped, 0);
	read_is("k");
}

static void probe_does_not_wait_for_ever(void **state)
{
	(void)state;
	model.held = true;
	fake_uart_leftover(&model, 'x');
	assert_int_equal(fake_start(fake), ERR_AGAIN);
	fake_advance(fake, 100 * SHIM_MS);
	assert_true(fake->probe_done);
	assert_int_equal(fake->probe_error, OK);
}

static void long_text_goes_out_in_pieces_of_the_fifo(void **state)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog, twice.";

	(void)state;
	start();
	send(text);
	out_is(text);
	assert_int_equal(model.tx_most, 16);
	assert_int_equal(model.tx_lost, 0);
	assert_int_equal(fake->vectors_unclaimed, 0);
}

static void transmit_interrupt_is_on_only_while_sending(void **state)
{
	(void)state;
	start();
	model.held = true;
	send("abc");
	assert_int_equal(model.ier, 7);
	model.held = false;
	fake_run(fake);
	assert_int_equal(model.ier, 5);
	assert_int_equal(fake->timer_ns[0], UINT64_MAX);
	assert_int_equal(fake->timer_ns[1], UINT64_MAX);
}

static void text_arrives_as_typed(void **state)
{
	(void)state;
	start();
	type("hello, driver");
	read_is("hello, driver");
}

static void burst_of_a_full_fifo_arrives(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 16; i++)
		fake_uart_receive(&model, (uint8_t)('a' + i), 0);
	fake_run(fake);
	read_is("abcdefghijklmnop");
	type("q");
	read_is("q");
}

static void both_directions_work_at_once(void **state)
{
	(void)state;
	start();
	model.held = true;
	send("out");
	type("in");
	read_is("in");
	model.held = false;
	fake_run(fake);
	out_is("out");
}

static void damaged_bytes_are_left_out_and_counted(void **state)
{
	(void)state;
	start();
	fake_uart_receive(&model, 'a', 0);
	fake_uart_receive(&model, 'b', PARITY);
	fake_uart_receive(&model, 'c', FRAMING);
	fake_uart_receive(&model, 0, BREAK);
	fake_uart_receive(&model, 'd', 0);
	fake_run(fake);
	read_is("ad");
	assert_true(fake_log_has(fake, "0 overruns, 1 parity, 1 framing, 1 breaks"));
}

static void overrun_is_counted_and_what_came_before_is_kept(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 20; i++)
		fake_uart_receive(&model, (uint8_t)('a' + i), 0);
	fake_run(fake);
	read_is("abcdefghijklmnop");
	assert_true(fake_log_has(fake, "1 overruns"));
}

static void errors_are_told_once_a_second(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 50; i++) {
		fake_uart_receive(&model, 'x', PARITY);
		fake_run(fake);
	}
	assert_int_equal(fake_log_count(fake, "errors so far"), 1);
	fake_advance(fake, 2 * SHIM_S);
	fake_uart_receive(&model, 'x', PARITY);
	fake_run(fake);
	assert_int_equal(fake_log_count(fake, "errors so far"), 2);
	assert_true(fake_log_has(fake, "51 parity"));
}

static void bytes_that_nobody_reads_are_counted(void **state)
{
	(void)state;
	start();
	fake->serial[0].in_limit = 2;
	type("abcd");
	fake->now_ns += 2 * SHIM_S;
	type("e");
	assert_true(fake_log_has(fake, "3 bytes nobody read"));
	read_is("ab");
}

static void lost_interrupt_is_made_up_for(void **state)
{
	(void)state;
	start();
	model.silent = true;
	send("0123456789abcdefghij");
	out_is("0123456789abcdef");
	fake_advance(fake, 200 * SHIM_MS);
	out_is("0123456789abcdefghij");
	assert_true(fake_log_has(fake, "lost interrupts"));
	assert_int_equal(model.ier, 5);
}

static void late_interrupt_is_not_called_lost(void **state)
{
	(void)state;
	start();
	model.silent = true;
	send("0123456789abcdefghij");
	fake_advance(fake, 30 * SHIM_MS);
	fake_interrupt(fake, 0);
	model.silent = false;
	fake_advance(fake, SHIM_S);
	out_is("0123456789abcdefghij");
	assert_false(fake_log_has(fake, "lost interrupts"));
}

static void held_line_costs_no_time_and_loses_nothing(void **state)
{
	uint64_t accesses;

	(void)state;
	start();
	model.held = true;
	send("0123456789abcdefghij");
	accesses = fake->reads + fake->writes;
	fake_advance(fake, SHIM_S);
	assert_true(fake->reads + fake->writes - accesses < 500);
	assert_int_equal(fake_serial_waiting(fake, 0), 4);
	model.held = false;
	fake_run(fake);
	out_is("0123456789abcdefghij");
	assert_int_equal(model.tx_lost, 0);
}

static void port_that_always_interrupts_is_left_alone(void **state)
{
	uint64_t accesses;

	(void)state;
	start();
	model.shouting = true;
	accesses = fake->reads + fake->writes;
	fake_interrupt(fake, 0);
	fake_run(fake);
	assert_true(fake->reads + fake->writes - accesses < 200);
}

static void port_that_always_has_data_is_left_alone(void **state)
{
	uint64_t accesses;

	(void)state;
	start();
	model.endless = model.shouting = true;
	accesses = fake->reads + fake->writes;
	fake_interrupt(fake, 0);
	fake_run(fake);
	assert_true(fake->reads + fake->writes - accesses < 4000);
}

static void port_that_vanished_gives_no_bytes(void **state)
{
	char byte;

	(void)state;
	start();
	model.absent = true;
	fake_interrupt(fake, 0);
	fake_run(fake);
	assert_int_equal(fake_serial_read(fake, 0, &byte, 1), 0);
}

static void interrupt_of_another_device_is_not_claimed(void **state)
{
	(void)state;
	start();
	fake_interrupt(fake, 0);
	fake_run(fake);
	assert_int_equal(fake->vectors_unclaimed, 1);
}

static void quiesce_waits_until_all_is_out(void **state)
{
	(void)state;
	start();
	model.held = true;
	send("bye");
	fake_quiesce(fake);
	assert_false(fake->quiesce_done);
	assert_int_equal(model.ier, 0);
	fake_uart_receive(&model, 'r', 0);
	fake_advance(fake, 5 * SHIM_MS);
	assert_false(fake->quiesce_done);
	model.held = false;
	fake_advance(fake, 5 * SHIM_MS);
	assert_true(fake->quiesce_done);
	assert_int_equal(fake->quiesce_error, OK);
	out_is("bye");
	read_is("r");
}

static void quiesce_ends_when_the_line_is_held(void **state)
{
	(void)state;
	start();
	model.held = true;
	send("0123456789abcdefghij");
	fake_quiesce(fake);
	fake_advance(fake, 100 * SHIM_MS);
	assert_true(fake->quiesce_done);
	assert_int_equal(fake->quiesce_error, ERR_TIMEOUT);
	assert_int_equal(fake_serial_waiting(fake, 0), 4);
}

static void next_instance_sends_what_the_last_one_did_not_take(void **state)
{
	(void)state;
	start();
	model.held = true;
	send("0123456789abcdefghij");
	fake_quiesce(fake);
	model.held = false;
	fake_advance(fake, 10 * SHIM_MS);
	assert_true(fake->quiesce_done);
	out_is("0123456789abcdef");
	fake_restart(fake, false);
	start();
	send("!");
	out_is("0123456789abcdefghij!");
	type("ok");
	read_is("ok");
}

static void state_that_was_moved_is_checked_and_goes_on(void **state)
{
	(void)state;
	start();
	model.held = true;
	send("0123456789abcdefghij");
	fake_restart(fake, true);
	assert_true(shim_driver_uart.check(&fake->device));
	model.held = false;
	fake_run(fake);
	out_is("0123456789abcdefghij");
}

static void nonsense_states_are_refused(void **state)
{
	uint8_t good[512], *at = fake->device.state;
	size_t size = shim_driver_uart.state_base_bytes;
	unsigned refused = 0;

	(void)state;
	start();
	assert_true(size <= sizeof(good));
	memcpy(good, at, size);
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		memcpy(at, good, size);
		for (unsigned j = 0; j < 4; j++)
			at[(unsigned)rand() % size] = (uint8_t)rand();
		if (!shim_driver_uart.check(&fake->device)) {
			refused++;
			continue;
		}
		send("x");
		fake_advance_to_timer(fake);
		fake->log_bytes = 0;
		model.out_count = 0;
		fake->serial[0].out_head = fake->serial[0].out_tail = 0;
	}
	assert_true(refused > 1000);
	memset(at, 0, size);
	assert_false(shim_driver_uart.check(&fake->device));
}

static void removal_in_mid_flight_touches_nothing(void **state)
{
	uint64_t accesses;

	(void)state;
	start();
	model.held = true;
	send("0123456789abcdefghij");
	fake_remove(fake);
	accesses = fake->reads + fake->writes;
	send("more");
	fake_interrupt(fake, 0);
	fake_advance(fake, SHIM_S);
	assert_int_equal(fake->reads + fake->writes, accesses);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(probe_sets_the_line_and_tells_the_chip),
		TEST(probe_tells_older_chips_apart),
		TEST(empty_socket_is_not_a_port),
		TEST(port_that_does_not_loop_back_is_none),
		TEST(probe_fails_with_what_it_lacks),
		TEST(window_too_small_is_refused),
		TEST(last_words_of_the_last_owner_get_out),
		TEST(probe_does_not_wait_for_ever),
		TEST(long_text_goes_out_in_pieces_of_the_fifo),
		TEST(transmit_interrupt_is_on_only_while_sending),
		TEST(text_arrives_as_typed),
		TEST(burst_of_a_full_fifo_arrives),
		TEST(both_directions_work_at_once),
		TEST(damaged_bytes_are_left_out_and_counted),
		TEST(overrun_is_counted_and_what_came_before_is_kept),
		TEST(errors_are_told_once_a_second),
		TEST(bytes_that_nobody_reads_are_counted),
		TEST(lost_interrupt_is_made_up_for),
		TEST(late_interrupt_is_not_called_lost),
		TEST(held_line_costs_no_time_and_loses_nothing),
		TEST(port_that_always_interrupts_is_left_alone),
		TEST(port_that_always_has_data_is_left_alone),
		TEST(port_that_vanished_gives_no_bytes),
		TEST(interrupt_of_another_device_is_not_claimed),
		TEST(quiesce_waits_until_all_is_out),
		TEST(quiesce_ends_when_the_line_is_held),
		TEST(next_instance_sends_what_the_last_one_did_not_take),
		TEST(state_that_was_moved_is_checked_and_goes_on),
		TEST(nonsense_states_are_refused),
		TEST(removal_in_mid_flight_touches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
