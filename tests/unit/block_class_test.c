/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block, what both rings do alike: checks, tags, several sessions, units that come and go.
 */
/* sources: shim/session/server.c shim/session/client.c shim/session/block.c */
#include "session_fixture.h"

#include <session/block.h>
#include <shim/log.h>

#define DEPTH  4u
#define TAGS   256u
#define BLOCKS 1000u
#define START  100u /* of the session's range */
#define COUNT  50u

static struct block_class class;
static struct block_queue queue[2];
static void *port;
static struct shim_device device;
static struct session_host *host;
static unsigned submits, log_lines;

struct block_class *block_class_of(struct shim_device *unused)
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

/* The driver of the test takes nothing by itself. */
static void driver_submit(struct shim_device *unused, unsigned index)
{
	(void)unused;
	(void)index;
	submits++;
}

static const struct shim_block_ops ops = { .submit = driver_submit, .depth_max = TAGS };
static const struct shim_driver driver = { .name = "test", .queue_count = 2, .ops.block = &ops };

static struct unit_info unit_make(void)
{
	return (struct unit_info){ .class_id = CLASS_BLOCK,
				   .flags = UNIT_FLUSH | UNIT_DISCARD,
				   .block_count = BLOCKS,
				   .block_bytes = 512,
				   .transfer_bytes_max = 4096,
				   .depth = DEPTH };
}

static struct session_host *session_make(uint32_t slots)
{
	struct session_host *made = session_host_make(slots, 16384, 0);

	made->info.block_bytes = 512;
	made->info.range_start = START;
	made->info.range_count = COUNT;
	made->info.transfer_bytes_max = 4096;
	session_host_link(made);
	return made;
}

static void unit_set(const struct unit_info *unit)
{
	assert_int_equal(shim_block_unit_add(&device, unit), OK);
}

static void class_start(bool hot)
{
	memset(&class, 0, sizeof(class));
	memset(queue, 0, sizeof(queue));
	assert_int_equal(block_class_init(&class, &device, queue, port, hot), OK);
}

static int setup(void **state)
{
	struct unit_info unit = unit_make();

	(void)state;
	device.driver = &driver;
	port = fixture_area(block_port_bytes(&driver));
	publish_error = OK;
	submits = log_lines = units_published = units_withdrawn = 0;
	class_start(false);
	unit_set(&unit);
	host = session_make(8);
	return block_class_attach(&class, &host->link) == OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	session_host_free(host);
	free(port);
	return 0;
}

static void submit_to(struct session_host *to, uint8_t operation, uint64_t position, uint32_t count,
		      uint32_t data_offset, uint8_t flags)
{
	struct session_slot slot = { .operation = operation,
				     .flags = flags,
				     .position = position,
				     .count = count,
				     .data_offset = data_offset,
				     .cookie = position };

	assert_int_equal(session_submit(&to->client, &slot, NULL), OK);
}

static void submit(uint8_t operation, uint64_t position, uint32_t count, uint32_t data_offset,
		   uint8_t flags)
{
	submit_to(host, operation, position, count, data_offset, flags);
}

/* As drivers do: the short way for one alone, and the other if that finds nothing. */
static bool next(struct shim_block_request *request)
{
	static struct shim_block_request table[BLOCK_TAGS_MAX];
	int one = shim_block_take_one(&device, 0, table);
	uint16_t tag = (uint16_t)one;

	if (one == SHIM_BLOCK_NONE && !shim_block_take(&device, 0, table, &tag, 1))
		return false;
	*request = table[tag];
	return true;
}

static enum error answer_of(struct session_host *of)
{
	struct session_result result;

	assert_true(session_reap(&of->client, &result));
	return result.status;
}

static enum error answer(void)
{
	return answer_of(host);
}

/* The request is answered with `error`, and the driver never sees it. */
static void refused(enum error error, uint8_t operation, uint64_t position, uint32_t count,
		    uint32_t data_offset, uint8_t flags)
{
	struct shim_block_request request;

	submit(operation, position, count, data_offset, flags);
	assert_false(next(&request));
	assert_int_equal(answer(), error);
}

