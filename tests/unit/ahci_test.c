/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The AHCI driver against a simulated controller.
 * sources: shim/drivers/block/ahci/ahci.c shim/drivers/block/ahci/ahci_port.c
 * shim/drivers/block/ahci/ahci_request.c shim/drivers/block/ahci/ahci_identify.c
 * tests/fake/fake_ahci.c tests/fake/driver.c
 * tests/fake/io.c tests/fake/irq.c tests/fake/dma.c tests/fake/time.c tests/fake/log.c
 * tests/fake/bus.c tests/fake/block.c tests/fake/serial.c tests/fake/session.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_ahci.h"

extern const struct shim_driver shim_driver_ahci;

struct bench {
	struct fake *fake;
	struct fake_ahci *model;
	struct model_disk *disk; /* on port 0 */
};

static struct bench create(uint32_t ports)
{
	struct bench b = { .fake = fake_create(&shim_driver_ahci) };

	b.model = fake_ahci_create(b.fake, ports);
	b.disk = &b.model->port[0].disk;
	return b;
}

static void destroy(struct bench *b)
{
	fake_destroy(b->fake);
	fake_ahci_destroy(b->model);
}

/* Probe, and give it the time it takes. */
static enum error start(struct bench *b)
{
	enum error error = fake_start(b->fake);

	for (unsigned i = 0; i < 100 && !b->fake->probe_done; i++)
		fake_advance(b->fake, 100 * SHIM_MS);
	assert_true(b->fake->probe_done);
	(void)error;
	return b->fake->probe_error;
}

/* One port with a disk as plugged. */
static struct bench one_disk(void)
{
	struct bench b = create(1);

	fake_ahci_plug(b.model, 0);
	return b;
}

static struct bench one_live_disk(void)
{
	struct bench b = one_disk();

	assert_int_equal(start(&b), OK);
	assert_non_null(fake_unit(b.fake, 0));
	return b;
}

static enum error transfer(struct bench *b, enum block_operation operation, uint64_t position,
			   uint32_t count, uint8_t flags)
{
	unsigned id = fake_block_submit(b->fake, 0, operation, position, count, flags);

	fake_advance(b->fake, 5 * SHIM_S);
	assert_true(fake_block_done(b->fake, id));
	return fake_block_error(b->fake, id);
}

static void pattern(uint8_t *data, size_t size_bytes, unsigned seed)
{
	for (size_t i = 0; i < size_bytes; i++)
		data[i] = (uint8_t)(i * 7 + seed * 31 + (i >> 8));
}

/* --- Probe --- */

static void probe_announces_a_disk_with_what_it_says(void **state)
{
	struct bench b = one_live_disk();
	const struct unit_info *unit = fake_unit(b.fake, 0);

	(void)state;
	assert_int_equal(fake_unit_count(b.fake), 1);
	assert_int_equal(unit->block_count, (1u << 30) / 512);
	assert_int_equal(unit->block_bytes, 512);
	assert_int_equal(unit->depth, 32);
	assert_int_equal(unit->queue, 0);
	assert_int_equal(unit->flags, UNIT_FLUSH);
	assert_true(unit->transfer_bytes_max >= 128 << 10);
	assert_string_equal(unit->model, "MODEL DISK");
	assert_string_equal(unit->serial, "MODEL-1");
	assert_string_equal(unit->firmware, "1.0");
	destroy(&b);
}

static void probe_finds_disks_on_any_implemented_port(void **state)
{
	struct bench b = create(0x80000025);

	(void)state;
	fake_ahci_plug(b.model, 2);
	fake_ahci_plug(b.model, 31);
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit_count(b.fake), 2);
	assert_int_equal(fake_unit(b.fake, 2)->queue, 2);
	assert_int_equal(fake_unit(b.fake, 31)->queue, 31);
	destroy(&b);
}

static void probe_of_empty_ports_ends_at_once(void **state)
{
	struct bench b = create(0x3f);

	(void)state;
	assert_int_equal(fake_start(b.fake), OK);
	assert_int_equal(b.fake->now_ns, 0);
	assert_int_equal(fake_unit_count(b.fake), 0);
	destroy(&b);
}

static void probe_without_ports_fails(void **state)
{
	struct bench b = create(0);

	(void)state;
	assert_int_equal(fake_start(b.fake), ERR_NOT_FOUND);
	destroy(&b);
}

static void probe_of_a_vanished_controller_fails_with_gone(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.model->gone = true;
	assert_int_equal(fake_start(b.fake), ERR_GONE);
	destroy(&b);
}

static void probe_refuses_a_window_too_small_for_its_ports(void **state)
{
	struct bench b = create(0x80000001);

	(void)state;
	b.fake->info.window[5].size_bytes = 0x800;
	assert_int_equal(fake_start(b.fake), ERR_RANGE);
	destroy(&b);
}

static void probe_passes_failing_calls_on(void **state)
{
	static const struct {
		enum fake_call call;
		unsigned n;
		enum error error;
	} cases[] = {
		{ FAKE_WINDOW_MAP, 1, ERR_BUDGET },
		{ FAKE_DMA_ALLOCATE, 1, ERR_NO_MEMORY },
		{ FAKE_DMA_ALLOCATE, 3, ERR_BUDGET },
		{ FAKE_INTERRUPT_ENABLE, 1, ERR_UNSUPPORTED },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bench b = create(7);

		fake_ahci_plug(b.model, 0);
		fake_fail(b.fake, cases[i].call, cases[i].n, cases[i].error);
		assert_int_equal(fake_start(b.fake), cases[i].error);
		destroy(&b);
	}
}

