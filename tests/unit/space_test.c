/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Address spaces and memory objects (kernel/mm/space.c, memory.c) over real frames: mappings, page
 * tables, what is charged, and the end in pieces.
 */
#include "kernel_host.h"

#include "../../kernel/mm/frame.c"
#include "../../kernel/mm/heap.c"
#include "../../kernel/mm/memory.c"
#include "../../kernel/mm/space.c"

uint64_t kernel_cr3;
struct ktask *task_first;

static struct process process;
static struct space *space = &process.space;
static uint8_t *table;
static unsigned flushes;

void task_post(struct ktask *task)
{
	task->next = task_first;
	task_first = task;
}

static void run_tasks(void)
{
	while (task_first) {
		struct ktask *task = task_first;

		task_first = task->next;
		task->function(task);
	}
}

void cpu_flush_space(struct space *of)
{
	assert_ptr_equal(of, space);
	flushes++;
}

enum error account_charge_pages(struct process *owner, uint64_t pages)
{
	if (pages > owner->account.pages_limit - owner->account.pages_used)
		return ERR_BUDGET;
	owner->account.pages_used += pages;
	return OK;
}

void account_release_pages(struct process *owner, uint64_t pages)
{
	assert_true(owner->account.pages_used >= pages);
	owner->account.pages_used -= pages;
}

enum error account_allocate(struct process *owner, size_t size_bytes, void **pointer)
{
	enum error error = account_charge_pages(owner, heap_frames(size_bytes));

	if (!error)
		*pointer = kzalloc(size_bytes);
	return error;
}

void account_free(struct process *owner, void *pointer, size_t size_bytes)
{
	if (!pointer)
		return;
	kfree(pointer, size_bytes);
	account_release_pages(owner, heap_frames(size_bytes));
}

enum error object_create(struct process *owner, enum object_type type, size_t size_bytes,
			 void **object)
{
	struct object *made = kzalloc(size_bytes);

	assert_non_null(made);
	*made = (struct object){ .type = (uint8_t)type,
				 .references = 1,
				 .size_bytes = (uint32_t)size_bytes,
				 .owner = owner };
	*object = made;
	return OK;
}

void object_reference(struct object *object)
{
	object->references++;
}

void object_release(struct object *object)
{
	if (--object->references == 0)
		memory_destroy(object);
}

void object_free(struct object *object)
{
	kfree(object, object->size_bytes);
}

static uint64_t free_before;

static int setup(void **state)
{
	(void)state;
	table = calloc(1, frame_table_bytes(HOST_TOP));
	frame_table_set(table, HOST_TOP);
	frame_add_range(HOST_LOW_START, HOST_LOW_START + HOST_ARENA);
	kernel_cr3 = frame_allocate(0, 0);
	memset(phys_to_virt(kernel_cr3), 0x11, PAGE_SIZE);
	free_before = frame_stats().free_pages;
	process = (struct process){ .account.pages_limit = 3000 };
	return space_create(&process, space);
}

static int teardown(void **state)
{
	(void)state;
	while (!space_destroy(space))
		;
	run_tasks();
	assert_int_equal(process.account.pages_used, 0);
	assert_int_equal(frame_stats().free_pages, free_before);
	free(table);
	return 0;
}

static struct memory *make(uint64_t pages, unsigned flags)
{
	struct memory *memory = NULL;

	assert_int_equal(memory_create(&process, pages * PAGE_SIZE, flags, 0, &memory), OK);
	return memory;
}

/* Map a fresh object and let go of it: the mapping keeps it. */
static enum error map(vaddr_t *vaddr, uint64_t pages, unsigned rights)
{
	struct memory *memory = make(pages, 0);
	enum error error = space_map(space, memory, 0, pages * PAGE_SIZE, rights, vaddr);

	object_release(&memory->object);
	return error;
}

static void check_order(void)
{
	for (uint32_t i = 0; i < space->mapping_count; i++) {
		assert_true(space->mapping[i].start < space->mapping[i].end);
		if (i)
			assert_true(space->mapping[i - 1].end <= space->mapping[i].start);
	}
}

#define RW (RIGHT_READ | RIGHT_WRITE)