static void accepted(struct shim_block_request *request, uint8_t operation, uint64_t position,
		     uint32_t count, uint32_t data_offset, uint8_t flags)
{
	submit(operation, position, count, data_offset, flags);
	assert_true(next(request));
	assert_int_equal(request->operation, operation);
	assert_int_equal(request->flags, flags);
	shim_block_complete(&device, 0, request->tag, OK);
	assert_int_equal(answer(), OK);
}

static void read_is_translated_to_the_disk_and_the_bus(void **state)
{
	struct shim_block_request request;

	(void)state;
	accepted(&request, BLOCK_READ, 7, 8, 4096, 0);
	assert_int_equal(request.position, START + 7);
	assert_int_equal(request.count, 8);
	assert_int_equal(request.data_bytes, 4096);
	assert_int_equal(request.data.value, POOL_IOVA + 4096);
	assert_int_equal(request.unit, 0);
	assert_false(next(&request));
}

static void answer_tells_blocks_done_or_the_error(void **state)
{
	struct shim_block_request request;
	struct session_result result;

	(void)state;
	submit(BLOCK_READ, 0, 3, 0, 0);
	submit(BLOCK_WRITE, 3, 2, 0, 0);
	assert_true(next(&request));
	shim_block_complete(&device, 0, request.tag, OK);
	assert_true(next(&request));
	shim_block_complete(&device, 0, request.tag, ERR_MEDIA);
	assert_true(session_reap(&host->client, &result));
	assert_int_equal(result.status, OK);
	assert_int_equal(result.count, 3);
	assert_true(session_reap(&host->client, &result));
	assert_int_equal(result.status, ERR_MEDIA);
	assert_int_equal(result.count, 0);
}

static void range_is_kept(void **state)
{
	struct shim_block_request request;

	(void)state;
	accepted(&request, BLOCK_READ, COUNT - 1, 1, 0, 0);
	accepted(&request, BLOCK_WRITE, COUNT - 8, 8, 0, 0);
	refused(ERR_RANGE, BLOCK_READ, COUNT, 1, 0, 0);
	refused(ERR_RANGE, BLOCK_READ, COUNT - 1, 2, 0, 0);
	refused(ERR_RANGE, BLOCK_WRITE, UINT64_MAX, 1, 0, 0);
	refused(ERR_RANGE, BLOCK_WRITE, UINT64_MAX - START, 1, 0, 0);
	refused(ERR_RANGE, BLOCK_READ, 0, UINT32_MAX, 0, 0);
	refused(ERR_RANGE, BLOCK_DISCARD, 1, COUNT, 0, 0);
	accepted(&request, BLOCK_DISCARD, 0, COUNT, 0, 0);
	assert_int_equal(request.position, START);
	assert_int_equal(request.data_bytes, 0);
}

static void transfer_size_alignment_and_pool_are_kept(void **state)
{
	struct shim_block_request request;

	(void)state;
	refused(ERR_INVALID, BLOCK_READ, 0, 9, 0, 0);
	refused(ERR_INVALID, BLOCK_READ, 0, 0, 0, 0);
	refused(ERR_INVALID, BLOCK_WRITE, 0, 1, 2, 0);
	refused(ERR_PROTOCOL, BLOCK_WRITE, 0, 1, 16384, 0);
	refused(ERR_PROTOCOL, BLOCK_WRITE, 0, 1, 16384 - 508, 0);
	refused(ERR_PROTOCOL, BLOCK_READ, 0, 8, UINT32_MAX - 3, 0);
	accepted(&request, BLOCK_READ, 0, 8, 16384 - 4096, 0);
	accepted(&request, BLOCK_READ, 0, 1, 4, 0);
}

