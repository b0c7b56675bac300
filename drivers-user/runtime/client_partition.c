/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Partition tables, parsed without trust. See runtime/partition.h.
 */
#include <runtime/partition.h>

#include <stdbool.h>
#include <stddef.h>

#include <lib/string.h>

#define BLOCK_BYTES_MIN 512u
#define BLOCK_BYTES_MAX 4096u
#define ENTRIES_MAX     1024u /* of a GPT; what tools write is 128 */

/* MBR, UEFI 2.10 §5.2.1 */
#define MBR_ENTRY(n)       (446 + 16 * (n))
#define MBR_SIGNATURE      510
#define MBR_ENTRY_STATUS   0
#define MBR_ENTRY_TYPE     4
#define MBR_ENTRY_START    8
#define MBR_ENTRY_COUNT    12
#define MBR_TYPE_GPT       0xee
#define MBR_FIRST_LOGICAL  5
#define MBR_EXTENDED_LINKS 128u /* links followed at most: a loop ends here */

/* GPT header, UEFI 2.10 §5.3.2 */
#define GPT_REVISION         8
#define GPT_HEADER_BYTES     12
#define GPT_HEADER_CRC       16
#define GPT_MY_BLOCK         24
#define GPT_ALTERNATE_BLOCK  32
#define GPT_FIRST_USABLE     40
#define GPT_LAST_USABLE      48
#define GPT_ENTRIES_BLOCK    72
#define GPT_ENTRY_COUNT      80
#define GPT_ENTRY_BYTES      84
#define GPT_ENTRIES_CRC      88
#define GPT_HEADER_BYTES_MIN 92
#define GPT_REVISION_1       0x00010000u
#define GPT_ENTRY_FIRST      32 /* in an entry, §5.3.3 */
#define GPT_ENTRY_LAST       40
#define GPT_ENTRY_NAME       56
#define GPT_ENTRY_NAME_UNITS 36
#define GPT_ENTRY_BYTES_MIN  128

struct gpt {
	uint64_t first_usable, last_usable;
	uint64_t entries_block;
	uint32_t entry_count, entry_bytes, entries_crc;
};

struct scan {
	const struct partition_source *source;
	struct partition_table *table;
	uint8_t block[BLOCK_BYTES_MAX];
};

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

static uint64_t get64(const uint8_t *bytes)
{
	return get32(bytes) | (uint64_t)get32(bytes + 4) << 32;
}

uint32_t partition_crc32(uint32_t crc, const void *data, uint64_t size_bytes)
{
	const uint8_t *bytes = data;

	crc = ~crc;
	for (uint64_t i = 0; i < size_bytes; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static enum error read_block(struct scan *scan, uint64_t block)
{
	if (block >= scan->source->block_count)
		return ERR_CORRUPT;
	return scan->source->read_block(scan->source->context, block, scan->block);
}

/* Adds a partition of [first, first + count); it must lie inside [low, high) and overlap no other.
 */
static enum error add_partition(struct scan *scan, const struct partition *new, uint64_t low,
				uint64_t high)
{
	struct partition_table *table = scan->table;
	uint64_t first = new->first_block, count = new->block_count;

	if (count == 0 || first < low || first >= high || count > high - first)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < table->count; i++) {
		const struct partition *old = &table->partition[i];

		if (first < old->first_block + old->block_count && old->first_block < first + count)
			return ERR_CORRUPT;
	}
	if (table->count == PARTITION_MAX)
		return ERR_UNSUPPORTED;
	table->partition[table->count++] = *new;
	return OK;
}

/* UTF-16 to UTF-8; lone surrogates and control characters become '?'. */
static void copy_name(char *name, const uint8_t *units)
{
	unsigned out = 0;

	for (unsigned i = 0; i < GPT_ENTRY_NAME_UNITS; i++) {
		uint32_t unit = units[2 * i] | (uint32_t)units[2 * i + 1] << 8;

		if (unit == 0)
			break;
		if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < GPT_ENTRY_NAME_UNITS) {
			uint32_t low = units[2 * i + 2] | (uint32_t)units[2 * i + 3] << 8;

			if (low >= 0xdc00 && low < 0xe000) {
				unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
				i++;
			}
		}
		if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0) ||
		    (unit >= 0xd800 && unit < 0xe000))
			unit = '?';
		if (unit < 0x80) {
			name[out++] = (char)unit;
		} else if (unit < 0x800) {
			name[out++] = (char)(0xc0 | unit >> 6);
			name[out++] = (char)(0x80 | (unit & 0x3f));
		} else if (unit < 0x10000) {
			name[out++] = (char)(0xe0 | unit >> 12);
			name[out++] = (char)(0x80 | (unit >> 6 & 0x3f));
			name[out++] = (char)(0x80 | (unit & 0x3f));
		} else {
			name[out++] = (char)(0xf0 | unit >> 18);
			name[out++] = (char)(0x80 | (unit >> 12 & 0x3f));
			name[out++] = (char)(0x80 | (unit >> 6 & 0x3f));
			name[out++] = (char)(0x80 | (unit & 0x3f));
		}
	}
	name[out] = 0;
}
_Static_assert(PARTITION_NAME_BYTES > 3 * GPT_ENTRY_NAME_UNITS, "a unit takes three bytes at most");