static void probe_survives_a_unit_that_cannot_be_added(void **state)
{
	struct bench b = create(3);

	(void)state;
	fake_ahci_plug(b.model, 0);
	fake_ahci_plug(b.model, 1);
	fake_fail(b.fake, FAKE_UNIT_ADD, 1, ERR_NO_MEMORY);
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit_count(b.fake), 1);
	fake_ahci_unplug(b.model, 0); /* it must not be removed either */
	fake_advance(b.fake, 3 * SHIM_S);
	destroy(&b);
}

static void probe_waits_for_the_firmware_to_let_go(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.model->cap2 = 1;
	b.model->handoff_reads = 8;
	assert_int_equal(start(&b), OK);
	assert_int_equal(b.model->handoff & 3, 2);
	assert_int_equal(fake_unit_count(b.fake), 1);
	destroy(&b);
}

static void probe_goes_on_when_the_firmware_never_lets_go(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.model->cap2 = 1;
	assert_int_equal(start(&b), OK);
	assert_true(b.fake->now_ns >= 2 * SHIM_S);
	assert_int_equal(fake_unit_count(b.fake), 1);
	destroy(&b);
}

static void probe_fails_when_the_reset_never_ends(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.model->reset_hangs = true;
	assert_int_equal(start(&b), ERR_TIMEOUT);
	destroy(&b);
}

static void staggered_disks_spin_up_one_after_the_other(void **state)
{
	struct bench b = create(7);

	(void)state;
	b.model->cap |= 1u << 27;
	for (unsigned i = 0; i < 3; i++)
		fake_ahci_plug(b.model, i);
	b.model->port[0].disk.silent = true;
	assert_int_equal(fake_start(b.fake), ERR_AGAIN);
	assert_int_equal(b.model->port[0].command & 2, 2);
	assert_int_equal(b.model->port[1].command & 2, 0);
	fake_advance(b.fake, 15 * SHIM_S);
	assert_true(b.fake->probe_done);
	assert_int_equal(fake_unit_count(b.fake), 2);
	destroy(&b);
}

static void a_silent_disk_is_given_up_with_one_line(void **state)
{
	struct bench b = create(3);

	(void)state;
	fake_ahci_plug(b.model, 0)->silent = true;
	fake_ahci_plug(b.model, 1);
	assert_int_equal(fake_start(b.fake), ERR_AGAIN);
	fake_advance(b.fake, 1 * SHIM_S);
	assert_false(b.fake->probe_done);
	fake_advance(b.fake, 30 * SHIM_S);
	assert_true(b.fake->probe_done);
	assert_int_equal(b.fake->probe_error, OK);
	assert_int_equal(fake_unit_count(b.fake), 1);
	assert_int_equal(fake_log_count(b.fake, "port 0"), 1);
	destroy(&b);
}

static void a_disk_that_never_identifies_itself_is_given_up(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->hold = true;
	assert_int_equal(fake_start(b.fake), ERR_AGAIN);
	fake_advance(b.fake, 30 * SHIM_S);
	assert_true(b.fake->probe_done);
	assert_int_equal(fake_unit_count(b.fake), 0);
	destroy(&b);
}

static void a_disk_that_refuses_to_identify_itself_is_given_up(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->fail_next = 1;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit_count(b.fake), 0);
	assert_int_equal(fake_log_count(b.fake, "port 0"), 1);
	destroy(&b);
}

static void atapi_is_refused_politely(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->signature = 0xeb140101;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit_count(b.fake), 0);
	assert_int_equal(b.disk->command_count, 0);
	assert_true(fake_log_has(b.fake, "3 port 0: an ATAPI device"));
	destroy(&b);
}

/* --- Lying devices --- */

static void garbage_identify_is_no_disk(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->garbage_identify = true;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit_count(b.fake), 0);
	destroy(&b);
}

static void a_disk_of_no_sectors_is_no_disk(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->block_count = 0;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit_count(b.fake), 0);
	assert_true(fake_log_has(b.fake, "no blocks"));
	destroy(&b);
}

static void sectors_of_odd_size_are_refused(void **state)
{
	static const uint32_t sizes[] = { 520, 8192, 256, 0 };

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct bench b = one_disk();

		b.disk->block_bytes = sizes[i];
		assert_int_equal(start(&b), OK);
		assert_int_equal(fake_unit_count(b.fake), 0);
		assert_true(fake_log_has(b.fake, "nothing usable"));
		destroy(&b);
	}
}

static void completions_of_foreign_tags_complete_nothing(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	b.disk->foreign_tags = true;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(transfer(&b, BLOCK_READ, i, 1, 0), OK);
	assert_int_equal(b.fake->completed, 3);
	destroy(&b);
}

/* --- Transfers --- */

static void what_is_written_is_on_the_disk_and_read_back(void **state)
{
	struct bench b = one_live_disk();
	unsigned write = fake_block_queue(b.fake, 0, BLOCK_WRITE, 100, 8, 0), read;

	(void)state;
	pattern(fake_block_data(b.fake, write), 4096, 1);
	fake_block_kick(b.fake, 0);
	assert_false(fake_block_done(b.fake, write));
	fake_run(b.fake);
	assert_int_equal(fake_block_error(b.fake, write), OK);
	assert_memory_equal(fake_ahci_block(b.disk, 107), fake_block_data(b.fake, write) + 7 * 512,
			    512);
	assert_null(fake_ahci_block(b.disk, 108));
	read = fake_block_submit(b.fake, 0, BLOCK_READ, 100, 8, 0);
	fake_run(b.fake);
	assert_int_equal(fake_block_error(b.fake, read), OK);
	assert_memory_equal(fake_block_data(b.fake, read), fake_block_data(b.fake, write), 4096);
	assert_int_equal(fake_ahci_count(b.disk, 0x61), 1);
	assert_int_equal(fake_ahci_count(b.disk, 0x60), 1);
	destroy(&b);
}

