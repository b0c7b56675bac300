/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class net, what both rings do alike: checks, order, one session after the other, settings, moves.
 */
/* sources: shim/session/server.c shim/session/client.c shim/session/net.c */
#include "session_fixture.h"

#include <session/net.h>
#include <shim/log.h>

#define RX    NET_RECEIVE_QUEUE
#define TX    NET_TRANSMIT_QUEUE
#define SLOTS 16u
#define POOL  65536u
#define DEPTH 255u

static struct net_class class;
static struct net_port *port;
static struct shim_device device;
static unsigned submits, cancels, log_lines, controls;
static uint64_t told[64][2]; /* operation, value */
static enum error control_error;

struct net_class *net_class_of(struct shim_device *unused)
{
	(void)unused;
	return &class;
}

void shim_log(const struct shim_device *unused, enum log_level level, const char *format, ...)
{
	(void)unused;
	(void)level;
	(void)format;
	log_lines++;
}

static void driver_submit(struct shim_device *unused, unsigned queue)
{
	(void)unused;
	(void)queue;
	submits++;
}

static void driver_cancel(struct shim_device *unused, unsigned queue)
{
	(void)unused;
	assert_int_equal(queue, RX);
	cancels++;
}

static enum error driver_control(struct shim_device *unused, unsigned unit,
				 enum net_operation operation, uint64_t value)
{
	(void)unused;
	assert_int_equal(unit, 0);
	told[controls % 64][0] = operation;
	told[controls++ % 64][1] = value;
	return control_error;
}

static const struct shim_net_ops ops = { driver_submit, driver_cancel, driver_control, DEPTH,
					 24576 };
static const struct shim_driver driver = { .name = "test",
					   .queue_count = NET_QUEUES,
					   .ops.net = &ops };

static struct session_host *session_make(unsigned queue, uint32_t id)
{
	struct session_host *host = session_host_make(SLOTS, POOL, 0);

	host->info.class_id = CLASS_NET;
	host->info.queue = queue;
	host->info.id = id;
	session_host_link(host);
	assert_int_equal(net_class_attach(&class, &host->link), OK);
	return host;
}

static void unit_announce(void)
{
	struct unit_info unit = { .class_id = CLASS_NET,
				  .flags = UNIT_CHECKSUM | UNIT_SEGMENT,
				  .transfer_bytes_max = 24576,
				  .mtu = 9000 };

	assert_int_equal(shim_net_unit_add(&device, &unit), OK);
}

static void instance_start(bool hot)
{
	memset(&class, 0, sizeof(class));
	device.driver = &driver;
	assert_int_equal(net_class_init(&class, &device, port, hot), OK);
	if (!hot)
		unit_announce();
}

static int setup(void **unused)
{
	(void)unused;
	port = fixture_area(net_port_bytes(&driver));
	submits = cancels = log_lines = controls = 0;
	control_error = OK;
	unit_registered.class_id = CLASS_NONE;
	instance_start(false);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	free(port);
	return 0;
}

static void submit(struct session_host *host, uint8_t operation, uint8_t flags, uint64_t position,
		   uint32_t count, uint32_t offset)
{
	struct session_slot fill = { .operation = operation,
				     .flags = flags,
				     .position = position,
				     .count = count,
				     .data_offset = offset,
				     .cookie = offset };

	assert_int_equal(session_submit(&host->client, &fill, NULL), OK);
}

static enum error answer(struct session_host *host, uint32_t *count)
{
	struct session_result result;

	if (!session_reap(&host->client, &result))
		return ERR_AGAIN;
	if (count)
		*count = result.count;
	return result.status;
}

/* One request that is none of the device's: what it is answered. */
static enum error refused(struct session_host *host, uint8_t operation, uint8_t flags,
			  uint64_t position, uint32_t count, uint32_t offset)
{
	struct shim_net_request request[4];

	submit(host, operation, flags, position, count, offset);
	assert_int_equal(shim_net_take(&device, host->info.queue, request, 4), 0);
	return answer(host, NULL);
}

