/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Partition tables: GPT (with its backup) and MBR (with logical partitions), read and checked.
 * Pure: no system call, no heap; used by the shell's `disk list` and by unit tests.
 * Sources: UEFI 2.10 §5 (GPT, and MBR in §5.2.1); the extended chain as every PC system writes it.
 */
#ifndef RUNTIME_PARTITION_H
#define RUNTIME_PARTITION_H

#include <stdint.h>

#include <abi/error.h>

#define PARTITION_MAX        128
#define PARTITION_NAME_BYTES 112 /* 36 UTF-16 units as UTF-8, and a zero */

enum partition_scheme { PARTITION_SCHEME_NONE, PARTITION_SCHEME_MBR, PARTITION_SCHEME_GPT };

struct partition {
	uint32_t number; /* from 1; logical partitions from 5 */
	uint8_t mbr_type;
	uint8_t type_guid[16]; /* as on disk */
	uint64_t first_block;
	uint64_t block_count;
	char name[PARTITION_NAME_BYTES];
};

struct partition_table {
	enum partition_scheme scheme;
	uint32_t from_backup; /* 1: the GPT's first copy is damaged */
	uint32_t count;
	struct partition partition[PARTITION_MAX];
};

/* The disk to look at. */
struct partition_source {
	enum error (*read_block)(void *context, uint64_t block, void *data);
	void *context;
	uint64_t block_count;
	uint32_t block_bytes; /* 512 .. 4096 */
};

/** Read a disk's partition table. Nothing on the disk is trusted.
 *
 * @param source      the disk
 * @param[out] table  scheme NONE where there is no table; undefined on error
 * @retval OK
 * @retval ERR_INVALID      the block size is none we know
 * @retval ERR_CORRUPT      there is a table, and it contradicts itself or the disk
 * @retval ERR_UNSUPPORTED  more than PARTITION_MAX partitions
 * @return else what read_block said
 */
MUST_CHECK enum error partition_table_read(const struct partition_source *source,
					   struct partition_table *table);

/** CRC-32 as GPT uses it (IEEE 802.3, reflected); begin with crc 0, and chain. */
uint32_t partition_crc32(uint32_t crc, const void *data, uint64_t size_bytes);

/** A few words about what a partition holds, by its type: "Linux", "EFI system"; never NULL. */
const char *partition_type_text(const struct partition_table *table, uint32_t index);

#endif
