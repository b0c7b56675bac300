/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The e1000 driver against a simulated card.
 * sources: shim/drivers/net/e1000/e1000.c shim/drivers/net/e1000/e1000_ring.c
 * tests/fake/fake_e1000.c tests/fake/driver.c
 * tests/fake/io.c tests/fake/irq.c tests/fake/dma.c tests/fake/time.c tests/fake/log.c
 * tests/fake/bus.c tests/fake/block.c tests/fake/net.c tests/fake/serial.c tests/fake/session.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_e1000.h"

#define RX         NET_RECEIVE_QUEUE
#define TX         NET_TRANSMIT_QUEUE
#define RING_DEPTH 255u
#define IGNORE_SUM 4u /* status bit: nothing was checked */

extern const struct shim_driver shim_driver_e1000;

struct card {
	struct fake *fake;
	struct fake_e1000 *model;
};

/* The driver's state begins with its phase; a queue's with next, clean, frames. */
static uint32_t *state_words(struct card *card)
{
	return card->fake->device.state;
}

static uint32_t *queue_words(struct card *card, unsigned queue)
{
	return shim_queue_state(&card->fake->device, queue);
}

static struct card create(bool is_82574)
{
	struct card card = { .fake = fake_create(&shim_driver_e1000) };

	card.model = fake_e1000_create(card.fake, is_82574);
	return card;
}

static void destroy(struct card *card)
{
	fake_destroy(card->fake);
	fake_e1000_destroy(card->model);
}

static enum error start(struct card *card)
{
	(void)fake_start(card->fake);
	for (unsigned i = 0; i < 100 && !card->fake->probe_done; i++)
		fake_advance(card->fake, 10 * SHIM_MS);
	assert_true(card->fake->probe_done);
	return card->fake->probe_error;
}

static struct card live(bool is_82574)
{
	struct card card = create(is_82574);

	assert_int_equal(start(&card), OK);
	return card;
}

static void post(struct card *card, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fake_net_queue(card->fake, RX, NULL, NET_BUFFER_BYTES, 0, 0);
	fake_net_kick(card->fake, RX);
}

/* A broadcast frame that says its number. */
static const uint8_t *frame_of(unsigned number, uint32_t bytes)
{
	static uint8_t frame[MODEL_FRAME_MAX];

	memset(frame, (int)number, bytes);
	memset(frame, 0xff, 6);
	memcpy(frame + 14, &number, sizeof(number));
	return frame;
}

static bool comes(struct card *card, unsigned number, uint32_t bytes, uint16_t status)
{
	bool stored = fake_e1000_receive(card->model, frame_of(number, bytes), bytes, status);

	fake_run(card->fake);
	return stored;
}

static uint32_t received(struct card *card, unsigned id)
{
	const struct fake_net_request *result = fake_net_result(card->fake, RX, id);

	assert_int_equal(result->error, OK);
	return result->count;
}

static void queue_frame(struct card *card, unsigned number, uint32_t bytes)
{
	fake_net_queue(card->fake, TX, frame_of(number, bytes), bytes, 0, 0);
}

/* --- Probe --- */

static void probe_announces_address_link_and_offloads(void **unused)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

	(void)unused;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct card card = live(kind);
		const struct unit_info *unit = fake_unit(card.fake, 0);

		assert_non_null(unit);
		assert_memory_equal(unit->mac, mac, 6);
		assert_int_equal(unit->flags, UNIT_LINK | UNIT_CHECKSUM | UNIT_SEGMENT);
		assert_int_equal(unit->speed_mbps, 1000);
		assert_int_equal(unit->mtu, 9000);
		assert_int_equal(card.fake->vectors, kind ? 2 : 1);
		assert_int_equal(card.model->resets, 1);
		destroy(&card);
	}
}

static void card_without_an_address_is_refused(void **unused)
{
	struct card card = create(false);

	(void)unused;
	card.model->no_address = true;
	assert_int_equal(start(&card), ERR_NOT_FOUND);
	assert_true(fake_log_has(card.fake, "no Ethernet address"));
	assert_null(fake_unit(card.fake, 0));
	destroy(&card);
}

static void reset_that_never_ends_fails_with_timeout(void **unused)
{
	struct card card = create(false);

	(void)unused;
	card.model->reset_hangs = true;
	assert_int_equal(start(&card), ERR_TIMEOUT);
	destroy(&card);
}

