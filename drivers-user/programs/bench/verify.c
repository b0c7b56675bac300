/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bench verify: a load that checks itself, in the background, until the shell's `bench verify
 * stop`.
 */
#include <runtime/parent.h>
#include <runtime/startup.h>
#include <runtime/verify.h>

#include "bench.h"

#define CLIENT 1

static struct disk disk;

/* The first disk whose end may be written over. */
static bool choose(void)
{
	struct disk_entry entry;

	for (uint32_t index = 0; disk_next(&index, &entry);) {
		bool allowed;

		if (disk_open(entry.name, 1, 4096, &disk) != OK)
			continue;
		allowed = verify_allowed(&disk);
		disk_close(&disk);
		if (allowed)
			return true;
	}
	return false;
}

int verify(void)
{
	handle_t stop = runtime_handle(STARTUP_USER);
	struct verify_totals totals;
	bool good;

	if (stop == HANDLE_NONE)
		fail("`bench verify &` starts the load, `bench verify stop` ends it");
	if (!choose())
		fail("no disk may be written over: QEMU's without a partition table, or one whose "
		     "serial number begins with \"scratch\"");
	good = verify_run(disk.entry.name, CLIENT, stop, &totals);
	parent_print("bench verify: %s, %llu operations, %llu mismatches, %llu failures, longest "
		     "%llu us%s%s\n",
		     good ? "good" : "BAD", (unsigned long long)totals.operations,
		     (unsigned long long)totals.mismatches, (unsigned long long)totals.failures,
		     (unsigned long long)(totals.longest_ns / 1000), totals.error ? ": " : "",
		     totals.error ? error_text(totals.error) : "");
	return good ? 0 : 1;
}
