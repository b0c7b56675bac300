/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Physical frames and the kernel heap above them (kernel/mm/frame.c, heap.c), against a model.
 */
#include "kernel_host.h"

#include "../../kernel/mm/frame.c"
#include "../../kernel/mm/heap.c"

#define HELD  400
#define CHUNK 300

static uint8_t *table;

/* Two ranges with rough edges below 4 GiB, one above. */
#define LOW_A      HOST_LOW_START
#define LOW_A_END  (HOST_LOW_START + 0x3ff000)
#define LOW_B      (HOST_LOW_START + 0x403000)
#define LOW_B_END  (HOST_LOW_START + 0x1400000)
#define HIGH_END   (HOST_HIGH_START + 0x1001000)
#define LOW_PAGES  ((LOW_A_END - LOW_A + LOW_B_END - LOW_B) / PAGE_SIZE)
#define HIGH_PAGES ((HIGH_END - HOST_HIGH_START) / PAGE_SIZE)

static int setup(void **state)
{
	(void)state;
	table = calloc(1, frame_table_bytes(HOST_TOP));
	frame_table_set(table, HOST_TOP);
	frame_add_range(LOW_A, LOW_A_END);
	frame_add_range(LOW_B, LOW_B_END);
	frame_add_range(HOST_HIGH_START, HIGH_END);
	return table ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(table);
	return 0;
}

static bool is_ram(paddr_t start, uint64_t bytes)
{
	return (start >= LOW_A && start + bytes <= LOW_A_END) ||
	       (start >= LOW_B && start + bytes <= LOW_B_END) ||
	       (start >= HOST_HIGH_START && start + bytes <= HIGH_END);
}

/* Who has each frame, as the test knows it. */
static uint8_t taken[2][HOST_ARENA / PAGE_SIZE];

static uint8_t *frame_of(paddr_t paddr)
{
	return paddr >= HOST_HIGH_START ? &taken[1][(paddr - HOST_HIGH_START) / PAGE_SIZE]
					: &taken[0][(paddr - HOST_LOW_START) / PAGE_SIZE];
}

static void take(paddr_t paddr, unsigned order)
{
	assert_true(is_ram(paddr, PAGE_SIZE << order));
	assert_int_equal(paddr % (PAGE_SIZE << order), 0);
	for (uint64_t i = 0; i < 1ul << order; i++) {
		assert_int_equal(*frame_of(paddr + i * PAGE_SIZE), 0);
		*frame_of(paddr + i * PAGE_SIZE) = 1;
	}
	memset(phys_to_virt(paddr), 0xa5, PAGE_SIZE << order);
}

static void give_back(paddr_t paddr, unsigned order)
{
	for (uint64_t i = 0; i < 1ul << order; i++)
		*frame_of(paddr + i * PAGE_SIZE) = 0;
	frame_free(paddr, order);
}

/* As many blocks of an order as there are. */
static unsigned take_all(paddr_t *blocks, unsigned most, unsigned order)
{
	unsigned count = 0;

	while (count < most && (blocks[count] = frame_allocate(order, 0)))
		take(blocks[count++], order);
	return count;
}

static void every_frame_is_found_once_and_comes_back(void **state)
{
	static paddr_t frames[2 * HOST_ARENA / PAGE_SIZE];
	unsigned count;

	(void)state;
	assert_int_equal(frame_stats().total_pages, LOW_PAGES + HIGH_PAGES);
	for (unsigned round = 0; round < 2; round++) {
		count = take_all(frames, ARRAY_COUNT(frames), 0);
		assert_int_equal(count, LOW_PAGES + HIGH_PAGES);
		assert_int_equal(frame_stats().free_pages, 0);
		for (unsigned i = 0; i < count; i++)
			give_back(frames[(i * 7919ul) % count], 0);
		assert_int_equal(frame_stats().free_pages, LOW_PAGES + HIGH_PAGES);
	}
}

static void random_use_never_overlaps_and_merges_back(void **state)
{
	static paddr_t block[HELD];
	static unsigned order[HELD];
	static paddr_t large[64];
	unsigned count = take_all(large, 64, FRAME_ORDER_MAX), again;

	(void)state;
	assert_true(count >= 6);
	for (unsigned i = 0; i < count; i++)
		give_back(large[i], FRAME_ORDER_MAX);
	memset(block, 0, sizeof(block));
	srand(2);
	for (unsigned round = 0; round < 60000; round++) {
		unsigned i = (unsigned)rand() % HELD;

		if (block[i]) {
			give_back(block[i], order[i]);
			block[i] = 0;
			continue;
		}
		order[i] = rand() % 4 ? 0 : (unsigned)rand() % 7;
		block[i] = frame_allocate(order[i], rand() % 2 ? FRAME_LOW : 0);
		if (block[i])
			take(block[i], order[i]);
	}
	for (unsigned i = 0; i < HELD; i++)
		if (block[i])
			give_back(block[i], order[i]);
	assert_int_equal(frame_stats().free_pages, LOW_PAGES + HIGH_PAGES);
	again = take_all(large, 64, FRAME_ORDER_MAX);
	assert_int_equal(again, count);
	for (unsigned i = 0; i < again; i++)
		give_back(large[i], FRAME_ORDER_MAX);
}