static void every_call_that_fails_fails_the_probe(void **unused)
{
	static const struct {
		enum fake_call call;
		unsigned n;
	} calls[] = { { FAKE_WINDOW_MAP, 1 },
		      { FAKE_DMA_ALLOCATE, 1 },
		      { FAKE_DMA_ALLOCATE, 2 },
		      { FAKE_INTERRUPT_ENABLE, 1 },
		      { FAKE_UNIT_ADD, 1 } };

	(void)unused;
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct card card = create(false);

		fake_fail(card.fake, calls[i].call, calls[i].n, ERR_NO_MEMORY);
		assert_int_equal(start(&card), ERR_NO_MEMORY);
		fake_quiesce(card.fake);
		assert_true(card.fake->quiesce_done);
		destroy(&card);
	}
}

/* --- Receive --- */

static void frames_arrive_in_order_with_their_length(void **unused)
{
	(void)unused;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct card card = live(kind);

		post(&card, 100);
		for (unsigned i = 0; i < 100; i++)
			assert_true(comes(&card, i, 60 + i, IGNORE_SUM));
		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(received(&card, i), 60 + i);
			assert_memory_equal(fake_net_data(card.fake, RX, i), frame_of(i, 60 + i),
					    60 + i);
		}
		destroy(&card);
	}
}

static void burst_of_frames_is_one_interrupt_and_one_tail(void **unused)
{
	struct card card = live(true);
	uint64_t accesses;

	(void)unused;
	post(&card, 200);
	for (unsigned i = 0; i < 150; i++)
		assert_true(fake_e1000_receive(card.model, frame_of(i, 64), 64, IGNORE_SUM));
	for (unsigned i = 0; i < 50; i++)
		fake_net_queue(card.fake, RX, NULL, NET_BUFFER_BYTES, 0, 0);
	accesses = card.fake->reads + card.fake->writes;
	fake_run(card.fake);
	assert_int_equal(card.fake->reads + card.fake->writes - accesses, 1);
	assert_int_equal(received(&card, 149), 64);
	assert_int_equal(fake_net_in_flight(card.fake, RX), 100);
	destroy(&card);
}

static void ring_goes_round_many_times(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 300);
	assert_int_equal(fake_net_in_flight(card.fake, RX), RING_DEPTH);
	for (unsigned i = 0; i < 2000; i++) {
		assert_true(comes(&card, i, 100, IGNORE_SUM));
		assert_int_equal(received(&card, i), 100);
		assert_memory_equal(fake_net_data(card.fake, RX, i), frame_of(i, 100), 100);
		post(&card, 1);
	}
	destroy(&card);
}

static void frame_without_a_buffer_is_missed_and_counted(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 3);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(comes(&card, i, 64, IGNORE_SUM), i < 3);
	assert_int_equal(fake_net_control(card.fake, NET_STATISTICS, 0), OK);
	assert_int_equal(card.fake->net_counter[NET_MISSED], 2);
	assert_int_equal(card.fake->net_counter[NET_RECEIVED], 3);
	destroy(&card);
}

static void checksums_that_were_checked_are_reported(void **unused)
{
	static const struct {
		uint16_t status; /* and errors */
		uint32_t flags;
	} cases[] = { { IGNORE_SUM, 0 },
		      { 0, 0 },
		      { 0x60, NET_SUM_OK | NET_IP_OK },
		      { 0x20, NET_SUM_OK },
		      { 0x40, NET_IP_OK },
		      { 0x2060, NET_IP_OK },
		      { 0x4060, NET_SUM_OK },
		      { 0x64, 0 } };
	struct card card = live(true);

	(void)unused;
	post(&card, 20);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(comes(&card, i, 64, cases[i].status));
		assert_int_equal(received(&card, i), 64 | cases[i].flags);
	}
	destroy(&card);
}

static void damaged_frames_and_lies_are_told_apart(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 20);
	assert_true(comes(&card, 0, 64, 0x0100)); /* CRC */
	assert_int_equal(received(&card, 0), NET_DAMAGED);
	assert_true(comes(&card, 1, 64, 0x8000 | IGNORE_SUM)); /* data error */
	assert_int_equal(received(&card, 1), NET_DAMAGED);
	card.model->lies = 9000;
	assert_true(comes(&card, 2, 64, IGNORE_SUM));
	assert_int_equal(received(&card, 2), NET_DAMAGED);
	destroy(&card);
}