static void unknown_operations_and_flags_are_refused(void **state)
{
	struct shim_block_request request;

	(void)state;
	refused(ERR_INVALID, 5, 0, 1, 0, 0);
	refused(ERR_INVALID, 255, 0, 1, 0, 0);
	refused(ERR_INVALID, BLOCK_READ, 0, 1, 0, BLOCK_FUA);
	refused(ERR_INVALID, BLOCK_WRITE, 0, 1, 0, 2);
	refused(ERR_INVALID, BLOCK_FLUSH, 0, 0, 0, 1);
	refused(ERR_INVALID, BLOCK_DISCARD, 0, 1, 0, 1);
	accepted(&request, BLOCK_WRITE, 0, 1, 0, BLOCK_FUA);
}

static void flush_without_a_cache_is_done_at_once(void **state)
{
	struct unit_info unit = unit_make();
	struct shim_block_request request;

	(void)state;
	accepted(&request, BLOCK_FLUSH, 0, 0, 0, 0);
	assert_int_equal(request.count, 0);
	assert_int_equal(request.data_bytes, 0);
	unit.flags = 0;
	unit_set(&unit);
	refused(OK, BLOCK_FLUSH, 0, 0, 0, 0);
}

static void what_the_unit_cannot_do_is_refused(void **state)
{
	struct unit_info unit = unit_make();
	struct shim_block_request request;

	(void)state;
	unit.flags = UNIT_READ_ONLY | UNIT_DISCARD;
	unit_set(&unit);
	refused(ERR_READ_ONLY, BLOCK_WRITE, 0, 1, 0, 0);
	refused(ERR_READ_ONLY, BLOCK_DISCARD, 0, 1, 0, 0);
	accepted(&request, BLOCK_READ, 0, 1, 0, 0);
	unit.flags = 0;
	unit_set(&unit);
	refused(ERR_UNSUPPORTED, BLOCK_DISCARD, 0, 1, 0, 0);
}

static void slot_in_flight_is_not_taken_again(void **state)
{
	struct session_client_side *side = &host->client;
	struct shim_block_request request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_true(next(&request));
	side->submit_ring[side->submit_tail & side->mask] =
		side->submit_ring[(side->submit_tail - 1) & side->mask];
	side->submit_tail++;
	session_publish(side);
	assert_false(next(&request));
}

static void no_more_than_the_depth_are_in_flight(void **state)
{
	struct shim_block_request request[DEPTH], more;
	bool seen[DEPTH] = { false };

	(void)state;
	for (unsigned i = 0; i < DEPTH + 2; i++)
		submit(BLOCK_READ, i, 1, 0, 0);
	for (unsigned i = 0; i < DEPTH; i++) {
		assert_true(next(&request[i]));
		assert_true(request[i].tag < DEPTH);
		assert_false(seen[request[i].tag]);
		seen[request[i].tag] = true;
	}
	assert_false(next(&more));
	shim_block_complete(&device, 0, request[2].tag, OK);
	assert_true(next(&more));
	assert_int_equal(more.tag, request[2].tag);
	assert_int_equal(more.position, START + DEPTH);
	assert_false(next(&more));
}

static void requests_may_end_in_any_order(void **state)
{
	struct shim_block_request request[DEPTH];
	struct session_result result;

	(void)state;
	for (unsigned i = 0; i < DEPTH; i++)
		submit(BLOCK_READ, i, 1, 0, 0);
	for (unsigned i = 0; i < DEPTH; i++)
		assert_true(next(&request[i]));
	for (unsigned i = DEPTH; i-- > 0;)
		shim_block_complete(&device, 0, request[i].tag, OK);
	for (unsigned i = DEPTH; i-- > 0;) {
		assert_true(session_reap(&host->client, &result));
		assert_int_equal(result.cookie, i);
	}
}

