/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions without a class: client, server, hostile clients, hostile drivers, new instances.
 */
/* sources: shim/session/server.c shim/session/client.c */
#include "session_fixture.h"

static struct session_wakes wakes;

static struct session_host *make(uint32_t slots, uint32_t start)
{
	struct session_host *host = session_host_make(slots, 4096, start);

	wakes.first = NULL;
	session_host_serve(host);
	return host;
}

static struct session_slot fill(uint64_t cookie)
{
	return (struct session_slot){ .operation = 1, .position = cookie * 2, .cookie = cookie };
}

static void submit(struct session_host *host, uint64_t cookie)
{
	struct session_slot slot = fill(cookie);

	assert_int_equal(session_submit(&host->client, &slot, NULL), OK);
}

/* Take, expecting the request with this cookie; returns its slot. */
static uint32_t take(struct session_host *host, uint64_t cookie)
{
	struct session_request request;

	assert_true(session_take(&host->link, &request));
	assert_int_equal(request.position, cookie * 2);
	return request.slot;
}

static void finish(struct session_host *host, uint32_t slot)
{
	session_finish(&host->link, &wakes, slot, OK, 1);
}

static void reap(struct session_host *host, uint64_t cookie)
{
	struct session_result result;

	assert_true(session_reap(&host->client, &result));
	assert_int_equal(result.cookie, cookie);
}

static void nothing_to_take(struct session_host *host)
{
	struct session_request request;

	assert_false(session_take(&host->link, &request));
}

static void nothing_to_reap(struct session_host *host)
{
	struct session_result result;

	assert_false(session_reap(&host->client, &result));
}

static void request_reaches_the_driver_and_its_answer_the_client(void **state)
{
	struct session_host *host = make(4, 0);
	struct session_request request;
	struct session_result result;
	struct session_slot slot = fill(5);
	uint32_t id = 99;

	(void)state;
	nothing_to_take(host);
	nothing_to_reap(host);
	assert_int_equal(session_submit(&host->client, &slot, &id), OK);
	assert_true(session_pending(&host->link));
	assert_true(session_take(&host->link, &request));
	assert_int_equal(request.slot, id);
	assert_int_equal(request.operation, 1);
	assert_int_equal(request.position, 10);
	assert_false(session_pending(&host->link));
	nothing_to_reap(host);
	session_finish(&host->link, &wakes, request.slot, ERR_MEDIA, 3);
	assert_true(session_reap(&host->client, &result));
	assert_int_equal(result.slot, id);
	assert_int_equal(result.status, ERR_MEDIA);
	assert_int_equal(result.count, 3);
	assert_int_equal(result.cookie, 5);
	nothing_to_reap(host);
	assert_int_equal(host->link.in_flight, 0);
	assert_int_equal(session_in_flight(&host->client), 0);
	session_host_free(host);
}

static void counters_wrap_around(void **state)
{
	struct session_host *host = make(4, UINT32_MAX - 5);

	(void)state;
	for (uint64_t i = 0; i < 12; i += 3) {
		uint32_t slot[3];

		for (unsigned j = 0; j < 3; j++)
			submit(host, i + j);
		for (unsigned j = 0; j < 3; j++)
			slot[j] = take(host, i + j);
		for (unsigned j = 0; j < 3; j++)
			finish(host, slot[j]);
		for (unsigned j = 0; j < 3; j++)
			reap(host, i + j);
	}
	assert_int_equal(host->link.violations + host->client.violations, 0);
	session_host_free(host);
}

static void full_table_asks_to_reap_first(void **state)
{
	struct session_host *host = make(4, 0);
	struct session_slot slot = fill(9);
	struct session_slot many[6];
	uint32_t id = 77;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		many[i] = fill(i);
	assert_int_equal(session_submit_many(&host->client, many, 6), 4);
	assert_int_equal(session_submit(&host->client, &slot, &id), ERR_AGAIN);
	assert_int_equal(id, 77);
	assert_int_equal(host->client_area->submit_tail, 4);
	for (unsigned i = 0; i < 4; i++)
		finish(host, take(host, i));
	reap(host, 0);
	assert_int_equal(session_submit(&host->client, &slot, &id), OK);
	for (unsigned i = 1; i < 4; i++)
		reap(host, i);
	finish(host, take(host, 9));
	reap(host, 9);
	session_host_free(host);
}