/* --- Requests --- */

static void buffers_and_frames_are_taken_in_order(void **unused)
{
	struct session_host *rx = session_make(RX, 1), *tx = session_make(TX, 2);
	struct shim_net_request request[8];
	uint32_t counts[3] = { 60, 1514 | NET_SUM_OK, NET_DAMAGED }, count = 0;

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		submit(rx, NET_RECEIVE, 0, 0, 2048, i * 4096);
		submit(tx, NET_SEND, 0, 0, 100 + i, i * 2048);
	}
	assert_int_equal(shim_net_take(&device, RX, request, 8), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(request[i].data.value, POOL_IOVA + i * 4096);
	assert_int_equal(shim_net_take(&device, TX, request, 2), 2);
	assert_int_equal(shim_net_take(&device, TX, request + 2, 2), 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(request[i].bytes, 100 + i);
		assert_int_equal(request[i].flags, 0);
	}
	assert_int_equal(answer(rx, NULL), ERR_AGAIN);
	shim_net_complete_many(&device, RX, counts, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(answer(rx, &count), OK);
		assert_int_equal(count, counts[i]);
	}
	shim_net_complete_many(&device, TX, NULL, 1);
	shim_net_fail(&device, TX, 2, ERR_TIMEOUT);
	assert_int_equal(answer(tx, NULL), OK);
	assert_int_equal(answer(tx, NULL), ERR_TIMEOUT);
	assert_int_equal(answer(tx, NULL), ERR_TIMEOUT);
	session_host_free(rx);
	session_host_free(tx);
}

static void bad_buffers_and_frames_are_refused(void **unused)
{
	struct session_host *rx = session_make(RX, 1), *tx = session_make(TX, 2);

	(void)unused;
	assert_int_equal(refused(rx, NET_SEND, 0, 0, 2048, 0), ERR_INVALID);
	assert_int_equal(refused(rx, NET_FILTER, 0, 0, 0, 0), ERR_INVALID);
	assert_int_equal(refused(rx, NET_RECEIVE, 1, 0, 2048, 0), ERR_INVALID);
	assert_int_equal(refused(rx, NET_RECEIVE, 0, 0, 2047, 0), ERR_RANGE);
	assert_int_equal(refused(rx, NET_RECEIVE, 0, 0, 2048, POOL - 2047), ERR_PROTOCOL);
	assert_int_equal(refused(rx, NET_RECEIVE, 0, 0, UINT32_MAX, 1), ERR_PROTOCOL);
	assert_int_equal(refused(tx, NET_RECEIVE, 0, 0, 2048, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_OPERATIONS, 0, 0, 0, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, 0, 0, 13, 0), ERR_RANGE);
	assert_int_equal(refused(tx, NET_SEND, 0, 0, 1519, 0), ERR_RANGE);
	assert_int_equal(refused(tx, NET_SEND, 0, 0, 100, POOL - 99), ERR_PROTOCOL);
	assert_int_equal(refused(tx, NET_SEND, 8, 0, 100, 0), ERR_INVALID);
	session_host_free(rx);
	session_host_free(tx);
}

static void offloads_outside_of_their_frame_are_refused(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	struct shim_net_request request[2];
	const uint8_t sums = NET_SUM | NET_SUM_IP, cut = sums | NET_SEGMENT;

	(void)unused;
	assert_int_equal(refused(tx, NET_SEND, sums, 0, 100, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, sums, net_offload(13, 34, 50, 0, 0), 100, 0),
			 ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, sums, net_offload(14, 33, 50, 0, 0), 100, 0),
			 ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, sums, net_offload(14, 34, 99, 0, 0), 100, 0),
			 ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, sums, net_offload(14, 34, 50, 54, 0), 100, 0),
			 ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, cut, net_offload(14, 34, 50, 53, 1000), 9000, 0),
			 ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, cut, net_offload(14, 34, 50, 54, 511), 9000, 0),
			 ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, cut, net_offload(14, 34, 50, 54, 1465), 9000, 0),
			 ERR_INVALID);
	assert_int_equal(refused(tx, NET_SEND, cut, net_offload(14, 34, 50, 54, 1460), 24577, 0),
			 ERR_RANGE);
	submit(tx, NET_SEND, cut, net_offload(14, 34, 50, 54, 1460), 24576, 0);
	assert_int_equal(shim_net_take(&device, TX, request, 2), 1);
	assert_int_equal(request[0].flags, cut);
	assert_int_equal(NET_OFFLOAD_MSS(request[0].offload), 1460);
	assert_int_equal(NET_OFFLOAD_HEADER(request[0].offload), 54);
	session_host_free(tx);
}

