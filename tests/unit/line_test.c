/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shell's line editor (programs/shell/line.h): keys in, line and screen out.
 * sources: drivers-user/programs/shell/line.c shim/lib/text.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../drivers-user/programs/shell/line.h"

static char screen[1 << 16];
static size_t screen_bytes;
static struct line line;

static void show(const char *bytes, size_t size_bytes)
{
	assert_true(screen_bytes + size_bytes < sizeof(screen));
	memcpy(screen + screen_bytes, bytes, size_bytes);
	screen_bytes += size_bytes;
	screen[screen_bytes] = 0;
}

static const char *complete(const char *text, size_t start, unsigned index)
{
	static const char *const words[] = { "devices", "drivers", "disk", "kill", NULL };

	(void)text;
	return start == 0 ? words[index] : NULL;
}

static const struct line_host host = { show, complete };

static int setup(void **state)
{
	(void)state;
	screen_bytes = 0;
	line_init(&line, &host, "eft> ");
	line_start(&line);
	return 0;
}

static enum line_result type(const char *keys)
{
	enum line_result result = LINE_MORE;

	for (; *keys; keys++)
		result = line_input(&line, (uint8_t)*keys);
	return result;
}

/* Types keys and return, and expects a line. */
static void expect(const char *keys, const char *text)
{
	assert_int_equal(type(keys), LINE_MORE);
	assert_int_equal(type("\r"), LINE_DONE);
	assert_string_equal(line_text(&line), text);
	line_start(&line);
}

static void typed_characters_are_echoed_and_returned(void **state)
{
	(void)state;
	assert_int_equal(type("help"), LINE_MORE);
	assert_string_equal(screen, "eft> help");
	assert_int_equal(type("\r"), LINE_DONE);
	assert_string_equal(screen, "eft> help\r\n");
	assert_string_equal(line_text(&line), "help");
}

static void return_and_line_feed_end_one_line(void **state)
{
	(void)state;
	assert_int_equal(type("a\r"), LINE_DONE);
	line_start(&line);
	assert_int_equal(type("\n"), LINE_MORE);
	assert_int_equal(type("b\n"), LINE_DONE);
	assert_string_equal(line_text(&line), "b");
}

static void keys_edit_inside_the_line(void **state)
{
	(void)state;
	expect("bc\x01"
	       "a\x05"
	       "d",
	       "abcd");
	expect("ac\x1b[Db", "abc");
	expect("axb\x1b[D\x7f", "ab");
	expect("axb\x1b[D\x1b[D\x1b[3~", "ab");
	expect("ab\x1b[H\x1b[C\x1b[3~c", "ac");
	expect("one two\x17", "one ");
	expect("one two  \x17three", "one three");
	expect("one two\x1b[1~\x0b"
	       "three",
	       "three");
	expect("one two\x1b[D\x1b[D\x1b[D\x15", "two");
	expect("b\x1bOHa\x1bOFc", "abc");
}

static void edges_of_the_line_hold(void **state)
{
	(void)state;
	expect("\x7f\x1b[D\x1b[C\x1b[3~\x15\x0b\x17", "");
	expect("a\x1b[C\x1b[C\x1b[3~", "a");
}

static void utf8_characters_are_deleted_whole(void **state)
{
	(void)state;
	expect("a\xe2\x82\xac\x7f", "a");
	expect("\xc3\xa9x\x1b[D\x1b[D\x1b[3~", "x");
}

static void history_is_walked_and_the_typed_line_kept(void **state)
{
	(void)state;
	expect("one", "one");
	expect("two", "two");
	expect("two", "two");
	expect("", "");
	expect("\x1b[A", "two");
	expect("\x1b[A\x1b[A", "one");
	expect("ne\x1b[A\x1b[A\x1b[B\x1b[B", "ne");
	expect("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A", "one");
}

static void history_holds_the_last_hundred_lines(void **state)
{
	char text[32];

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "line %d", i);
		expect(text, text);
	}
	for (int i = 0; i < 100; i++)
		type("\x1b[A");
	expect("", "line 200");
}

static void tab_completes_and_lists(void **state)
{
	(void)state;
	expect("k\t1", "kill 1");
	expect("dev\t", "devices ");
	type("d\t");
	assert_non_null(strstr(screen, "devices  drivers  disk  "));
	expect("i\t", "disk ");
	screen_bytes = 0;
	expect("x\t", "x");
	assert_non_null(strchr(screen, '\a'));
}

static void control_c_cancels_the_line(void **state)
{
	(void)state;
	assert_int_equal(type("rubbish\x03"), LINE_CANCELLED);
	assert_string_equal(line_text(&line), "");
	line_start(&line);
	expect("\x1b[A", "");
}

static void overlong_line_is_refused_with_a_bell(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * LINE_BYTES; i++)
		type("x");
	assert_int_equal(strlen(line_text(&line)), LINE_BYTES - 1);
	assert_int_equal(screen[screen_bytes - 1], '\a');
}

static void long_line_scrolls_inside_the_terminal(void **state)
{
	const char *last;

	(void)state;
	for (int i = 0; i < 200; i++)
		type("x");
	last = strrchr(screen, '\r');
	assert_true(strlen(last) <= 1 + LINE_COLUMNS + 3);
	type("\x01y");
	assert_memory_equal(strrchr(screen, '\r'), "\reft> y", 7);
}

static void rubbish_never_breaks_the_line(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		random = random * 1664525 + 1013904223;
		if (line_input(&line, (uint8_t)(random >> 24)) != LINE_MORE)
			line_start(&line);
		screen_bytes = 0;
		assert_true(line.cursor <= line.length && line.length < LINE_BYTES);
		assert_int_equal(strlen(line.text), line.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(typed_characters_are_echoed_and_returned, setup),
		cmocka_unit_test_setup(return_and_line_feed_end_one_line, setup),
		cmocka_unit_test_setup(keys_edit_inside_the_line, setup),
		cmocka_unit_test_setup(edges_of_the_line_hold, setup),
		cmocka_unit_test_setup(utf8_characters_are_deleted_whole, setup),
		cmocka_unit_test_setup(history_is_walked_and_the_typed_line_kept, setup),
		cmocka_unit_test_setup(history_holds_the_last_hundred_lines, setup),
		cmocka_unit_test_setup(tab_completes_and_lists, setup),
		cmocka_unit_test_setup(control_c_cancels_the_line, setup),
		cmocka_unit_test_setup(overlong_line_is_refused_with_a_bell, setup),
		cmocka_unit_test_setup(long_line_scrolls_inside_the_terminal, setup),
		cmocka_unit_test_setup(rubbish_never_breaks_the_line, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
