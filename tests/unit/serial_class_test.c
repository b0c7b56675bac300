/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial, what both rings do alike: readers, writers, the buffer between them, new instances.
 */
/* sources: shim/session/server.c shim/session/client.c shim/session/serial.c */
#include "session_fixture.h"

#include <session/serial.h>

#define POOL 4096u

static struct serial_class class;
static struct serial_port *port;
static struct shim_device device;
static struct session_host *host;
static unsigned transmits;

struct serial_class *serial_class_of(struct shim_device *unused)
{
	(void)unused;
	return &class;
}

static void driver_transmit(struct shim_device *unused, unsigned unit)
{
	(void)unused;
	assert_int_equal(unit, 0);
	transmits++;
}

static const struct shim_serial_ops ops = { .transmit = driver_transmit };
static const struct shim_driver driver = { .name = "test", .ops.serial = &ops };
static const struct unit_info line = { .class_id = CLASS_SERIAL, .depth = 1 };

/* A new instance of the driver finds the port page and the sessions of the last one. */
static void instance_start(void)
{
	host->info.epoch++;
	session_host_link(host);
	assert_int_equal(serial_class_init(&class, &device, port, false), OK);
	assert_int_equal(serial_class_attach(&class, &host->link), OK);
	assert_int_equal(shim_serial_unit_add(&device, &line), OK);
}

/* One that takes over in a hot move announces nothing. */
static enum error instance_move(void)
{
	enum error error;

	host->info.epoch++;
	session_host_link(host);
	error = serial_class_init(&class, &device, port, true);
	if (error)
		return error;
	assert_int_equal(serial_class_attach(&class, &host->link), OK);
	serial_class_doorbell(&class);
	return OK;
}

static int setup(void **state)
{
	(void)state;
	device.driver = &driver;
	publish_error = OK;
	units_published = 0;
	transmits = 0;
	port = fixture_area(sizeof(*port));
	host = session_host_make(8, POOL, 0);
	instance_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	session_host_free(host);
	free(port);
	return 0;
}

static void submit_to(struct session_host *to, uint8_t operation, uint32_t offset, uint32_t count,
		      uint64_t cookie)
{
	struct session_slot slot = {
		.operation = operation, .count = count, .data_offset = offset, .cookie = cookie
	};

	assert_int_equal(session_submit(&to->client, &slot, NULL), OK);
	serial_class_doorbell(&class);
}

static void submit(uint8_t operation, uint32_t offset, uint32_t count, uint64_t cookie)
{
	submit_to(host, operation, offset, count, cookie);
}

static void receive(const char *text)
{
	assert_int_equal(shim_serial_received(&device, 0, (const uint8_t *)text, strlen(text)),
			 strlen(text));
}

static void answered_to(struct session_host *of, uint64_t cookie, enum error status, uint32_t count)
{
	struct session_result result;

	assert_true(session_reap(&of->client, &result));
	assert_int_equal(result.cookie, cookie);
	assert_int_equal(result.status, status);
	assert_int_equal(result.count, count);
}

static void answered(uint64_t cookie, enum error status, uint32_t count)
{
	answered_to(host, cookie, status, count);
}

static void not_answered(void)
{
	assert_false(session_answered(&host->client));
}