static void the_largest_transfer_is_one_command(void **state)
{
	(void)state;
	for (unsigned depth = 0; depth <= 32; depth += 32) {
		struct bench b = one_disk();

		b.disk->depth = depth;
		assert_int_equal(start(&b), OK);
		assert_int_equal(transfer(&b, BLOCK_READ, 7,
					  fake_unit(b.fake, 0)->transfer_bytes_max / 512, 0),
				 OK);
		assert_int_equal(b.disk->command_count, 2); /* the first is IDENTIFY */
		destroy(&b);
	}
}

static void one_read_takes_five_register_accesses(void **state)
{
	struct bench b = create(0x3f);
	uint64_t before;

	(void)state;
	fake_ahci_plug(b.model, 0);
	fake_ahci_plug(b.model, 3);
	assert_int_equal(start(&b), OK);
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 8, 0), OK);
	before = b.fake->reads + b.fake->writes;
	assert_int_equal(transfer(&b, BLOCK_READ, 8, 8, 0), OK);
	assert_int_equal(b.fake->reads + b.fake->writes - before, 5);
	destroy(&b);
}

static void a_batch_costs_two_register_writes_and_no_timer_each(void **state)
{
	struct bench b = one_live_disk();
	uint64_t writes, timers;

	(void)state;
	b.disk->hold = true;
	for (unsigned i = 0; i < 32; i++)
		fake_block_queue(b.fake, 0, BLOCK_READ, i, 1, 0);
	writes = b.fake->writes;
	timers = b.fake->timer_sets;
	fake_block_kick(b.fake, 0);
	assert_int_equal(b.fake->writes - writes, 2);
	assert_int_equal(b.fake->timer_sets - timers, 1);
	b.disk->hold = false;
	fake_run(b.fake);
	assert_int_equal(b.fake->completed, 32);
	destroy(&b);
}

static void thirty_two_requests_are_in_flight_at_once(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	b.disk->hold = true;
	for (unsigned i = 0; i < 40; i++)
		fake_block_submit(b.fake, 0, BLOCK_READ, i, 1, 0);
	assert_int_equal(b.model->port[0].issue, 0xffffffff);
	b.disk->hold = false;
	b.disk->backwards = b.disk->one_by_one = true;
	fake_run(b.fake);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(fake_block_error(b.fake, i), OK);
	destroy(&b);
}

static void the_depth_is_what_both_sides_offer(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->depth = 5;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit(b.fake, 0)->depth, 5);
	destroy(&b);

	b = one_disk();
	b.model->cap = (b.model->cap & ~(31u << 8)) | 3 << 8;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit(b.fake, 0)->depth, 4);
	destroy(&b);
}

static void a_controller_without_ncq_gets_one_command_at_a_time(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.model->cap &= ~(1u << 30);
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit(b.fake, 0)->depth, 1);
	for (unsigned i = 0; i < 4; i++)
		fake_block_submit(b.fake, 0, i & 1 ? BLOCK_WRITE : BLOCK_READ, i, 1, 0);
	fake_run(b.fake);
	assert_int_equal(b.fake->completed, 4);
	assert_int_equal(fake_ahci_count(b.disk, 0x25), 2);
	assert_int_equal(fake_ahci_count(b.disk, 0x35), 2);
	destroy(&b);
}

static void a_disk_without_48_bits_gets_the_old_commands(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->no_lba48 = true;
	b.disk->depth = 0;
	b.disk->block_count = 0x9000000;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit(b.fake, 0)->transfer_bytes_max, 128 << 10);
	assert_int_equal(fake_unit(b.fake, 0)->block_count, 0x9000000);
	assert_int_equal(transfer(&b, BLOCK_WRITE, 0x8123456, 256, 0), OK);
	assert_non_null(fake_ahci_block(b.disk, 0x8123456 + 255));
	assert_int_equal(transfer(&b, BLOCK_READ, 0x8123456, 1, 0), OK);
	assert_int_equal(transfer(&b, BLOCK_FLUSH, 0, 0, 0), OK);
	assert_int_equal(fake_ahci_count(b.disk, 0xca), 1);
	assert_int_equal(fake_ahci_count(b.disk, 0xc8), 1);
	assert_int_equal(fake_ahci_count(b.disk, 0xe7), 1);
	destroy(&b);
}

static void disks_beyond_2_tib_are_reached_to_the_last_block(void **state)
{
	const uint64_t count = UINT64_C(0x123456789abc);

	(void)state;
	for (unsigned depth = 0; depth <= 32; depth += 32) {
		struct bench b = one_disk();

		b.disk->block_count = count;
		b.disk->depth = depth;
		assert_int_equal(start(&b), OK);
		assert_int_equal(fake_unit(b.fake, 0)->block_count, count);
		assert_int_equal(transfer(&b, BLOCK_WRITE, count - 1, 1, 0), OK);
		assert_non_null(fake_ahci_block(b.disk, count - 1));
		destroy(&b);
	}
}

static void sectors_of_4096_bytes_are_transferred_whole(void **state)
{
	struct bench b = one_disk();
	unsigned id;

	(void)state;
	b.disk->block_bytes = 4096;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit(b.fake, 0)->block_bytes, 4096);
	id = fake_block_queue(b.fake, 0, BLOCK_WRITE, 3, 2, 0);
	pattern(fake_block_data(b.fake, id), 8192, 5);
	fake_block_kick(b.fake, 0);
	fake_run(b.fake);
	assert_int_equal(fake_block_error(b.fake, id), OK);
	assert_memory_equal(fake_ahci_block(b.disk, 4), fake_block_data(b.fake, id) + 4096, 4096);
	destroy(&b);
}

/* --- Flush, FUA, TRIM --- */

