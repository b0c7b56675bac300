/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How much each process may write to the log, so that none fills it or keeps the consoles busy.
 * Liftable on the host.
 */
#include <kernel/log.h>
#include <kernel/time.h>

#define LINE_NS (NS_PER_SECOND / LOG_LINES_PER_SECOND)
#define FULL_NS (LOG_LINES_AT_ONCE * LINE_NS)

/* What of the share is used up, as the time in which it comes back. */
static uint64_t used_ns(const struct log_share *share, uint64_t now_ns)
{
	return share->free_at_ns > now_ns ? share->free_at_ns - now_ns : 0;
}

bool log_share_take(struct log_share *share, unsigned lines, uint64_t now_ns)
{
	uint64_t used = used_ns(share, now_ns);

	if (used + LINE_NS > FULL_NS) {
		share->dropped += lines;
		return false;
	}
	share->free_at_ns = now_ns + used + lines * LINE_NS;
	return true;
}

void log_share_split(struct log_share *from, struct log_share *child, uint64_t now_ns)
{
	uint64_t used = used_ns(from, now_ns), given = LOG_LINES_OF_CHILD * LINE_NS;
	uint64_t left = used < FULL_NS ? FULL_NS - used : 0;

	if (given > left)
		given = left;
	from->free_at_ns = now_ns + used + given;
	*child = (struct log_share){ .free_at_ns = now_ns + FULL_NS - given };
}
