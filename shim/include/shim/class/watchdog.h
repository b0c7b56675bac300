/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class watchdog: a timer that resets the machine unless a client pets it in time.
 *
 * How to use: the driver announces each timer as a unit. Its methods write registers and answer at
 * once. A client that ends does not stop the timer, and neither does an instance that ends: quiesce
 * leaves the device as it is, and the next instance is told to start it again with the same time.
 */
#ifndef SHIM_CLASS_WATCHDOG_H
#define SHIM_CLASS_WATCHDOG_H

#include <shim/driver.h>

/* Operations of a slot. Each completes with the time in milliseconds that is in force, 0 if the
 * timer does not run. START's position is the time wished for. */
enum watchdog_operation { WATCHDOG_START = 1, WATCHDOG_PET, WATCHDOG_STOP, WATCHDOG_STATUS };

/* Methods, all required. Context: the device's own; they do not block. */
struct shim_watchdog_ops {
	/* Run, from the beginning, whether it ran before or not. `timeout_ms` is not checked yet.
	 * OK: *granted_ms is the time in force, at least what was wished for. ERR_RANGE: no such
	 * time. */
	enum error (*start)(struct shim_device *device, unsigned unit, uint64_t timeout_ms,
			    uint32_t *granted_ms);
	/* Begin again. Called only while it runs. */
	void (*pet)(struct shim_device *device, unsigned unit);
	/* Stop. ERR_DENIED: the device is locked until the next reset. */
	enum error (*stop)(struct shim_device *device, unsigned unit);
	/* Does the device say that it runs? */
	bool (*running)(struct shim_device *device, unsigned unit);
};

/** Announce a timer.
 *
 * @param device  device being probed or live
 * @param unit    number (0 ..< 4), model; class_id is CLASS_WATCHDOG, depth 1
 * @retval OK
 * @retval ERR_INVALID   a field is out of range
 * @retval ERR_BUDGET, ERR_NO_MEMORY
 *
 * If an earlier instance left it running, start is called before this returns. Context: the
 * device's own; does not block.
 */
MUST_CHECK enum error shim_watchdog_unit_add(struct shim_device *device,
					     const struct unit_info *unit);

#endif