static void driver_that_completes_too_much_is_noticed(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	struct shim_net_request request[4];

	(void)unused;
	submit(tx, NET_SEND, 0, 0, 100, 0);
	assert_int_equal(shim_net_take(&device, TX, request, 4), 1);
	shim_net_complete_many(&device, TX, NULL, 2);
	assert_int_equal(log_lines, 1);
	assert_int_equal(answer(tx, NULL), ERR_AGAIN);
	shim_net_complete_many(&device, TX, NULL, 1);
	assert_int_equal(answer(tx, NULL), OK);
	session_host_free(tx);
}

static void client_rings_only_while_buffers_are_few(void **unused)
{
	struct session_host *rx = session_make(RX, 1);
	struct shim_net_request request[SLOTS];
	uint32_t counts[SLOTS] = { 0 };

	(void)unused;
	submit(rx, NET_RECEIVE, 0, 0, 2048, 0);
	assert_int_equal(shim_net_take(&device, RX, request, SLOTS), 1);
	assert_true(session_needs_doorbell(&rx->client));
	for (unsigned i = 1; i < SLOTS; i++)
		submit(rx, NET_RECEIVE, 0, 0, 2048, i * 2048);
	assert_int_equal(shim_net_take(&device, RX, request, SLOTS), SLOTS - 1);
	assert_int_equal(shim_net_take(&device, RX, request, SLOTS), 0);
	assert_false(session_needs_doorbell(&rx->client));
	shim_net_complete_many(&device, RX, counts, SLOTS / 2);
	assert_int_equal(shim_net_take(&device, RX, request, SLOTS), 0);
	assert_false(session_needs_doorbell(&rx->client));
	shim_net_complete_many(&device, RX, counts, 1);
	assert_int_equal(shim_net_take(&device, RX, request, SLOTS), 0);
	assert_true(session_needs_doorbell(&rx->client));
	session_host_free(rx);
}

/* --- Settings --- */

static void settings_are_checked_and_told(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	unsigned before = controls;

	(void)unused;
	assert_int_equal(refused(tx, NET_FILTER, 0, 4, 0, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_MULTICAST, 0, 0x2, 0, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_MULTICAST, 0, 1ull << 48 | 1, 0, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_MTU, 0, 67, 0, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_MTU, 0, 9001, 0, 0), ERR_INVALID);
	assert_int_equal(refused(tx, NET_MTU, 1, 1500, 0, 0), ERR_INVALID);
	assert_int_equal(controls, before);
	assert_int_equal(refused(tx, NET_MTU, 0, 9000, 0, 0), OK);
	assert_int_equal(told[before][0], NET_MTU);
	assert_int_equal(told[before][1], 9000);
	control_error = ERR_IO;
	assert_int_equal(refused(tx, NET_FILTER, 0, 1, 0, 0), ERR_IO);
	assert_int_equal(port->settings.filter, 0);
	session_host_free(tx);
}

static void larger_frames_may_be_sent_after_a_larger_mtu(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	struct shim_net_request request[2];

	(void)unused;
	assert_int_equal(refused(tx, NET_SEND, 0, 0, 9018, 0), ERR_RANGE);
	assert_int_equal(refused(tx, NET_MTU, 0, 9000, 0, 0), OK);
	submit(tx, NET_SEND, 0, 0, 9018, 0);
	assert_int_equal(shim_net_take(&device, TX, request, 2), 1);
	session_host_free(tx);
}