static void large_frame_lies_in_several_buffers(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 20);
	assert_false(comes(&card, 0, 5000, IGNORE_SUM)); /* not before it is asked for */
	assert_int_equal(fake_net_control(card.fake, NET_MTU, 9000), OK);
	assert_true(comes(&card, 1, 5000, IGNORE_SUM));
	assert_int_equal(received(&card, 0), 2048 | NET_MORE);
	assert_int_equal(received(&card, 1), 2048 | NET_MORE);
	assert_int_equal(received(&card, 2), 904);
	assert_int_equal(fake_net_control(card.fake, NET_MTU, 1500), OK);
	assert_false(comes(&card, 2, 5000, IGNORE_SUM));
	assert_int_equal(fake_net_control(card.fake, NET_STATISTICS, 0), OK);
	assert_int_equal(card.fake->net_counter[NET_REFUSED], 2);
	destroy(&card);
}

static void filters_let_through_what_was_asked_for(void **unused)
{
	static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 };
	static const uint8_t other[6] = { 0x01, 0x00, 0x5e, 0x7f, 0x12, 0x34 };
	static const uint8_t stranger[6] = { 0x52, 0x54, 0x00, 0x99, 0x99, 0x99 };
	struct card card = live(false);
	uint8_t frame[64] = { 0 };
	uint64_t address = 0;

	(void)unused;
	post(&card, 40);
	memcpy(&address, group, 6);
#define COMES(to) (memcpy(frame, to, 6), fake_e1000_receive(card.model, frame, 64, IGNORE_SUM))
	assert_false(COMES(group));
	assert_false(COMES(stranger));
	assert_int_equal(fake_net_control(card.fake, NET_MULTICAST, address), OK);
	assert_true(COMES(group));
	assert_false(COMES(other));
	assert_int_equal(fake_net_control(card.fake, NET_FILTER, NET_ALL_MULTICAST), OK);
	assert_true(COMES(other));
	assert_false(COMES(stranger));
	assert_int_equal(fake_net_control(card.fake, NET_FILTER, NET_PROMISCUOUS), OK);
	assert_true(COMES(stranger));
	assert_int_equal(fake_net_control(card.fake, NET_FILTER, 0), OK);
	assert_false(COMES(group)); /* forgotten */
	assert_false(COMES(stranger));
#undef COMES
	destroy(&card);
}

/* --- Transmit --- */

static void burst_is_sent_by_one_register_access(void **unused)
{
	struct card card = live(false);
	uint64_t accesses = card.fake->reads + card.fake->writes;

	(void)unused;
	for (unsigned i = 0; i < 32; i++)
		queue_frame(&card, i, 64 + i);
	fake_net_kick(card.fake, TX);
	assert_int_equal(card.fake->reads + card.fake->writes - accesses, 1);
	assert_int_equal(card.model->sent_count, 32);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(card.model->sent[i].bytes, 64 + i);
		assert_memory_equal(card.model->sent[i].data, frame_of(i, 64 + i), 64 + i);
		assert_int_equal(fake_net_result(card.fake, TX, i)->error, OK);
	}
	destroy(&card);
}

static void frames_are_completed_when_they_are_sent(void **unused)
{
	(void)unused;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct card card = live(kind);

		card.model->hold = true;
		for (unsigned i = 0; i < 400; i++)
			queue_frame(&card, i, 100);
		fake_net_kick(card.fake, TX);
		assert_int_equal(card.model->sent_count, 0);
		assert_true(fake_net_in_flight(card.fake, TX) > 200);
		assert_int_equal(fake_net_result(card.fake, TX, 0)->error, ERR_AGAIN);
		fake_e1000_release(card.model);
		fake_run(card.fake);
		assert_int_equal(card.model->sent_count, 400);
		for (unsigned i = 0; i < 400; i++)
			assert_int_equal(fake_net_result(card.fake, TX, i)->error, OK);
		assert_int_equal(fake_net_in_flight(card.fake, TX), 0);
		destroy(&card);
	}
}

