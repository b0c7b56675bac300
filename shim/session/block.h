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

/* A request that the driver works on. */
struct block_tag {
	struct session_link *link;
	uint32_t count;
	uint32_t slot;
};

/* What one queue actor serves. */
struct block_queue {
	struct session_link *links;         /* in no order */
	struct session_link *cursor;        /* whose turn it is; NULL: the first's */
	uint64_t free[BLOCK_TAGS_MAX / 64]; /* a bit a tag: not in flight */
	struct block_tag tag[BLOCK_TAGS_MAX];
};

struct block_unit {
	bool present;
	struct unit_info info;
};

struct block_class {
	struct shim_device *device;
	struct block_queue *queue; /* [queue_count], the backend's */
	uint32_t queue_count;
	uint32_t bad_completions; /* by the driver: tags that are not in flight */
	struct session_wakes wakes;
	struct block_unit unit[BLOCK_UNITS_MAX];
};

/** The class data of a block device. Provided by the backend; asked for on slow paths only, and by
 * this a driver process gets the class file that goes with its calls. */
struct block_class *block_class_of(struct shim_device *device);

/** Prepare class data.
 *
 * @param queue        array of queue_count, zeroed here
 * @param queue_count  the driver's queue_count, at least 1 (queue 0 is the control actor if it is
 *                     0)
 */
void block_class_init(struct block_class *class, struct shim_device *device,
		      struct block_queue *queue, uint32_t queue_count);

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

/** The queue goes to sleep: clients ring from now on. False: requests came in, call
 * block_class_doorbell() instead of waiting. */
bool block_class_sleep(struct block_class *class, unsigned queue);

/** The queue is awake: clients need not ring. */
void block_class_awake(struct block_class *class, unsigned queue);

#endif
