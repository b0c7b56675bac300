/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The heap of ring-3 programs, over memory that the test hands out. It is included under other
 * names, beside the host's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define malloc  eft_malloc
#define calloc  eft_calloc
#define realloc eft_realloc
#define free    eft_free
#include "../../drivers-user/runtime/heap.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#define BUDGET_BYTES ((size_t)8 << 20)
#define BLOCKS       200

static uint8_t memory[BUDGET_BYTES] __attribute__((aligned(4096)));
static size_t memory_used;

/* The handle is the size; the mapping is the next piece. */
struct sys_result sys_call6(enum syscall number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			    uint64_t e, uint64_t f)
{
	struct sys_result result = { OK, 0 };

	(void)b;
	(void)d;
	(void)e;
	(void)f;
	switch (number) {
	case SYS_MEMORY_CREATE:
		if (a > BUDGET_BYTES - memory_used)
			return (struct sys_result){ ERR_BUDGET, 0 };
		result.value = a;
		return result;
	case SYS_MEMORY_MAP:
		assert_int_equal(a, c);
		assert_int_equal(a % 4096, 0);
		result.value = (uintptr_t)(memory + memory_used);
		memory_used += a;
		return result;
	default:
		assert_int_equal(number, SYS_HANDLE_CLOSE);
		return result;
	}
}

static int setup(void **state)
{
	(void)state;
	free_list = NULL;
	memory_used = 0;
	memset(memory, 0xee, sizeof(memory));
	return 0;
}

static void blocks_are_aligned_and_apart(void **state)
{
	uint8_t *block[BLOCKS];

	(void)state;
	for (unsigned i = 0; i < BLOCKS; i++) {
		block[i] = eft_malloc(i * 7 + 1);
		assert_non_null(block[i]);
		assert_int_equal((uintptr_t)block[i] % 16, 0);
		memset(block[i], (int)i, i * 7 + 1);
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		for (unsigned j = 0; j < i * 7 + 1; j++)
			assert_int_equal(block[i][j], (uint8_t)i);
}

static void random_use_keeps_every_byte(void **state)
{
	static uint8_t *block[BLOCKS];
	static size_t size[BLOCKS];

	(void)state;
	memset(block, 0, sizeof(block));
	srand(1);
	for (unsigned round = 0; round < 100000; round++) {
		unsigned i = (unsigned)rand() % BLOCKS;
		size_t fresh = (size_t)rand() % 3000;
		uint8_t *moved;

		if (block[i] && rand() % 2) {
			assert_int_equal(block[i][size[i] - 1], (uint8_t)i);
			eft_free(block[i]);
			block[i] = NULL;
			continue;
		}
		moved = eft_realloc(block[i], fresh + 1);
		assert_non_null(moved);
		if (block[i])
			assert_int_equal(moved[0], (uint8_t)i);
		memset(moved, (int)i, fresh + 1);
		block[i] = moved;
		size[i] = fresh + 1;
	}
	assert_true(memory_used <= 2 * BLOCKS * 3000);
}

static void freed_neighbours_become_one(void **state)
{
	void *block[64], *all;
	size_t used;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		block[i] = eft_malloc(4000);
	used = memory_used;
	for (unsigned i = 0; i < 64; i += 2)
		eft_free(block[i]);
	for (unsigned i = 1; i < 64; i += 2)
		eft_free(block[i]);
	all = eft_malloc(used - 2 * sizeof(struct block));
	assert_non_null(all);
	assert_int_equal(memory_used, used);
}

static void used_up_budget_is_null_and_hurts_nothing(void **state)
{
	uint8_t *block = eft_malloc(100);

	(void)state;
	memset(block, 5, 100);
	assert_null(eft_malloc(BUDGET_BYTES));
	assert_null(eft_malloc(SIZE_MAX));
	assert_null(eft_calloc(SIZE_MAX / 2, 4));
	assert_null(eft_realloc(block, BUDGET_BYTES));
	assert_int_equal(block[99], 5);
}

static void calloc_clears_what_was_used_before(void **state)
{
	uint8_t *block = eft_malloc(500);

	(void)state;
	memset(block, 0xff, 500);
	eft_free(block);
	block = eft_calloc(5, 100);
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(block[i], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(blocks_are_aligned_and_apart),
		TEST(random_use_keeps_every_byte),
		TEST(freed_neighbours_become_one),
		TEST(used_up_budget_is_null_and_hurts_nothing),
		TEST(calloc_clears_what_was_used_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
