/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Handle tables (kernel/object/handle.c and the lookup of kernel/process.h): generations, rights,
 * revocation, growth, the limit, the end in pieces.
 */
#include "kernel_host.h"

#include "../../kernel/object/handle.c"

static struct process process;
static struct object objects[4];
static uint64_t pages_left, bytes_held;

void object_reference(struct object *object)
{
	object->references++;
}

void object_release(struct object *object)
{
	assert_true(object->references > 1); /* the test's own stays */
	object->references--;
}

enum error account_allocate(struct process *owner, size_t size_bytes, void **pointer)
{
	assert_ptr_equal(owner, &process);
	if (size_bytes / PAGE_SIZE > pages_left)
		return ERR_BUDGET;
	*pointer = calloc(1, size_bytes);
	bytes_held += size_bytes;
	return OK;
}

void account_free(struct process *owner, void *pointer, size_t size_bytes)
{
	assert_ptr_equal(owner, &process);
	if (pointer)
		bytes_held -= size_bytes;
	free(pointer);
}

static int setup(void **state)
{
	(void)state;
	memset(&process, 0, sizeof(process));
	handle_table_init(&process.handles);
	for (unsigned i = 0; i < ARRAY_COUNT(objects); i++)
		objects[i] = (struct object){ .type = OBJECT_MEMORY, .references = 1 };
	objects[3].type = OBJECT_ENDPOINT;
	pages_left = 1000;
	bytes_held = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (!handle_table_destroy(&process))
		;
	for (unsigned i = 0; i < ARRAY_COUNT(objects); i++)
		assert_int_equal(objects[i].references, 1);
	assert_int_equal(bytes_held, 0);
	return 0;
}

static handle_t insert(struct object *object, uint32_t rights)
{
	handle_t handle = HANDLE_NONE;

	assert_int_equal(handle_insert(&process, object, rights, 5, &handle), OK);
	assert_true(handle != HANDLE_NONE);
	return handle;
}

static enum error look(handle_t handle, enum object_type type, uint32_t rights)
{
	struct handle_entry *entry;

	return handle_lookup(&process, handle, type, rights, &entry);
}

static void lookup_wants_type_and_all_rights(void **state)
{
	handle_t handle = insert(&objects[0], RIGHT_READ | RIGHT_WAIT);
	struct object *found;

	(void)state;
	assert_int_equal(look(handle, OBJECT_MEMORY, RIGHT_READ | RIGHT_WAIT), OK);
	assert_int_equal(look(handle, OBJECT_NONE, 0), OK);
	assert_int_equal(look(handle, OBJECT_ENDPOINT, 0), ERR_TYPE);
	assert_int_equal(look(handle, OBJECT_MEMORY, RIGHT_READ | RIGHT_WRITE), ERR_DENIED);
	assert_int_equal(handle_object(&process, handle, OBJECT_MEMORY, RIGHT_READ, &found), OK);
	assert_ptr_equal(found, &objects[0]);
}

static void what_was_never_given_is_refused(void **state)
{
	(void)state;
	assert_int_equal(look(HANDLE_NONE, OBJECT_NONE, 0), ERR_HANDLE); /* no table yet */
	insert(&objects[0], 0);
	for (uint64_t handle = 0; handle < 1ul << 32; handle += 99991)
		assert_true(look((handle_t)handle, OBJECT_NONE, 0) == ERR_HANDLE);
	assert_int_equal(look(HANDLE_NONE, OBJECT_NONE, 0), ERR_HANDLE);
	assert_int_equal(look(~(handle_t)0, OBJECT_NONE, 0), ERR_HANDLE);
	assert_int_equal(handle_close(&process, HANDLE_NONE), ERR_HANDLE);
	assert_int_equal(handle_close(&process, ~(handle_t)0), ERR_HANDLE);
}

static void closed_handle_stays_dead_when_its_slot_is_used_again(void **state)
{
	handle_t old = insert(&objects[0], RIGHT_READ), fresh;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		assert_int_equal(handle_close(&process, old), OK);
		assert_int_equal(handle_close(&process, old), ERR_HANDLE);
		fresh = insert(&objects[1], RIGHT_READ);
		assert_true(fresh != old);
		assert_int_equal(look(old, OBJECT_NONE, 0), ERR_HANDLE);
		assert_int_equal(look(fresh, OBJECT_NONE, 0), OK);
		old = fresh;
	}
}

static void revoking_kills_every_handle_to_the_object_and_no_other(void **state)
{
	handle_t one = insert(&objects[0], RIGHT_READ), two = insert(&objects[0], RIGHT_ALL);
	handle_t other = insert(&objects[1], RIGHT_READ);

	(void)state;
	objects[0].generation++;
	assert_int_equal(look(one, OBJECT_NONE, 0), ERR_HANDLE);
	assert_int_equal(look(two, OBJECT_NONE, 0), ERR_HANDLE);
	assert_int_equal(look(other, OBJECT_NONE, 0), OK);
	assert_int_equal(look(insert(&objects[0], RIGHT_READ), OBJECT_NONE, 0), OK);
	assert_int_equal(handle_close(&process, one), OK); /* a dead one still has its slot */
}

static void table_grows_to_its_limit_and_keeps_old_handles(void **state)
{
	static handle_t handle[HANDLE_TABLE_MAX];
	handle_t ignored;
	uint32_t count = 0;

	(void)state;
	while (handle_insert(&process, &objects[count % 3], RIGHT_READ, count, &handle[count]) ==
	       OK)
		count++;
	assert_int_equal(count, HANDLE_TABLE_MAX - 1);
	assert_int_equal(handle_insert(&process, &objects[0], 0, 0, &ignored), ERR_BUDGET);
	for (uint32_t i = 0; i < count; i++) {
		struct handle_entry *entry;

		assert_int_equal(handle_lookup(&process, handle[i], OBJECT_MEMORY, 0, &entry), OK);
		assert_ptr_equal(entry->object, &objects[i % 3]);
		assert_int_equal(entry->badge, i);
	}
	assert_int_equal(handle_close(&process, handle[777]), OK);
	assert_int_equal(look(insert(&objects[0], 0), OBJECT_NONE, 0), OK);
}

static void growth_beyond_the_budget_leaves_the_table_as_it_was(void **state)
{
	handle_t first = insert(&objects[0], RIGHT_READ), handle;
	unsigned count = 1;

	(void)state;
	pages_left = 1;
	while (handle_insert(&process, &objects[0], 0, 0, &handle) == OK)
		count++;
	assert_true(count < 1000);
	assert_int_equal(objects[0].references, 1 + count);
	assert_int_equal(process.handles.used, count);
	assert_int_equal(look(first, OBJECT_NONE, RIGHT_READ), OK);
}

static void table_goes_a_piece_at_a_time(void **state)
{
	unsigned pieces = 1;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		insert(&objects[i % 4], 0);
	while (!handle_table_destroy(&process)) {
		uint32_t references = 0;

		for (unsigned i = 0; i < 4; i++)
			references += objects[i].references - 1;
		assert_true(references >= 1000 - pieces * CLOSE_AT_ONCE);
		pieces++;
	}
	assert_true(pieces >= 1000 / CLOSE_AT_ONCE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(lookup_wants_type_and_all_rights),
		TEST(what_was_never_given_is_refused),
		TEST(closed_handle_stays_dead_when_its_slot_is_used_again),
		TEST(revoking_kills_every_handle_to_the_object_and_no_other),
		TEST(table_grows_to_its_limit_and_keeps_old_handles),
		TEST(growth_beyond_the_budget_leaves_the_table_as_it_was),
		TEST(table_goes_a_piece_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