static void mappings_without_a_wish_lie_apart(void **state)
{
	vaddr_t at[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		at[i] = 0;
		assert_int_equal(map(&at[i], i + 1, RW), OK);
		assert_true(i == 0 || at[i] >= at[i - 1] + (i + 1) * PAGE_SIZE);
		check_order();
	}
	assert_int_equal(space_unmap(space, at[3], 4 * PAGE_SIZE), OK);
	at[0] = 0;
	assert_int_equal(map(&at[0], 4, RW), OK);
	assert_int_equal(at[0], at[3]); /* the gap is found */
	check_order();
}

static void impossible_places_are_refused(void **state)
{
	const vaddr_t bad[] = { 1,
				PAGE_SIZE - 1,
				USER_END,
				USER_END - PAGE_SIZE,
				0xffff800000000000ul,
				0xfffffffffffff000ul };
	vaddr_t at = 0x10000000;

	(void)state;
	assert_int_equal(map(&at, 2, RW), OK);
	for (unsigned i = 0; i < ARRAY_COUNT(bad); i++) {
		vaddr_t wish = bad[i];

		assert_int_equal(map(&wish, 2, RW), ERR_RANGE);
		assert_int_equal(wish, bad[i]);
	}
	for (vaddr_t wish = at - PAGE_SIZE; wish <= at + PAGE_SIZE; wish += PAGE_SIZE) {
		vaddr_t tried = wish;

		assert_int_equal(map(&tried, 2, RW), ERR_EXISTS);
	}
	at = 0;
	assert_int_equal(map(&at, 1, RW | RIGHT_EXECUTE), ERR_INVALID);
	assert_int_equal(map(&at, 1, RIGHT_WRITE), ERR_INVALID);
	assert_int_equal(space->mapping_count, 1);
}

static void ranges_outside_of_the_object_are_refused(void **state)
{
	struct memory *memory = make(4, 0);
	vaddr_t at = 0;

	(void)state;
	assert_int_equal(space_map(space, memory, 1, PAGE_SIZE, RW, &at), ERR_RANGE);
	assert_int_equal(space_map(space, memory, PAGE_SIZE, 4 * PAGE_SIZE, RW, &at), ERR_RANGE);
	assert_int_equal(space_map(space, memory, 0, ~0ul, RW, &at), ERR_RANGE);
	assert_int_equal(space_map(space, memory, ~PAGE_MASK, PAGE_SIZE, RW, &at), ERR_RANGE);
	assert_int_equal(space_map(space, memory, 0, 0, RW, &at), ERR_RANGE);
	assert_int_equal(space_map(space, memory, 3 * PAGE_SIZE, 1, RW, &at), OK);
	object_release(&memory->object);
}

static void unmapping_takes_whole_mappings_only(void **state)
{
	vaddr_t at = 0x10000000, next = 0x10004000;

	(void)state;
	assert_int_equal(map(&at, 4, RW), OK);
	assert_int_equal(map(&next, 2, RW), OK);
	assert_int_equal(space_unmap(space, at, 2 * PAGE_SIZE), ERR_INVALID);
	assert_int_equal(space_unmap(space, at + PAGE_SIZE, PAGE_SIZE), ERR_INVALID);
	assert_int_equal(space_unmap(space, at, 5 * PAGE_SIZE), ERR_INVALID);
	assert_int_equal(space_unmap(space, at + 1, PAGE_SIZE), ERR_RANGE);
	assert_int_equal(space_unmap(space, at, 0), ERR_RANGE);
	assert_int_equal(space_unmap(space, at, ~0ul), ERR_RANGE);
	assert_int_equal(space_unmap(space, 0x20000000, PAGE_SIZE), ERR_NOT_FOUND);
	assert_int_equal(space->mapping_count, 2);
	flushes = 0;
	assert_int_equal(space_unmap(space, at, 6 * PAGE_SIZE), OK);
	assert_int_equal(flushes, 1);
	assert_int_equal(space->mapping_count, 0);
}

static uint64_t entry_of(vaddr_t vaddr)
{
	uint64_t *entry;

	assert_int_equal(entry_at(space, vaddr, &entry), OK);
	return *entry;
}

