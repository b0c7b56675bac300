/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Timers of the event loop. They are few, so that a search when one is due is cheaper than order
 * kept at each change.
 */
#include <runtime/loop.h>

void loop_timers_run(struct loop *loop, uint64_t now)
{
	uint64_t earliest = 0;

	loop->earliest_ns = 0;
	for (unsigned i = 0; i < loop->timer_count; i++) {
		uint64_t deadline = loop->deadline_ns[i];

		if (deadline && deadline <= now) {
			loop->deadline_ns[i] = 0;
			loop->timer(loop, i);
		}
	}
	/* Methods may have changed any of them. */
	for (unsigned i = 0; i < loop->timer_count; i++) {
		uint64_t deadline = loop->deadline_ns[i];

		if (deadline && (deadline < earliest || earliest == 0))
			earliest = deadline;
	}
	loop->earliest_ns = earliest;
}
