/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim's time in ring 3: the time-stamp counter, and the event loop's timers.
 */
#include <runtime/time.h>
#include <shim/time.h>

#include "backend.h"

uint64_t shim_now_ns(const struct shim_device *device)
{
	(void)device;
	return now_ns();
}

void shim_timer_set(struct shim_device *device, unsigned index, uint64_t deadline_ns)
{
	(void)device;
	if (index < instance.loop.timer_count)
		loop_timer_set(&instance.loop, index, deadline_ns);
}

void shim_timer_cancel(struct shim_device *device, unsigned index)
{
	(void)device;
	if (index < instance.loop.timer_count)
		loop_timer_cancel(&instance.loop, index);
}