static void offloads_tell_the_device_where_headers_lie(void **unused)
{
	struct card card = live(false);
	const struct model_frame *sent = card.model->sent;

	(void)unused;
	queue_frame(&card, 0, 64);
	fake_net_queue(card.fake, TX, frame_of(1, 500), 500, NET_SUM | NET_SUM_IP,
		       net_offload(14, 34, 50, 0, 0));
	fake_net_queue(card.fake, TX, frame_of(2, 8000), 8000, NET_SUM | NET_SUM_IP | NET_SEGMENT,
		       net_offload(14, 34, 50, 54, 1460));
	queue_frame(&card, 3, 64);
	fake_net_kick(card.fake, TX);
	assert_int_equal(card.model->sent_count, 4);
	assert_false(sent[0].offload);
	assert_int_equal(sent[1].context[0], 14 | 24 << 8 | 33 << 16 | 34ull << 32 | 50ull << 40);
	assert_int_equal(sent[1].sums, 3);
	assert_false(sent[1].segment);
	assert_int_equal(sent[1].bytes, 500);
	assert_memory_equal(sent[1].data, frame_of(1, 500), 500);
	assert_int_equal(sent[2].descriptors, 3);
	assert_int_equal(sent[2].bytes, 8000);
	assert_true(sent[2].segment);
	assert_int_equal(sent[2].context[1] & 0xfffff, 8000 - 54);
	assert_int_equal(sent[2].context[1] >> 40 & 0xff, 54);
	assert_int_equal(sent[2].context[1] >> 48, 1460);
	assert_int_equal(sent[2].context[1] >> 24 & 7, 7); /* TCP, IPv4, segment */
	assert_int_equal(sent[3].bytes, 64);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fake_net_result(card.fake, TX, i)->error, OK);
	destroy(&card);
}

static void silent_card_is_looked_at_again(void **unused)
{
	struct card card = live(false);

	(void)unused;
	card.model->hold = card.model->silent = true;
	queue_frame(&card, 0, 64);
	fake_net_kick(card.fake, TX);
	fake_e1000_release(card.model);
	fake_run(card.fake);
	assert_int_equal(fake_net_result(card.fake, TX, 0)->error, ERR_AGAIN);
	fake_advance(card.fake, 3 * SHIM_S);
	assert_int_equal(fake_net_result(card.fake, TX, 0)->error, OK);
	destroy(&card);
}

static void stuck_transmitter_is_given_up_and_started_afresh(void **unused)
{
	struct card card = live(false);

	(void)unused;
	card.model->hold = true;
	for (unsigned i = 0; i < 10; i++)
		queue_frame(&card, i, 64);
	fake_net_kick(card.fake, TX);
	fake_advance(card.fake, 5 * SHIM_S);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(fake_net_result(card.fake, TX, i)->error, ERR_TIMEOUT);
	assert_true(fake_log_has(card.fake, "10 frames were not sent"));
	card.model->hold = false;
	queue_frame(&card, 10, 64);
	fake_net_kick(card.fake, TX);
	assert_int_equal(fake_net_result(card.fake, TX, 10)->error, OK);
	assert_int_equal(card.model->sent_count, 1);
	destroy(&card);
}

/* --- Link, interrupts --- */

static void link_changes_are_announced(void **unused)
{
	(void)unused;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct card card = live(kind);
		unsigned announced = card.fake->net_announced;

		fake_e1000_link(card.model, false);
		fake_run(card.fake);
		assert_int_equal(fake_unit(card.fake, 0)->flags & UNIT_LINK, 0);
		assert_int_equal(fake_unit(card.fake, 0)->speed_mbps, 0);
		fake_e1000_link(card.model, true);
		fake_run(card.fake);
		assert_int_equal(fake_unit(card.fake, 0)->flags & UNIT_LINK, UNIT_LINK);
		assert_int_equal(card.fake->net_announced, announced + 2);
		destroy(&card);
	}
}

static void interrupt_of_another_device_is_not_its_own(void **unused)
{
	struct card card = live(false);

	(void)unused;
	fake_interrupt(card.fake, 0);
	fake_run(card.fake);
	assert_int_equal(card.fake->vectors_unclaimed, 1);
	card.model->gone = true;
	fake_interrupt(card.fake, 0);
	fake_run(card.fake);
	assert_int_equal(card.fake->vectors_unclaimed, 2);
	destroy(&card);
}

/* --- Ends --- */

