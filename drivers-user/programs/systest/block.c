/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suite block: every disk, through sessions, as a client that is right and as one that is not.
 *
 * Only the last SCRATCH_BYTES of a disk are written, and only of a disk that is given for it: by
 * the argument `scratch`, by a serial number that begins with "scratch", or by being QEMU's and
 * without a partition table.
 */
#include <lib/string.h>
#include <runtime/disk.h>
#include <runtime/manager.h>
#include <runtime/partition.h>
#include <runtime/pattern.h>

#include "systest.h"

#define SCRATCH_BYTES (UINT64_C(4) << 20)
#define SLOTS         32u
#define POOL_BYTES    (SLOTS * 4096u)
#define WAIT_NS       (5000 * MS_NS)
#define SEED          UINT64_C(0x45667453)

static struct disk disk;
static uint8_t data[POOL_BYTES], expected[POOL_BYTES];

/* Runs a check on every disk; skips without one. */
static void on_every_disk(void (*check)(void))
{
	struct disk_entry entry;
	bool any = false;

	for (uint32_t index = 0; disk_next(&index, &entry) && !test_failed(); any = true) {
		CHECK_EQUAL(disk_open(entry.name, SLOTS, POOL_BYTES, &disk), OK);
		check();
		disk_close(&disk);
	}
	if (!any)
		SKIP("there is no disk");
}

static enum error read_block(void *context, uint64_t block, void *to)
{
	return disk_read(context, block, 1, to);
}

static bool may_write(void)
{
	static struct partition_table table;
	struct partition_source source = { read_block, &disk, disk.block_count, disk.block_bytes };

	if (disk.entry.unit.flags & UNIT_READ_ONLY ||
	    disk.block_count * disk.block_bytes < 2 * SCRATCH_BYTES)
		return false;
	if (scratch_allowed || string_starts(disk.entry.unit.serial, "scratch"))
		return true;
	return string_starts(disk.entry.unit.model, "QEMU") &&
	       partition_table_read(&source, &table) == OK && table.scheme == PARTITION_SCHEME_NONE;
}

static bool any_written;

static void on_every_scratch_disk(void (*check)(void))
{
	struct disk_entry entry;

	any_written = false;
	for (uint32_t index = 0; disk_next(&index, &entry) && !test_failed();) {
		CHECK_EQUAL(disk_open(entry.name, SLOTS, POOL_BYTES, &disk), OK);
		if (may_write()) {
			any_written = true;
			check();
		}
		disk_close(&disk);
	}
	if (!any_written && !test_failed())
		SKIP("no disk may be written; see drivers-user/programs/systest/block.c");
}

static uint64_t scratch_start(void)
{
	return disk.block_count - SCRATCH_BYTES / disk.block_bytes;
}

static uint32_t scratch_blocks(void)
{
	return (uint32_t)(SCRATCH_BYTES / disk.block_bytes);
}

static uint64_t sectors(uint64_t blocks)
{
	return blocks * (disk.block_bytes / PATTERN_SECTOR_BYTES);
}

/* One request as it stands; its status. */
static enum error run_slot(const struct session_slot *fill, uint32_t *count)
{
	struct session_result result = { .status = ERR_INVALID };
	enum error error = session_queue(&disk.client.side, fill, NULL);

	if (error != OK)
		return error;
	client_kick(&disk.client);
	error = client_wait(&disk.client, now_ns() + WAIT_NS, &result);
	*count = result.count;
	return error != OK ? error : result.status;
}

static enum error run_request(uint8_t operation, uint64_t position, uint32_t count,
			      uint32_t data_offset)
{
	struct session_slot fill = {
		.operation = operation,
		.position = position,
		.count = count,
		.data_offset = data_offset,
	};
	uint32_t done;

	return run_slot(&fill, &done);
}

static void check_still_serves(void)
{
	CHECK_EQUAL(run_request(BLOCK_READ, 0, 1, 0), OK);
	CHECK_EQUAL(run_request(BLOCK_READ, disk.block_count - 1, 1, 0), OK);
}

/* --- Reading --- */

static void check_reads(void)
{
	CHECK_EQUAL(disk_read(&disk, 0, 8, data), OK);
	CHECK_EQUAL(disk_read(&disk, 0, 8, expected), OK);
	CHECK_EQUAL(memcmp(data, expected, 8 * disk.block_bytes), 0);
	for (unsigned i = 0; i < 8; i++) {
		CHECK_EQUAL(disk_read(&disk, i, 1, data), OK);
		CHECK_EQUAL(memcmp(data, expected + i * disk.block_bytes, disk.block_bytes), 0);
	}
	check_still_serves();
}

