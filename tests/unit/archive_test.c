/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reader of the initial archive (lib/archive.h), on archives built here, good and bad.
 * sources: shim/lib/archive.c shim/lib/text.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lib/archive.h>

static char text[4096];
static unsigned used;
static char *exact;
static struct archive archive;

static int begin(void **state)
{
	(void)state;
	used = 0;
	exact = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(exact);
	return 0;
}

static void add(const char *name, unsigned mode, const char *data, unsigned size_bytes)
{
	used += (unsigned)sprintf(
		text + used, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1, mode,
		0, 0, 1, 0, size_bytes, 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0);
	used += (unsigned)sprintf(text + used, "%s", name) + 1;
	while (used % 4)
		text[used++] = 0;
	memcpy(text + used, data, size_bytes);
	used += size_bytes;
	while (used % 4)
		text[used++] = 0;
}

/* Make `archive` lie in memory of exactly its size. */
static void finish(unsigned size_bytes)
{
	free(exact);
	exact = malloc(size_bytes ? size_bytes : 1);
	memcpy(exact, text, size_bytes);
	archive = (struct archive){ (uint8_t *)exact, size_bytes };
}

static void add_usual(void)
{
	add("bin", 040755, "", 0);
	add("./bin/manager", 0100755, "hello", 5);
	add("drivers.manifest", 0100644, "abcd", 4);
	add("TRAILER!!!", 0, "", 0);
	finish(used);
}

static void files_are_found_by_path(void **state)
{
	struct archive_file file;

	(void)state;
	add_usual();
	assert_int_equal(archive_find(&archive, "bin/manager", &file), OK);
	assert_int_equal(file.size_bytes, 5);
	assert_memory_equal(file.data, "hello", 5);
	assert_ptr_equal(file.data, archive.data + file.offset);
	assert_int_equal(archive_find(&archive, "drivers.manifest", &file), OK);
	assert_memory_equal(file.data, "abcd", 4);
}

static void folders_and_the_trailer_are_not_found(void **state)
{
	struct archive_file file;

	(void)state;
	add_usual();
	assert_int_equal(archive_find(&archive, "bin", &file), ERR_NOT_FOUND);
	assert_int_equal(archive_find(&archive, "TRAILER!!!", &file), ERR_NOT_FOUND);
	assert_int_equal(archive_find(&archive, "bin/man", &file), ERR_NOT_FOUND);
}

static void iteration_sees_each_entry_once(void **state)
{
	uint64_t position = 0;
	struct archive_file file;
	unsigned count = 0;

	(void)state;
	add_usual();
	while (archive_next(&archive, &position, &file) == OK)
		count++;
	assert_int_equal(count, 3);
	assert_int_equal(archive_next(&archive, &position, &file), ERR_NOT_FOUND);
}

static void an_archive_without_trailer_is_corrupt(void **state)
{
	struct archive_file file;

	(void)state;
	finish(0);
	assert_int_equal(archive_find(&archive, "x", &file), ERR_CORRUPT);
	add("a", 0100644, "1234", 4);
	finish(used);
	assert_int_equal(archive_find(&archive, "x", &file), ERR_CORRUPT);
}

static void a_file_longer_than_the_archive_is_corrupt(void **state)
{
	struct archive_file file = { .size_bytes = 77 };

	(void)state;
	add("a", 0100644, "12345678", 8);
	finish(used - 1);
	assert_int_equal(archive_find(&archive, "a", &file), ERR_CORRUPT);
	assert_int_equal(file.size_bytes, 77);
	memcpy(text + 6 + 6 * 8, "FFFFFFFF", 8);
	finish(used);
	assert_int_equal(archive_find(&archive, "a", &file), ERR_CORRUPT);
}

static void a_name_without_end_is_corrupt(void **state)
{
	struct archive_file file;

	(void)state;
	add("abc", 0100644, "1234", 4);
	text[110 + 3] = 'x';
	finish(used);
	assert_int_equal(archive_find(&archive, "abc", &file), ERR_CORRUPT);
	memcpy(text + 6 + 11 * 8, "FFFFFFFF", 8);
	finish(used);
	assert_int_equal(archive_find(&archive, "abc", &file), ERR_CORRUPT);
	memcpy(text + 6 + 11 * 8, "00000000", 8);
	finish(used);
	assert_int_equal(archive_find(&archive, "abc", &file), ERR_CORRUPT);
}

static void digits_that_are_none_are_corrupt(void **state)
{
	struct archive_file file;

	(void)state;
	add("a", 0100644, "1234", 4);
	text[6 + 6 * 8] = 'g';
	finish(used);
	assert_int_equal(archive_find(&archive, "a", &file), ERR_CORRUPT);
}

static void damaged_archives_are_survived(void **state)
{
	struct archive_file file;
	unsigned length;

	(void)state;
	add_usual();
	length = used;
	for (unsigned i = 0; i < length; i++) {
		finish(i);
		(void)!archive_find(&archive, "no such file", &file);
	}
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned at = (unsigned)rand() % length;
		char old = text[at];

		text[at] = (char)("0123456789abcdefF\0"[rand() % 18]);
		finish(length);
		if (archive_find(&archive, "drivers.manifest", &file) == OK)
			assert_true(file.offset + file.size_bytes <= length);
		text[at] = old;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(files_are_found_by_path),
		TEST(folders_and_the_trailer_are_not_found),
		TEST(iteration_sees_each_entry_once),
		TEST(an_archive_without_trailer_is_corrupt),
		TEST(a_file_longer_than_the_archive_is_corrupt),
		TEST(a_name_without_end_is_corrupt),
		TEST(digits_that_are_none_are_corrupt),
		TEST(damaged_archives_are_survived),
	};

	return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