static void low_memory_is_kept_for_those_who_need_it(void **state)
{
	paddr_t paddr = frame_allocate(0, 0);

	(void)state;
	assert_true(paddr >= HOST_HIGH_START);
	frame_free(paddr, 0);
	for (uint64_t i = 0; i < LOW_PAGES; i++) {
		paddr = frame_allocate(0, FRAME_LOW);
		assert_true(paddr && paddr < HOST_HIGH_START);
	}
	assert_int_equal(frame_allocate(0, FRAME_LOW), 0);
	assert_true(frame_allocate(0, 0) >= HOST_HIGH_START);
}

static void too_large_a_block_is_refused(void **state)
{
	(void)state;
	assert_int_equal(frame_allocate(FRAME_ORDER_MAX + 1, 0), 0);
	assert_int_equal(frame_allocate(~0u, 0), 0);
	assert_int_equal(frame_order(1), 0);
	assert_int_equal(frame_order(PAGE_SIZE), 0);
	assert_int_equal(frame_order(PAGE_SIZE + 1), 1);
	assert_int_equal(frame_order(4ul << 20), FRAME_ORDER_MAX);
	assert_true(frame_order(~0ul) > FRAME_ORDER_MAX);
}

static void range_comes_back_in_pieces_of_its_own_size(void **state)
{
	paddr_t paddr = frame_allocate(4, 0);
	uint64_t before = frame_stats().free_pages;

	(void)state;
	frame_free_range(paddr + 5 * PAGE_SIZE, paddr + 16 * PAGE_SIZE);
	assert_int_equal(frame_stats().free_pages, before + 11);
	frame_free_range(paddr, paddr + 5 * PAGE_SIZE);
	assert_int_equal(frame_stats().free_pages, before + 16);
}

/* --- The heap --- */

static void heap_keeps_every_byte_and_gives_all_pages_back(void **state)
{
	static uint8_t *chunk[CHUNK];
	static size_t bytes[CHUNK];
	uint64_t free_pages = frame_stats().free_pages;

	(void)state;
	memset(chunk, 0, sizeof(chunk));
	srand(3);
	for (unsigned round = 0; round < 50000; round++) {
		unsigned i = (unsigned)rand() % CHUNK;

		if (chunk[i]) {
			for (size_t at = 0; at < bytes[i]; at += 13)
				assert_int_equal(chunk[i][at], (uint8_t)i);
			kfree(chunk[i], bytes[i]);
			chunk[i] = NULL;
			continue;
		}
		bytes[i] = 1 + (size_t)rand() % (rand() % 16 ? 2200 : 20000);
		chunk[i] = kzalloc(bytes[i]);
		assert_non_null(chunk[i]);
		assert_int_equal((uintptr_t)chunk[i] % 16, 0);
		for (size_t at = 0; at < bytes[i]; at++)
			assert_int_equal(chunk[i][at], 0);
		memset(chunk[i], (int)i, bytes[i]);
	}
	for (unsigned i = 0; i < CHUNK; i++)
		kfree(chunk[i], bytes[i]);
	assert_int_equal(heap_bytes(), 0);
	assert_int_equal(frame_stats().free_pages, free_pages);
}

static void heap_frames_tells_what_a_size_takes(void **state)
{
	const size_t sizes[] = { 2017, 4096, 4097, 12288, 100000, 4ul << 20 };

	(void)state;
	assert_int_equal(heap_frames(1), 0);
	assert_int_equal(heap_frames(2016), 0);
	for (unsigned i = 0; i < ARRAY_COUNT(sizes); i++) {
		uint64_t before = frame_stats().free_pages;
		void *pointer = kzalloc(sizes[i]);

		assert_non_null(pointer);
		assert_int_equal(before - frame_stats().free_pages, heap_frames(sizes[i]));
		kfree(pointer, sizes[i]);
	}
	assert_null(kzalloc((4ul << 20) + 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_frame_is_found_once_and_comes_back),
		TEST(random_use_never_overlaps_and_merges_back),
		TEST(low_memory_is_kept_for_those_who_need_it),
		TEST(too_large_a_block_is_refused),
		TEST(range_comes_back_in_pieces_of_its_own_size),
		TEST(heap_keeps_every_byte_and_gives_all_pages_back),
		TEST(heap_frames_tells_what_a_size_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