static void one_slot_is_enough(void **state)
{
	struct session_host *host = make(1, UINT32_MAX);

	(void)state;
	for (uint64_t i = 0; i < 5; i++) {
		submit(host, i);
		finish(host, take(host, i));
		reap(host, i);
	}
	session_host_free(host);
}

static void queued_requests_show_when_published(void **state)
{
	struct session_host *host = make(4, 0);
	struct session_slot slot = fill(1);

	(void)state;
	assert_int_equal(session_queue(&host->client, &slot, NULL), OK);
	nothing_to_take(host);
	session_publish(&host->client);
	take(host, 1);
	session_host_free(host);
}

static void answers_come_in_any_order(void **state)
{
	struct session_host *host = make(4, 0);
	uint32_t slot[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		submit(host, i);
	for (unsigned i = 0; i < 4; i++)
		slot[i] = take(host, i);
	finish(host, slot[2]);
	finish(host, slot[0]);
	reap(host, 2);
	submit(host, 8);
	finish(host, take(host, 8));
	reap(host, 0);
	reap(host, 8);
	finish(host, slot[3]);
	finish(host, slot[1]);
	reap(host, 3);
	reap(host, 1);
	session_host_free(host);
}

static void bad_info_is_refused(void **state)
{
	struct session_host *host = make(4, 0);
	struct session_info good = host->info;
	static const uint32_t bad_counts[] = { 0, 3, 512, 0x80000000u, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		host->info.slot_count = bad_counts[i];
		assert_int_equal(session_link_init(&host->link, &host->info, host->client_area,
						   host->server_area, host->pool, 0, host),
				 ERR_PROTOCOL);
		assert_int_equal(session_client_init(&host->client, &host->info, host->client_area,
						     host->server_area, host->pool),
				 ERR_PROTOCOL);
	}
	host->info = good;
	host->info.version++;
	assert_int_equal(session_link_init(&host->link, &host->info, host->client_area,
					   host->server_area, host->pool, 0, host),
			 ERR_PROTOCOL);
	host->info = good;
	host->info.range_start = UINT64_MAX;
	host->info.range_count = 2;
	assert_int_equal(session_link_init(&host->link, &host->info, host->client_area,
					   host->server_area, host->pool, 0, host),
			 ERR_PROTOCOL);
	session_host_free(host);
}

/* --- Hostile clients --- */

static void ids_out_of_range_are_counted_and_skipped(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	session_host_forge(host, 4);
	session_host_forge(host, 0xffff);
	host->client.submit_tail = host->client_area->submit_tail;
	submit(host, 6);
	take(host, 6);
	assert_int_equal(host->link.violations, 2);
	assert_int_equal(host->link.in_flight, 1);
	session_host_free(host);
}

static void slot_submitted_twice_is_taken_once(void **state)
{
	struct session_host *host = make(4, 0);
	uint32_t slot;

	(void)state;
	submit(host, 1);
	slot = take(host, 1);
	session_host_forge(host, (uint16_t)slot);
	nothing_to_take(host);
	assert_int_equal(host->link.violations, 1);
	assert_int_equal(host->link.in_flight, 1);
	finish(host, slot);
	reap(host, 1);
	session_host_free(host);
}

static void slot_rewritten_after_taking_changes_nothing(void **state)
{
	struct session_host *host = make(4, 0);
	struct session_request request;

	(void)state;
	submit(host, 3);
	assert_true(session_take(&host->link, &request));
	memset(&host->client.slots[request.slot], 0xff, sizeof(struct session_slot));
	assert_int_equal(request.position, 6);
	finish(host, request.slot);
	assert_int_equal(session_complete_ring(host->server_area)[0].generation,
			 request.generation);
	session_host_free(host);
}

static void tail_that_jumps_is_not_followed(void **state)
{
	static const uint32_t jumps[] = { 5, 0x80000000u, UINT32_MAX, 0x7fffffffu };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct session_host *host = make(4, 100);

		host->client_area->submit_tail = 100 + jumps[i];
		nothing_to_take(host);
		assert_int_equal(host->link.violations, 1);
		assert_int_equal(host->link.submit_head, 100);
		host->client_area->submit_tail = 100;
		submit(host, 1);
		take(host, 1);
		session_host_free(host);
	}
}