/* Reads and checks the header at `block`; everything it says is inside the disk afterwards. */
static enum error gpt_read_header(struct scan *scan, uint64_t block, struct gpt *gpt)
{
	const struct partition_source *source = scan->source;
	uint8_t *header = scan->block;
	enum error error = read_block(scan, block);

	if (error != OK)
		return error;
	uint32_t header_bytes = get32(header + GPT_HEADER_BYTES);
	uint32_t crc = get32(header + GPT_HEADER_CRC);

	if (memcmp(header, "EFI PART", 8) != 0 || get32(header + GPT_REVISION) != GPT_REVISION_1 ||
	    header_bytes < GPT_HEADER_BYTES_MIN || header_bytes > source->block_bytes)
		return ERR_CORRUPT;
	memset(header + GPT_HEADER_CRC, 0, 4);
	if (partition_crc32(0, header, header_bytes) != crc ||
	    get64(header + GPT_MY_BLOCK) != block ||
	    get64(header + GPT_ALTERNATE_BLOCK) >= source->block_count)
		return ERR_CORRUPT;
	*gpt = (struct gpt){
		.first_usable = get64(header + GPT_FIRST_USABLE),
		.last_usable = get64(header + GPT_LAST_USABLE),
		.entries_block = get64(header + GPT_ENTRIES_BLOCK),
		.entry_count = get32(header + GPT_ENTRY_COUNT),
		.entry_bytes = get32(header + GPT_ENTRY_BYTES),
		.entries_crc = get32(header + GPT_ENTRIES_CRC),
	};
	return OK;
}

static bool gpt_is_sane(const struct partition_source *source, const struct gpt *gpt)
{
	uint32_t bytes = gpt->entry_bytes;

	if (bytes < GPT_ENTRY_BYTES_MIN || bytes > source->block_bytes || (bytes & (bytes - 1)) ||
	    gpt->entry_count == 0 || gpt->entry_count > ENTRIES_MAX)
		return false;
	uint64_t blocks = ((uint64_t)gpt->entry_count * bytes + source->block_bytes - 1) /
			  source->block_bytes;

	if (gpt->first_usable > gpt->last_usable || gpt->last_usable >= source->block_count ||
	    gpt->entries_block < 2 || gpt->entries_block >= source->block_count ||
	    blocks > source->block_count - gpt->entries_block)
		return false;
	return gpt->entries_block + blocks <= gpt->first_usable ||
	       gpt->entries_block > gpt->last_usable;
}

static enum error gpt_add_entry(struct scan *scan, const struct gpt *gpt, uint32_t index,
				const uint8_t *entry)
{
	static const uint8_t unused[16];
	struct partition new = { .number = index + 1 };
	uint64_t first = get64(entry + GPT_ENTRY_FIRST), last = get64(entry + GPT_ENTRY_LAST);

	if (memcmp(entry, unused, sizeof(unused)) == 0)
		return OK;
	if (last < first || last > gpt->last_usable)
		return ERR_CORRUPT;
	memcpy(new.type_guid, entry, sizeof(new.type_guid));
	new.first_block = first;
	new.block_count = last - first + 1;
	copy_name(new.name, entry + GPT_ENTRY_NAME);
	return add_partition(scan, &new, gpt->first_usable, gpt->last_usable + 1);
}