static void fresh_instance_is_told_what_was_set(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	unsigned before;

	(void)unused;
	assert_int_equal(refused(tx, NET_FILTER, 0, NET_ALL_MULTICAST, 0, 0), OK);
	assert_int_equal(refused(tx, NET_MULTICAST, 0, 0x5e0001, 0, 0), OK);
	assert_int_equal(refused(tx, NET_MTU, 0, 4000, 0, 0), OK);
	before = controls;
	instance_start(false);
	assert_int_equal(controls, before + 3);
	assert_int_equal(told[before][1], NET_ALL_MULTICAST);
	assert_int_equal(told[before + 1][1], 0x5e0001);
	assert_int_equal(told[before + 2][1], 4000);
	port->settings.multicast_count = 1000; /* as a faulty instance may have left it */
	instance_start(false);
	assert_int_equal(controls, before + 5);
	session_host_free(tx);
}

static void settings_go_with_their_client(void **unused)
{
	struct session_host *tx = session_make(TX, 2), *next;

	(void)unused;
	assert_int_equal(refused(tx, NET_FILTER, 0, NET_PROMISCUOUS, 0, 0), OK);
	assert_true(net_class_detach(&class, &tx->link));
	assert_int_equal(told[(controls - 2) % 64][1], 0);
	session_host_free(tx);
	/* So they do if it went while no instance was there. */
	tx = session_make(TX, 3);
	assert_int_equal(refused(tx, NET_FILTER, 0, NET_PROMISCUOUS, 0, 0), OK);
	instance_start(false);
	next = session_make(TX, 4);
	assert_int_equal(port->settings.filter, 0);
	session_host_free(tx);
	session_host_free(next);
}

static void statistics_lie_where_the_client_sees_them(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	const uint64_t counter[NET_COUNTERS] = { 1, 2, 3, 4, 5, 6 };

	(void)unused;
	assert_int_equal(refused(tx, NET_STATISTICS, 0, 0, 0, 0), OK);
	shim_net_counters(&device, 0, counter);
	assert_memory_equal(tx->server_area->counter, counter, sizeof(counter));
	shim_net_counters(&device, 1, counter); /* no such unit */
	session_host_free(tx);
}

/* --- One session after the other --- */

static void next_client_waits_until_the_device_has_let_go(void **unused)
{
	struct session_host *old = session_make(RX, 1), *new;
	struct shim_net_request request[4];

	(void)unused;
	submit(old, NET_RECEIVE, 0, 0, 2048, 0);
	submit(old, NET_RECEIVE, 0, 0, 2048, 2048);
	assert_int_equal(shim_net_take(&device, RX, request, 4), 2);
	assert_false(net_class_detach(&class, &old->link));
	assert_int_equal(cancels, 1);
	new = session_make(RX, 2);
	submit(new, NET_RECEIVE, 0, 0, 2048, 4096);
	assert_int_equal(shim_net_take(&device, RX, request, 4), 0);
	shim_net_fail(&device, RX, 2, ERR_CANCELLED);
	session_flush(&class.wakes);
	assert_int_equal(old->drained, 1);
	assert_int_equal(shim_net_take(&device, RX, request, 4), 1);
	assert_int_equal(request[0].data.value, POOL_IOVA + 4096);
	session_host_free(old);
	session_host_free(new);
}

static void removed_port_answers_with_gone(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	struct shim_net_request request[4];

	(void)unused;
	submit(tx, NET_SEND, 0, 0, 100, 0);
	shim_net_unit_remove(&device, 0);
	assert_int_equal(answer(tx, NULL), ERR_GONE);
	submit(tx, NET_SEND, 0, 0, 100, 0);
	net_class_doorbell(&class, TX);
	assert_int_equal(answer(tx, NULL), ERR_GONE);
	assert_int_equal(shim_net_take(&device, TX, request, 4), 0);
	session_host_free(tx);
}

/* --- Moves and deaths --- */