/* What the driver gets to send, at most `room` bytes. */
static void sent(size_t room, const char *text)
{
	uint8_t bytes[256];

	assert_true(room <= sizeof(bytes));
	assert_int_equal(shim_serial_next(&device, 0, bytes, room), strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
}

static void reader_gets_what_comes_later(void **state)
{
	(void)state;
	submit(SERIAL_READ, 100, 10, 1);
	not_answered();
	receive("abc");
	answered(1, OK, 3);
	assert_memory_equal(host->pool + 100, "abc", 3);
	assert_int_equal(transmits, 0);
}

static void reader_gets_what_came_before(void **state)
{
	(void)state;
	receive("hello");
	submit(SERIAL_READ, 0, 2, 1);
	answered(1, OK, 2);
	submit(SERIAL_READ, 8, 10, 2);
	answered(2, OK, 3);
	assert_memory_equal(host->pool, "he", 2);
	assert_memory_equal(host->pool + 8, "llo", 3);
}

static void readers_are_served_in_the_order_they_asked(void **state)
{
	(void)state;
	submit(SERIAL_READ, 0, 1, 1);
	submit(SERIAL_READ, 1, 1, 2);
	submit(SERIAL_READ, 2, 1, 3);
	receive("xy");
	answered(1, OK, 1);
	answered(2, OK, 1);
	not_answered();
	receive("z");
	answered(3, OK, 1);
	assert_memory_equal(host->pool, "xyz", 3);
}

static void buffer_keeps_what_fits_and_says_so(void **state)
{
	uint8_t bytes[SERIAL_FIFO_BYTES + 100];
	uint32_t total = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (unsigned round = 0; round < 5; round++) {
		struct session_result result;

		assert_int_equal(shim_serial_received(&device, 0, bytes, sizeof(bytes)),
				 SERIAL_FIFO_BYTES - 1);
		submit(SERIAL_READ, 0, POOL, 1);
		assert_true(session_reap(&host->client, &result));
		assert_int_equal(result.count, SERIAL_FIFO_BYTES - 1);
		assert_memory_equal(host->pool, bytes, SERIAL_FIFO_BYTES - 1);
		total += result.count;
	}
	assert_int_equal(total, 5 * (SERIAL_FIFO_BYTES - 1));
}

static void full_buffer_takes_the_rest_once_readers_made_room(void **state)
{
	uint8_t bytes[SERIAL_FIFO_BYTES + 50] = { 0 };

	(void)state;
	submit(SERIAL_READ, 0, 500, 1);
	assert_int_equal(shim_serial_received(&device, 0, bytes, sizeof(bytes)), sizeof(bytes));
	answered(1, OK, 500);
}

static void write_is_sent_piece_by_piece(void **state)
{
	(void)state;
	memcpy(host->pool + 50, "0123456789", 10);
	submit(SERIAL_WRITE, 50, 10, 1);
	assert_int_equal(transmits, 1);
	sent(4, "0123");
	sent(4, "4567");
	not_answered();
	sent(4, "89");
	answered(1, OK, 10);
	sent(4, "");
}

static void writes_of_one_client_follow_each_other(void **state)
{
	(void)state;
	memcpy(host->pool, "abcdef", 6);
	submit(SERIAL_WRITE, 0, 3, 1);
	submit(SERIAL_WRITE, 3, 3, 2);
	sent(16, "abcdef");
	answered(1, OK, 3);
	answered(2, OK, 3);
}

static void writers_take_turns_request_by_request(void **state)
{
	struct session_host *other = session_host_make(8, POOL, 0);

	(void)state;
	other->info.id = 8;
	session_host_link(other);
	assert_int_equal(serial_class_attach(&class, &other->link), OK);
	memcpy(host->pool, "aaAA", 4);
	memcpy(other->pool, "bbBB", 4);
	submit_to(host, SERIAL_WRITE, 0, 2, 1);
	submit_to(host, SERIAL_WRITE, 2, 2, 2);
	submit_to(other, SERIAL_WRITE, 0, 2, 3);
	submit_to(other, SERIAL_WRITE, 2, 2, 4);
	/* The write that has begun is not torn apart; then they alternate. */
	sent(1, "a");
	sent(16, "abbAABB");
	session_host_free(other);
}

static void bad_requests_are_refused(void **state)
{
	(void)state;
	submit(3, 0, 1, 1);
	answered(1, ERR_INVALID, 0);
	submit(SERIAL_READ, 0, 0, 2);
	answered(2, ERR_INVALID, 0);
	submit(SERIAL_READ, POOL, 1, 3);
	answered(3, ERR_PROTOCOL, 0);
	submit(SERIAL_WRITE, POOL - 1, 2, 4);
	answered(4, ERR_PROTOCOL, 0);
	submit(SERIAL_WRITE, UINT32_MAX, UINT32_MAX, 5);
	answered(5, ERR_PROTOCOL, 0);
	sent(16, "");
	receive("x");
	not_answered();
}

static void request_rewritten_after_taking_changes_nothing(void **state)
{
	(void)state;
	submit(SERIAL_READ, 16, 4, 1);
	for (unsigned i = 0; i < 8; i++)
		host->client.slots[i].data_offset = host->client.slots[i].count = UINT32_MAX;
	receive("safe");
	answered(1, OK, 4);
	assert_memory_equal(host->pool + 16, "safe", 4);
}

static void more_readers_than_fit_are_told_to_come_again(void **state)
{
	struct session_host *many = session_host_make(128, POOL, 0);

	(void)state;
	session_host_link(many);
	assert_int_equal(serial_class_attach(&class, &many->link), OK);
	for (unsigned i = 0; i < SERIAL_READS_MAX; i++)
		submit_to(many, SERIAL_READ, 0, 1, i);
	submit_to(many, SERIAL_READ, 0, 1, 99);
	answered_to(many, 99, ERR_BUSY, 0);
	receive("a");
	answered_to(many, 0, OK, 1);
	submit_to(many, SERIAL_READ, 0, 1, 100);
	assert_false(session_answered(&many->client));
	session_host_free(many);
}

static void scribbled_port_page_harms_nothing_else(void **state)
{
	(void)state;
	memset(port, 0xff, sizeof(*port));
	receive("new");
	submit(SERIAL_READ, 0, 10, 1);
	answered(1, OK, 3);
	port->unit[0].head = SERIAL_FIFO_BYTES;
	port->unit[0].tail = 3;
	submit(SERIAL_READ, 0, 10, 2);
	not_answered();
	receive("x");
	answered(2, OK, 1);
}

static void received_bytes_survive_the_instance(void **state)
{
	(void)state;
	receive("kept");
	instance_start();
	submit(SERIAL_READ, 0, 10, 1);
	answered(1, OK, 4);
	assert_memory_equal(host->pool, "kept", 4);
}

static void waiting_reader_survives_the_instance(void **state)
{
	(void)state;
	submit(SERIAL_READ, 0, 10, 1);
	instance_start();
	receive("late");
	answered(1, OK, 4);
}

static void half_sent_write_goes_on_where_it_was(void **state)
{
	(void)state;
	memcpy(host->pool, "abcdefgh", 8);
	submit(SERIAL_WRITE, 0, 4, 1);
	submit(SERIAL_WRITE, 4, 4, 2);
	sent(3, "abc");
	instance_start();
	serial_class_doorbell(&class);
	assert_int_equal(transmits, 3);
	sent(16, "defgh");
	answered(1, OK, 4);
	answered(2, OK, 4);
	/* The same slot filled again is another write. */
	submit(SERIAL_WRITE, 0, 6, 3);
	instance_start();
	sent(16, "abcdef");
	answered(3, OK, 6);
}

static void move_loses_no_byte_and_no_request(void **state)
{
	(void)state;
	memcpy(host->pool, "abcdefgh", 8);
	submit(SERIAL_WRITE, 0, 8, 1);
	submit(SERIAL_READ, 8, 10, 2);
	sent(3, "abc");
	assert_int_equal(instance_move(), OK);
	sent(16, "defgh");
	answered(1, OK, 8);
	receive("in");
	answered(2, OK, 2);
	receive("kept");
	assert_int_equal(instance_move(), OK);
	assert_int_equal(units_published, 1);
	submit(SERIAL_READ, 8, 10, 3);
	answered(3, OK, 4);
}

static void unit_that_no_line_has_stops_a_move(void **state)
{
	(void)state;
	unit_registered.unit = SERIAL_UNITS_MAX;
	assert_int_equal(instance_move(), ERR_CORRUPT);
}

static void client_that_leaves_is_forgotten(void **state)
{
	(void)state;
	submit(SERIAL_READ, 0, 10, 1);
	submit(SERIAL_WRITE, 0, 10, 2);
	assert_true(serial_class_detach(&class, &host->link));
	assert_int_equal(class.read_count, 0);
	assert_null(class.links);
	sent(16, "");
	receive("nobody");
	not_answered();
}

static void reader_wakes_at_the_end_of_the_call(void **state)
{
	(void)state;
	submit(SERIAL_READ, 0, 10, 1);
	assert_true(session_client_sleep(&host->client));
	receive("x");
	assert_int_equal(host->wakes, 0);
	session_flush(&class.wakes);
	assert_int_equal(host->wakes, 1);
}

static void unknown_units_are_refused(void **state)
{
	struct unit_info bad = line;
	uint8_t byte = 0;

	(void)state;
	bad.unit = SERIAL_UNITS_MAX;
	assert_int_equal(shim_serial_unit_add(&device, &bad), ERR_INVALID);
	bad = line;
	bad.class_id = CLASS_BLOCK;
	assert_int_equal(shim_serial_unit_add(&device, &bad), ERR_INVALID);
	assert_int_equal(shim_serial_received(&device, SERIAL_UNITS_MAX, &byte, 1), 0);
	assert_int_equal(shim_serial_received(&device, 1, &byte, 1), 0);
	assert_int_equal(shim_serial_next(&device, SERIAL_UNITS_MAX, &byte, 1), 0);
	host->link.unit = SERIAL_UNITS_MAX;
	assert_int_equal(serial_class_attach(&class, &host->link), ERR_RANGE);
	host->link.unit = 0;
	host->link.pool = NULL;
	assert_int_equal(serial_class_attach(&class, &host->link), ERR_PROTOCOL);
}

static void device_sleeps_only_when_nothing_waits(void **state)
{
	struct session_slot slot = { .operation = SERIAL_READ, .count = 1 };

	(void)state;
	serial_class_awake(&class);
	assert_false(session_needs_doorbell(&host->client));
	assert_int_equal(session_submit(&host->client, &slot, NULL), OK);
	assert_false(serial_class_sleep(&class));
	serial_class_doorbell(&class);
	assert_true(serial_class_sleep(&class));
	assert_true(session_needs_doorbell(&host->client));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reader_gets_what_comes_later),
		TEST(reader_gets_what_came_before),
		TEST(readers_are_served_in_the_order_they_asked),
		TEST(buffer_keeps_what_fits_and_says_so),
		TEST(full_buffer_takes_the_rest_once_readers_made_room),
		TEST(write_is_sent_piece_by_piece),
		TEST(writes_of_one_client_follow_each_other),
		TEST(writers_take_turns_request_by_request),
		TEST(bad_requests_are_refused),
		TEST(request_rewritten_after_taking_changes_nothing),
		TEST(more_readers_than_fit_are_told_to_come_again),
		TEST(scribbled_port_page_harms_nothing_else),
		TEST(received_bytes_survive_the_instance),
		TEST(waiting_reader_survives_the_instance),
		TEST(half_sent_write_goes_on_where_it_was),
		TEST(move_loses_no_byte_and_no_request),
		TEST(unit_that_no_line_has_stops_a_move),
		TEST(client_that_leaves_is_forgotten),
		TEST(reader_wakes_at_the_end_of_the_call),
		TEST(unknown_units_are_refused),
		TEST(device_sleeps_only_when_nothing_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
