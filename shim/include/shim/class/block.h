/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block: disks. Used by drivers (this file) and by clients (shim/session/client.h and the
 * operations).
 *
 * How to use: the driver announces each disk as a unit, served by one of its queues. When requests
 * wait, its submit method runs; it takes requests with shim_block_take() while the hardware has
 * room, starts them, and answers each with shim_block_complete(), in any order. Requests arrive
 * checked: operation, range, transfer size, and bus address are right.
 */
#ifndef SHIM_CLASS_BLOCK_H
#define SHIM_CLASS_BLOCK_H

#include <shim/dma.h>
#include <shim/driver.h>

/* Operations of a slot; flags. */
enum block_operation { BLOCK_READ = 1, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };
#define BLOCK_FUA 1u /* write: durable before it completes */

struct shim_block_request {
	uint16_t tag;      /* 0 ..< the unit's depth, unique while the request is in flight */
	uint8_t operation; /* enum block_operation */
	uint8_t flags;     /* BLOCK_FUA */
	uint32_t unit;
	uint64_t position;   /* first block */
	uint32_t count;      /* blocks; 0 for a flush */
	uint32_t data_bytes; /* count times the block size for read and write, else 0 */
	shim_iova_t data;    /* physically contiguous */
};

/* Methods. */
struct shim_block_ops {
	/* Required. Requests wait on `queue`, or the queue may take more: take and start them. */
	void (*submit)(struct shim_device *device, unsigned queue);
	/* The largest depth of a unit; tags stay below it. 0: 256. */
	uint32_t depth_max;
};

/** Announce a disk, or change what was said of it.
 *
 * @param device  device being probed or live
 * @param unit    number, size and shape of the disk; `queue` serves it; class_id is CLASS_BLOCK
 * @retval OK
 * @retval ERR_INVALID  block size no power of two from 512 to 4096, no blocks, depth 0 or over
 *                      depth_max
 * @retval ERR_NO_MEMORY
 *
 * Context: the device's own; does not block.
 */
MUST_CHECK enum error shim_block_unit_add(struct shim_device *device, const struct unit_info *unit);

/** Disk number `unit` is gone: its sessions' requests fail with ERR_GONE. Context: the device's
 * own. */
void shim_block_unit_remove(struct shim_device *device, unsigned unit);

/** Take the waiting requests of a queue, in order, each to its place in a table by tag. A flush or
 * discard is the last that one call takes.
 *
 * @param device  live device
 * @param queue   the queue
 * @param[out] table  as long as the largest depth of the queue's units; only what is taken changes
 * @param[out] tags   of what was taken, in order
 * @param count   at most so many, at least 1
 * @return how many: each must be completed; 0 if none waits, or as many as the unit's depth are in
 *         flight
 *
 * Context: the device's own; does not block.
 */
unsigned shim_block_take(struct shim_device *device, unsigned queue,
			 struct shim_block_request *table, uint16_t *tags, unsigned count);

#define SHIM_BLOCK_NONE (-1)

/** Take the request that waits, if it is the only one, from the only session of the queue, and a
 * read or write without flags: what is common when a client does one thing at a time, taken with
 * less than a batch costs.
 *
 * @param device  live device
 * @param queue   the queue
 * @param[out] table  as in shim_block_take(); its place by tag changes in any case
 * @return its tag: it must be completed; or SHIM_BLOCK_NONE: ask shim_block_take()
 *
 * Context: the device's own; does not block.
 */
int shim_block_take_one(struct shim_device *device, unsigned queue,
			struct shim_block_request *table);

/** Take the next waiting request of a queue, one alone.
 *
 * @param device  live device
 * @param queue   the queue
 * @param[out] request  unchanged if there is none
 * @retval true   taken: it must be completed
 * @retval false  none waits, or as many as the unit's depth are in flight
 *
 * Context: the device's own; does not block.
 */
bool shim_block_next(struct shim_device *device, unsigned queue,
		     struct shim_block_request *request);

/** Answer a request.
 *
 * @param device  live device
 * @param queue   the queue it was taken from
 * @param tag     its tag, free from now on
 * @param error   OK, or ERR_IO, ERR_MEDIA, ERR_TIMEOUT, ERR_GONE, ERR_READ_ONLY, ERR_UNSUPPORTED
 *
 * Clients learn of it when the driver's call ends: complete as many as there are, then return.
 * Context: the device's own; does not block.
 */
void shim_block_complete(struct shim_device *device, unsigned queue, unsigned tag,
			 enum error error);

/** Answer several requests of a queue with OK: bit n of `tags` is tag 64 * word + n. Otherwise as
 * shim_block_complete(). */
void shim_block_complete_many(struct shim_device *device, unsigned queue, unsigned word,
			      uint64_t tags);

#endif