/* Entries are read twice: once for their checksum, once for their content, so a checked table
 * needs no memory for all of them. */
static enum error gpt_read_entries(struct scan *scan, const struct gpt *gpt)
{
	uint32_t block_bytes = scan->source->block_bytes,
		 per_block = block_bytes / gpt->entry_bytes;
	uint64_t left = (uint64_t)gpt->entry_count * gpt->entry_bytes;
	uint32_t crc = 0;
	enum error error;

	for (uint64_t block = gpt->entries_block; left > 0; block++) {
		uint32_t bytes = left < block_bytes ? (uint32_t)left : block_bytes;

		error = read_block(scan, block);
		if (error != OK)
			return error;
		crc = partition_crc32(crc, scan->block, bytes);
		left -= bytes;
	}
	if (crc != gpt->entries_crc)
		return ERR_CORRUPT;
	scan->table->count = 0;
	for (uint32_t i = 0; i < gpt->entry_count; i++) {
		if (i % per_block == 0) {
			error = read_block(scan, gpt->entries_block + i / per_block);
			if (error != OK)
				return error;
		}
		error = gpt_add_entry(scan, gpt, i, scan->block + i % per_block * gpt->entry_bytes);
		if (error != OK)
			return error;
	}
	return OK;
}

static enum error gpt_read_copy(struct scan *scan, uint64_t block)
{
	struct gpt gpt;
	enum error error = gpt_read_header(scan, block, &gpt);

	if (error != OK)
		return error;
	if (!gpt_is_sane(scan->source, &gpt))
		return ERR_CORRUPT;
	return gpt_read_entries(scan, &gpt);
}

static enum error gpt_read(struct scan *scan)
{
	enum error error = gpt_read_copy(scan, 1);

	scan->table->scheme = PARTITION_SCHEME_GPT;
	if (error == OK || error == ERR_UNSUPPORTED)
		return error;
	scan->table->from_backup = 1;
	return gpt_read_copy(scan, scan->source->block_count - 1);
}

static bool mbr_type_is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static bool mbr_is_signed(const uint8_t *block)
{
	return block[MBR_SIGNATURE] == 0x55 && block[MBR_SIGNATURE + 1] == 0xaa;
}

/* A boot sector of a file system carries the same signature, but code where the entries are. */
static bool mbr_is_table(const uint8_t *block)
{
	for (int i = 0; i < 4; i++)
		if (block[MBR_ENTRY(i) + MBR_ENTRY_STATUS] & 0x7f)
			return false;
	return mbr_is_signed(block);
}

/* The chain: each link holds one logical partition, relative to the link, and the next link,
 * relative to the extended partition [first, first + count). */
static enum error mbr_read_logicals(struct scan *scan, uint64_t first, uint64_t count)
{
	uint64_t link = first, high = first + count;
	uint32_t number = MBR_FIRST_LOGICAL;

	for (uint32_t links = 0; links < MBR_EXTENDED_LINKS; links++) {
		const uint8_t *entry = scan->block + MBR_ENTRY(0);
		const uint8_t *next = scan->block + MBR_ENTRY(1);
		enum error error = read_block(scan, link);

		if (error != OK)
			return error;
		if (!mbr_is_table(scan->block))
			return ERR_CORRUPT;
		if (entry[MBR_ENTRY_TYPE] != 0) {
			struct partition new = {
				.number = number++,
				.mbr_type = entry[MBR_ENTRY_TYPE],
				.first_block = link + get32(entry + MBR_ENTRY_START),
				.block_count = get32(entry + MBR_ENTRY_COUNT),
			};
			error = add_partition(scan, &new, link + 1, high);
			if (error != OK)
				return error;
		}
		if (!mbr_type_is_extended(next[MBR_ENTRY_TYPE]))
			return OK;
		link = first + get32(next + MBR_ENTRY_START);
		if (link <= first || link >= high)
			return ERR_CORRUPT;
	}
	return ERR_CORRUPT;
}

/* The four primary partitions; the extended one, at most one, is not listed itself. */
static enum error mbr_read(struct scan *scan)
{
	uint64_t disk = scan->source->block_count, extended_first = 0, extended_count = 0;

