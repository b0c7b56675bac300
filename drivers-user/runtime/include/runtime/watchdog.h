/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's first watchdog.
 *
 * How to use: watchdog_open() once, watchdog_ask() as often as it takes. The timer runs on when the
 * session, its client or its driver ends: who started it pets or stops it.
 */
#ifndef RUNTIME_WATCHDOG_H
#define RUNTIME_WATCHDOG_H

#include <runtime/client.h>
#include <shim/class/watchdog.h>

struct watchdog {
	struct client client;
	uint32_t device; /* id */
	char model[48];
};

/** Open it.
 *
 * @param[out] watchdog  filled; nothing is held on error
 * @retval ERR_NOT_FOUND  there is none
 * @retval OK, or as client_open()
 */
MUST_CHECK enum error watchdog_open(struct watchdog *watchdog);

/** End the session. Safe on one that is not open. */
void watchdog_close(struct watchdog *watchdog);

/** Start, pet, stop or ask; waits for the driver five seconds.
 *
 * @param timeout_ms       the time wished for; WATCHDOG_START only
 * @param[out] in_force_ms the time in force, 0: it does not run; unchanged unless answered
 * @retval OK
 * @retval ERR_RANGE    the timer cannot be set to that
 * @retval ERR_DENIED   it is locked, and runs until the next reset
 * @retval ERR_TIMEOUT  no answer; the session is closed
 * @retval ERR_GONE, ERR_PROTOCOL  as client_wait(); the session is closed
 */
MUST_CHECK enum error watchdog_ask(struct watchdog *watchdog, enum watchdog_operation operation,
				   uint64_t timeout_ms, uint32_t *in_force_ms);

#endif
