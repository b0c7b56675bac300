/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A load for disks that proves itself: 32 requests at once, each block of data carrying its
 * address, a sequence number, its client and a checksum, so that what is lost, mixed up or stale
 * shows. `bench verify` and the system test's suite storm run it while drivers move and die.
 */
#ifndef RUNTIME_VERIFY_H
#define RUNTIME_VERIFY_H

#include <runtime/disk.h>

#define VERIFY_BYTES (UINT64_C(4) << 20) /* at the end of the disk: all that is ever written */

struct verify_totals {
	uint64_t operations; /* answered */
	uint64_t mismatches; /* reads that did not return what was written last */
	uint64_t failures;   /* answered with an error */
	uint64_t violations; /* answers that broke the session's protocol */
	uint64_t longest_ns; /* that a request took */
	enum error error;    /* of the first failure, or why it ended early */
};

/** May the end of this disk be written? If its serial number begins with "scratch", or if it is
 * QEMU's and has no partition table. */
bool verify_allowed(struct disk *disk);

/** Run until somebody signals.
 *
 * @param disk         its name
 * @param client       number that its blocks carry
 * @param stop         a notification
 * @param[out] totals
 * @return true: every request was answered, well, and no block was wrong
 *
 * Context: once a process at a time.
 */
bool verify_run(const char *disk, uint32_t client, handle_t stop, struct verify_totals *totals);

#endif