static void unmapped_pages_leave_the_tables(void **state)
{
	vaddr_t at = 0x10000000 + (511 - 3) * PAGE_SIZE, beside = 0x10000000; /* two tables */
	vaddr_t after = at + 9 * PAGE_SIZE;

	(void)state;
	assert_int_equal(map(&at, 8, RW), OK);
	assert_int_equal(map(&beside, 1, RW), OK);
	assert_int_equal(space_populate(space, at, 8 * PAGE_SIZE), OK);
	assert_int_equal(space_populate(space, beside, PAGE_SIZE), OK);
	assert_int_equal(map(&after, 1, RW), OK);
	assert_int_equal(space_populate(space, after, PAGE_SIZE), OK);
	assert_true(entry_of(at + 7 * PAGE_SIZE) & PTE_PRESENT);
	assert_int_equal(space_unmap(space, at, 8 * PAGE_SIZE), OK);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(entry_of(at + i * PAGE_SIZE), 0);
	assert_true(entry_of(beside) & PTE_PRESENT);
	assert_true(entry_of(after) & PTE_PRESENT);
	assert_int_equal(space_populate(space, at, PAGE_SIZE), ERR_FAULT);
}

/* The same gigabyte over and over, and gone at once: the kernel must not search it page by page. */
static void much_that_was_never_touched_is_unmapped_at_once(void **state)
{
	const uint64_t bytes = 1ul << 30;
	struct memory *memory;
	vaddr_t first = 0, at;

	(void)state;
	assert_int_equal(memory_create(&process, bytes, 0, 0, &memory), OK);
	for (unsigned i = 0; i < 100; i++) {
		at = 0;
		assert_int_equal(space_map(space, memory, 0, bytes, RIGHT_READ, &at), OK);
		first = first ? first : at;
	}
	assert_int_equal(space_fault(space, at, false, false), OK);
	host_looks = 0;
	assert_int_equal(space_unmap(space, first, at + bytes - first), OK);
	assert_true(host_looks < 100 * 16 + 1000);
	object_release(&memory->object);
	run_tasks();
}

static void faults_follow_the_rights(void **state)
{
	vaddr_t data = 0x10000000, text = 0x20000000;

	(void)state;
	assert_int_equal(map(&data, 1, RW), OK);
	assert_int_equal(map(&text, 1, RIGHT_READ | RIGHT_EXECUTE), OK);
	assert_int_equal(space_fault(space, data + 5, true, false), OK);
	assert_int_equal(space_fault(space, data, false, true), ERR_FAULT);
	assert_int_equal(space_fault(space, text, true, false), ERR_FAULT);
	assert_int_equal(space_fault(space, text, false, true), OK);
	assert_int_equal(space_fault(space, data + PAGE_SIZE, false, false), ERR_FAULT);
	assert_int_equal(space_fault(space, 0, false, false), ERR_FAULT);
	assert_true(entry_of(data) & PTE_NX);
	assert_false(entry_of(text) & (PTE_WRITE | PTE_NX));
}

/* The page as the processor finds it; 0: it does not. */
static uint64_t walk(vaddr_t vaddr)
{
	uint64_t entry = space->root | PTE_PRESENT;

	for (unsigned level = 4; level-- && entry & PTE_PRESENT;)
		entry = ((uint64_t *)phys_to_virt(entry & PTE_ADDRESS))[table_index(vaddr, level)];
	return entry & PTE_PRESENT ? entry : 0;
}

static void closed_grant_is_mapped_and_out_of_reach(void **state)
{
	vaddr_t first = GRANT_START, second = GRANT_START, beside = 0;
	uint8_t byte = 7;

	(void)state;
	assert_int_equal(map(&beside, 1, RW), OK);
	assert_int_equal(map(&first, 3, RW), OK);
	assert_int_equal(map(&second, 2, RW), OK);
	assert_true(first > GRANT_START && second > first + 3 * PAGE_SIZE && second < GRANT_END);
	assert_true(beside < GRANT_START);
	assert_int_equal(space_populate(space, first, 3 * PAGE_SIZE), OK);
	assert_int_equal(space_populate(space, second, 2 * PAGE_SIZE), OK);
	assert_int_equal(space_populate(space, beside, PAGE_SIZE), OK);
	assert_int_equal(walk(first), 0);
	assert_int_equal(space_fault(space, first, false, false), ERR_FAULT);
	assert_int_equal(copy_to_user(space, (void *)second, &byte, 1), ERR_FAULT);
	assert_int_equal(copy_from_user(space, &byte, (void *)first, 1), ERR_FAULT);
	assert_true(walk(beside));
	assert_int_equal(copy_from_user(space, &byte, (void *)beside, 1), OK);
}