static void reading_twice_gives_the_same(void)
{
	on_every_disk(check_reads);
}

static void check_out_of_range(void)
{
	uint64_t end = disk.block_count;

	CHECK_EQUAL(run_request(BLOCK_READ, end, 1, 0), ERR_RANGE);
	CHECK_EQUAL(run_request(BLOCK_READ, end - 1, 2, 0), ERR_RANGE);
	CHECK_EQUAL(run_request(BLOCK_READ, ~UINT64_C(0), 1, 0), ERR_RANGE);
	CHECK_EQUAL(run_request(BLOCK_WRITE, end, 1, 0), ERR_RANGE);
	CHECK_EQUAL(run_request(BLOCK_WRITE, ~UINT64_C(0) - 1, 4, 0), ERR_RANGE);
	check_still_serves();
}

static void request_out_of_range_is_refused(void)
{
	on_every_disk(check_out_of_range);
}

static void check_bad_requests(void)
{
	static const uint8_t operations[] = { 5, 77, 255 };
	struct session_slot flags = { .operation = BLOCK_READ, .flags = 0xff, .count = 1 };
	uint32_t done;

	for (unsigned i = 0; i < sizeof(operations); i++)
		CHECK(run_request(operations[i], 0, 1, 0) != OK);
	CHECK(run_request(BLOCK_READ, 0, 0, 0) != OK);
	CHECK(run_request(BLOCK_READ, 0, 0xffffffff, 0) != OK);
	CHECK(run_slot(&flags, &done) != OK);
	check_still_serves();
}

static void request_that_makes_no_sense_is_refused(void)
{
	on_every_disk(check_bad_requests);
}

static void check_bad_offsets(void)
{
	CHECK(run_request(BLOCK_READ, 0, 1, POOL_BYTES) != OK);
	CHECK(run_request(BLOCK_READ, 0, 1, POOL_BYTES - disk.block_bytes + 4) != OK);
	CHECK(run_request(BLOCK_READ, 0, 2, POOL_BYTES - disk.block_bytes) != OK);
	CHECK(run_request(BLOCK_READ, 0, 1, 0xfffffffc) != OK);
	CHECK(run_request(BLOCK_WRITE, 0, 1, 0x80000000) != OK);
	CHECK(run_request(BLOCK_READ, 0, 1, 1) != OK);
	check_still_serves();
}

static void data_outside_of_the_pool_is_refused(void)
{
	on_every_disk(check_bad_offsets);
}

static void check_bad_ring(void)
{
	struct session_client_side *side = &disk.client.side;
	static const uint16_t ids[] = { SLOTS, 0x7fff, 0xffff };

	for (unsigned i = 0; i < 3; i++)
		side->submit_ring[side->submit_tail++ & (side->slot_count - 1)] = ids[i];
	session_publish(side);
	check_still_serves();
}

static void ring_entry_that_is_no_slot_harms_nobody(void)
{
	on_every_disk(check_bad_ring);
}

static void check_slot_twice(void)
{
	struct session_client_side *side = &disk.client.side;
	struct session_slot fill = { .operation = BLOCK_READ, .count = 1 };
	struct session_result result;
	uint32_t slot = 0;

	CHECK_EQUAL(session_queue(side, &fill, &slot), OK);
	side->submit_ring[side->submit_tail++ & (side->slot_count - 1)] = (uint16_t)slot;
	client_kick(&disk.client);
	CHECK_EQUAL(client_wait(&disk.client, now_ns() + WAIT_NS, &result), OK);
	CHECK_EQUAL(result.status, OK);
	sleep_until(now_ns() + 2 * MS_NS);
	check_still_serves();
}

static void slot_submitted_twice_harms_nobody(void)
{
	on_every_disk(check_slot_twice);
}

static void check_runaway(void)
{
	static struct disk other;
	struct session_result result;

	CHECK_EQUAL(disk_open(disk.entry.name, 4, 4096, &other), OK);
	other.client.side.client->submit_tail += 1000000;
	SYS1(SYS_SESSION_KICK, other.client.session);
	other.client.side.client->complete_head -= 77;
	SYS1(SYS_SESSION_KICK, other.client.session);
	CHECK(client_wait(&other.client, now_ns() + 2 * MS_NS, &result) != OK);
	check_still_serves();
	disk_close(&other);
	check_still_serves();
}

static void counters_that_run_away_harm_only_their_session(void)
{
	on_every_disk(check_runaway);
}

