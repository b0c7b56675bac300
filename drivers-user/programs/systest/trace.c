/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fixed workload of `make trace-diff` (tests/trace): one request at a time, so that what the
 * driver does to its device is the same every time. By name only.
 */
#include "systest.h"
#include "trace_script.h"

#include <runtime/disk.h>

static void script_runs(void)
{
#define REQUEST(what, first, blocks, how) \
	{ .operation = what, .position = first, .count = blocks, .flags = how },
	static const struct session_slot script[] = { TRACE_SCRIPT(REQUEST) };
#undef REQUEST
	struct disk disk;

	if (!scratch_allowed)
		SKIP("it writes to disk0: systest,scratch,trace");
	CHECK_EQUAL(disk_open("disk0", 1, TRACE_POOL_BYTES, &disk), OK);
	for (unsigned i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		struct session_result result;

		CHECK_EQUAL(session_submit(&disk.client.side, &script[i], NULL), OK);
		client_kick(&disk.client);
		CHECK_EQUAL(client_wait(&disk.client, now_ns() + DISK_SYNC_TIMEOUT_NS, &result),
			    OK);
		CHECK_EQUAL(result.status, OK);
	}
	disk_close(&disk);
}

const struct test trace_tests[] = {
	{ "script_runs", script_runs },
	{ 0 },
};
