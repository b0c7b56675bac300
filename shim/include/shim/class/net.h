/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class net: Ethernet ports. Used by drivers (this file) and by clients (runtime/net.h).
 *
 * How to use: a port is a unit with two queues. On the one the client posts buffers, and each is
 * answered when a frame lies in it; on the other it queues frames. When the submit method of a
 * queue runs, the driver takes with shim_net_take() what its ring has room for. Rings are rings:
 * whatever was taken first is completed first, so that nothing needs a tag.
 */
#ifndef SHIM_CLASS_NET_H
#define SHIM_CLASS_NET_H

#include <shim/dma.h>
#include <shim/driver.h>

/* Queues of unit n: receive is 2 n, transmit is 2 n + 1. */
#define NET_RECEIVE_QUEUE  0u
#define NET_TRANSMIT_QUEUE 1u
#define NET_QUEUES         2u

/* Operations of a slot. NET_RECEIVE is the receive queue's, all others are the transmit queue's. */
enum net_operation {
	NET_RECEIVE = 1, /* a buffer of at least NET_BUFFER_BYTES */
	NET_SEND,        /* a frame of `count` bytes, without its check sequence */
	NET_FILTER,      /* position: NET_PROMISCUOUS ...; forgets all NET_MULTICAST */
	NET_MULTICAST,   /* position: one more group address, its first byte lowest */
	NET_MTU,         /* position: largest payload of a frame, 68 .. the unit's mtu */
	NET_STATISTICS,  /* update session_server.counter, by enum net_counter */
	NET_OPERATIONS
};

/* Bytes of a receive buffer that are used. A larger frame lies in several, in order. */
#define NET_BUFFER_BYTES  2048u
#define NET_HEADER_BYTES  14u
#define NET_TAG_BYTES     4u /* of a VLAN: frames may be longer by one */
#define NET_MTU_MIN       68u
#define NET_MULTICAST_MAX 32u
#define NET_DEPTH_MAX     256u /* frames or buffers that the device has at once */

/* Flags of NET_FILTER. */
#define NET_PROMISCUOUS   1u
#define NET_ALL_MULTICAST 2u

/* Flags of NET_SEND; `position` is then a net_offload(). */
#define NET_SUM    1u /* fill in the TCP or UDP checksum: its field holds the pseudo header's sum */
#define NET_SUM_IP 2u /* and that of the IPv4 header */
#define NET_SEGMENT \
	4u /* with NET_SUM: cut into TCP segments of mss bytes; pseudo header without length */

/* Of a completed buffer, beside the count: the length is in its lower half, these are above. */
#define NET_LENGTH  0xffffu
#define NET_SUM_OK  (1u << 16) /* the device has checked the TCP or UDP checksum */
#define NET_IP_OK   (1u << 17) /* ... the IPv4 header's */
#define NET_MORE    (1u << 18) /* the frame goes on in the next buffer */
#define NET_DAMAGED (1u << 19) /* no frame: drop it, and what came of it with NET_MORE */

enum net_counter {
	NET_RECEIVED,
	NET_RECEIVED_BYTES,
	NET_SENT,
	NET_SENT_BYTES,
	NET_MISSED,  /* no buffer was there */
	NET_REFUSED, /* damaged, or of a wrong size */
	NET_COUNTERS
};

/** Where headers lie in a frame to send, in bytes from its start.
 *
 * @param ip      IP header
 * @param tcp     TCP or UDP header; the checksum begins here
 * @param sum     the checksum's field
 * @param header  NET_SEGMENT: all headers
 * @param mss     NET_SEGMENT: payload bytes of a segment
 */