static void grant_opens_and_closes_as_a_whole(void **state)
{
	vaddr_t first = GRANT_START, second = GRANT_START, late = GRANT_START;
	uint8_t byte = 7;

	(void)state;
	assert_int_equal(map(&first, 3, RW), OK);
	assert_int_equal(space_populate(space, first, 3 * PAGE_SIZE), OK);
	flushes = 0;
	space_grant_open(space);
	assert_int_equal(flushes, 0);
	assert_true(walk(first + 2 * PAGE_SIZE) & PTE_WRITE);
	assert_int_equal(copy_to_user(space, (void *)first, &byte, 1), OK);
	assert_int_equal(map(&second, 1, RW), OK);
	assert_int_equal(space_fault(space, second, true, false), OK);
	assert_true(walk(second));
	space_grant_close(space);
	assert_int_equal(flushes, 1);
	assert_int_equal(walk(first), 0);
	assert_int_equal(walk(second), 0);
	assert_int_equal(space_fault(space, second, true, false), ERR_FAULT);
	space_grant_close(space);
	assert_int_equal(flushes, 1); /* it was closed */
	assert_int_equal(map(&late, 1, RW), OK);
	assert_int_equal(space_populate(space, late, PAGE_SIZE), OK);
	assert_int_equal(walk(late), 0);
	assert_int_equal(space_unmap(space, GRANT_START, GRANT_END - GRANT_START), OK);
	assert_int_equal(space->mapping_count, 0);
	space_grant_open(space);
	assert_int_equal(walk(first), 0);
}

/* The first mapping of all may come after the door is open. */
static void grant_opened_while_empty_is_reached(void **state)
{
	vaddr_t at = GRANT_START;

	(void)state;
	space_grant_open(space);
	assert_int_equal(map(&at, 1, RW), OK);
	assert_int_equal(space_populate(space, at, PAGE_SIZE), OK);
	assert_true(walk(at));
}

static void copies_cross_pages_and_obey_the_mappings(void **state)
{
	vaddr_t at = 0x10000000, next = 0x10002000, reader = 0x30000000, device = 0x40000000;
	uint8_t out[6000], in[6000];

	(void)state;
	assert_int_equal(map(&at, 2, RW), OK);
	assert_int_equal(map(&next, 1, RW), OK);
	assert_int_equal(map(&reader, 1, RIGHT_READ), OK);
	assert_int_equal(space_map_device(space, 0xfeb00000, PAGE_SIZE, &device), OK);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31);
	assert_int_equal(copy_to_user(space, (void *)(at + 4000), out, sizeof(out)), OK);
	assert_int_equal(copy_from_user(space, in, (void *)(at + 4000), sizeof(in)), OK);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(copy_to_user(space, (void *)(next + PAGE_SIZE - 4), out, 8), ERR_FAULT);
	assert_int_equal(copy_to_user(space, (void *)(reader), out, 1), ERR_FAULT);
	assert_int_equal(copy_from_user(space, in, (void *)(reader), 1), OK);
	assert_int_equal(copy_from_user(space, in, (void *)(device), 4), ERR_FAULT);
	assert_int_equal(copy_from_user(space, in, (void *)(~0ul), 1), ERR_FAULT);
	assert_int_equal(copy_from_user(space, in, (void *)(at), ~0ul), ERR_FAULT);
	assert_int_equal(copy_from_user(space, in, (void *)(0xffffffff80100000ul), 8), ERR_FAULT);
}

static void random_mappings_stay_sorted_and_give_all_back(void **state)
{
	static vaddr_t at[64];

	(void)state;
	memset(at, 0, sizeof(at));
	srand(5);
	for (unsigned round = 0; round < 4000; round++) {
		unsigned i = (unsigned)rand() % 64;
		vaddr_t wish = (vaddr_t)(rand() % 4096) << 21 | 0x1000;

		if (at[i]) {
			assert_int_equal(space_unmap(space, at[i], 3 * PAGE_SIZE), OK);
			at[i] = 0;
		} else if (map(&wish, 3, RW) == OK) {
			at[i] = wish;
			(void)space_populate(space, wish, 3 * PAGE_SIZE);
		}
		check_order();
	}
}

static void tables_are_charged_and_the_budget_binds(void **state)
{
	vaddr_t at = 0x10000000;

	(void)state;
	assert_int_equal(map(&at, 1, RW), OK);
	process.account.pages_limit = process.account.pages_used + 2;
	assert_int_equal(space_fault(space, at, true, false), ERR_BUDGET);
	process.account.pages_limit += 100;
	assert_int_equal(space_fault(space, at, true, false), OK);
}