static void a_flush_waits_for_what_is_in_flight_and_holds_what_follows(void **state)
{
	struct bench b = one_live_disk();
	unsigned ids[3];

	(void)state;
	b.disk->hold = true;
	ids[0] = fake_block_submit(b.fake, 0, BLOCK_WRITE, 0, 1, 0);
	ids[1] = fake_block_submit(b.fake, 0, BLOCK_FLUSH, 0, 0, 0);
	ids[2] = fake_block_submit(b.fake, 0, BLOCK_WRITE, 1, 1, 0);
	assert_int_equal(__builtin_popcount(b.model->port[0].issue), 1);
	b.disk->hold = false;
	fake_run(b.fake);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fake_block_error(b.fake, ids[i]), OK);
	assert_int_equal(b.disk->command[1].command, 0x61);
	assert_int_equal(b.disk->command[2].command, 0xea);
	assert_int_equal(b.disk->command[3].command, 0x61);
	destroy(&b);
}

static void fua_without_native_support_is_a_write_and_a_flush(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	assert_int_equal(transfer(&b, BLOCK_WRITE, 9, 1, BLOCK_FUA), OK);
	assert_int_equal(fake_ahci_count(b.disk, 0x61), 1);
	assert_int_equal(fake_ahci_count(b.disk, 0xea), 1);
	assert_int_equal(b.disk->command[1].drive & 0x80, 0);
	assert_int_equal(b.disk->unflushed, 0);
	assert_false(fake_unit(b.fake, 0)->flags & UNIT_FUA);
	destroy(&b);
}

static void many_fua_writes_all_become_durable(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		fake_block_queue(b.fake, 0, BLOCK_WRITE, i, 1, BLOCK_FUA);
	fake_block_kick(b.fake, 0);
	fake_run(b.fake);
	assert_int_equal(b.fake->completed, 32);
	assert_int_equal(b.disk->unflushed, 0);
	assert_true(fake_ahci_count(b.disk, 0xea) >= 1);
	destroy(&b);
}

static void native_fua_is_one_command(void **state)
{
	(void)state;
	for (unsigned depth = 0; depth <= 32; depth += 32) {
		struct bench b = one_disk();

		b.disk->fua = true;
		b.disk->depth = depth;
		assert_int_equal(start(&b), OK);
		assert_int_equal(fake_unit(b.fake, 0)->flags & UNIT_FUA, UNIT_FUA);
		assert_int_equal(transfer(&b, BLOCK_WRITE, 9, 1, BLOCK_FUA), OK);
		assert_int_equal(fake_ahci_count(b.disk, 0xea), 0);
		if (depth)
			assert_int_equal(b.disk->command[1].drive & 0x80, 0x80);
		else
			assert_int_equal(b.disk->command[1].command, 0x3d);
		assert_int_equal(transfer(&b, BLOCK_WRITE, 10, 1, 0), OK);
		assert_int_equal(b.disk->command[2].drive & 0x80, 0);
		assert_int_not_equal(b.disk->command[2].command, 0x3d);
		destroy(&b);
	}
}

static void a_failing_flush_fails_its_fua_write(void **state)
{
	struct bench b = one_live_disk();
	unsigned id = fake_block_submit(b.fake, 0, BLOCK_WRITE, 9, 1, BLOCK_FUA);

	(void)state;
	b.disk->one_by_one = true;
	while (!fake_ahci_count(b.disk, 0x61))
		b.fake->work(b.fake->work_context);
	b.disk->fail_next = 1;
	fake_advance(b.fake, 5 * SHIM_S);
	assert_int_equal(fake_block_error(b.fake, id), ERR_IO);
	destroy(&b);
}

static void trim_names_ranges_of_at_most_65535_blocks(void **state)
{
	struct bench b = one_disk();
	const uint8_t data[512] = { 1 };

	(void)state;
	b.disk->trim = true;
	assert_int_equal(start(&b), OK);
	assert_int_equal(fake_unit(b.fake, 0)->flags & UNIT_DISCARD, UNIT_DISCARD);
	fake_ahci_store(b.disk, 1000, data);
	fake_ahci_store(b.disk, 999, data);
	fake_ahci_store(b.disk, 1000 + 199999, data);
	fake_ahci_store(b.disk, 1000 + 200000, data);
	assert_int_equal(transfer(&b, BLOCK_DISCARD, 1000, 200000, 0), OK);
	assert_int_equal(b.disk->trimmed, 200000);
	assert_int_equal(fake_ahci_count(b.disk, 0x06), 1);
	assert_int_equal(fake_ahci_block(b.disk, 1000)[0], 0);
	assert_int_equal(fake_ahci_block(b.disk, 200999)[0], 0);
	assert_int_equal(fake_ahci_block(b.disk, 999)[0], 1);
	assert_int_equal(fake_ahci_block(b.disk, 201000)[0], 1);
	destroy(&b);
}

static void a_large_trim_takes_several_commands(void **state)
{
	(void)state;
	for (unsigned blocks = 1; blocks <= 100; blocks += 99) {
		struct bench b = one_disk();

		b.disk->trim = true;
		b.disk->trim_blocks = blocks;
		b.disk->block_count = UINT64_C(1) << 40;
		assert_int_equal(start(&b), OK);
		assert_int_equal(transfer(&b, BLOCK_DISCARD, 5, 4000000000u, 0), OK);
		assert_int_equal(b.disk->trimmed, 4000000000u);
		destroy(&b);
	}
}

/* --- Errors --- */

static unsigned reads_alone; /* reads that were not queued */