static void deep_units_use_all_tags(void **state)
{
	struct session_host *deep = session_make(256);
	struct unit_info unit = unit_make();
	struct shim_block_request request;

	(void)state;
	unit.depth = 256;
	unit_set(&unit);
	assert_int_equal(block_class_attach(&class, &deep->link), OK);
	for (unsigned i = 0; i < 256; i++)
		submit_to(deep, BLOCK_READ, 0, 1, 0, 0);
	for (unsigned i = 0; i < 256; i++) {
		assert_true(next(&request));
		assert_int_equal(request.tag, i);
	}
	shim_block_complete(&device, 0, 255, OK);
	shim_block_complete(&device, 0, 64, OK);
	assert_int_equal(deep->link.in_flight, 254);
	session_host_free(deep);
}

static void wrong_completions_by_the_driver_change_nothing(void **state)
{
	struct shim_block_request request;

	(void)state;
	shim_block_complete(&device, 0, 0, OK);
	shim_block_complete(&device, 0, 256, OK);
	shim_block_complete(&device, 9, 0, OK);
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_true(next(&request));
	shim_block_complete(&device, 1, request.tag, OK);
	shim_block_complete(&device, 0, request.tag, OK);
	shim_block_complete(&device, 0, request.tag, OK);
	assert_int_equal(class.bad_completions, 5);
	assert_int_equal(log_lines, 1);
	assert_int_equal(answer(), OK);
	assert_int_equal(host->server_area->complete_tail, 1);
}

static void sessions_take_turns(void **state)
{
	struct session_host *other = session_make(8);
	struct shim_block_request request;
	unsigned first = 0;

	(void)state;
	assert_int_equal(block_class_attach(&class, &other->link), OK);
	for (unsigned i = 0; i < 6; i++) {
		submit_to(host, BLOCK_READ, 1, 1, 0, 0);
		submit_to(other, BLOCK_READ, 2, 1, 0, 0);
	}
	for (unsigned i = 0; i < DEPTH; i++) {
		assert_true(next(&request));
		first += request.position == START + 1;
	}
	assert_int_equal(first, DEPTH / 2);
	session_host_free(other);
}

