/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Network ports, from C. Ports are named net0, net1, ... in the order of device id and unit number.
 *
 * How to use: net_open(); fill net_frame() and net_send(), then net_kick() once for all;
 * net_receive() for each frame that came, net_post() when it was looked at; net_wait() when there
 * is nothing to do. A port has one user at a time.
 */
#ifndef RUNTIME_NET_H
#define RUNTIME_NET_H

#include <stdbool.h>

#include <abi/device.h>
#include <runtime/client.h>
#include <shim/class/net.h>

#define NET_NAME_BYTES      16
#define NET_SYNC_TIMEOUT_NS UINT64_C(60000000000) /* a death or a move fits in */

/* A port that exists; walk them with net_next(). */
struct net_entry {
	char name[NET_NAME_BYTES];
	uint32_t index;
	struct device_info device;
	struct unit_info unit;
};

struct net {
	struct client receive, transmit;
	struct net_entry entry;
	uint32_t slots;       /* of each session: buffers, and frames, of these numbers */
	uint32_t frame_bytes; /* room of one frame to send */
};

/** Port number *index; *index is then the next one. False: there is none. */
bool net_next(uint32_t *index, struct net_entry *entry);

/** Find a port by name. False: there is none. */
bool net_find(const char *name, struct net_entry *entry);

/** "52:54:00:12:34:56" */
const char *net_address_text(const uint8_t address[6], char text[18]);

/** Open a port, and post all of its receive buffers.
 *
 * @param slots        buffers, and frames in flight: power of two
 * @param frame_bytes  room of one frame to send
 * @retval OK, ERR_NOT_FOUND
 * @retval ERR_BUSY  somebody else has it open
 * @return else as client_open()
 */
MUST_CHECK enum error net_open(const char *name, uint32_t slots, uint32_t frame_bytes,
			       struct net *net);

void net_close(struct net *net);

/** Is the cable in? */
static inline bool net_linked(const struct net *net)
{
	return __atomic_load_n(&net->receive.side.info->flags, __ATOMIC_RELAXED) & UNIT_LINK;
}

/** Where frame `number` to send is made; where buffer `number` was received. */
static inline uint8_t *net_frame(const struct net *net, uint32_t number)
{
	return net->transmit.side.pool + (size_t)number * net->frame_bytes;
}

static inline uint8_t *net_buffer(const struct net *net, uint32_t number)
{
	return net->receive.side.pool + (size_t)number * NET_BUFFER_BYTES;
}

/** Queue frame `number`; sent after net_kick(). Its cookie is its number.
 *
 * @param flags, offload  as of NET_SEND
 * @retval OK, ERR_AGAIN: all slots are in use
 */
MUST_CHECK enum error net_send(struct net *net, uint32_t number, uint32_t bytes, uint8_t flags,
			       uint64_t offload);

/** Give buffer `number` (back) to the device; rings where that is needed at net_kick(). */
MUST_CHECK enum error net_post(struct net *net, uint32_t number);

/** Publish what was queued on both queues; ring for those that sleep. */
void net_kick(struct net *net);

/** Take one frame that was received: cookie is its buffer, count as of the class. */
static inline bool net_receive(struct net *net, struct session_result *result)
{
	return session_reap(&net->receive.side, result);
}

/** Take the answer to one frame that was sent. */
static inline bool net_sent(struct net *net, struct session_result *result)
{
	return session_reap(&net->transmit.side, result);
}

/** Wait until something was received, or sent, or the link has changed.
 *
 * @retval OK, also if nothing did
 * @retval ERR_TIMEOUT, ERR_GONE
 */
MUST_CHECK enum error net_wait(struct net *net, uint64_t deadline_ns);

/** Set or ask something, and wait for the answer; nothing is being sent meanwhile. Parameters as of
 * enum net_operation. */
MUST_CHECK enum error net_control(struct net *net, enum net_operation operation, uint64_t value);

/** Totals, by enum net_counter. */
MUST_CHECK enum error net_statistics(struct net *net, uint64_t counter[NET_COUNTERS]);

#endif
