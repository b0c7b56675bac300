/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Asking the device manager, from C. One function a call of abi/manager.h; each waits for the
 * answer, and needs STARTUP_MANAGER (without it: ERR_HANDLE). Drivers are named as in `drivers`.
 */
#ifndef RUNTIME_MANAGER_H
#define RUNTIME_MANAGER_H

#include <stdbool.h>

#include <abi/device.h>
#include <abi/error.h>
#include <abi/handle.h>
#include <abi/manager.h>

/** The version of the protocol that the manager speaks. */
MUST_CHECK enum error manager_version(uint64_t *version);

/** The right to create sessions with one unit.
 *
 * @param[out] grant  a device grant with RIGHT_OPEN, the caller's to close
 * @retval OK
 * @retval ERR_NOT_FOUND  no such device or unit
 * @retval ERR_DENIED     the manager's policy
 */
MUST_CHECK enum error manager_open(uint32_t device, uint32_t unit, handle_t *grant);

/** Start a driver for every device of it that is stopped. */
MUST_CHECK enum error manager_driver_start(const char *driver, enum placement placement);

/** Quiesce and stop every instance of a driver. Its sessions stay, and wait. */
MUST_CHECK enum error manager_driver_stop(const char *driver);

/* What became of an order. */
struct manager_moved {
	bool cold;         /* stopped and started afresh, one of them at least */
	uint64_t pause_ns; /* the longest that clients of one device waited; valid unless it failed
			    */
};

/** Move every instance of a driver to a ring: enum manager_move. */
MUST_CHECK enum error manager_driver_move(const char *driver, enum placement placement,
					  uint64_t flags);

MUST_CHECK enum error manager_driver_move_timed(const char *driver, enum placement placement,
						enum manager_move how, struct manager_moved *moved);
MUST_CHECK enum error manager_driver_kill_timed(const char *driver, struct manager_moved *moved);

/** Kill a driver's processes, as if they had crashed. */
MUST_CHECK enum error manager_driver_kill(const char *driver);

/** Start a program of the archive's bin/.
 *
 * @param name            at most 31 bytes
 * @param[out] pid
 * @param[out] process    the caller's to close; NULL: closed here
 */
MUST_CHECK enum error manager_run(const char *name, uint32_t *pid, handle_t *process);

/** Wait until every device that has a driver is live or failed. */
MUST_CHECK enum error manager_settled(void);

#endif