static void client_that_never_reaps_harms_itself_alone(void **state)
{
	struct session_host *host = make(2, 0);

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		session_host_forge(host, i & 1);
		finish(host, take(host, 0));
	}
	assert_int_equal(host->link.in_flight, 0);
	assert_int_equal(host->server_area->complete_tail, 64);
	session_host_free(host);
}

/* --- Hostile drivers --- */

static void foreign_stale_and_double_answers_are_skipped(void **state)
{
	struct session_host *host = make(4, 0);
	uint32_t slot;

	(void)state;
	submit(host, 1);
	slot = take(host, 1);
	session_host_lie(host, 4, 0, 1);                       /* no such slot */
	session_host_lie(host, 0xffff, 0, 1);                  /* no such slot */
	session_host_lie(host, (uint16_t)(slot ^ 1), 0, 1);    /* a free slot */
	session_host_lie(host, (uint16_t)slot, UINT32_MAX, 1); /* another fill of it */
	nothing_to_reap(host);
	assert_int_equal(host->client.violations, 4);
	session_host_lie(host, (uint16_t)slot, 0, 2); /* an epoch to come */
	nothing_to_reap(host);
	assert_int_equal(host->client.violations, 5);
	host->link.complete_tail = host->server_area->complete_tail;
	finish(host, slot);
	session_host_lie(host, (uint16_t)slot, 0, 1); /* once more */
	reap(host, 1);
	nothing_to_reap(host);
	assert_int_equal(host->client.violations, 6);
	assert_int_equal(session_in_flight(&host->client), 0);
	session_host_free(host);
}

static void completion_tail_that_jumps_is_not_followed(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	submit(host, 1);
	host->server_area->complete_tail = 0x80000000u;
	nothing_to_reap(host);
	assert_int_equal(host->client.violations, 1);
	assert_int_equal(host->client.complete_head, 0);
	session_host_free(host);
}

static void answer_of_an_earlier_instance_stays_valid(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	submit(host, 1);
	submit(host, 2);
	finish(host, take(host, 1));
	host->info.epoch = 2;
	session_host_serve(host);
	finish(host, take(host, 2));
	reap(host, 1);
	reap(host, 2);
	assert_int_equal(host->client.violations, 0);
	session_host_free(host);
}

/* --- Sleep and wake --- */

static void sleeping_client_is_woken_once_a_call(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	submit(host, 1);
	submit(host, 2);
	assert_true(session_client_sleep(&host->client));
	finish(host, take(host, 1));
	finish(host, take(host, 2));
	assert_int_equal(host->wakes, 0);
	session_flush(&wakes);
	assert_int_equal(host->wakes, 1);
	session_flush(&wakes);
	assert_int_equal(host->wakes, 1);
	session_host_free(host);
}

static void client_that_is_awake_is_not_woken(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	submit(host, 1);
	finish(host, take(host, 1));
	session_flush(&wakes);
	assert_int_equal(host->wakes, 0);
	assert_false(session_client_sleep(&host->client));
	assert_int_equal(host->client_area->asleep, 0);
	reap(host, 1);
	assert_true(session_client_sleep(&host->client));
	assert_int_equal(host->client_area->asleep, 1);
	session_client_awake(&host->client);
	assert_int_equal(host->client_area->asleep, 0);
	session_host_free(host);
}