/* Sixteen reads, one of them of a bad block: it alone fails. */
static void recover_one_of_many(struct bench *b)
{
	b->disk->bad = true;
	b->disk->bad_lba = 7;
	for (unsigned i = 0; i < 16; i++)
		fake_block_queue(b->fake, 0, BLOCK_READ, i, 1, 0);
	fake_block_kick(b->fake, 0);
	fake_advance(b->fake, 5 * SHIM_S);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(fake_block_error(b->fake, i), i == 7 ? ERR_MEDIA : OK);
	reads_alone = fake_ahci_count(b->disk, 0x25);
	/* and the disk goes on, queueing */
	b->disk->command_count = 0;
	assert_int_equal(transfer(b, BLOCK_READ, 100, 1, 0), OK);
	assert_int_equal(fake_ahci_count(b->disk, 0x60), 1);
}

static void a_media_error_fails_the_guilty_one_by_the_log(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->log = true;
	assert_int_equal(start(&b), OK);
	b.disk->backwards = true;
	recover_one_of_many(&b);
	assert_int_equal(b.disk->resets, 2); /* plugged, host reset */
	assert_int_equal(reads_alone, 0);
	destroy(&b);
}

static void a_media_error_without_a_log_is_found_one_by_one(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	recover_one_of_many(&b);
	assert_int_equal(b.disk->resets, 3);
	destroy(&b);
}

static void a_broken_log_falls_back_to_a_port_reset(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->log = b.disk->broken_log = true;
	assert_int_equal(start(&b), OK);
	recover_one_of_many(&b);
	assert_int_equal(b.disk->resets, 3);
	destroy(&b);
}

static void a_log_that_names_nobody_is_not_believed(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->log = b.disk->lying_log = true;
	assert_int_equal(start(&b), OK);
	recover_one_of_many(&b);
	destroy(&b);
}

static void errors_as_older_qemus_report_them_are_recovered(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.model->sloppy_errors = true;
	assert_int_equal(start(&b), OK);
	recover_one_of_many(&b);
	destroy(&b);
}

static void an_error_is_not_reported_again_by_the_next_command(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.model->stale_errors = true;
	assert_int_equal(start(&b), OK);
	b.disk->bad = true;
	b.disk->bad_lba = 7;
	assert_int_equal(transfer(&b, BLOCK_READ, 7, 1, 0), ERR_MEDIA);
	assert_int_equal(transfer(&b, BLOCK_READ, 8, 1, 0), OK);
	assert_int_equal(b.disk->resets, 3);
	destroy(&b);
}

static void many_bad_blocks_in_a_row_do_not_lose_the_disk(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		b.disk->bad = true;
		b.disk->bad_lba = i;
		assert_int_equal(transfer(&b, BLOCK_READ, i, 1, 0), ERR_MEDIA);
	}
	assert_non_null(fake_unit(b.fake, 0));
	destroy(&b);
}

static void an_error_without_ncq_fails_that_request(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->depth = 0;
	assert_int_equal(start(&b), OK);
	b.disk->fail_next = 1;
	b.disk->fail_error = 0x04;
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), ERR_IO);
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), OK);
	assert_int_equal(b.disk->resets, 2);
	destroy(&b);
}

static void a_damaged_transfer_is_tried_again(void **state)
{
	(void)state;
	for (unsigned depth = 0; depth <= 32; depth += 32) {
		struct bench b = one_disk();

		b.disk->depth = depth;
		assert_int_equal(start(&b), OK);
		b.disk->corrupt_next = 1;
		assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), OK);
		assert_true(fake_log_has(b.fake, "port 0: reset"));
		destroy(&b);
	}
}

static void a_link_that_always_damages_is_given_up(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	b.disk->corrupt_next = 1000;
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), ERR_IO);
	fake_advance(b.fake, 60 * SHIM_S);
	assert_true(b.disk->corrupt_next > 900);
	destroy(&b);
}

static void a_request_without_answer_times_out_and_the_others_go_on(void **state)
{
	struct bench b = one_live_disk();
	unsigned old, young;

	(void)state;
	b.disk->hold = true;
	old = fake_block_submit(b.fake, 0, BLOCK_READ, 0, 1, 0);
	fake_advance(b.fake, 25 * SHIM_S);
	young = fake_block_submit(b.fake, 0, BLOCK_READ, 1, 1, 0);
	fake_advance(b.fake, 14 * SHIM_S);
	assert_false(fake_block_done(b.fake, old));
	fake_advance(b.fake, 990 * SHIM_MS);
	b.disk->hold = false;
	b.model->port[0].issue = 0; /* it has forgotten them */
	fake_advance(b.fake, 5 * SHIM_S);
	assert_int_equal(fake_block_error(b.fake, old), ERR_TIMEOUT);
	assert_int_equal(fake_block_error(b.fake, young), OK);
	destroy(&b);
}

static void a_lost_interrupt_loses_no_request(void **state)
{
	struct bench b = one_live_disk();
	unsigned id;

	(void)state;
	b.model->drop_interrupts = 1;
	id = fake_block_submit(b.fake, 0, BLOCK_READ, 0, 1, 0);
	fake_run(b.fake);
	assert_false(fake_block_done(b.fake, id));
	fake_advance(b.fake, 21 * SHIM_S);
	assert_int_equal(fake_block_error(b.fake, id), OK);
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), OK);
	destroy(&b);
}

static void an_idle_disk_needs_no_timer(void **state)
{
	struct bench b = one_live_disk();
	uint64_t sets;

	(void)state;
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), OK);
	fake_advance(b.fake, 60 * SHIM_S);
	sets = b.fake->timer_sets;
	fake_advance(b.fake, 600 * SHIM_S);
	assert_int_equal(b.fake->timer_sets, sets);
	assert_false(fake_advance_to_timer(b.fake));
	destroy(&b);
}

