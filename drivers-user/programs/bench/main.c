/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench SUITE...: measures. Started by run=bench,counted,kernel and the like it writes data lines
 * to the debug console and ends the machine; started by the shell it prints there. Words: kernel,
 * block, hot, cold (moves), recovery: what to measure; counted: under the plugin, few operations;
 * quick: a tenth of them; overwrite: from the shell, block may write over the disk.
 */
#include <lib/string.h>
#include <runtime/parent.h>
#include <runtime/print.h>

#include "bench.h"

bool counted;

static const struct {
	const char *name;
	void (*run)(const struct effort *effort);
} suites[] = {
	{ "kernel", kernel_suite }, { "block", block_suite }, { "net", net_suite },
	{ "hot", hot_suite },       { "cold", cold_suite },   { "recovery", recovery_suite }
};

static void finish(int code)
{
	if (parent_listens())
		runtime_exit(code);
	SYS2(SYS_TEST_EXIT, runtime_handle(STARTUP_REGISTRY), code);
	runtime_exit(code);
}

_Noreturn void fail(const char *format, ...)
{
	char text[160], line[192];
	va_list list;
	int bytes;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	parent_print("bench: %s\n", text);
	bytes = snprintf(line, sizeof(line), "bench: error text=\"%s\"\n", text);
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)line, bytes);
	finish(1);
	runtime_exit(1);
}

void skip(const char *suite, const char *why)
{
	char line[192];
	int bytes = snprintf(line, sizeof(line), "bench: skip suite=%s text=\"%s\"\n", suite, why);

	parent_print("bench: %s skipped: %s\n", suite, why);
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)line, bytes);
}

int main(int argc, char **argv)
{
	static const char end[] = "bench: end\n";
	struct effort effort = { .percent = 100, .rounds = 8 };
	bool block = false, overwrite = false;

	if (argc == 2 && strcmp(argv[1], "peer") == 0)
		return kernel_peer();
	if (argc == 2 && strcmp(argv[1], "exit") == 0)
		return 0;
	if (argc == 2 && strcmp(argv[1], "verify") == 0)
		return verify();
	if (argc == 2 && strcmp(argv[1], "net") == 0 && runtime_handle(STARTUP_USER) != HANDLE_NONE)
		return net_load();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "counted") == 0) {
			counted = true;
			effort = (struct effort){ .percent = 30, .rounds = 2 };
		} else if (strcmp(argv[i], "quick") == 0) {
			effort = (struct effort){ .percent = effort.percent / 10, .rounds = 1 };
		}
		block |= strcmp(argv[i], "block") == 0;
		overwrite |= strcmp(argv[i], "overwrite") == 0;
	}
	if (block && !overwrite && parent_listens())
		fail("block writes over the first disk; say `bench block overwrite` if it may");
	for (int i = 1; i < argc; i++)
		for (unsigned suite = 0; suite < sizeof(suites) / sizeof(suites[0]); suite++)
			if (strcmp(argv[i], suites[suite].name) == 0)
				suites[suite].run(&effort);
	SYS3(SYS_DEBUG_WRITE, runtime_handle(STARTUP_REGISTRY), (uintptr_t)end, sizeof(end) - 1);
	finish(0);
	return 0;
}