static void doorbell_rings_while_the_driver_sleeps(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	assert_true(session_needs_doorbell(&host->client));
	session_server_awake(&host->link);
	assert_false(session_needs_doorbell(&host->client));
	submit(host, 1);
	assert_false(session_server_sleep(&host->link));
	take(host, 1);
	assert_true(session_server_sleep(&host->link));
	assert_true(session_needs_doorbell(&host->client));
	session_host_free(host);
}

static void detached_session_is_let_go_when_drained(void **state)
{
	struct session_host *host = make(4, 0);
	uint32_t slot[2];

	(void)state;
	submit(host, 1);
	submit(host, 2);
	slot[0] = take(host, 1);
	slot[1] = take(host, 2);
	host->link.closing = true;
	finish(host, slot[0]);
	session_flush(&wakes);
	assert_int_equal(host->drained, 0);
	finish(host, slot[1]);
	session_flush(&wakes);
	assert_int_equal(host->drained, 1);
	assert_int_equal(host->wakes, 0);
	session_host_free(host);
}

/* --- New instances --- */

static void unfinished_requests_are_replayed_in_order(void **state)
{
	struct session_host *host = make(8, UINT32_MAX - 2);

	(void)state;
	/* Slots are handed out from a stack: use them so that slot order is not time order. */
	for (uint64_t i = 0; i < 6; i++)
		submit(host, i);
	for (uint64_t i = 0; i < 3; i++)
		finish(host, take(host, i));
	reap(host, 0);
	reap(host, 1);
	submit(host, 6);
	submit(host, 7);
	take(host, 3);
	take(host, 4);
	/* 2 is answered and not reaped; 3 and 4 are taken; 5, 6, 7 wait. */
	host->info.epoch++;
	session_host_serve(host);
	assert_true(session_pending(&host->link));
	for (uint64_t i = 3; i < 8; i++)
		finish(host, take(host, i));
	nothing_to_take(host);
	submit(host, 8);
	finish(host, take(host, 8));
	for (uint64_t i = 2; i < 9; i++)
		reap(host, i);
	assert_int_equal(host->client.violations + host->link.violations, 0);
	session_host_free(host);
}

static void scribbled_server_area_loses_nothing(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	submit(host, 1);
	submit(host, 2);
	take(host, 1);
	memset(host->server_area, 0xa5,
	       sizeof(struct session_server) + 4 * sizeof(struct session_completion));
	host->info.epoch++;
	session_host_serve(host);
	finish(host, take(host, 1));
	finish(host, take(host, 2));
	reap(host, 1);
	reap(host, 2);
	session_host_free(host);
}

/* Completions that the client would refuse are cut off, so that what they stand for is replayed and
 * the ring has room for the answers. */
static void lies_of_a_dead_instance_are_cut_off(void **state)
{
	const struct {
		uint16_t slot;
		uint32_t generation, epoch;
	} lies[] = { { 9, 0, 1 }, { 1, 77, 1 }, { 1, 1, 5 } };

	(void)state;
	for (unsigned lie = 0; lie < 3; lie++) {
		struct session_host *host = make(4, 0);
		uint32_t slot;

		for (uint64_t i = 0; i < 4; i++)
			submit(host, i);
		finish(host, take(host, 0));
		slot = take(host, 1);
		for (unsigned i = 0; i < 3; i++)
			session_host_lie(host, lie == 0 ? 9 : (uint16_t)slot, lies[lie].generation,
					 lies[lie].epoch);
		host->info.epoch++;
		session_host_serve(host);
		for (uint64_t i = 1; i < 4; i++)
			finish(host, take(host, i));
		for (uint64_t i = 0; i < 4; i++)
			reap(host, i);
		assert_int_equal(host->client.violations, 0);
		session_host_free(host);
	}
}