static void client_that_floods_with_nonsense_cannot_hold_the_driver(void **state)
{
	struct session_host *other = session_make(8);
	struct shim_block_request request;

	(void)state;
	assert_int_equal(block_class_attach(&class, &other->link), OK);
	for (unsigned i = 0; i < 8; i++)
		session_host_forge(host, 0xffff);
	for (unsigned i = 0; i < 8; i++)
		submit_to(other, 99, 0, 1, 0, 0);
	assert_false(next(&request));
	assert_int_equal(host->link.violations, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(answer_of(other), ERR_INVALID);
	session_host_free(other);
}

static void unknown_queue_has_no_requests(void **state)
{
	struct shim_block_request request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_false(shim_block_next(&device, 1, &request));
	assert_false(shim_block_next(&device, 2, &request));
	block_class_doorbell(&class, 2);
	assert_int_equal(submits, 0);
	host->link.queue = 2;
	assert_int_equal(block_class_attach(&class, &host->link), ERR_RANGE);
}

static void bad_units_are_refused(void **state)
{
	struct unit_info unit = unit_make();

	(void)state;
	units_published = 0;
#define REFUSED(field, value)                                                       \
	do {                                                                        \
		unit = unit_make();                                                 \
		unit.field = (value);                                               \
		assert_int_equal(shim_block_unit_add(&device, &unit), ERR_INVALID); \
	} while (0)
	REFUSED(block_bytes, 0);
	REFUSED(block_bytes, 256);
	REFUSED(block_bytes, 520);
	REFUSED(block_bytes, 8192);
	REFUSED(block_count, 0);
	REFUSED(depth, 0);
	REFUSED(depth, 257);
	REFUSED(queue, 2);
	REFUSED(unit, BLOCK_UNITS_MAX);
	REFUSED(class_id, CLASS_SERIAL);
	REFUSED(transfer_bytes_max, 511);
	assert_int_equal(units_published, 0);
	unit = unit_make();
	publish_error = ERR_NO_MEMORY;
	assert_int_equal(shim_block_unit_add(&device, &unit), ERR_NO_MEMORY);
}

static void waiting_requests_fail_when_the_unit_goes(void **state)
{
	struct shim_block_request request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	submit(BLOCK_READ, 1, 1, 0, 0);
	assert_true(next(&request));
	shim_block_unit_remove(&device, 0);
	assert_int_equal(units_withdrawn, 1);
	assert_int_equal(answer(), ERR_GONE);
	shim_block_complete(&device, 0, request.tag, ERR_GONE);
	assert_int_equal(answer(), ERR_GONE);
	submit(BLOCK_READ, 2, 1, 0, 0);
	assert_false(next(&request));
	block_class_doorbell(&class, 0);
	assert_int_equal(answer(), ERR_GONE);
	shim_block_unit_remove(&device, 0);
	shim_block_unit_remove(&device, 77);
	assert_int_equal(units_withdrawn, 1);
}

static void requests_wait_for_their_unit(void **state)
{
	struct unit_info unit = unit_make();
	struct shim_block_request request;

	(void)state;
	session_host_link(host);
	class_start(false);
	assert_int_equal(block_class_attach(&class, &host->link), OK);
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_false(next(&request));
	unit_set(&unit);
	assert_true(next(&request));
}

static void session_of_another_disk_is_refused(void **state)
{
	struct unit_info unit = unit_make();

	(void)state;
	session_host_link(host);
	class_start(false);
	assert_int_equal(block_class_attach(&class, &host->link), OK);
	submit(BLOCK_READ, 0, 1, 0, 0);
	unit.block_count = START + COUNT - 1;
	unit_set(&unit);
	block_class_doorbell(&class, 0);
	assert_int_equal(answer(), ERR_GONE);
}

static void disk_that_shrinks_ends_the_sessions_beyond_it(void **state)
{
	struct unit_info unit = unit_make();
	struct shim_block_request request;

	(void)state;
	unit.block_count = START + COUNT - 1;
	unit_set(&unit);
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_false(next(&request));
	block_class_doorbell(&class, 0);
	assert_int_equal(answer(), ERR_GONE);
}

static void client_that_leaves_stays_until_its_requests_end(void **state)
{
	struct shim_block_request request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	submit(BLOCK_READ, 1, 1, 0, 0);
	assert_true(next(&request));
	assert_false(block_class_detach(&class, &host->link));
	session_flush(&class.wakes);
	assert_int_equal(host->drained, 0);
	shim_block_complete(&device, 0, request.tag, OK);
	assert_false(next(&request));
	session_flush(&class.wakes);
	assert_int_equal(host->drained, 1);
}

static void client_without_requests_leaves_at_once(void **state)
{
	struct shim_block_request request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_true(next(&request));
	shim_block_complete(&device, 0, request.tag, OK);
	assert_true(block_class_detach(&class, &host->link));
	assert_null(class.wakes.first);
	assert_null(class.queue[0].links);
	assert_false(next(&request));
}

static void doorbell_runs_the_driver_and_flush_wakes_the_client(void **state)
{
	struct shim_block_request request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_true(session_client_sleep(&host->client));
	block_class_doorbell(&class, 0);
	assert_int_equal(submits, 1);
	assert_true(next(&request));
	shim_block_complete(&device, 0, request.tag, OK);
	assert_int_equal(host->wakes, 0);
	session_flush(&class.wakes);
	assert_int_equal(host->wakes, 1);
}

static void several_are_taken_and_answered_at_once_up_to_a_flush(void **state)
{
	struct shim_block_request table[DEPTH], one;
	uint16_t tags[DEPTH];

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	submit(BLOCK_WRITE, 1, COUNT, 0, 0); /* beyond the range */
	submit(BLOCK_WRITE, 2, 1, 512, BLOCK_FUA);
	submit(BLOCK_FLUSH, 0, 0, 0, 0);
	submit(BLOCK_READ, 3, 1, 0, 0);
	assert_int_equal(shim_block_take(&device, 0, table, tags, DEPTH), 3);
	assert_int_equal(table[tags[0]].position, START);
	assert_int_equal(table[tags[1]].flags, BLOCK_FUA);
	assert_int_equal(table[tags[2]].operation, BLOCK_FLUSH);
	assert_int_equal(shim_block_take(&device, 0, table, tags + 3, 1), 1);
	assert_true(table[tags[3]].tag == tags[3]);
	assert_int_equal(shim_block_take(&device, 0, table, tags, DEPTH), 0);
	assert_int_equal(answer(), ERR_RANGE);
	shim_block_complete_many(&device, 0, 0, 0xf);
	for (unsigned i = 0; i < DEPTH; i++)
		assert_int_equal(answer(), OK);
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_true(shim_block_next(&device, 0, &one));
	assert_false(shim_block_next(&device, 0, &one));
	assert_int_equal(class.bad_completions, 0);
	shim_block_complete_many(&device, 0, 0, 1u << one.tag | 2u << one.tag);
	shim_block_complete_many(&device, 0, BLOCK_TAGS_MAX / 64, 1);
	shim_block_complete_many(&device, 2, 0, 1);
	assert_int_equal(class.bad_completions, 3);
	assert_int_equal(answer(), OK); /* a good tag is answered, whatever is beside it */
	assert_false(session_answered(&host->client));
}

static void queue_sleeps_only_when_nothing_waits(void **state)
{
	struct shim_block_request request;

	(void)state;
	block_class_awake(&class, 0);
	assert_false(session_needs_doorbell(&host->client));
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_false(block_class_sleep(&class, 0));
	assert_true(next(&request));
	assert_true(block_class_sleep(&class, 0));
	assert_true(session_needs_doorbell(&host->client));
}

static void next_instance_runs_what_the_last_one_left(void **state)
{
	struct unit_info unit = unit_make();
	struct shim_block_request request;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		submit(BLOCK_WRITE, i, 1, i * 512, 0);
	assert_true(next(&request));
	assert_true(next(&request));
	shim_block_complete(&device, 0, request.tag, OK);
	host->info.epoch++;
	session_host_link(host);
	class_start(false);
	unit_set(&unit);
	assert_int_equal(block_class_attach(&class, &host->link), OK);
	assert_true(next(&request));
	assert_int_equal(request.position, START);
	assert_true(next(&request));
	assert_int_equal(request.position, START + 2);
	assert_false(next(&request));
}

/* --- Hot moves --- */

/* The journal of queue 0. */
static struct block_journal *journal(void)
{
	return port;
}

/* The same device in the hands of another instance, in host memory the same class once more. */
static void instance_move(struct session_host *session)
{
	session->info.epoch++;
	session_host_link(session);
	class_start(true);
	assert_int_equal(block_class_attach(&class, &session->link), OK);
}

static void move_in_mid_flight_goes_on_where_it_was(void **state)
{
	struct shim_block_request first, second, request;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		submit(BLOCK_WRITE, i, 1, i * 512, 0);
	assert_true(next(&first));
	assert_true(next(&second));
	assert_true(next(&request));
	shim_block_complete(&device, 0, request.tag, OK);
	instance_move(host);
	assert_int_equal(units_published, 1);
	assert_int_equal(host->link.in_flight, 2);
	/* Neither what is in the hardware nor what was answered is taken again. */
	assert_true(next(&request));
	assert_int_equal(request.position, START + 3);
	assert_true(next(&request));
	assert_int_equal(request.position, START + 4);
	assert_false(next(&request));
	shim_block_complete(&device, 0, second.tag, OK);
	shim_block_complete(&device, 0, first.tag, ERR_MEDIA);
	assert_int_equal(answer(), OK);
	assert_int_equal(answer(), OK);
	assert_int_equal(answer(), ERR_MEDIA);
	assert_int_equal(class.bad_completions + host->client.violations, 0);
}

static void moves_and_a_death_in_a_row_lose_nothing(void **state)
{
	struct unit_info unit = unit_make();
	struct shim_block_request request;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		submit(BLOCK_WRITE, i, 1, i * 512, 0);
	assert_true(next(&request));
	instance_move(host);
	assert_true(next(&request));
	instance_move(host);
	assert_true(next(&request));
	assert_int_equal(host->link.in_flight, 3);
	host->info.epoch++;
	session_host_link(host);
	class_start(false);
	unit_set(&unit);
	assert_int_equal(block_class_attach(&class, &host->link), OK);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(next(&request));
		assert_int_equal(request.position, START + i);
		shim_block_complete(&device, 0, request.tag, OK);
		assert_int_equal(answer(), OK);
	}
	assert_false(next(&request));
}