static inline uint64_t net_offload(unsigned ip, unsigned tcp, unsigned sum, unsigned header,
				   unsigned mss)
{
	return (ip & 0xff) | (tcp & 0xff) << 8 | (sum & 0xff) << 16 |
	       (uint64_t)(header & 0xff) << 24 | (uint64_t)(mss & 0xffff) << 32;
}
#define NET_OFFLOAD_IP(o)     ((uint32_t)(o)&0xff)
#define NET_OFFLOAD_TCP(o)    ((uint32_t)(o) >> 8 & 0xff)
#define NET_OFFLOAD_SUM(o)    ((uint32_t)(o) >> 16 & 0xff)
#define NET_OFFLOAD_HEADER(o) ((uint32_t)(o) >> 24 & 0xff)
#define NET_OFFLOAD_MSS(o)    ((uint32_t)((o) >> 32) & 0xffff)

/* A buffer or a frame. Arrives checked: sizes, the pool, offloads inside of the frame. */
struct shim_net_request {
	shim_iova_t data; /* physically contiguous */
	uint32_t bytes;
	uint32_t flags;   /* NET_SUM ... of a frame */
	uint64_t offload; /* if there are flags */
};

/* Methods. */
struct shim_net_ops {
	/* Required. Buffers (receive) or frames (transmit) wait on `queue`: take and start them. */
	void (*submit)(struct shim_device *device, unsigned queue);
	/* Required. Nobody wants the buffers any more that were taken on this receive queue: give
	 * them back, now or later, with shim_net_fail(). */
	void (*cancel)(struct shim_device *device, unsigned queue);
	/* Required. NET_FILTER, NET_MULTICAST, NET_MTU, NET_STATISTICS; the values are checked.
	 * What was set is told anew to an instance that starts afresh. */
	enum error (*control)(struct shim_device *device, unsigned unit,
			      enum net_operation operation, uint64_t value);
	/* Required. How many buffers, and frames, the device has at most: up to NET_DEPTH_MAX. */
	uint32_t depth;
	/* Required. Largest frame to send, before it is cut: no unit may say more. */
	uint32_t frame_bytes_max;
};

/** Announce a port, or change what was said of it: the link, its speed.
 *
 * @param device  device being probed or live
 * @param unit    queue is twice the number; class_id is CLASS_NET; the class fills in the rest
 * @retval OK
 * @retval ERR_INVALID  number, MTU or transfer_bytes_max make no sense
 * @retval ERR_NO_MEMORY
 *
 * Context: the device's own; does not block.
 */
MUST_CHECK enum error shim_net_unit_add(struct shim_device *device, const struct unit_info *unit);

/** The port is gone: requests fail with ERR_GONE.
 *
 * @param unit  its number
 *
 * Context: the device's own; does not block.
 */
void shim_net_unit_remove(struct shim_device *device, unsigned unit);

/** Take what waits, in order. Whoever has completed something asks again: it may be that more may
 * be taken, and, for buffers, from when on the client is to ring.
 *
 * @param device  live device
 * @param queue   the queue
 * @param[out] requests  as many as are taken
 * @param count   at most so many, at least 1
 * @return how many: each must be completed
 *
 * Context: the device's own; does not block.
 */
unsigned shim_net_take(struct shim_device *device, unsigned queue,
		       struct shim_net_request *requests, unsigned count);

/** Complete those that were taken first. Clients learn of it when the driver's call ends.
 *
 * @param device  live device
 * @param queue   the queue they were taken from
 * @param counts  receive: length and NET_SUM_OK ... of each; transmit: NULL
 * @param count   how many
 *
 * Context: the device's own; does not block.
 */
void shim_net_complete_many(struct shim_device *device, unsigned queue, const uint32_t *counts,
			    unsigned count);

/** As shim_net_complete_many(), without success.
 *
 * @param device  live device
 * @param queue   the queue they were taken from
 * @param count   how many
 * @param error   ERR_CANCELLED, ERR_TIMEOUT, ERR_GONE
 *
 * Context: the device's own; does not block.
 */
void shim_net_fail(struct shim_device *device, unsigned queue, unsigned count, enum error error);

/** Answer to NET_STATISTICS: totals of what this and earlier instances know.
 *
 * @param device   live device
 * @param unit     the port
 * @param counter  NET_COUNTERS of them, by enum net_counter
 *
 * Context: inside the control method.
 */
void shim_net_counters(struct shim_device *device, unsigned unit, const uint64_t *counter);

#endif