/* The client may be between taking an answer and saying so. */
static void answer_being_consumed_is_not_cut_off(void **state)
{
	struct session_host *host = make(4, 0);

	(void)state;
	submit(host, 1);
	submit(host, 2);
	finish(host, take(host, 1));
	finish(host, take(host, 2));
	reap(host, 1);
	host->client_area->complete_head--; /* not said yet */
	host->info.epoch++;
	session_host_serve(host);
	assert_int_equal(host->link.complete_tail, 2);
	host->client_area->complete_head++;
	nothing_to_take(host);
	reap(host, 2);
	session_host_free(host);
}

/* Random traffic with instances that die at any point: every request is answered once, and what is
 * taken again was not answered before. */
static void every_request_is_answered_once_whatever_dies(void **state)
{
	struct session_host *host = make(16, UINT32_MAX - 1000);
	uint64_t submitted = 0, answered = 0;
	static uint8_t done[200000], finished[200000];
	struct session_request held[16];
	uint32_t held_count = 0;

	(void)state;
	memset(done, 0, sizeof(done));
	memset(finished, 0, sizeof(finished));
	srand(4711);
	for (unsigned step = 0; step < 400000; step++) {
		struct session_slot slot = fill(submitted);
		struct session_request request;
		struct session_result result;
		unsigned action = (unsigned)rand() % 1000;

		if (action < 250) {
			if (submitted < sizeof(done) &&
			    session_submit(&host->client, &slot, NULL) == OK)
				submitted++;
		} else if (action < 500) {
			if (session_take(&host->link, &request)) {
				assert_int_equal(finished[request.position / 2], 0);
				held[held_count++] = request;
			}
		} else if (action < 750) {
			if (held_count > 0) {
				unsigned which = (unsigned)rand() % held_count;

				finish(host, held[which].slot);
				finished[held[which].position / 2] = 1;
				held[which] = held[--held_count];
			}
		} else if (action < 998) {
			if (session_reap(&host->client, &result)) {
				assert_int_equal(done[result.cookie]++, 0);
				answered++;
			}
		} else {
			host->info.epoch++;
			held_count = 0;
			wakes.first = NULL;
			session_host_serve(host);
		}
	}
	assert_int_equal(host->client.violations + host->link.violations, 0);
	assert_int_equal(submitted - answered, session_in_flight(&host->client));
	assert_true(answered > 50000);
	session_host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_reaches_the_driver_and_its_answer_the_client),
		cmocka_unit_test(counters_wrap_around),
		cmocka_unit_test(full_table_asks_to_reap_first),
		cmocka_unit_test(one_slot_is_enough),
		cmocka_unit_test(queued_requests_show_when_published),
		cmocka_unit_test(answers_come_in_any_order),
		cmocka_unit_test(bad_info_is_refused),
		cmocka_unit_test(ids_out_of_range_are_counted_and_skipped),
		cmocka_unit_test(slot_submitted_twice_is_taken_once),
		cmocka_unit_test(slot_rewritten_after_taking_changes_nothing),
		cmocka_unit_test(tail_that_jumps_is_not_followed),
		cmocka_unit_test(client_that_never_reaps_harms_itself_alone),
		cmocka_unit_test(foreign_stale_and_double_answers_are_skipped),
		cmocka_unit_test(completion_tail_that_jumps_is_not_followed),
		cmocka_unit_test(answer_of_an_earlier_instance_stays_valid),
		cmocka_unit_test(sleeping_client_is_woken_once_a_call),
		cmocka_unit_test(client_that_is_awake_is_not_woken),
		cmocka_unit_test(doorbell_rings_while_the_driver_sleeps),
		cmocka_unit_test(detached_session_is_let_go_when_drained),
		cmocka_unit_test(unfinished_requests_are_replayed_in_order),
		cmocka_unit_test(scribbled_server_area_loses_nothing),
		cmocka_unit_test(lies_of_a_dead_instance_are_cut_off),
		cmocka_unit_test(answer_being_consumed_is_not_cut_off),
		cmocka_unit_test(every_request_is_answered_once_whatever_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
