/* SPDX-License-Identifier: BSD-2-Clause
 *
 * systest [scratch] [COUNT] [SUITE...]: tests the system from inside. Without a suite, all but
 * crash-user, storm and trace run; COUNT is storm's. Started by run=systest,kernel and the like it
 * reports to the debug console and ends the machine; started by the shell it reports there.
 * `scratch` allows to write to any disk; else see block.c.
 */
#include "systest.h"

#include <lib/format.h>
#include <lib/string.h>
#include <runtime/manager.h>
#include <runtime/parent.h>
#include <runtime/print.h>

struct suite {
	const char *name;
	const struct test *tests;
	bool only_by_name;
};

static const struct suite suites[] = {
	{ "kernel", kernel_tests, false },       { "process", process_tests, false },
	{ "devices", device_tests, false },      { "block", block_tests, false },
	{ "placement", placement_tests, false }, { "budget", budget_tests, false },
	{ "crash-user", crash_tests, true },     { "storm", storm_tests, true },
	{ "trace", trace_tests, true },
};
#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

bool scratch_allowed;

static bool failed;
static const char *skipped;
static char reason[200];

__attribute__((format(printf, 1, 2))) static void report(const char *format, ...)
{
	char text[320];
	va_list list;
	int bytes;

	va_start(list, format);
	bytes = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (bytes >= (int)sizeof(text))
		bytes = sizeof(text) - 1;
	if (parent_listens())
		return parent_print("%s", text);
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)text, bytes);
}

void test_fail(const char *file, int line, const char *what, uint64_t found, uint64_t expected)
{
	const char *slash = strrchr(file, '/');

	if (failed)
		return;
	failed = true;
	snprintf(reason, sizeof(reason), "%s:%d: %s: found %lld (%s), expected %lld (%s)",
		 slash ? slash + 1 : file, line, what, (long long)found,
		 error_text((enum error)found), (long long)expected,
		 error_text((enum error)expected));
}

void test_note(const char *format, ...)
{
	char text[200];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	report("# %s\n", text);
}

void test_skip(const char *why)
{
	skipped = why;
}

bool test_failed(void)
{
	return failed;
}

/* False if it failed. */
static bool run_test(const struct test *test, unsigned number)
{
	uint64_t began_ns = now_ns();

	failed = false;
	skipped = NULL;
	log_line(LOG_DEBUG, "systest: %s", test->name);
	test->run();
	if (failed)
		report("# %s\n", reason);
	report("# %llu us\n", (unsigned long long)((now_ns() - began_ns) / 1000));
	if (skipped && !failed)
		report("ok %u %s # SKIP %s\n", number, test->name, skipped);
	else
		report("%s %u %s\n", failed ? "not ok" : "ok", number, test->name);
	return !failed;
}

static const struct suite *suite_find(const char *name)
{
	for (unsigned i = 0; i < SUITE_COUNT; i++)
		if (strcmp(suites[i].name, name) == 0)
			return &suites[i];
	return NULL;
}

static bool is_chosen(const struct suite *suite, int argc, char **argv)
{
	bool any = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], suite->name) == 0)
			return true;
		any |= suite_find(argv[i]) != NULL;
	}
	return !any && !suite->only_by_name;
}

static bool run_suites(int argc, char **argv)
{
	unsigned planned = 0, number = 0;
	bool good = true;

	for (unsigned i = 0; i < SUITE_COUNT; i++)
		for (const struct test *test = suites[i].tests;
		     is_chosen(&suites[i], argc, argv) && test->name; test++)
			planned++;
	report("KTAP version 1\n1..%u\n", planned);
	for (unsigned i = 0; i < SUITE_COUNT; i++)
		for (const struct test *test = suites[i].tests;
		     is_chosen(&suites[i], argc, argv) && test->name; test++)
			good &= run_test(test, ++number);
	report("# eft: end of tests\n");
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;
	uint64_t number;

	if (argc == 4 && strcmp(argv[1], "child") == 0)
		return child_main(argv[2], argv[3]);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "scratch") == 0) {
			scratch_allowed = true;
		} else if (string_to_u64(argv[i], &number)) {
			storm_count = (uint32_t)number;
		} else if (!suite_find(argv[i])) {
			log_line(LOG_ERROR, "systest: there is no suite '%s'", argv[i]);
			good = false;
		}
	}
	good = good && run_suites(argc, argv);
	if (!parent_listens())
		SYS2(SYS_TEST_EXIT, runtime_handle(STARTUP_REGISTRY), good ? 0 : 1);
	return good ? 0 : 1;
}
