/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class net, what both rings do alike: sessions, checks, the order of what was taken, settings. It
 * implements the calls of shim/class/net.h; used by class/net.c of both rings.
 *
 * How to use: one struct net_class a device. Attach sessions as they come; on a doorbell call
 * net_class_doorbell(); after every call into the driver, session_flush(&class->wakes).
 */
#ifndef SESSION_NET_H
#define SESSION_NET_H

#include <session/session.h>
#include <shim/class/net.h>

#define NET_UNITS_MAX 4u
#define NET_VOID      UINT64_MAX /* a record that nobody is to be answered for */

/* What the driver has of one queue, oldest first: of one session at a time. In the device's class
 * port memory, so that the next instance finds it. Plain data, checked when it does: an instance
 * that is not trusted may have written it. */
struct net_journal {
	uint32_t session, reserved;
	uint32_t head, tail;            /* free-running: completed, taken */
	uint64_t record[NET_DEPTH_MAX]; /* generation << 32 | slot */
};

/* What clients have set, for an instance that starts afresh. */
struct net_settings {
	uint32_t session; /* that set it: the transmit queue's; 0: nobody has */
	uint32_t filter;
	uint32_t mtu; /* 0: not set */
	uint32_t multicast_count;
	uint64_t multicast[NET_MULTICAST_MAX];
};

/* Class port memory of one unit. */
struct net_port {
	struct net_settings settings;
	struct net_journal journal[NET_QUEUES];
};

struct net_queue {
	struct session_link *links;   /* at most one that does not close */
	struct session_link *serving; /* whose requests are taken; NULL: the one before drains */
	struct session_link *owner;   /* who is answered for the records; NULL: nobody */
	struct net_journal *journal;
	uint32_t low; /* buffers posted: if it is less, the client rings */
};

struct net_unit {
	bool present;
	struct unit_info info;
	struct net_settings *settings;
};

struct net_class {
	struct shim_device *device;
	uint32_t queue_count;
	uint32_t depth;
	bool refuses;             /* a session's unit is gone, or was once */
	uint32_t bad_completions; /* by the driver: more than it has taken */
	struct session_wakes wakes;
	struct net_unit unit[NET_UNITS_MAX];
	struct net_queue queue[NET_UNITS_MAX * NET_QUEUES];
};

/** The class data of a network device. Provided by the backend; asked for on slow paths only, and
 * by this a driver process gets the class file that goes with its calls. */
struct net_class *net_class_of(struct shim_device *device);

/** Bytes of class port memory. */
uint32_t net_port_bytes(const struct shim_driver *driver);

/** Prepare class data, which the caller has zeroed.
 *
 * @param port  the device's class port memory: net_port_bytes()
 * @param hot   go on with the units in the registry and what `port` says that the driver has
 * @retval ERR_CORRUPT  a unit or a journal is none
 * @retval ERR_RANGE    the driver declares more queues than there may be
 */
MUST_CHECK enum error net_class_init(struct net_class *class, struct shim_device *device,
				     void *port, bool hot);

/** Serve a session from now on, or when its unit is announced and the one before has drained.
 *
 * @retval ERR_RANGE  the session names a queue or unit that the driver does not have
 */
MUST_CHECK enum error net_class_attach(struct net_class *class, struct session_link *link);

/** The client is gone: take nothing more of this session; its buffers are cancelled.
 *
 * @return true   nothing is in flight: the link may be freed now
 * @return false  session_drained() will say so, from a later session_flush()
 */
bool net_class_detach(struct net_class *class, struct session_link *link);

/** Requests may wait on `queue`. session_flush() comes after. */
void net_class_doorbell(struct net_class *class, unsigned queue);

#endif