static void cancelled_buffers_come_back_and_others_follow(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 30);
	assert_true(comes(&card, 0, 64, IGNORE_SUM));
	fake_net_cancel(card.fake, RX);
	fake_net_cancel(card.fake, RX); /* once is enough */
	assert_false(comes(&card, 1, 64, IGNORE_SUM));
	post(&card, 5);
	fake_advance(card.fake, 20 * SHIM_MS);
	assert_int_equal(received(&card, 0), 64);
	for (unsigned i = 1; i < 30; i++)
		assert_int_equal(fake_net_result(card.fake, RX, i)->error, ERR_CANCELLED);
	assert_int_equal(fake_net_in_flight(card.fake, RX), 5);
	assert_true(comes(&card, 2, 64, IGNORE_SUM));
	assert_int_equal(received(&card, 30), 64);
	destroy(&card);
}

static void quiesce_sends_what_it_has_and_keeps_the_rest(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 30);
	card.model->hold = true;
	queue_frame(&card, 0, 64);
	fake_net_kick(card.fake, TX);
	fake_quiesce(card.fake);
	assert_false(card.fake->quiesce_done);
	fake_e1000_release(card.model);
	fake_advance(card.fake, 100 * SHIM_MS);
	assert_true(card.fake->quiesce_done);
	assert_int_equal(card.fake->quiesce_error, OK);
	assert_int_equal(fake_net_result(card.fake, TX, 0)->error, OK);
	assert_int_equal(fake_net_in_flight(card.fake, RX), 30);
	assert_false(comes(&card, 0, 64, IGNORE_SUM));
	destroy(&card);
}

static void quiesce_ends_though_the_card_is_stuck(void **unused)
{
	struct card card = live(false);

	(void)unused;
	card.model->hold = true;
	queue_frame(&card, 0, 64);
	fake_net_kick(card.fake, TX);
	fake_quiesce(card.fake);
	fake_advance(card.fake, SHIM_S);
	assert_true(card.fake->quiesce_done);
	assert_int_equal(fake_net_in_flight(card.fake, TX), 1); /* the next instance's */
	destroy(&card);
}

static void removal_in_mid_flight_fails_everything_with_gone(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 30);
	card.model->hold = true;
	for (unsigned i = 0; i < 10; i++)
		queue_frame(&card, i, 64);
	fake_net_kick(card.fake, TX);
	card.model->gone = true;
	fake_remove(card.fake);
	assert_null(fake_unit(card.fake, 0));
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(fake_net_result(card.fake, RX, i)->error, ERR_GONE);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(fake_net_result(card.fake, TX, i)->error, ERR_GONE);
	fake_advance(card.fake, 10 * SHIM_S);
	destroy(&card);
}

static void fresh_instance_counts_on(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 10);
	assert_true(comes(&card, 0, 64, IGNORE_SUM));
	assert_int_equal(fake_net_control(card.fake, NET_STATISTICS, 0), OK);
	fake_quiesce(card.fake);
	fake_advance(card.fake, SHIM_S);
	((uint64_t *)(void *)card.fake->net_counter)[NET_RECEIVED] = 0;
	/* The state block outlives the instance; fake_restart() would clear it. */
	fake_restart(card.fake, true);
	card.fake->vectors = 0;
	for (unsigned i = 0; i < 2; i++)
		card.fake->net[i].taken = card.fake->net[i].done;
	assert_int_equal(start(&card), OK);
	fake_net_kick(card.fake, RX);
	assert_true(comes(&card, 1, 64, IGNORE_SUM));
	assert_int_equal(received(&card, 1), 64);
	assert_int_equal(fake_net_control(card.fake, NET_STATISTICS, 0), OK);
	assert_int_equal(card.fake->net_counter[NET_RECEIVED], 2);
	destroy(&card);
}

/* --- Moves --- */

static void hot_move_in_mid_flight_loses_nothing(void **unused)
{
	struct card card = live(false);

	(void)unused;
	post(&card, 100);
	assert_true(comes(&card, 0, 64, IGNORE_SUM));
	card.model->hold = true;
	for (unsigned i = 0; i < 50; i++)
		queue_frame(&card, i, 64);
	fake_net_kick(card.fake, TX);
	assert_true(fake_e1000_receive(card.model, frame_of(1, 64), 64, IGNORE_SUM));
	fake_restart(card.fake, true);
	assert_true(shim_driver_e1000.check(&card.fake->device));
	assert_true(fake_e1000_receive(card.model, frame_of(2, 64), 64, IGNORE_SUM));
	fake_e1000_release(card.model);
	fake_run(card.fake);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(received(&card, i), 64);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(fake_net_result(card.fake, TX, i)->error, OK);
	assert_int_equal(card.model->sent_count, 50);
	assert_int_equal(card.model->resets, 1);
	destroy(&card);
}

