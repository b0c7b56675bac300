/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shim/lib against the C library: its functions are compiled in here under other names.
 * sources: shim/lib/text.c
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lib/string.h>

#define memcpy    lib_memcpy
#define memmove   lib_memmove
#define memset    lib_memset
#define memcmp    lib_memcmp
#define memchr    lib_memchr
#define strlen    lib_strlen
#define strnlen   lib_strnlen
#define strcmp    lib_strcmp
#define strncmp   lib_strncmp
#define strchr    lib_strchr
#define strrchr   lib_strrchr
#define snprintf  lib_snprintf
#define vsnprintf lib_vsnprintf
#undef LIB_STRING_H
#include "../../shim/lib/string.c"
#include "../../shim/lib/format.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef snprintf
#undef vsnprintf

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void memory_functions_do_what_the_c_library_does(void **state)
{
	uint8_t ours[64], theirs[64];

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		size_t length = (size_t)rand() % 33, to = (size_t)rand() % 31,
		       from = (size_t)rand() % 31;

		for (unsigned k = 0; k < sizeof(ours); k++)
			ours[k] = theirs[k] = (uint8_t)(rand() % 3);
		assert_int_equal(sign(lib_memcmp(ours + to, ours + from, length)),
				 sign(memcmp(ours + to, ours + from, length)));
		assert_ptr_equal(lib_memmove(ours + to, ours + from, length), ours + to);
		memmove(theirs + to, theirs + from, length);
		assert_memory_equal(ours, theirs, sizeof(ours));
		assert_ptr_equal(lib_memset(ours + to, (int)i, length), ours + to);
		memset(theirs + to, (int)i, length);
		assert_memory_equal(ours, theirs, sizeof(ours));
		assert_ptr_equal(lib_memcpy(ours + 32, theirs + to % 8, length % 24), ours + 32);
		memcpy(theirs + 32, theirs + to % 8, length % 24);
		assert_memory_equal(ours, theirs, sizeof(ours));
		assert_ptr_equal(lib_memchr(ours, (int)i, to), memchr(ours, (int)i, to));
	}
}

static void text_functions_do_what_the_c_library_does(void **state)
{
	static const char *const texts[] = { "", "a", "ab", "abc", "abd", "\xff", "a\xff", "aXa" };

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(lib_strlen(texts[i]), strlen(texts[i]));
		assert_int_equal(lib_strnlen(texts[i], 2), strnlen(texts[i], 2));
		assert_ptr_equal(lib_strchr(texts[i], 'a'), strchr(texts[i], 'a'));
		assert_ptr_equal(lib_strchr(texts[i], 0), strchr(texts[i], 0));
		assert_ptr_equal(lib_strrchr(texts[i], 'a'), strrchr(texts[i], 'a'));
		for (unsigned k = 0; k < 8; k++) {
			assert_int_equal(sign(lib_strcmp(texts[i], texts[k])),
					 sign(strcmp(texts[i], texts[k])));
			assert_int_equal(sign(lib_strncmp(texts[i], texts[k], 2)),
					 sign(strncmp(texts[i], texts[k], 2)));
		}
	}
}

static void copies_are_cut_and_terminated(void **state)
{
	char to[4];

	(void)state;
	assert_true(string_copy(to, sizeof(to), "abc"));
	assert_string_equal(to, "abc");
	assert_false(string_copy(to, sizeof(to), "abcd"));
	assert_string_equal(to, "abc");
	assert_true(string_starts("loglevel", "log"));
	assert_false(string_starts("lo", "log"));
}

static void numbers_are_read_to_their_end(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_string_equal(string_to_u64("12,", &value), ",");
	assert_int_equal(value, 12);
	assert_non_null(string_to_u64("0xFfffFFFFffffffff", &value));
	assert_true(value == UINT64_MAX);
	assert_non_null(string_to_u64("18446744073709551615", &value));
	assert_true(value == UINT64_MAX);
	assert_null(string_to_u64("18446744073709551616", &value));
	assert_null(string_to_u64("0x", &value));
	assert_null(string_to_u64("", &value));
	assert_null(string_to_u64("-1", &value));
	assert_true(value == UINT64_MAX);
}

/* The same call to both; texts and lengths must be equal, also where the room is short. */
#define SAME(...)                                                                        \
	do {                                                                             \
		for (size_t room = 0; room < sizeof(ours); room += room < 12 ? 1 : 20) { \
			int length = snprintf(theirs, room, __VA_ARGS__);                \
			assert_int_equal(lib_snprintf(ours, room, __VA_ARGS__), length); \
			if (room)                                                        \
				assert_string_equal(ours, theirs);                       \
		}                                                                        \
	} while (0)

#pragma GCC diagnostic ignored "-Wformat-truncation"
static void formats_come_out_as_the_c_library_has_them(void **state)
{
	char ours[100], theirs[100];
	const char *volatile none = "abc";

	(void)state;
	SAME("plain");
	SAME("%d %i %u", -5, INT32_MIN, 4000000000u);
	SAME("%5d|%-5d|%05d|", -42, -42, -42);
	SAME("%x %X %08x", 0xbeef, 0xBEEF, 0x1234);
	SAME("%lld %llu %lx %zu", LLONG_MIN, ULLONG_MAX, 0x123456789abcdefl, (size_t)99);
	SAME("%hhu %hd %hhx", 300, -70000, 511);
	SAME("%#x %#X %#x|%#8lx|%#010lx|%-#8x|", 0xbeef, 0xBEEF, 0, 0x12l, 0x12l, 0x12);
	SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
	SAME("%s|%8s|%-8s|%.2s|%8.2s|%.0s|", "abc", "abc", "abc", "abc", "abc", none);
	SAME("%*d|%-*d|%.*s|%*s|", 6, 7, 6, 7, 2, "abc", -5, "ab");
	SAME("%p %%", (void *)0x1234);
	SAME("[%5u.%06u]", 1, 234567);
}

static void an_unknown_conversion_is_copied(void **state)
{
	char text[32];
	const char *volatile format = "%y %5q %", *volatile null = NULL;

	(void)state;
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	assert_int_equal(lib_snprintf(text, sizeof(text), format), 8);
	assert_string_equal(text, "%y %5q %");
	assert_int_equal(lib_snprintf(text, sizeof(text), "%s", null), 6);
	assert_string_equal(text, "(null)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_functions_do_what_the_c_library_does),
		cmocka_unit_test(text_functions_do_what_the_c_library_does),
		cmocka_unit_test(copies_are_cut_and_terminated),
		cmocka_unit_test(numbers_are_read_to_their_end),
		cmocka_unit_test(formats_come_out_as_the_c_library_has_them),
		cmocka_unit_test(an_unknown_conversion_is_copied),
	};

	return cmocka_run_group_tests_name("lib", tests, NULL, NULL);
}