static void flush_stays_behind_the_writes_before_it(void **state)
{
	const uint64_t order[] = { START, START + 1, 0, START + 2 };
	struct shim_block_request request;

	(void)state;
	submit(BLOCK_WRITE, 0, 1, 0, 0);
	submit(BLOCK_WRITE, 1, 1, 512, 0);
	submit(BLOCK_FLUSH, 0, 0, 0, 0);
	submit(BLOCK_WRITE, 2, 1, 1024, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(next(&request));
	host->info.epoch++;
	session_host_link(host);
	class_start(true);
	for (unsigned i = 0; i < TAGS; i++) /* all forgotten: as after a death */
		journal()->free[i / 64] |= UINT64_C(1) << i % 64;
	assert_int_equal(block_class_attach(&class, &host->link), OK);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(next(&request));
		assert_int_equal(request.operation, i == 2 ? BLOCK_FLUSH : BLOCK_WRITE);
		assert_int_equal(request.position, order[i]);
	}
}

/* A tag with a record that fits nothing is neither used nor answered, and the request is replayed.
 */
static void lying_tag_table_loses_no_request(void **state)
{
	struct shim_block_request taken[3], request;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		submit(BLOCK_WRITE, i, 1, i * 512, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_true(next(&taken[i]));
	journal()->record[taken[0].tag].slot = 0xffff;
	journal()->record[taken[1].tag].generation++;
	journal()->record[taken[2].tag] = journal()->record[taken[1].tag];
	journal()->record[taken[2].tag].session = 99;
	instance_move(host);
	assert_int_equal(host->link.in_flight, 0);
	for (unsigned i = 0; i < 3; i++)
		shim_block_complete(&device, 0, taken[i].tag, OK);
	assert_false(session_answered(&host->client));
	for (unsigned i = 0; i < 3; i++) {
		assert_true(next(&request));
		assert_int_equal(request.position, START + i);
		shim_block_complete(&device, 0, request.tag, OK);
		assert_int_equal(answer(), OK);
	}
	assert_int_equal(class.bad_completions + host->client.violations, 0);
}

static void two_tags_of_one_request_answer_it_once(void **state)
{
	struct shim_block_request first, second, request;

	(void)state;
	submit(BLOCK_WRITE, 0, 1, 0, 0);
	submit(BLOCK_WRITE, 1, 1, 512, 0);
	assert_true(next(&first));
	assert_true(next(&second));
	journal()->record[second.tag] = journal()->record[first.tag];
	instance_move(host);
	shim_block_complete(&device, 0, first.tag, OK);
	shim_block_complete(&device, 0, second.tag, OK);
	assert_int_equal(answer(), OK);
	assert_false(session_answered(&host->client));
	assert_true(next(&request));
	assert_int_equal(request.position, START + 1);
}

static void random_port_memory_is_survived(void **state)
{
	struct shim_block_request request;

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 2000; round++) {
		uint8_t *bytes = port;

		while (session_submit(&host->client,
				      &(struct session_slot){ .operation = BLOCK_READ, .count = 1 },
				      NULL) == OK)
			;
		while (next(&request))
			;
		for (unsigned i = 0; i < 200; i++)
			bytes[(unsigned)rand() % block_port_bytes(&driver)] = (uint8_t)rand();
		instance_move(host);
		assert_true(host->link.in_flight + host->link.replay_count <= 8);
		for (unsigned tag = 0; tag < TAGS + 5; tag++)
			shim_block_complete(&device, 0, tag, OK);
		while (session_answered(&host->client))
			assert_int_equal(answer(), OK);
	}
}