static void check_refuses_what_makes_no_sense(void **unused)
{
	struct card card = live(false);
	uint32_t *state = state_words(&card);

	(void)unused;
	post(&card, 100);
	card.model->hold = true;
	for (unsigned i = 0; i < 40; i++)
		queue_frame(&card, i, 64);
	fake_net_kick(card.fake, TX);
	assert_true(shim_driver_e1000.check(&card.fake->device));
#define REFUSED(word, value)                                               \
	do {                                                               \
		uint32_t kept = word;                                      \
                                                                           \
		word = value;                                              \
		assert_false(shim_driver_e1000.check(&card.fake->device)); \
		word = kept;                                               \
		assert_true(shim_driver_e1000.check(&card.fake->device));  \
	} while (0)
	REFUSED(state[0], 1);                       /* probing */
	REFUSED(state[2], 0);                       /* vectors */
	REFUSED(state[2], 2);                       /* ... of another kind */
	REFUSED(state[3], 4);                       /* filter */
	REFUSED(state[4], 9001);                    /* MTU */
	REFUSED(queue_words(&card, RX)[0], 256);    /* next */
	REFUSED(queue_words(&card, RX)[1], 1000);   /* clean */
	REFUSED(queue_words(&card, RX)[2], 1);      /* frames */
	REFUSED(queue_words(&card, TX)[0], 300);    /* next */
	REFUSED(queue_words(&card, TX)[0], 20);     /* in the middle of a batch */
	REFUSED(queue_words(&card, TX)[1], 5);      /* so */
	REFUSED(queue_words(&card, TX)[2], 39);     /* frames */
	REFUSED(queue_words(&card, TX)[5], 0);      /* the first batch */
	REFUSED(card.model->reg[0x2800 / 4], 4096); /* the ring lies elsewhere */
	REFUSED(card.model->reg[0x3808 / 4], 8192);
#undef REFUSED
	destroy(&card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe_announces_address_link_and_offloads),
		cmocka_unit_test(card_without_an_address_is_refused),
		cmocka_unit_test(reset_that_never_ends_fails_with_timeout),
		cmocka_unit_test(every_call_that_fails_fails_the_probe),
		cmocka_unit_test(frames_arrive_in_order_with_their_length),
		cmocka_unit_test(burst_of_frames_is_one_interrupt_and_one_tail),
		cmocka_unit_test(ring_goes_round_many_times),
		cmocka_unit_test(frame_without_a_buffer_is_missed_and_counted),
		cmocka_unit_test(checksums_that_were_checked_are_reported),
		cmocka_unit_test(damaged_frames_and_lies_are_told_apart),
		cmocka_unit_test(large_frame_lies_in_several_buffers),
		cmocka_unit_test(filters_let_through_what_was_asked_for),
		cmocka_unit_test(burst_is_sent_by_one_register_access),
		cmocka_unit_test(frames_are_completed_when_they_are_sent),
		cmocka_unit_test(offloads_tell_the_device_where_headers_lie),
		cmocka_unit_test(silent_card_is_looked_at_again),
		cmocka_unit_test(stuck_transmitter_is_given_up_and_started_afresh),
		cmocka_unit_test(link_changes_are_announced),
		cmocka_unit_test(interrupt_of_another_device_is_not_its_own),
		cmocka_unit_test(cancelled_buffers_come_back_and_others_follow),
		cmocka_unit_test(quiesce_sends_what_it_has_and_keeps_the_rest),
		cmocka_unit_test(quiesce_ends_though_the_card_is_stuck),
		cmocka_unit_test(removal_in_mid_flight_fails_everything_with_gone),
		cmocka_unit_test(fresh_instance_counts_on),
		cmocka_unit_test(hot_move_in_mid_flight_loses_nothing),
		cmocka_unit_test(check_refuses_what_makes_no_sense),
	};

	return cmocka_run_group_tests_name("e1000", tests, NULL, NULL);
}
