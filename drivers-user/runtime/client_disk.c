/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Disks. See runtime/disk.h.
 */
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/disk.h>
#include <runtime/time.h>

bool disk_next(uint32_t *index, struct disk_entry *entry)
{
	uint32_t left = *index;

	for (uint32_t id = 0; device_next(&id, &entry->device);)
		for (uint32_t unit = 0; device_unit_next(entry->device.id, &unit, &entry->unit);) {
			if (entry->unit.class_id != CLASS_BLOCK || left-- > 0)
				continue;
			entry->index = (*index)++;
			snprintf(entry->name, sizeof(entry->name), "disk%u", entry->index);
			return true;
		}
	return false;
}

bool disk_find(const char *name, struct disk_entry *entry)
{
	for (uint32_t index = 0; disk_next(&index, entry);)
		if (strcmp(name, entry->name) == 0)
			return true;
	return false;
}

enum error disk_open_range(const char *name, uint32_t slots, uint32_t pool_bytes, uint64_t start,
			   uint64_t count, struct disk *disk)
{
	const struct session_info *info;
	uint32_t blocks;
	enum error error;

	memset(&disk->client, 0, sizeof(disk->client));
	if (!disk_find(name, &disk->entry))
		return ERR_NOT_FOUND;
	error = client_open(disk->entry.device.id, disk->entry.unit.unit, slots, pool_bytes, start,
			    count, &disk->client);
	if (error != OK)
		return error;
	info = disk->client.side.info;
	disk->block_bytes = info->block_bytes;
	disk->block_count = info->range_count;
	if (disk->block_bytes == 0 || pool_bytes < disk->block_bytes) {
		disk_close(disk);
		return disk->block_bytes ? ERR_INVALID : ERR_PROTOCOL;
	}
	blocks = info->transfer_bytes_max / disk->block_bytes;
	disk->transfer_blocks = pool_bytes / disk->block_bytes;
	if (blocks != 0 && blocks < disk->transfer_blocks)
		disk->transfer_blocks = blocks;
	return OK;
}

enum error disk_open(const char *name, uint32_t slots, uint32_t pool_bytes, struct disk *disk)
{
	return disk_open_range(name, slots, pool_bytes, 0, 0, disk);
}

void disk_close(struct disk *disk)
{
	client_close(&disk->client);
}

enum error disk_queue(struct disk *disk, enum block_operation operation, uint64_t block,
		      uint32_t count, uint32_t data_offset, uint64_t cookie)
{
	struct session_slot fill = {
		.operation = (uint8_t)operation,
		.position = block,
		.count = count,
		.data_offset = data_offset,
		.cookie = cookie,
	};

	return session_queue(&disk->client.side, &fill, NULL);
}

static enum error run_one(struct disk *disk, enum block_operation operation, uint64_t block,
			  uint32_t count)
{
	struct session_result result;
	enum error error = disk_queue(disk, operation, block, count, 0, 0);

	if (error != OK)
		return error;
	client_kick(&disk->client);
	error = client_wait(&disk->client, now_ns() + DISK_SYNC_TIMEOUT_NS, &result);
	return error != OK ? error : result.status;
}

/* Largest piece of `count` blocks that goes into one request. */
static uint32_t piece(const struct disk *disk, uint64_t count)
{
	return count < disk->transfer_blocks ? (uint32_t)count : disk->transfer_blocks;
}

static bool in_range(const struct disk *disk, uint64_t block, uint64_t count)
{
	return block <= disk->block_count && count <= disk->block_count - block;
}

enum error disk_read(struct disk *disk, uint64_t block, uint64_t count, void *data)
{
	uint8_t *to = data;

	if (!in_range(disk, block, count))
		return ERR_RANGE;
	while (count > 0) {
		uint32_t now = piece(disk, count);
		enum error error = run_one(disk, BLOCK_READ, block, now);

		if (error != OK)
			return error;
		memcpy(to, disk_pool(disk, 0), (size_t)now * disk->block_bytes);
		to += (size_t)now * disk->block_bytes;
		block += now;
		count -= now;
	}
	return OK;
}

enum error disk_write(struct disk *disk, uint64_t block, uint64_t count, const void *data)
{
	const uint8_t *from = data;

	if (!in_range(disk, block, count))
		return ERR_RANGE;
	while (count > 0) {
		uint32_t now = piece(disk, count);

		memcpy(disk_pool(disk, 0), from, (size_t)now * disk->block_bytes);
		enum error error = run_one(disk, BLOCK_WRITE, block, now);

		if (error != OK)
			return error;
		from += (size_t)now * disk->block_bytes;
		block += now;
		count -= now;
	}
	return OK;
}

enum error disk_discard(struct disk *disk, uint64_t block, uint64_t count)
{
	if (!in_range(disk, block, count))
		return ERR_RANGE;
	while (count > 0) {
		uint32_t now = piece(disk, count);
		enum error error = run_one(disk, BLOCK_DISCARD, block, now);

		if (error != OK)
			return error;
		block += now;
		count -= now;
	}
	return OK;
}

enum error disk_flush(struct disk *disk)
{
	return disk->client.side.info->flags & UNIT_FLUSH ? run_one(disk, BLOCK_FLUSH, 0, 0) : OK;
}