static void an_engine_that_never_stops_is_reset(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	b.model->engine_hangs = true;
	b.disk->bad = true;
	b.disk->bad_lba = 3;
	assert_int_equal(transfer(&b, BLOCK_READ, 3, 1, 0), ERR_MEDIA);
	assert_int_equal(transfer(&b, BLOCK_READ, 4, 1, 0), OK);
	assert_true(b.disk->resets > 2);
	destroy(&b);
}

/* --- Removal --- */

static void unplugging_fails_what_is_in_flight_with_gone(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	b.disk->hold = true;
	for (unsigned i = 0; i < 4; i++)
		fake_block_submit(b.fake, 0, i == 2 ? BLOCK_FLUSH : BLOCK_READ, 0, i != 2, 0);
	fake_ahci_unplug(b.model, 0);
	fake_advance(b.fake, 3 * SHIM_S);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fake_block_error(b.fake, i), ERR_GONE);
	assert_null(fake_unit(b.fake, 0));
	destroy(&b);
}

static void a_disk_plugged_in_later_is_announced(void **state)
{
	struct bench b = create(1);

	(void)state;
	assert_int_equal(start(&b), OK);
	fake_ahci_plug(b.model, 0);
	fake_advance(b.fake, 1 * SHIM_S);
	assert_non_null(fake_unit(b.fake, 0));
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), OK);
	fake_ahci_unplug(b.model, 0);
	fake_advance(b.fake, 3 * SHIM_S);
	assert_null(fake_unit(b.fake, 0));
	fake_ahci_plug(b.model, 0);
	fake_advance(b.fake, 1 * SHIM_S);
	assert_non_null(fake_unit(b.fake, 0));
	assert_int_equal(transfer(&b, BLOCK_READ, 0, 1, 0), OK);
	destroy(&b);
}

static void another_disk_in_its_place_does_not_get_its_requests(void **state)
{
	struct bench b = one_live_disk();
	unsigned id;

	(void)state;
	b.disk->hold = true;
	id = fake_block_submit(b.fake, 0, BLOCK_WRITE, 0, 1, 0);
	fake_ahci_unplug(b.model, 0);
	fake_run(b.fake);
	fake_ahci_plug(b.model, 0)->serial = "ANOTHER";
	fake_advance(b.fake, 3 * SHIM_S);
	assert_int_equal(fake_block_error(b.fake, id), ERR_GONE);
	assert_string_equal(fake_unit(b.fake, 0)->serial, "ANOTHER");
	assert_int_equal(fake_ahci_count(b.disk, 0x61), 0);
	destroy(&b);
}

static void a_short_loss_of_the_link_loses_no_request(void **state)
{
	struct bench b = one_live_disk();
	unsigned id;

	(void)state;
	b.disk->hold = true;
	id = fake_block_submit(b.fake, 0, BLOCK_READ, 0, 1, 0);
	fake_ahci_unplug(b.model, 0);
	fake_run(b.fake);
	fake_ahci_plug(b.model, 0);
	fake_advance(b.fake, 3 * SHIM_S);
	assert_int_equal(fake_block_error(b.fake, id), OK);
	destroy(&b);
}

static void remove_fails_everything_and_touches_nothing(void **state)
{
	struct bench b = one_live_disk();
	unsigned id;

	(void)state;
	b.disk->hold = true;
	id = fake_block_submit(b.fake, 0, BLOCK_READ, 0, 1, 0);
	b.model->gone = true;
	fake_remove(b.fake);
	assert_int_equal(fake_block_error(b.fake, id), ERR_GONE);
	assert_null(fake_unit(b.fake, 0));
	assert_false(fake_advance_to_timer(b.fake));
	destroy(&b);
}

static void a_vanished_controller_is_noticed_by_its_interrupt(void **state)
{
	struct bench b = one_live_disk();
	unsigned id = fake_block_submit(b.fake, 0, BLOCK_READ, 0, 1, 0);

	(void)state;
	b.model->gone = true;
	fake_interrupt(b.fake, 0);
	fake_run(b.fake);
	assert_int_equal(fake_block_error(b.fake, id), ERR_GONE);
	assert_null(fake_unit(b.fake, 0));
	destroy(&b);
}

static void a_vanished_controller_is_noticed_by_the_deadline(void **state)
{
	struct bench b = one_live_disk();
	unsigned id = fake_block_submit(b.fake, 0, BLOCK_READ, 0, 1, 0);

	(void)state;
	b.model->gone = true;
	fake_advance(b.fake, 120 * SHIM_S);
	assert_true(fake_block_done(b.fake, id));
	assert_null(fake_unit(b.fake, 0));
	destroy(&b);
}

static void an_interrupt_of_somebody_else_is_not_claimed(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	fake_interrupt(b.fake, 0);
	fake_run(b.fake);
	assert_int_equal(b.fake->vectors_unclaimed, 1);
	destroy(&b);
}

/* --- Quiesce and state --- */

static void quiesce_waits_for_what_is_in_flight(void **state)
{
	struct bench b = one_live_disk();
	unsigned id;

	(void)state;
	b.disk->hold = true;
	id = fake_block_submit(b.fake, 0, BLOCK_WRITE, 0, 1, 0);
	fake_quiesce(b.fake);
	fake_advance(b.fake, 1 * SHIM_S);
	assert_false(b.fake->quiesce_done);
	fake_block_submit(b.fake, 0, BLOCK_WRITE, 1, 1, 0);
	b.disk->hold = false;
	fake_advance(b.fake, 1 * SHIM_S);
	assert_true(b.fake->quiesce_done);
	assert_int_equal(fake_block_error(b.fake, id), OK);
	assert_int_equal(b.fake->completed, 1);
	assert_int_equal(b.model->port[0].command & 0xc011, 0);
	assert_int_equal(b.model->control & 2, 0);
	assert_false(fake_advance_to_timer(b.fake));
	destroy(&b);
}