static void check_range_session(void)
{
	static struct disk part;
	static uint8_t one[4096], two[4096];

	if (disk.block_count < 200)
		return;
	CHECK_EQUAL(disk_open_range(disk.entry.name, 4, 8192, 100, 50, &part), OK);
	CHECK_EQUAL(part.block_count, 50);
	CHECK_EQUAL(disk_read(&part, 3, 1, one), OK);
	CHECK_EQUAL(disk_read(&disk, 103, 1, two), OK);
	CHECK_EQUAL(memcmp(one, two, disk.block_bytes), 0);
	CHECK_EQUAL(disk_read(&part, 50, 1, one), ERR_RANGE);
	disk_close(&part);
	CHECK(disk_open_range(disk.entry.name, 4, 8192, disk.block_count, 1, &part) != OK);
	CHECK(disk_open_range(disk.entry.name, 4, 8192, ~UINT64_C(0), 2, &part) != OK);
}

static void session_on_a_range_stays_inside_it(void)
{
	on_every_disk(check_range_session);
}

static void check_bad_sessions(void)
{
	static struct disk other;
	static const uint32_t slots[] = { 0, 3, 512, 0x80000000 };
	uint64_t bad[] = { 0, UINT64_C(0xffff800000000000) };
	handle_t grant;

	for (unsigned i = 0; i < 4; i++)
		CHECK(disk_open(disk.entry.name, slots[i], 4096, &other) != OK);
	CHECK(disk_open(disk.entry.name, 4, 0xffffffff, &other) != OK);
	CHECK_EQUAL(manager_open(disk.entry.device.id, disk.entry.unit.unit, &grant), OK);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQUAL(SYS2(SYS_SESSION_CREATE, grant, bad[i]).error, ERR_FAULT);
	close_handle(grant);
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQUAL(SYS4(SYS_DEVICE_UNIT, runtime_handle(STARTUP_REGISTRY),
				 disk.entry.device.id, 0, bad[i])
				    .error,
			    ERR_FAULT);
	check_still_serves();
}

static void impossible_sessions_are_refused(void)
{
	on_every_disk(check_bad_sessions);
}

/* --- Writing --- */

static void check_write(void)
{
	uint64_t start = scratch_start();
	uint32_t blocks = 16, bytes = blocks * disk.block_bytes;

	pattern_fill(expected, SEED, sectors(start), sectors(blocks));
	CHECK_EQUAL(disk_write(&disk, start, blocks, expected), OK);
	CHECK_EQUAL(disk_flush(&disk), OK);
	CHECK_EQUAL(disk_read(&disk, start, blocks, data), OK);
	CHECK_EQUAL(memcmp(data, expected, bytes), 0);
}

static void what_is_written_is_read_back(void)
{
	on_every_scratch_disk(check_write);
}

static void check_fua(void)
{
	struct session_slot fill = { .operation = BLOCK_WRITE,
				     .flags = BLOCK_FUA,
				     .position = scratch_start() + 3,
				     .count = 2 };
	uint32_t done = 0;

	pattern_fill(disk_pool(&disk, 0), SEED + 1, sectors(fill.position), sectors(2));
	memcpy(expected, disk_pool(&disk, 0), 2 * disk.block_bytes);
	CHECK_EQUAL(run_slot(&fill, &done), OK);
	CHECK_EQUAL(done, 2);
	CHECK_EQUAL(disk_read(&disk, fill.position, 2, data), OK);
	CHECK_EQUAL(memcmp(data, expected, 2 * disk.block_bytes), 0);
}

static void write_through_reaches_the_disk(void)
{
	on_every_scratch_disk(check_fua);
}

static void check_flush(void)
{
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQUAL(run_request(BLOCK_FLUSH, 0, 0, 0), OK);
}

static void flush_succeeds(void)
{
	on_every_disk(check_flush);
}

static void check_discard(void)
{
	uint64_t start = scratch_start() + 64;
	enum error error;

	pattern_fill(expected, SEED, sectors(start), sectors(8));
	CHECK_EQUAL(disk_write(&disk, start, 8, expected), OK);
	error = run_request(BLOCK_DISCARD, start + 2, 4, 0);
	if (!(disk.entry.unit.flags & UNIT_DISCARD)) {
		CHECK_EQUAL(error, ERR_UNSUPPORTED);
		return;
	}
	CHECK_EQUAL(error, OK);
	CHECK_EQUAL(disk_read(&disk, start, 8, data),
		    OK); /* what was discarded may hold anything */
	CHECK_EQUAL(memcmp(data, expected, 2 * disk.block_bytes), 0);
	CHECK_EQUAL(memcmp(data + 6 * disk.block_bytes, expected + 6 * disk.block_bytes,
			   2 * disk.block_bytes),
		    0);
}

