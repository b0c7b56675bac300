/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The partition parser (runtime/partition.h) on disks built here byte by byte, good and bad.
 * sources: drivers-user/runtime/client_partition.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <runtime/partition.h>

#define BLOCKS    4096u
#define LAST      (BLOCKS - 1)
#define FIRST_USE 34u
#define LAST_USE  (BLOCKS - 34)
#define ENTRIES   128u
#define MBR_ENTRY 446u

struct disk {
	uint32_t block_bytes;
	uint64_t block_count;
	uint64_t bad_block; /* reading it fails; ~0: none */
	uint8_t *bytes;
};

static enum error disk_read(void *context, uint64_t block, void *data)
{
	struct disk *disk = context;

	assert_true(block < disk->block_count);
	if (block == disk->bad_block)
		return ERR_MEDIA;
	memcpy(data, disk->bytes + block * disk->block_bytes, disk->block_bytes);
	return OK;
}

static void put16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, (uint16_t)value);
	put16(to + 2, (uint16_t)(value >> 16));
}

static void put64(uint8_t *to, uint64_t value)
{
	put32(to, (uint32_t)value);
	put32(to + 4, (uint32_t)(value >> 32));
}

static int setup_blocks(void **state, uint32_t block_bytes)
{
	struct disk *disk = calloc(1, sizeof(*disk));

	*disk = (struct disk){ block_bytes, BLOCKS, ~(uint64_t)0, calloc(BLOCKS, block_bytes) };
	*state = disk;
	return 0;
}

static int setup(void **state)
{
	return setup_blocks(state, 512);
}

static int setup_4k(void **state)
{
	return setup_blocks(state, 4096);
}

static int teardown(void **state)
{
	struct disk *disk = *state;

	free(disk->bytes);
	free(disk);
	return 0;
}

static uint8_t *block_of(struct disk *disk, uint64_t block)
{
	return disk->bytes + block * disk->block_bytes;
}

static void mbr_sign(struct disk *disk, uint64_t block)
{
	block_of(disk, block)[510] = 0x55;
	block_of(disk, block)[511] = 0xaa;
}

static void mbr_put(struct disk *disk, uint64_t block, unsigned index, uint8_t type, uint32_t start,
		    uint32_t count)
{
	uint8_t *entry = block_of(disk, block) + MBR_ENTRY + 16 * index;

	mbr_sign(disk, block);
	entry[4] = type;
	put32(entry + 8, start);
	put32(entry + 12, count);
}

static uint8_t *gpt_entry(struct disk *disk, int backup, unsigned index)
{
	uint64_t block = backup ? LAST - ENTRIES * 128 / disk->block_bytes : 2;

	return block_of(disk, block) + 128 * index;
}

/* Writes one header with right checksums over whatever entries are there. */
static void gpt_seal(struct disk *disk, int backup)
{
	uint8_t *header = block_of(disk, backup ? LAST : 1);

	memcpy(header, "EFI PART", 8);
	put32(header + 8, 0x00010000);
	put32(header + 12, 92);
	put64(header + 24, backup ? LAST : 1);
	put64(header + 32, backup ? 1 : LAST);
	put64(header + 40, FIRST_USE);
	put64(header + 48, LAST_USE);
	put64(header + 72, backup ? LAST - ENTRIES * 128 / disk->block_bytes : 2);
	put32(header + 80, ENTRIES);
	put32(header + 84, 128);
	put32(header + 88, partition_crc32(0, gpt_entry(disk, backup, 0), ENTRIES * 128));
	put32(header + 16, 0);
	put32(header + 16, partition_crc32(0, header, 92));
}

static void gpt_put(struct disk *disk, unsigned index, uint64_t first, uint64_t last,
		    const char *name)
{
	static const uint8_t linux_guid[16] = { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
						0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4 };

	for (int backup = 0; backup < 2; backup++) {
		uint8_t *entry = gpt_entry(disk, backup, index);

		memcpy(entry, linux_guid, 16);
		put64(entry + 32, first);
		put64(entry + 40, last);
		for (unsigned i = 0; name[i]; i++)
			put16(entry + 56 + 2 * i, (uint8_t)name[i]);
	}
}

/* Two partitions, 1 and 3, both copies intact. */
static void gpt_make(struct disk *disk)
{
	mbr_put(disk, 0, 0, 0xee, 1, BLOCKS - 1);
	gpt_put(disk, 0, 64, 1063, "root");
	gpt_put(disk, 2, 1064, LAST_USE, "data");
	gpt_seal(disk, 0);
	gpt_seal(disk, 1);
}

