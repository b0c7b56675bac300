/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Disks, from C. Disks are named disk0, disk1, ... in the order of device id and unit number; a
 * name holds as long as no disk before it comes or goes.
 *
 * How to use, simple: disk_open(), disk_read(), disk_write(), disk_flush(), disk_close().
 * Fast: put data into disk_pool(), disk_queue() several requests, client_kick(&disk.client), then
 * client_wait() for each answer.
 */
#ifndef RUNTIME_DISK_H
#define RUNTIME_DISK_H

#include <stdbool.h>

#include <abi/device.h>
#include <runtime/client.h>
#include <shim/class/block.h>

#define DISK_NAME_BYTES      16
#define DISK_SYNC_TIMEOUT_NS UINT64_C(60000000000) /* a death or a move fits in */

/* A disk that exists; walk them with disk_next(). */
struct disk_entry {
	char name[DISK_NAME_BYTES];
	uint32_t index;
	struct device_info device;
	struct unit_info unit;
};

struct disk {
	struct client client;
	struct disk_entry entry;
	uint32_t block_bytes;
	uint32_t transfer_blocks; /* most blocks of one request, also by the size of the pool */
	uint64_t block_count;     /* of the session's range */
};

/** Disk number *index; *index is then the next one. False: there is none. */
bool disk_next(uint32_t *index, struct disk_entry *entry);

/** Find a disk by name. False: there is none. */
bool disk_find(const char *name, struct disk_entry *entry);

/** Open a disk.
 *
 * @param slots       requests at once: power of two
 * @param pool_bytes  memory for data, at least one block
 * @retval OK, ERR_NOT_FOUND, ERR_PROTOCOL, or as client_open()
 */
MUST_CHECK enum error disk_open(const char *name, uint32_t slots, uint32_t pool_bytes,
				struct disk *disk);

/** The same for blocks [start, start + count) only; positions count from start. */
MUST_CHECK enum error disk_open_range(const char *name, uint32_t slots, uint32_t pool_bytes,
				      uint64_t start, uint64_t count, struct disk *disk);

void disk_close(struct disk *disk);

/** The session's data memory, at an offset in bytes. */
static inline void *disk_pool(const struct disk *disk, uint32_t offset)
{
	return disk->client.side.pool + offset;
}

/** Queue one request; seen by the driver after client_kick().
 *
 * @retval OK
 * @retval ERR_AGAIN  all slots are in use
 */
MUST_CHECK enum error disk_queue(struct disk *disk, enum block_operation operation, uint64_t block,
				 uint32_t count, uint32_t data_offset, uint64_t cookie);

/* One after another, through the pool from offset 0; nothing else may be in flight.
 *
 * @retval OK
 * @retval ERR_RANGE    outside of the disk
 * @retval ERR_TIMEOUT  not answered in time: close the disk
 * @return else what the driver said
 */
MUST_CHECK enum error disk_read(struct disk *disk, uint64_t block, uint64_t count, void *data);
MUST_CHECK enum error disk_write(struct disk *disk, uint64_t block, uint64_t count,
				 const void *data);
MUST_CHECK enum error disk_discard(struct disk *disk, uint64_t block, uint64_t count);

/** What was written is on the medium afterwards. OK at once on a disk without a cache. */
MUST_CHECK enum error disk_flush(struct disk *disk);

#endif