static void discard_leaves_the_neighbours_alone(void)
{
	on_every_scratch_disk(check_discard);
}

/* --- Many at once: each slot has 4 KiB of pool and, in the end, one place on the disk --- */

#define PLACES 256u

struct load {
	uint64_t random;
	uint32_t version[PLACES]; /* of the pattern last written there; 0: never */
	uint32_t busy[PLACES / 32];
	uint32_t place_blocks;
	unsigned left;
};

static struct load load;
static void (*disturb)(void); /* called now and then during a load */

static uint64_t load_random(void)
{
	return splitmix64(load.random++);
}

static uint64_t place_block(unsigned place)
{
	return scratch_start() + (uint64_t)place * load.place_blocks;
}

/* Cookie: place, pool piece, blocks, whether it writes. */
static void load_submit(uint32_t piece)
{
	unsigned place = (unsigned)(load_random() % PLACES);
	uint32_t blocks = 1 + (uint32_t)(load_random() % load.place_blocks);
	bool write = load.version[place] == 0 || load_random() % 2;

	while (load.busy[place / 32] >> place % 32 & 1)
		place = (place + 1) % PLACES;
	load.busy[place / 32] |= 1u << place % 32;
	write |= load.version[place] == 0;
	if (write) {
		blocks = load.place_blocks;
		load.version[place]++;
		pattern_fill(disk_pool(&disk, piece * 4096), SEED + load.version[place],
			     sectors(place_block(place)), sectors(blocks));
	}
	CHECK_EQUAL(disk_queue(&disk, write ? BLOCK_WRITE : BLOCK_READ, place_block(place), blocks,
			       piece * 4096,
			       place | (uint64_t)piece << 16 | (uint64_t)blocks << 32 |
				       (uint64_t)write << 63),
		    OK);
}

static void load_finish(const struct session_result *result)
{
	unsigned place = result->cookie & 0xffff;
	uint32_t piece = result->cookie >> 16 & 0xffff, blocks = result->cookie >> 32 & 0xffff;
	uint64_t first = 0;

	CHECK_EQUAL(result->status, OK);
	CHECK_EQUAL(result->count, blocks);
	load.busy[place / 32] &= ~(1u << place % 32);
	if (!(result->cookie >> 63))
		CHECK_EQUAL(pattern_differences(
				    disk_pool(&disk, piece * 4096), SEED + load.version[place],
				    sectors(place_block(place)), sectors(blocks), &first),
			    0);
	if (load.left == 0)
		return;
	load.left--;
	if (disturb && load.left % 250 == 125)
		disturb();
	load_submit(piece);
}

static void check_load(void)
{
	struct session_result result = { 0 };

	memset(&load, 0, sizeof(load));
	load.random = SEED;
	load.place_blocks = 4096 / disk.block_bytes;
	load.left = 1000;
	for (uint32_t piece = 0; piece < SLOTS; piece++)
		load_submit(piece);
	CHECK(PLACES * load.place_blocks <= scratch_blocks());
	while (session_in_flight(&disk.client.side) > 0 && !test_failed()) {
		client_kick(&disk.client);
		CHECK_EQUAL(client_wait(&disk.client, now_ns() + WAIT_NS, &result), OK);
		do
			load_finish(&result);
		while (!test_failed() && session_reap(&disk.client.side, &result));
	}
	CHECK_EQUAL(disk.client.side.violations, 0);
}

static void thirty_two_requests_at_once_keep_their_data_apart(void)
{
	on_every_scratch_disk(check_load);
}

/* --- The driver dies or moves under that load --- */

static void driver_name(char name[DRIVER_NAME_BYTES + 1])
{
	memcpy(name, disk.entry.device.driver, DRIVER_NAME_BYTES);
	name[DRIVER_NAME_BYTES] = 0;
}

static void kill_driver(void)
{
	char name[DRIVER_NAME_BYTES + 1];

	driver_name(name);
	CHECK_EQUAL(manager_driver_kill(name), OK);
}

static enum error move_to_other_ring(void)
{
	char name[DRIVER_NAME_BYTES + 1];
	struct disk_entry now;

	driver_name(name);
	if (!disk_find(disk.entry.name, &now))
		return ERR_GONE;
	return manager_driver_move(
		name, now.device.placement == PLACEMENT_USER ? PLACEMENT_KERNEL : PLACEMENT_USER,
		0);
}

static void move_driver(void)
{
	CHECK_EQUAL(move_to_other_ring(), OK);
}

static void check_load_with_deaths(void)
{
	if (disk.entry.device.placement != PLACEMENT_USER)
		SKIP("the driver runs in ring 0, where nothing may die");
	disturb = kill_driver;
	check_load();
	disturb = NULL;
}

