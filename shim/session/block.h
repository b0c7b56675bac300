/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block, what both rings do alike: sessions, checks, tags. It implements the calls of
 * shim/class/block.h; used by drivers-kernel/class/block.c and drivers-user/class/block.c.
 *
 * How to use: one struct block_class a device. Attach sessions as they
 * come; on a doorbell call block_class_doorbell(); after every call into the driver,
 * session_flush(&class->wakes).
 */
#ifndef SESSION_BLOCK_H
#define SESSION_BLOCK_H

#include <session/session.h>
#include <shim/class/block.h>

#define BLOCK_TAGS_MAX  256u
#define BLOCK_UNITS_MAX 32u

/* A request that the driver works on, and where all of a queue are kept: in the device's class port
 * memory, so that the next instance finds them. Plain data, checked when it does: an instance that
 * is not trusted may have written it. */
struct block_record {
	uint32_t session, generation; /* of the slot's fill */
	uint32_t count;               /* blocks, for the answer */
	uint16_t slot, reserved;
};
_Static_assert(sizeof(struct block_record) == 16, "block_record is 16 bytes");

struct block_journal {
	uint64_t free[BLOCK_TAGS_MAX / 64]; /* a bit a tag: not in flight */
	struct block_record record[];       /* [tag_count] */
};

/* What one queue actor serves. */
struct block_queue {
	struct session_link *links;  /* in no order */
	struct session_link *cursor; /* whose turn it is; NULL: the first's */
	struct block_journal *journal;
	/* By tag in flight; NULL: it was taken over, and nobody is there to answer. */
	struct session_link *owner[BLOCK_TAGS_MAX];
};

struct block_unit {
	bool present;
	struct unit_info info;
};

struct block_class {
	struct shim_device *device;
	struct block_queue *queue; /* [queue_count], the backend's */
	uint32_t queue_count;
	uint32_t tag_count;       /* of a queue */
	bool refuses;             /* a session's unit is gone, or was once */
	uint32_t bad_completions; /* by the driver: tags that are not in flight */
	struct session_wakes wakes;
	struct block_unit unit[BLOCK_UNITS_MAX];
};

/** The class data of a block device. Provided by the backend; asked for on slow paths only, and by
 * this a driver process gets the class file that goes with its calls. */
struct block_class *block_class_of(struct shim_device *device);

/** Queues of a driver: at least 1, since queue 0 is the control actor if it declares none. */
uint32_t block_queue_count(const struct shim_driver *driver);

/** Bytes of class port memory. */
uint32_t block_port_bytes(const struct shim_driver *driver);

/** Prepare class data. Class and queues are zeroed by the caller, ahead of a move: clients wait
 * while this runs.
 *
 * @param queue  array of block_queue_count()
 * @param port   the device's class port memory: block_port_bytes()
 * @param hot    go on with the units in the registry and the requests in flight that `port` tells
 *               of: each belongs to the session that is attached with its id
 * @retval ERR_CORRUPT  a unit is none that this driver can have
 */
MUST_CHECK enum error block_class_init(struct block_class *class, struct shim_device *device,
				       struct block_queue *queue, void *port, bool hot);

/** Serve a session from now on. It waits until its unit is announced.
 *
 * @retval ERR_RANGE  the session names a queue that the driver does not have
 */
MUST_CHECK enum error block_class_attach(struct block_class *class, struct session_link *link);

/** The client is gone: take nothing more of this session.
 *
 * @return true   nothing is in flight: the link may be freed now
 * @return false  session_drained() will say so, from a later session_flush()
 */
bool block_class_detach(struct block_class *class, struct session_link *link);

/** Requests may wait on `queue`: answer those of units that are gone, then run the driver's submit
 * method. session_flush() comes after. */
void block_class_doorbell(struct block_class *class, unsigned queue);

/** Requests wait that may be taken, or must be refused. */
bool block_class_pending(const struct block_class *class, unsigned queue);

/** The queue goes to sleep: clients ring from now on. False: requests came in, call
 * block_class_doorbell() instead of waiting. */
bool block_class_sleep(struct block_class *class, unsigned queue);

/** The queue is awake: clients need not ring. */
void block_class_awake(struct block_class *class, unsigned queue);

#endif
