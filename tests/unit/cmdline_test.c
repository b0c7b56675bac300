/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line's parser (kernel/cmdline.h): values taken, nonsense reported once and ignored.
 * sources: kernel/boot/cmdline.c shim/lib/text.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/cmdline.h>

static struct cmdline line;
static unsigned warnings;
static char last_warning[256];

static void warn(const char *text)
{
	warnings++;
	snprintf(last_warning, sizeof(last_warning), "%s", text);
}

static int begin(void **state)
{
	(void)state;
	line = (struct cmdline){
		.log_level = LOG_INFO,
		.cpu_max = 64,
		.driver_count = 3,
		.driver = { { "pci", PLACEMENT_KERNEL, PLACEMENT_KERNEL, true },
			    { "ahci", PLACEMENT_USER, PLACEMENT_USER, true },
			    { "uart", PLACEMENT_USER, PLACEMENT_USER, false } },
	};
	warnings = 0;
	last_warning[0] = 0;
	return 0;
}

static void parse(const char *text)
{
	cmdline_parse(text, &line, warn);
}

static void nothing_changes_nothing(void **state)
{
	struct cmdline before = line;

	(void)state;
	parse("");
	parse("  \t ");
	assert_memory_equal(&before, &line, sizeof(line));
	assert_int_equal(warnings, 0);
}

static void every_option_is_taken(void **state)
{
	(void)state;
	parse(" ahci=kernel  loglevel=debug\tidle=poll maxcpus=2 run=systest,block,a=b ");
	assert_int_equal(cmdline_placement(&line, "ahci"), PLACEMENT_KERNEL);
	assert_int_equal(line.log_level, LOG_DEBUG);
	assert_true(line.idle_poll);
	assert_int_equal(line.cpu_max, 2);
	assert_string_equal(line.run, "systest,block,a=b");
	assert_int_equal(warnings, 0);
}

static void the_last_of_two_holds(void **state)
{
	(void)state;
	parse("loglevel=0 loglevel=5 ahci=off ahci=user idle=poll idle=halt");
	assert_int_equal(line.log_level, LOG_DEBUG);
	assert_int_equal(cmdline_placement(&line, "ahci"), PLACEMENT_USER);
	assert_false(line.idle_poll);
}

static void bad_values_are_named_once_and_ignored(void **state)
{
	static const char *const bad[] = {
		"loglevel=6", "loglevel=loud", "loglevel=",  "idle=sleep",
		"maxcpus=0",  "maxcpus=65",    "maxcpus=2x", "maxcpus=-1",
		"run=",       "ahci=ring0",    "ahci=",      "maxcpus=99999999999999999999",
		"nvme=user",  "quiet",         "foo=bar",    "ahci",
		"=",          "=user"
	};
	struct cmdline before = line;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		warnings = 0;
		parse(bad[i]);
		assert_int_equal(warnings, 1);
		assert_memory_equal(&before, &line, sizeof(line));
	}
}

static void unknown_driver_is_called_one(void **state)
{
	(void)state;
	parse("nvme=user");
	assert_non_null(strstr(last_warning, "nvme"));
	assert_non_null(strstr(last_warning, "no such driver"));
}

static void kernel_placement_needs_the_code_in_the_kernel(void **state)
{
	(void)state;
	parse("uart=kernel");
	assert_int_equal(warnings, 1);
	assert_int_equal(cmdline_placement(&line, "uart"), PLACEMENT_USER);
	parse("uart=off");
	assert_int_equal(warnings, 1);
	assert_int_equal(cmdline_placement(&line, "uart"), PLACEMENT_OFF);
}

static void driver_of_another_build_is_off(void **state)
{
	(void)state;
	assert_int_equal(cmdline_placement(&line, "nvme"), PLACEMENT_OFF);
	assert_int_equal(cmdline_placement(&line, "pc"), PLACEMENT_OFF);
}

static void words_too_long_are_reported_and_skipped(void **state)
{
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "run=", 4);
	strcpy(text + 500, " idle=poll");
	parse(text);
	assert_int_equal(warnings, 1);
	assert_true(line.idle_poll);
	text[260] = 0;
	parse(text);
	assert_int_equal(warnings, 2);
	assert_string_equal(line.run, "");
	text[4 + CMDLINE_RUN_BYTES - 1] = 0;
	parse(text);
	assert_int_equal(warnings, 2);
	assert_int_equal(strlen(line.run), CMDLINE_RUN_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, begin)
		TEST(nothing_changes_nothing),
		TEST(every_option_is_taken),
		TEST(the_last_of_two_holds),
		TEST(bad_values_are_named_once_and_ignored),
		TEST(unknown_driver_is_called_one),
		TEST(kernel_placement_needs_the_code_in_the_kernel),
		TEST(driver_of_another_build_is_off),
		TEST(words_too_long_are_reported_and_skipped),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