static enum error parse(struct disk *disk, struct partition_table *table)
{
	struct partition_source source = { disk_read, disk, disk->block_count, disk->block_bytes };

	return partition_table_read(&source, table);
}

static struct partition_table table;

static void assert_good_gpt(struct disk *disk, uint32_t from_backup)
{
	assert_int_equal(parse(disk, &table), OK);
	assert_int_equal(table.scheme, PARTITION_SCHEME_GPT);
	assert_int_equal(table.from_backup, from_backup);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.partition[0].number, 1);
	assert_int_equal(table.partition[0].first_block, 64);
	assert_int_equal(table.partition[0].block_count, 1000);
	assert_string_equal(table.partition[0].name, "root");
	assert_int_equal(table.partition[1].number, 3);
	assert_string_equal(partition_type_text(&table, 1), "Linux");
}

static void crc32_gives_the_published_check_value(void **state)
{
	(void)state;
	assert_int_equal(partition_crc32(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(partition_crc32(partition_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

static void empty_disk_has_no_table(void **state)
{
	assert_int_equal(parse(*state, &table), OK);
	assert_int_equal(table.scheme, PARTITION_SCHEME_NONE);
	assert_int_equal(table.count, 0);
}

static void boot_sector_of_a_file_system_is_no_table(void **state)
{
	struct disk *disk = *state;

	mbr_sign(disk, 0);
	memset(disk->bytes + MBR_ENTRY, 0x4e, 64);
	assert_int_equal(parse(disk, &table), OK);
	assert_int_equal(table.scheme, PARTITION_SCHEME_NONE);
}

static void gpt_partitions_are_listed(void **state)
{
	gpt_make(*state);
	assert_good_gpt(*state, 0);
}

static void gpt_header_with_a_wrong_checksum_is_read_from_the_backup(void **state)
{
	gpt_make(*state);
	block_of(*state, 1)[16] ^= 1;
	assert_good_gpt(*state, 1);
}

static void gpt_entries_with_a_wrong_checksum_are_read_from_the_backup(void **state)
{
	gpt_make(*state);
	gpt_entry(*state, 0, 0)[60] ^= 1;
	assert_good_gpt(*state, 1);
}

static void unreadable_primary_gpt_is_read_from_the_backup(void **state)
{
	struct disk *disk = *state;

	gpt_make(disk);
	disk->bad_block = 1;
	assert_good_gpt(disk, 1);
}

static void gpt_with_both_copies_broken_is_corrupt(void **state)
{
	gpt_make(*state);
	block_of(*state, 1)[0] = 'X';
	block_of(*state, LAST)[0] = 'X';
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
}

static void gpt_on_a_truncated_disk_is_corrupt(void **state)
{
	struct disk *disk = *state;

	gpt_make(disk);
	disk->block_count = 1000;
	assert_int_equal(parse(disk, &table), ERR_CORRUPT);
	disk->block_count = 1;
	assert_int_equal(parse(disk, &table), ERR_CORRUPT);
}

static void gpt_entries_that_overlap_are_corrupt(void **state)
{
	gpt_make(*state);
	gpt_put(*state, 5, 1000, 1064, "both");
	gpt_seal(*state, 0);
	gpt_seal(*state, 1);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
}

static void gpt_entry_outside_of_the_usable_blocks_is_corrupt(void **state)
{
	static const uint64_t ranges[][2] = { { FIRST_USE - 1, 50 },
					      { 50, LAST_USE + 1 },
					      { 60, 59 },
					      { ~(uint64_t)0 - 1, ~(uint64_t)0 },
					      { 50, ~(uint64_t)0 } };

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		gpt_make(*state);
		gpt_put(*state, 0, ranges[i][0], ranges[i][1], "bad");
		gpt_seal(*state, 0);
		gpt_seal(*state, 1);
		assert_int_equal(parse(*state, &table), ERR_CORRUPT);
	}
}

/* Writes `value` into both headers and makes their checksums right again. */
static void gpt_lie(struct disk *disk, unsigned offset, unsigned width, uint64_t value)
{
	gpt_make(disk);
	for (int backup = 0; backup < 2; backup++) {
		uint8_t *header = block_of(disk, backup ? LAST : 1);

		if (width == 8)
			put64(header + offset, value);
		else
			put32(header + offset, (uint32_t)value);
		put32(header + 16, 0);
		if (offset != 12)
			put32(header + 16, partition_crc32(0, header, 92));
	}
}

static void gpt_headers_that_lie_are_corrupt(void **state)
{
	static const struct {
		unsigned offset, width;
		uint64_t value;
	} lies[] = {
		{ 8, 4, 0x00020000 },
		{ 12, 4, 91 },
		{ 12, 4, 513 },
		{ 12, 4, 0xffffffff },
		{ 24, 8, 7 },
		{ 32, 8, BLOCKS },
		{ 40, 8, LAST_USE + 1 },
		{ 48, 8, BLOCKS },
		{ 48, 8, ~(uint64_t)0 },
		{ 72, 8, 1 },
		{ 72, 8, FIRST_USE },
		{ 72, 8, BLOCKS },
		{ 72, 8, ~(uint64_t)0 },
		{ 80, 4, 0 },
		{ 80, 4, 0xffffffff },
		{ 84, 4, 0 },
		{ 84, 4, 64 },
		{ 84, 4, 192 },
		{ 84, 4, 1024 },
		{ 84, 4, 0x80000000 },
		{ 88, 4, 0 },
	};

	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		gpt_lie(*state, lies[i].offset, lies[i].width, lies[i].value);
		assert_int_equal(parse(*state, &table), ERR_CORRUPT);
	}
}

static void gpt_names_become_utf8(void **state)
{
	struct disk *disk = *state;

	gpt_make(disk);
	for (int backup = 0; backup < 2; backup++) {
		uint8_t *name = gpt_entry(disk, backup, 0) + 56;

		put16(name, 0xe9);       /* e acute */
		put16(name + 2, 0x20ac); /* euro */
		put16(name + 4, 0xd83d); /* a newt's world ... */
		put16(name + 6, 0xde00); /* ... in two halves */
		put16(name + 8, 0xd800); /* a half alone */
		put16(name + 10, 0x1b);  /* escape */
	}
	gpt_seal(disk, 0);
	assert_int_equal(parse(disk, &table), OK);
	assert_string_equal(table.partition[0].name, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80??");
}

static void mbr_partitions_are_listed(void **state)
{
	mbr_put(*state, 0, 0, 0x83, 64, 100);
	mbr_put(*state, 0, 3, 0x0c, 200, BLOCKS - 200);
	((struct disk *)*state)->bytes[MBR_ENTRY] = 0x80;
	assert_int_equal(parse(*state, &table), OK);
	assert_int_equal(table.scheme, PARTITION_SCHEME_MBR);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.partition[1].number, 4);
	assert_int_equal(table.partition[1].block_count, BLOCKS - 200);
	assert_string_equal(partition_type_text(&table, 0), "Linux");
	assert_string_equal(partition_type_text(&table, 1), "FAT");
}

static void mbr_entries_outside_of_the_disk_are_corrupt(void **state)
{
	static const uint32_t ranges[][2] = {
		{ 0, 10 }, { BLOCKS, 1 }, { BLOCKS - 1, 2 }, { 0xffffffff, 0xffffffff }, { 5, 0 }
	};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (unsigned type = 0x83; type != 0; type = type == 0x83 ? 0x05 : 0) {
			mbr_put(*state, 0, 0, (uint8_t)type, ranges[i][0], ranges[i][1]);
			assert_int_equal(parse(*state, &table), ERR_CORRUPT);
		}
}

static void mbr_entries_that_overlap_are_corrupt(void **state)
{
	mbr_put(*state, 0, 0, 0x83, 64, 100);
	mbr_put(*state, 0, 1, 0x83, 163, 10);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
	mbr_put(*state, 0, 1, 0x05, 163, 10);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
}

/* A primary partition and an extended one [1000, 2000) with logicals at 1010 and 1510. */
static void mbr_make_logicals(struct disk *disk)
{
	mbr_put(disk, 0, 0, 0x83, 64, 100);
	mbr_put(disk, 0, 1, 0x0f, 1000, 1000);
	mbr_put(disk, 1000, 0, 0x83, 10, 400);
	mbr_put(disk, 1000, 1, 0x05, 500, 500);
	mbr_put(disk, 1500, 0, 0x82, 10, 490);
}

static void logical_partitions_are_listed(void **state)
{
	mbr_make_logicals(*state);
	assert_int_equal(parse(*state, &table), OK);
	assert_int_equal(table.count, 3);
	assert_int_equal(table.partition[1].number, 5);
	assert_int_equal(table.partition[1].first_block, 1010);
	assert_int_equal(table.partition[2].number, 6);
	assert_int_equal(table.partition[2].first_block, 1510);
	assert_int_equal(table.partition[2].block_count, 490);
}

static void extended_chain_that_loops_is_corrupt(void **state)
{
	mbr_make_logicals(*state);
	mbr_put(*state, 1500, 1, 0x05, 500, 500);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
	mbr_put(*state, 1500, 1, 0x05, 0, 500);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
}

static void extended_chain_of_empty_links_that_loops_ends(void **state)
{
	mbr_put(*state, 0, 1, 0x0f, 1000, 1000);
	mbr_put(*state, 1000, 1, 0x05, 500, 500);
	mbr_put(*state, 1500, 1, 0x05, 500, 500);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
}

static void extended_chain_outside_of_its_partition_is_corrupt(void **state)
{
	mbr_make_logicals(*state);
	mbr_put(*state, 1000, 1, 0x05, 1000, 500);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
	mbr_put(*state, 1000, 1, 0x05, 0xffffffff, 500);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
	mbr_make_logicals(*state);
	mbr_put(*state, 1500, 0, 0x82, 10, 491);
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
}

static void unsigned_link_of_the_chain_is_corrupt(void **state)
{
	mbr_make_logicals(*state);
	block_of(*state, 1500)[510] = 0;
	assert_int_equal(parse(*state, &table), ERR_CORRUPT);
}

static void unreadable_link_of_the_chain_is_reported(void **state)
{
	mbr_make_logicals(*state);
	((struct disk *)*state)->bad_block = 1500;
	assert_int_equal(parse(*state, &table), ERR_MEDIA);
}

static void odd_block_sizes_are_refused(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 511, 520, 8192 };
	struct disk *disk = *state;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct partition_source source = { disk_read, disk, BLOCKS, sizes[i] };

		assert_int_equal(partition_table_read(&source, &table), ERR_INVALID);
	}
}

static void random_damage_never_escapes_the_disk(void **state)
{
	struct disk *disk = *state;
	uint64_t random = 1;

	for (unsigned round = 0; round < 4000; round++) {
		static const uint64_t places[] = { 0, 1000, 1500, 1, LAST };

		mbr_make_logicals(disk);
		if (round & 1)
			gpt_make(disk);
		for (unsigned i = 0; i < 4; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			uint64_t place = places[(random >> 33) % 5];
			unsigned offset =
				(round & 1 && place != 0 ? 0 : MBR_ENTRY) + (random >> 40) % 64;

			block_of(disk, place)[offset] = (uint8_t)(random >> 56);
		}
		(void)!parse(disk, &table);
		assert_true(table.count <= PARTITION_MAX);
	}
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_4K(name) cmocka_unit_test_setup_teardown(name, setup_4k, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32_gives_the_published_check_value),
		TEST(empty_disk_has_no_table),
		TEST(boot_sector_of_a_file_system_is_no_table),
		TEST(gpt_partitions_are_listed),
		TEST_4K(gpt_partitions_are_listed),
		TEST(gpt_header_with_a_wrong_checksum_is_read_from_the_backup),
		TEST(gpt_entries_with_a_wrong_checksum_are_read_from_the_backup),
		TEST(unreadable_primary_gpt_is_read_from_the_backup),
		TEST(gpt_with_both_copies_broken_is_corrupt),
		TEST(gpt_on_a_truncated_disk_is_corrupt),
		TEST(gpt_entries_that_overlap_are_corrupt),
		TEST(gpt_entry_outside_of_the_usable_blocks_is_corrupt),
		TEST(gpt_headers_that_lie_are_corrupt),
		TEST(gpt_names_become_utf8),
		TEST(mbr_partitions_are_listed),
		TEST(mbr_entries_outside_of_the_disk_are_corrupt),
		TEST(mbr_entries_that_overlap_are_corrupt),
		TEST(logical_partitions_are_listed),
		TEST_4K(logical_partitions_are_listed),
		TEST(extended_chain_that_loops_is_corrupt),
		TEST(extended_chain_of_empty_links_that_loops_ends),
		TEST(extended_chain_outside_of_its_partition_is_corrupt),
		TEST(unsigned_link_of_the_chain_is_corrupt),
		TEST(unreadable_link_of_the_chain_is_reported),
		TEST(odd_block_sizes_are_refused),
		TEST(random_damage_never_escapes_the_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