static void hot_heir_answers_what_the_device_has(void **unused)
{
	struct session_host *rx = session_make(RX, 1);
	struct shim_net_request request[4];
	uint32_t counts[2] = { 64, 65 }, count = 0;

	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		submit(rx, NET_RECEIVE, 0, 0, 2048, i * 2048);
	assert_int_equal(shim_net_take(&device, RX, request, 2), 2);
	instance_start(true);
	session_host_link(rx);
	assert_int_equal(net_class_attach(&class, &rx->link), OK);
	assert_int_equal(rx->link.in_flight, 2);
	assert_int_equal(shim_net_take(&device, RX, request, 4), 1); /* the one not taken yet */
	assert_int_equal(request[0].data.value, POOL_IOVA + 4096);
	shim_net_complete_many(&device, RX, counts, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(answer(rx, &count), OK);
		assert_int_equal(count, 64 + i);
	}
	session_host_free(rx);
}

static void forged_journal_answers_nobody(void **unused)
{
	struct session_host *rx = session_make(RX, 1);
	struct shim_net_request request[4];
	uint32_t counts[3] = { 64, 64, 64 };

	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		submit(rx, NET_RECEIVE, 0, 0, 2048, i * 2048);
	assert_int_equal(shim_net_take(&device, RX, request, 4), 3);
	port->journal[RX].record[0] = 999;                         /* no such slot */
	port->journal[RX].record[1] = port->journal[RX].record[2]; /* twice */
	instance_start(true);
	session_host_link(rx);
	assert_int_equal(net_class_attach(&class, &rx->link), OK);
	assert_int_equal(rx->link.in_flight, 1);
	assert_int_equal(shim_net_take(&device, RX, request, 4), 2); /* replayed */
	shim_net_complete_many(&device, RX, counts, 3);
	assert_int_equal(answer(rx, NULL), OK);
	assert_int_equal(answer(rx, NULL), ERR_AGAIN);
	unit_registered.transfer_bytes_max++;
	memset(&class, 0, sizeof(class));
	assert_int_equal(net_class_init(&class, &device, port, true), ERR_CORRUPT);
	unit_registered.transfer_bytes_max--;
	port->journal[RX].tail = port->journal[RX].head + 257;
	memset(&class, 0, sizeof(class));
	assert_int_equal(net_class_init(&class, &device, port, true), ERR_CORRUPT);
	session_host_free(rx);
}

static void heir_of_a_dead_instance_starts_from_the_slots(void **unused)
{
	struct session_host *tx = session_make(TX, 2);
	struct shim_net_request request[4];

	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		submit(tx, NET_SEND, 0, 0, 100 + i, 0);
	assert_int_equal(shim_net_take(&device, TX, request, 4), 3);
	shim_net_complete_many(&device, TX, NULL, 1);
	instance_start(false);
	session_host_link(tx);
	assert_int_equal(net_class_attach(&class, &tx->link), OK);
	assert_int_equal(shim_net_take(&device, TX, request, 4), 2);
	assert_int_equal(request[0].bytes, 101);
	assert_int_equal(request[1].bytes, 102);
	session_host_free(tx);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(buffers_and_frames_are_taken_in_order),
		TEST(bad_buffers_and_frames_are_refused),
		TEST(offloads_outside_of_their_frame_are_refused),
		TEST(driver_that_completes_too_much_is_noticed),
		TEST(client_rings_only_while_buffers_are_few),
		TEST(settings_are_checked_and_told),
		TEST(larger_frames_may_be_sent_after_a_larger_mtu),
		TEST(fresh_instance_is_told_what_was_set),
		TEST(settings_go_with_their_client),
		TEST(statistics_lie_where_the_client_sees_them),
		TEST(next_client_waits_until_the_device_has_let_go),
		TEST(removed_port_answers_with_gone),
		TEST(hot_heir_answers_what_the_device_has),
		TEST(forged_journal_answers_nobody),
		TEST(heir_of_a_dead_instance_starts_from_the_slots),
	};

	return cmocka_run_group_tests_name("net_class", tests, NULL, NULL);
}