static void quiesce_ends_although_the_disk_does_not_answer(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	b.disk->hold = true;
	b.model->engine_hangs = true;
	fake_block_submit(b.fake, 0, BLOCK_WRITE, 0, 1, 0);
	fake_quiesce(b.fake);
	fake_advance(b.fake, 10 * SHIM_S);
	assert_true(b.fake->quiesce_done);
	assert_int_equal(b.model->port[0].command & 1, 0);
	assert_int_equal(b.fake->completed, 0);
	destroy(&b);
}

static void the_next_instance_finishes_what_was_left(void **state)
{
	struct bench b = one_live_disk();
	unsigned id;

	(void)state;
	b.disk->hold = true;
	id = fake_block_submit(b.fake, 0, BLOCK_WRITE, 0, 1, 0);
	fake_quiesce(b.fake);
	fake_advance(b.fake, 10 * SHIM_S);
	b.disk->hold = false;
	fake_restart(b.fake, false);
	assert_int_equal(start(&b), OK);
	fake_block_kick(b.fake, 0);
	fake_run(b.fake);
	assert_int_equal(fake_block_error(b.fake, id), OK);
	destroy(&b);
}

static void quiesce_while_probing_stops_the_probe(void **state)
{
	struct bench b = one_disk();
	uint64_t accesses;

	(void)state;
	b.disk->silent = true;
	assert_int_equal(fake_start(b.fake), ERR_AGAIN);
	fake_quiesce(b.fake);
	fake_advance(b.fake, 1 * SHIM_S);
	assert_true(b.fake->quiesce_done);
	accesses = b.fake->reads + b.fake->writes;
	fake_advance(b.fake, 60 * SHIM_S);
	assert_int_equal(b.fake->reads + b.fake->writes, accesses);
	assert_false(b.fake->probe_done);
	destroy(&b);
}

static void check_accepts_what_the_driver_wrote(void **state)
{
	struct bench b = one_live_disk();

	(void)state;
	assert_true(shim_driver_ahci.check(&b.fake->device));
	b.disk->hold = true;
	for (unsigned i = 0; i < 8; i++)
		fake_block_submit(b.fake, 0, i == 6 ? BLOCK_FLUSH : BLOCK_WRITE, i, i != 6,
				  i & 1 && i != 6 ? BLOCK_FUA : 0);
	assert_true(shim_driver_ahci.check(&b.fake->device));
	destroy(&b);
}

/* Whatever single word of the state is wrong: check refuses it, or the driver survives it. */
static void check_or_driver_survive_a_corrupted_word(void **state)
{
	size_t base = shim_driver_ahci.state_base_bytes / 4;
	size_t total = base + shim_driver_ahci.state_queue_bytes / 4;
	unsigned refused = 0;

	(void)state;
	for (size_t i = 0; i < total; i++) {
		struct bench b = one_live_disk();
		uint32_t *word = i < base ? (uint32_t *)b.fake->device.state + i
					  : (uint32_t *)b.fake->device.queue_state + (i - base);

		b.disk->hold = true;
		fake_block_submit(b.fake, 0, BLOCK_WRITE, 5, 1, 0);
		*word ^= 0xa5a5a5a5;
		if (!shim_driver_ahci.check(&b.fake->device)) {
			refused++;
		} else {
			b.disk->hold = false;
			fake_advance(b.fake, 60 * SHIM_S);
			b.fake->violations = 0; /* tags and data may be wrong; memory may not */
		}
		destroy(&b);
	}
	assert_true(refused > 20);
}

static void check_refuses_less_than_it_needs(void **state)
{
	struct bench b = one_live_disk();
	struct shim_buffer_view *buffer = &b.fake->device.buffer[0];
	struct shim_window_view *window = &b.fake->device.window[5];

	(void)state;
	buffer->size_bytes -= 4096;
	assert_false(shim_driver_ahci.check(&b.fake->device));
	buffer->size_bytes += 4096;
	assert_true(shim_driver_ahci.check(&b.fake->device));
	window->size_bytes = 0x100 + 0x7f;
	assert_false(shim_driver_ahci.check(&b.fake->device));
	window->kind = WINDOW_NONE;
	assert_false(shim_driver_ahci.check(&b.fake->device));
	destroy(&b);
}

/* What an instance that is not trusted may have left in the device and its memory. */
static void check_refuses_commands_that_lie_elsewhere(void **state)
{
	struct bench b = one_live_disk();
	uint64_t *table = (uint64_t *)(void *)(b.fake->device.buffer[0].cpu + 31 * 32 + 8);

	(void)state;
	*table += 256;
	assert_false(shim_driver_ahci.check(&b.fake->device));
	*table -= 256;
	b.model->port[0].list[0] += 1024;
	assert_false(shim_driver_ahci.check(&b.fake->device));
	b.model->port[0].list[0] -= 1024;
	b.model->port[0].fis[1] = 1;
	assert_false(shim_driver_ahci.check(&b.fake->device));
	b.model->port[0].fis[1] = 0;
	assert_true(shim_driver_ahci.check(&b.fake->device));
	destroy(&b);
}

/* Only a controller at work moves; all else starts anew. */
static void check_refuses_a_probe_under_way(void **state)
{
	struct bench b = one_disk();

	(void)state;
	b.disk->silent = true;
	assert_int_equal(fake_start(b.fake), ERR_AGAIN);
	assert_false(shim_driver_ahci.check(&b.fake->device));
	destroy(&b);
}