static void large_space_goes_a_piece_at_a_time(void **state)
{
	unsigned pieces = 1;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		vaddr_t at = 0x10000000 + ((vaddr_t)i << 21);

		assert_int_equal(map(&at, 1, RW), OK);
		assert_int_equal(space_populate(space, at, PAGE_SIZE), OK);
	}
	while (!space_destroy(space))
		pieces++;
	assert_true(pieces >= 300 / TABLES_AT_ONCE);
	assert_true(space_destroy(space));
}

/* --- Memory objects --- */

static void untouched_memory_pays_for_its_table(void **state)
{
	uint64_t before = process.account.pages_used;
	struct memory *memory = make(512 * 100, 0);

	(void)state;
	assert_int_equal(process.account.pages_used, before + 128);
	object_release(&memory->object);
	run_tasks();
	assert_int_equal(process.account.pages_used, before);
}

static void committed_memory_is_committed_in_pieces(void **state)
{
	struct memory *memory = make(1000, MEMORY_COMMITTED);
	unsigned pieces = 0;
	bool more = true;

	(void)state;
	for (; more; pieces++)
		assert_int_equal(memory_commit(memory, &more), OK);
	assert_int_equal(pieces, (1000 + COMMIT_AT_ONCE - 1) / COMMIT_AT_ONCE);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(memory->page[i] != 0);
	object_release(&memory->object);
}

static void commit_beyond_the_budget_fails_and_gives_back(void **state)
{
	struct memory *memory = make(2999, MEMORY_COMMITTED);
	enum error error = OK;
	bool more = true;

	(void)state;
	while (!error && more)
		error = memory_commit(memory, &more);
	assert_int_equal(error, ERR_BUDGET);
	object_release(&memory->object);
	run_tasks();
	assert_int_equal(process.account.pages_used, 1);
}

static void contiguous_memory_is_whole_and_zero(void **state)
{
	paddr_t dirty = frame_allocate(3, 0);
	struct memory *memory;
	paddr_t first, last;

	(void)state;
	memset(phys_to_virt(dirty), 0xee, 8 * PAGE_SIZE);
	frame_free(dirty, 3);
	memory = make(5, MEMORY_CONTIGUOUS);
	assert_int_equal(memory_page(memory, 0, &first), OK);
	assert_int_equal(memory_page(memory, 4, &last), OK);
	assert_int_equal(last, first + 4 * PAGE_SIZE);
	assert_int_equal(memory_page(memory, 5, &last), ERR_RANGE);
	for (unsigned i = 0; i < 5 * PAGE_SIZE; i += 8)
		assert_int_equal(*(uint64_t *)((char *)phys_to_virt(first) + i), 0);
	object_release(&memory->object);
	assert_int_equal(memory_create(&process, CONTIGUOUS_MAX + 1, MEMORY_CONTIGUOUS, 0, &memory),
			 ERR_RANGE);
	assert_int_equal(memory_create(&process, 0, 0, 0, &memory), ERR_RANGE);
	assert_int_equal(memory_create(&process, ~0ul, 0, 0, &memory), ERR_RANGE);
	assert_int_equal(memory_create(&process, PAGE_SIZE, 4, 0, &memory), ERR_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(mappings_without_a_wish_lie_apart),
		TEST(impossible_places_are_refused),
		TEST(ranges_outside_of_the_object_are_refused),
		TEST(unmapping_takes_whole_mappings_only),
		TEST(unmapped_pages_leave_the_tables),
		TEST(much_that_was_never_touched_is_unmapped_at_once),
		TEST(faults_follow_the_rights),
		TEST(closed_grant_is_mapped_and_out_of_reach),
		TEST(grant_opens_and_closes_as_a_whole),
		TEST(grant_opened_while_empty_is_reached),
		TEST(copies_cross_pages_and_obey_the_mappings),
		TEST(random_mappings_stay_sorted_and_give_all_back),
		TEST(tables_are_charged_and_the_budget_binds),
		TEST(large_space_goes_a_piece_at_a_time),
		TEST(untouched_memory_pays_for_its_table),
		TEST(committed_memory_is_committed_in_pieces),
		TEST(commit_beyond_the_budget_fails_and_gives_back),
		TEST(contiguous_memory_is_whole_and_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
