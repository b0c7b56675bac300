/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class watchdog: the test is the client, and calls the driver's methods by way of it.
 */
#include "fake.h"

enum error shim_watchdog_unit_add(struct shim_device *device, const struct unit_info *unit)
{
	return unit->depth == 1 ? fake_unit_add(fake_of(device), unit, CLASS_WATCHDOG)
				: ERR_INVALID;
}

enum error fake_watchdog_start(struct fake *fake, unsigned unit, uint64_t timeout_ms,
			       uint32_t *granted_ms)
{
	enum error error;

	fake_enter(fake);
	error = fake->driver->ops.watchdog->start(&fake->device, unit, timeout_ms, granted_ms);
	fake_leave(fake);
	return error;
}

void fake_watchdog_pet(struct fake *fake, unsigned unit)
{
	fake_enter(fake);
	fake->driver->ops.watchdog->pet(&fake->device, unit);
	fake_leave(fake);
}

enum error fake_watchdog_stop(struct fake *fake, unsigned unit)
{
	enum error error;

	fake_enter(fake);
	error = fake->driver->ops.watchdog->stop(&fake->device, unit);
	fake_leave(fake);
	return error;
}

bool fake_watchdog_running(struct fake *fake, unsigned unit)
{
	bool running;

	fake_enter(fake);
	running = fake->driver->ops.watchdog->running(&fake->device, unit);
	fake_leave(fake);
	return running;
}