static void a_hot_move_loses_nothing_in_flight(void **state)
{
	struct bench b = one_live_disk();
	unsigned ids[4];

	(void)state;
	b.disk->hold = true;
	for (unsigned i = 0; i < 4; i++)
		ids[i] = fake_block_submit(b.fake, 0, BLOCK_WRITE, i, 1, 0);
	fake_restart(b.fake, true);
	assert_true(shim_driver_ahci.check(&b.fake->device));
	b.disk->hold = false;
	fake_run(b.fake);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(fake_block_error(b.fake, ids[i]), OK);
	destroy(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe_announces_a_disk_with_what_it_says),
		cmocka_unit_test(probe_finds_disks_on_any_implemented_port),
		cmocka_unit_test(probe_of_empty_ports_ends_at_once),
		cmocka_unit_test(probe_without_ports_fails),
		cmocka_unit_test(probe_of_a_vanished_controller_fails_with_gone),
		cmocka_unit_test(probe_refuses_a_window_too_small_for_its_ports),
		cmocka_unit_test(probe_passes_failing_calls_on),
		cmocka_unit_test(probe_survives_a_unit_that_cannot_be_added),
		cmocka_unit_test(probe_waits_for_the_firmware_to_let_go),
		cmocka_unit_test(probe_goes_on_when_the_firmware_never_lets_go),
		cmocka_unit_test(probe_fails_when_the_reset_never_ends),
		cmocka_unit_test(staggered_disks_spin_up_one_after_the_other),
		cmocka_unit_test(a_silent_disk_is_given_up_with_one_line),
		cmocka_unit_test(a_disk_that_never_identifies_itself_is_given_up),
		cmocka_unit_test(a_disk_that_refuses_to_identify_itself_is_given_up),
		cmocka_unit_test(atapi_is_refused_politely),
		cmocka_unit_test(garbage_identify_is_no_disk),
		cmocka_unit_test(a_disk_of_no_sectors_is_no_disk),
		cmocka_unit_test(sectors_of_odd_size_are_refused),
		cmocka_unit_test(completions_of_foreign_tags_complete_nothing),
		cmocka_unit_test(what_is_written_is_on_the_disk_and_read_back),
		cmocka_unit_test(the_largest_transfer_is_one_command),
		cmocka_unit_test(one_read_takes_five_register_accesses),
		cmocka_unit_test(a_batch_costs_two_register_writes_and_no_timer_each),
		cmocka_unit_test(thirty_two_requests_are_in_flight_at_once),
		cmocka_unit_test(the_depth_is_what_both_sides_offer),
		cmocka_unit_test(a_controller_without_ncq_gets_one_command_at_a_time),
		cmocka_unit_test(a_disk_without_48_bits_gets_the_old_commands),
		cmocka_unit_test(disks_beyond_2_tib_are_reached_to_the_last_block),
		cmocka_unit_test(sectors_of_4096_bytes_are_transferred_whole),
		cmocka_unit_test(a_flush_waits_for_what_is_in_flight_and_holds_what_follows),
		cmocka_unit_test(fua_without_native_support_is_a_write_and_a_flush),
		cmocka_unit_test(many_fua_writes_all_become_durable),
		cmocka_unit_test(native_fua_is_one_command),
		cmocka_unit_test(a_failing_flush_fails_its_fua_write),
		cmocka_unit_test(trim_names_ranges_of_at_most_65535_blocks),
		cmocka_unit_test(a_large_trim_takes_several_commands),
		cmocka_unit_test(a_media_error_fails_the_guilty_one_by_the_log),
		cmocka_unit_test(a_media_error_without_a_log_is_found_one_by_one),
		cmocka_unit_test(a_broken_log_falls_back_to_a_port_reset),
		cmocka_unit_test(a_log_that_names_nobody_is_not_believed),
		cmocka_unit_test(errors_as_older_qemus_report_them_are_recovered),
		cmocka_unit_test(an_error_is_not_reported_again_by_the_next_command),
		cmocka_unit_test(many_bad_blocks_in_a_row_do_not_lose_the_disk),
		cmocka_unit_test(an_error_without_ncq_fails_that_request),
		cmocka_unit_test(a_damaged_transfer_is_tried_again),
		cmocka_unit_test(a_link_that_always_damages_is_given_up),
		cmocka_unit_test(a_request_without_answer_times_out_and_the_others_go_on),
		cmocka_unit_test(a_lost_interrupt_loses_no_request),
		cmocka_unit_test(an_idle_disk_needs_no_timer),
		cmocka_unit_test(an_engine_that_never_stops_is_reset),
		cmocka_unit_test(unplugging_fails_what_is_in_flight_with_gone),
		cmocka_unit_test(a_disk_plugged_in_later_is_announced),
		cmocka_unit_test(another_disk_in_its_place_does_not_get_its_requests),
		cmocka_unit_test(a_short_loss_of_the_link_loses_no_request),
		cmocka_unit_test(remove_fails_everything_and_touches_nothing),
		cmocka_unit_test(a_vanished_controller_is_noticed_by_its_interrupt),
		cmocka_unit_test(a_vanished_controller_is_noticed_by_the_deadline),
		cmocka_unit_test(an_interrupt_of_somebody_else_is_not_claimed),
		cmocka_unit_test(quiesce_waits_for_what_is_in_flight),
		cmocka_unit_test(quiesce_ends_although_the_disk_does_not_answer),
		cmocka_unit_test(the_next_instance_finishes_what_was_left),
		cmocka_unit_test(quiesce_while_probing_stops_the_probe),
		cmocka_unit_test(check_accepts_what_the_driver_wrote),
		cmocka_unit_test(check_or_driver_survive_a_corrupted_word),
		cmocka_unit_test(check_refuses_less_than_it_needs),
		cmocka_unit_test(check_refuses_commands_that_lie_elsewhere),
		cmocka_unit_test(check_refuses_a_probe_under_way),
		cmocka_unit_test(a_hot_move_loses_nothing_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
