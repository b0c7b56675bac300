/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Virtual time: it passes only when the test says so.
 */
#include "fake.h"

uint64_t shim_now_ns(const struct shim_device *device)
{
	return fake_of(device)->now_ns;
}

void shim_timer_set(struct shim_device *device, unsigned index, uint64_t deadline_ns)
{
	struct fake *fake = fake_of(device);

	if (index >= fake->driver->timer_count || index >= FAKE_TIMERS_MAX) {
		fake_violate(fake, "timer %u does not exist", index);
		return;
	}
	fake->timer_sets++;
	fake->timer_ns[index] = deadline_ns;
}

void shim_timer_cancel(struct shim_device *device, unsigned index)
{
	struct fake *fake = fake_of(device);

	if (index < FAKE_TIMERS_MAX)
		fake->timer_ns[index] = UINT64_MAX;
}

static uint64_t next_timer_ns(const struct fake *fake)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < FAKE_TIMERS_MAX; i++) {
		if (fake->timer_ns[i] < next)
			next = fake->timer_ns[i];
	}
	return next;
}

void fake_advance(struct fake *fake, uint64_t ns)
{
	uint64_t end = fake->now_ns + ns;

	fake_run(fake);
	for (uint64_t next = next_timer_ns(fake); next <= end; next = next_timer_ns(fake)) {
		if (next > fake->now_ns)
			fake->now_ns = next;
		fake_run(fake);
	}
	fake->now_ns = end;
	fake_run(fake);
}

bool fake_advance_to_timer(struct fake *fake)
{
	uint64_t next;

	fake_run(fake);
	next = next_timer_ns(fake);
	if (next == UINT64_MAX)
		return false;
	fake->now_ns = next > fake->now_ns ? next : fake->now_ns;
	fake_run(fake);
	return true;
}