static void driver_that_dies_under_load_loses_nothing(void)
{
	on_every_scratch_disk(check_load_with_deaths);
}

/* An even number of moves: the driver ends where it began. */
static void check_load_with_moves(void)
{
	enum error error = move_to_other_ring();

	if (error == ERR_DENIED || error == ERR_UNSUPPORTED || error == ERR_NOT_FOUND)
		SKIP("the driver has one ring: by rule 5, or because the other image lacks it");
	CHECK_EQUAL(error, OK);
	CHECK_EQUAL(move_to_other_ring(), OK);
	disturb = move_driver;
	check_load();
	disturb = NULL;
}

static void driver_that_moves_under_load_loses_nothing(void)
{
	on_every_scratch_disk(check_load_with_moves);
}

static void check_interrupts(void)
{
	struct disk_entry before, after;

	CHECK(disk_find(disk.entry.name, &before));
	for (unsigned i = 0; i < 20; i++)
		CHECK_EQUAL(run_request(BLOCK_READ, i % disk.block_count, 1, 0), OK);
	CHECK(disk_find(disk.entry.name, &after));
	CHECK(after.device.interrupt_count > before.device.interrupt_count);
}

static void interrupts_are_counted(void)
{
	on_every_disk(check_interrupts);
}

/* --- A client that dies --- */

static void check_client_death(void)
{
	for (unsigned i = 0; i < 3 && !test_failed(); i++) {
		handle_t ready = new_notification();
		struct startup_handle given[] = {
			{ STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) },
			{ STARTUP_MANAGER, runtime_handle(STARTUP_MANAGER) },
			{ CHILD_NOTIFICATION, ready },
		};
		struct child child;
		uint64_t bits = 0;

		if (!child_start(&child, "hammer", disk.entry.name, given, 3))
			return;
		CHECK_EQUAL(sys_wait(ready, now_ns() + WAIT_NS, &bits), OK);
		sleep_until(now_ns() + 5 * MS_NS);
		child_end(&child); /* with requests in flight */
		close_handle(ready);
		check_still_serves();
	}
}

static void death_of_a_client_in_mid_flight_harms_nobody(void)
{
	on_every_disk(check_client_death);
}

static void check_no_session_is_left(void)
{
	struct disk_entry entry;

	disk_close(&disk);
	for (unsigned i = 0; i < 100; i++) {
		CHECK(disk_find(disk.entry.name, &entry));
		if (entry.device.session_count == 0)
			return;
		sleep_until(now_ns() + 5 * MS_NS); /* draining */
	}
	CHECK_EQUAL(entry.device.session_count, 0);
}

static void closed_sessions_go_away(void)
{
	on_every_disk(check_no_session_is_left);
}

const struct test block_tests[] = {
	{ "reading_twice_gives_the_same", reading_twice_gives_the_same },
	{ "request_out_of_range_is_refused", request_out_of_range_is_refused },
	{ "request_that_makes_no_sense_is_refused", request_that_makes_no_sense_is_refused },
	{ "data_outside_of_the_pool_is_refused", data_outside_of_the_pool_is_refused },
	{ "ring_entry_that_is_no_slot_harms_nobody", ring_entry_that_is_no_slot_harms_nobody },
	{ "slot_submitted_twice_harms_nobody", slot_submitted_twice_harms_nobody },
	{ "counters_that_run_away_harm_only_their_session",
	  counters_that_run_away_harm_only_their_session },
	{ "session_on_a_range_stays_inside_it", session_on_a_range_stays_inside_it },
	{ "impossible_sessions_are_refused", impossible_sessions_are_refused },
	{ "flush_succeeds", flush_succeeds },
	{ "what_is_written_is_read_back", what_is_written_is_read_back },
	{ "write_through_reaches_the_disk", write_through_reaches_the_disk },
	{ "discard_leaves_the_neighbours_alone", discard_leaves_the_neighbours_alone },
	{ "thirty_two_requests_at_once_keep_their_data_apart",
	  thirty_two_requests_at_once_keep_their_data_apart },
	{ "driver_that_dies_under_load_loses_nothing", driver_that_dies_under_load_loses_nothing },
	{ "driver_that_moves_under_load_loses_nothing",
	  driver_that_moves_under_load_loses_nothing },
	{ "interrupts_are_counted", interrupts_are_counted },
	{ "death_of_a_client_in_mid_flight_harms_nobody",
	  death_of_a_client_in_mid_flight_harms_nobody },
	{ "closed_sessions_go_away", closed_sessions_go_away },
	{ 0 },
};
