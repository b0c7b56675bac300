/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A session of any class, from opening to closing: what disk.h and serial.h share.
 *
 * How to use: client_open(); fill requests with session_queue() on .side; client_kick() once;
 * client_wait() for answers, or session_reap() where none may be waited for; client_close().
 */
#ifndef RUNTIME_CLIENT_H
#define RUNTIME_CLIENT_H

#include <stdbool.h>

#include <abi/syscall.h>
#include <session/client.h>

struct client {
	struct session_client_side side;
	handle_t session, notification;
	bool shared;                 /* the notification is another session's */
	struct session_create areas; /* as mapped */
};

/** Open a session with a unit through the device manager.
 *
 * @param slots        power of two, 1 .. SESSION_SLOTS_MAX
 * @param pool_bytes   data memory, up to SESSION_POOL_MAX
 * @param range_start, range_count  block: blocks it may touch; 0, 0: all
 * @param[out] client  filled; nothing is held on error
 * @retval OK, or what the manager or SYS_SESSION_CREATE says
 */
MUST_CHECK enum error client_open(uint32_t device, uint32_t unit, uint32_t slots,
				  uint32_t pool_bytes, uint64_t range_start, uint64_t range_count,
				  struct client *client);

/** Open a session with one of a unit's queues.
 *
 * @param queue   of the unit's, from 0
 * @param beside  one wait shall be for this session, too, which is closed later; or NULL
 *
 * The rest is as in client_open().
 */
MUST_CHECK enum error client_open_queue(uint32_t device, uint32_t unit, uint32_t queue,
					uint32_t slots, uint32_t pool_bytes,
					const struct client *beside, struct client *client);

/** End a session; what is in flight is dropped. Safe on a client that is not open. */
void client_close(struct client *client);

/** Publish what was queued, and ring if the driver sleeps. */
void client_kick(struct client *client);

/** Take one answer, waiting for it.
 *
 * @param deadline_ns   as now_ns(); DEADLINE_NEVER, DEADLINE_NOW
 * @param[out] result   unchanged on error
 * @retval OK
 * @retval ERR_TIMEOUT   nothing came; requests stay in flight
 * @retval ERR_GONE      the device is gone for good
 * @retval ERR_PROTOCOL  the driver writes nonsense
 */
MUST_CHECK enum error client_wait(struct client *client, uint64_t deadline_ns,
				  struct session_result *result);

#endif
