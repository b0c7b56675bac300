/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Partition tables by chance, of both schemes, with right sums: what is found lies on the disk.
 */
/* sources: drivers-user/runtime/client_partition.c */
#include <runtime/partition.h>

#include "fuzz.h"

#define BLOCK  512u
#define BLOCKS 64u
#define BACKUP (BLOCKS - 1)

static uint8_t disk[BLOCKS * BLOCK];
static unsigned reads;

static enum error read_block(void *context, uint64_t block, void *data)
{
	(void)context;
	FUZZ_CHECK(block < BLOCKS);
	FUZZ_CHECK(++reads < 10000);
	memcpy(data, disk + block * BLOCK, BLOCK);
	return OK;
}

static void put(uint8_t *to, uint64_t value, unsigned width)
{
	memcpy(to, &value, width);
}

/* An input is some blocks of a disk: each a number, and its bytes. Seed 0: MBR with an extended
 * partition; seed 1: a GPT of four entries. */
static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	uint8_t *first = bytes + 1, *second = bytes + 2 + BLOCK, *third = bytes + 3 + 2 * BLOCK;

	if (number > 1)
		return 0;
	memset(bytes, 0, 3 * (1 + BLOCK));
	put(first + 510, 0xaa55, 2);
	if (number == 0) {
		first[446 + 4] = 0x83;
		put(first + 446 + 8, 4, 4);
		put(first + 446 + 12, 10, 4);
		first[462 + 4] = 5;
		put(first + 462 + 8, 20, 4);
		put(first + 462 + 12, 30, 4);
		bytes[1 + BLOCK] = 20;
		put(second + 510, 0xaa55, 2);
		second[446 + 4] = 0x0c;
		put(second + 446 + 8, 1, 4);
		put(second + 446 + 12, 5, 4);
		second[462 + 4] = 5;
		put(second + 462 + 8, 10, 4);
		put(second + 462 + 12, 10, 4);
		bytes[2 + 2 * BLOCK] = 30;
		put(third + 510, 0xaa55, 2);
		third[446 + 4] = 0x82;
		put(third + 446 + 8, 1, 4);
		put(third + 446 + 12, 5, 4);
		return 3 * (1 + BLOCK);
	}
	first[446 + 4] = 0xee;
	put(first + 446 + 8, 1, 4);
	put(first + 446 + 12, BLOCKS - 1, 4);
	bytes[1 + BLOCK] = 1;
	memcpy(second, "EFI PART\0\0\1\0\x5c\0\0\0", 16);
	put(second + 24, 1, 8);
	put(second + 32, BACKUP, 8);
	put(second + 40, 3, 8);
	put(second + 48, BACKUP - 2, 8);
	put(second + 72, 2, 8);
	put(second + 80, 4, 4);
	put(second + 84, 128, 4);
	bytes[2 + 2 * BLOCK] = 2;
	memset(third, 7, 32);
	put(third + 32, 5, 8);
	put(third + 40, 9, 8);
	memcpy(third + 56, "d\0a\0t\0a\0\0\0", 10);
	memset(third + 128, 9, 32);
	put(third + 160, 20, 8);
	put(third + 168, 40, 8);
	put(third + 184, 0xd83d, 2);
	put(third + 186, 0xde00, 2);
	return 3 * (1 + BLOCK);
}

/* Damage behind the sums is what is looked for. */
static void sums_fix(uint8_t *head)
{
	uint32_t head_bytes, count, entry_bytes;
	uint64_t entries;

	memcpy(&head_bytes, head + 12, 4);
	memcpy(&entries, head + 72, 8);
	memcpy(&count, head + 80, 4);
	memcpy(&entry_bytes, head + 84, 4);
	if (entries < BLOCKS && (uint64_t)count * entry_bytes <= (BLOCKS - entries) * BLOCK)
		put(head + 88,
		    partition_crc32(0, disk + entries * BLOCK, (uint64_t)count * entry_bytes), 4);
	if (head_bytes > BLOCK)
		return;
	put(head + 16, 0, 4);
	put(head + 16, partition_crc32(0, head, head_bytes), 4);
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	static struct partition_table table;
	struct partition_source source = { read_block, NULL, BLOCKS, BLOCK };

	memset(disk, 0, sizeof(disk));
	while (size_bytes > 1) {
		size_t count = size_bytes - 1 < BLOCK ? size_bytes - 1 : BLOCK;

		memcpy(disk + bytes[0] % BLOCKS * BLOCK, bytes + 1, count);
		bytes += 1 + count;
		size_bytes -= 1 + count;
	}
	sums_fix(disk + BLOCK);
	sums_fix(disk + BACKUP * BLOCK);
	reads = 0;
	memset(&table, 0xa5, sizeof(table));
	if (partition_table_read(&source, &table) != OK)
		return;
	FUZZ_CHECK(table.scheme <= PARTITION_SCHEME_GPT && table.count <= PARTITION_MAX);
	for (uint32_t i = 0; i < table.count; i++) {
		const struct partition *one = &table.partition[i];

		FUZZ_CHECK(one->block_count && one->first_block < BLOCKS &&
			   one->block_count <= BLOCKS - one->first_block);
		FUZZ_CHECK(memchr(one->name, 0, sizeof(one->name)));
		FUZZ_CHECK(partition_type_text(&table, i));
	}
}