	scan->table->scheme = PARTITION_SCHEME_MBR;
	for (uint32_t i = 0; i < 4; i++) {
		const uint8_t *entry = scan->block + MBR_ENTRY(i);
		struct partition new = {
			.number = i + 1,
			.mbr_type = entry[MBR_ENTRY_TYPE],
			.first_block = get32(entry + MBR_ENTRY_START),
			.block_count = get32(entry + MBR_ENTRY_COUNT),
		};
		if (new.mbr_type == 0)
			continue;
		if (mbr_type_is_extended(new.mbr_type)) {
			if (extended_count || new.block_count == 0 || new.first_block < 1 ||
			    new.first_block >= disk || new.block_count > disk - new.first_block)
				return ERR_CORRUPT;
			extended_first = new.first_block;
			extended_count = new.block_count;
			continue;
		}
		enum error error = add_partition(scan, &new, 1, disk);
		if (error != OK)
			return error;
	}
	for (uint32_t i = 0; extended_count && i < scan->table->count; i++) {
		const struct partition *old = &scan->table->partition[i];

		if (extended_first < old->first_block + old->block_count &&
		    old->first_block < extended_first + extended_count)
			return ERR_CORRUPT;
	}
	return extended_count ? mbr_read_logicals(scan, extended_first, extended_count) : OK;
}

enum error partition_table_read(const struct partition_source *source,
				struct partition_table *table)
{
	struct scan scan = { .source = source, .table = table };
	enum error error;

	memset(table, 0, sizeof(*table));
	if (source->block_bytes < BLOCK_BYTES_MIN || source->block_bytes > BLOCK_BYTES_MAX ||
	    (source->block_bytes & (source->block_bytes - 1)) || source->block_count == 0)
		return ERR_INVALID;
	error = read_block(&scan, 0);
	if (error != OK || !mbr_is_table(scan.block))
		return error;
	for (int i = 0; i < 4; i++)
		if (scan.block[MBR_ENTRY(i) + MBR_ENTRY_TYPE] == MBR_TYPE_GPT)
			return gpt_read(&scan);
	return mbr_read(&scan);
}

/* Names of types: the GUIDs as they lie on disk, first three fields little-endian. */
struct type_name {
	uint8_t guid[16];
	const char *text;
};

static const struct type_name gpt_types[] = {
	{ { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e,
	    0xc9, 0x3b },
	  "EFI system" },
	{ { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47,
	    0x7d, 0xe4 },
	  "Linux" },
	{ { 0x6d, 0xfd, 0x57, 0x06, 0xab, 0xa4, 0xc4, 0x43, 0x84, 0xe5, 0x09, 0x33, 0xc8, 0x4b,
	    0x4f, 0x4f },
	  "Linux swap" },
	{ { 0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26,
	    0x99, 0xc7 },
	  "Microsoft basic data" },
	{ { 0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6f, 0x6e, 0x74, 0x4e, 0x65, 0x65, 0x64, 0x45,
	    0x46, 0x49 },
	  "BIOS boot" },
};

static const char *mbr_type_text(uint8_t type)
{
	switch (type) {
	case 0x01:
	case 0x04:
	case 0x06:
	case 0x0b:
	case 0x0c:
	case 0x0e:
		return "FAT";
	case 0x07:
		return "NTFS or exFAT";
	case 0x82:
		return "Linux swap";
	case 0x83:
		return "Linux";
	case 0x8e:
		return "Linux LVM";
	case 0xa5:
	case 0xa6:
	case 0xa9:
		return "BSD";
	case 0xef:
		return "EFI system";
	default:
		return "unknown";
	}
}

const char *partition_type_text(const struct partition_table *table, uint32_t index)
{
	const struct partition *partition = &table->partition[index];

	if (table->scheme == PARTITION_SCHEME_MBR)
		return mbr_type_text(partition->mbr_type);
	for (unsigned i = 0; i < sizeof(gpt_types) / sizeof(gpt_types[0]); i++)
		if (memcmp(gpt_types[i].guid, partition->type_guid, 16) == 0)
			return gpt_types[i].text;
	return "unknown";
}