static void unit_that_the_driver_cannot_have_stops_a_move(void **state)
{
	(void)state;
	unit_registered.depth = TAGS + 1;
	assert_int_equal(block_class_init(&class, &device, queue, port, true), ERR_CORRUPT);
	unit_registered.depth = DEPTH;
	unit_registered.queue = 2;
	assert_int_equal(block_class_init(&class, &device, queue, port, true), ERR_CORRUPT);
}

static void closing_session_drains_in_the_next_instance(void **state)
{
	struct shim_block_request first, request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	submit(BLOCK_READ, 1, 1, 512, 0);
	assert_true(next(&first));
	instance_move(host);
	assert_false(block_class_detach(&class, &host->link));
	assert_false(next(&request));
	shim_block_complete(&device, 0, first.tag, OK);
	session_flush(&class.wakes);
	assert_int_equal(host->drained, 1);
}

static void session_that_is_lost_keeps_its_tags_until_they_end(void **state)
{
	struct session_host *other = session_make(8);
	struct shim_block_request first, request;

	(void)state;
	submit(BLOCK_READ, 0, 1, 0, 0);
	assert_true(next(&first));
	other->info.id = 8;
	instance_move(other); /* the first one is gone */
	submit_to(other, BLOCK_READ, 1, 1, 0, 0);
	assert_true(next(&request));
	assert_int_not_equal(request.tag, first.tag);
	shim_block_complete(&device, 0, first.tag, OK);
	shim_block_complete(&device, 0, request.tag, OK);
	assert_int_equal(answer_of(other), OK);
	assert_false(session_answered(&host->client));
	session_host_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(read_is_translated_to_the_disk_and_the_bus),
		TEST(answer_tells_blocks_done_or_the_error),
		TEST(range_is_kept),
		TEST(transfer_size_alignment_and_pool_are_kept),
		TEST(unknown_operations_and_flags_are_refused),
		TEST(flush_without_a_cache_is_done_at_once),
		TEST(what_the_unit_cannot_do_is_refused),
		TEST(slot_in_flight_is_not_taken_again),
		TEST(no_more_than_the_depth_are_in_flight),
		TEST(requests_may_end_in_any_order),
		TEST(deep_units_use_all_tags),
		TEST(wrong_completions_by_the_driver_change_nothing),
		TEST(sessions_take_turns),
		TEST(client_that_floods_with_nonsense_cannot_hold_the_driver),
		TEST(unknown_queue_has_no_requests),
		TEST(bad_units_are_refused),
		TEST(waiting_requests_fail_when_the_unit_goes),
		TEST(requests_wait_for_their_unit),
		TEST(session_of_another_disk_is_refused),
		TEST(disk_that_shrinks_ends_the_sessions_beyond_it),
		TEST(client_that_leaves_stays_until_its_requests_end),
		TEST(client_without_requests_leaves_at_once),
		TEST(doorbell_runs_the_driver_and_flush_wakes_the_client),
		TEST(several_are_taken_and_answered_at_once_up_to_a_flush),
		TEST(queue_sleeps_only_when_nothing_waits),
		TEST(next_instance_runs_what_the_last_one_left),
		TEST(move_in_mid_flight_goes_on_where_it_was),
		TEST(moves_and_a_death_in_a_row_lose_nothing),
		TEST(flush_stays_behind_the_writes_before_it),
		TEST(lying_tag_table_loses_no_request),
		TEST(two_tags_of_one_request_answer_it_once),
		TEST(random_port_memory_is_survived),
		TEST(unit_that_the_driver_cannot_have_stops_a_move),
		TEST(closing_session_drains_in_the_next_instance),
		TEST(session_that_is_lost_keeps_its_tags_until_they_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
