/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The boot information's parser (kernel/boot.h), on information built here tag by tag, good and
 * bad. sources: kernel/boot/multiboot2.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/boot.h>

#define MIB 0x100000ull

static const struct boot_area kernel = { MIB, 0x80000 };
static struct boot_info info;
static uint8_t text[8192];
static uint32_t used;

static int begin(void **state)
{
	(void)state;
	memset(text, 0, sizeof(text));
	used = 8;
	return 0;
}

static void add_tag(uint32_t type, const void *data, uint32_t size_bytes)
{
	uint32_t head[2] = { type, 8 + size_bytes };

	memcpy(text + used, head, 8);
	memcpy(text + used + 8, data, size_bytes);
	used += (8 + size_bytes + 7) & ~7u;
}

struct entry {
	uint64_t paddr, size_bytes;
	uint32_t kind, reserved;
};

static void add_map(const struct entry *entries, unsigned count)
{
	uint32_t buffer[2 + 6 * 200] = { 24, 0 };

	memcpy(buffer + 2, entries, count * 24);
	add_tag(6, buffer, 8 + count * 24);
}

static void add_usable(void)
{
	static const struct entry usable = { 0, 64 * MIB, 1, 0 };

	add_map(&usable, 1);
}

/* Parse from memory of exactly `limit` bytes, so that one byte too much is seen. */
static enum error parse_limited(uint32_t limit)
{
	uint8_t *exact = malloc(limit ? limit : 1);
	enum error error;

	memcpy(exact, text, limit);
	error = multiboot2_parse(exact, limit, kernel, &info);
	free(exact);
	return error;
}

static enum error parse(void)
{
	add_tag(0, "", 0);
	memcpy(text, &used, 4);
	return parse_limited(used);
}

static void command_line_archive_and_rsdp_are_copied(void **state)
{
	struct {
		uint32_t start, end;
		char name[8];
	} module = { 2 * MIB, 2 * MIB + 5000, "archive" };
	uint8_t old[20] = "RSD PTR old", new[36] = "RSD PTR new";

	(void)state;
	add_tag(1, "ahci=user", 10);
	add_tag(3, &module, sizeof(module));
	add_tag(15, new, sizeof(new));
	add_tag(14, old, sizeof(old));
	add_usable();
	assert_int_equal(parse(), OK);
	assert_string_equal(info.cmdline, "ahci=user");
	assert_int_equal(info.archive.paddr, 2 * MIB);
	assert_int_equal(info.archive.size_bytes, 5000);
	assert_int_equal(info.rsdp_bytes, 36);
	assert_memory_equal(info.rsdp, new, 36);
	assert_false(info.efi);
}

static void free_memory_spares_low_memory_kernel_and_archive(void **state)
{
	uint32_t module[3] = { 2 * MIB + 1, 2 * MIB + 5000, 0 };

	(void)state;
	add_tag(3, module, sizeof(module));
	add_usable();
	assert_int_equal(parse(), OK);
	assert_int_equal(info.free_count, 2);
	assert_int_equal(info.free[0].paddr, MIB + 0x80000);
	assert_int_equal(info.free[0].size_bytes, MIB - 0x80000);
	assert_int_equal(info.free[1].paddr, 2 * MIB + 0x2000);
	assert_int_equal(info.free[1].paddr + info.free[1].size_bytes, 64 * MIB);
	assert_int_equal(info.usable_bytes, 64 * MIB);
}

static void overlapping_entries_become_disjoint_and_the_stricter_holds(void **state)
{
	static const struct entry map[] = {
		{ 8 * MIB, 8 * MIB, 1, 0 },          { 0, 10 * MIB, 1, 0 },
		{ 9 * MIB + 5, 10, 2, 0 },           { 4 * MIB, MIB, 5, 0 },
		{ 3 * MIB + 100, 4 * MIB, 1, 0 },    { 12 * MIB, MIB, 3, 0 },
		{ 12 * MIB + 0x8000, 0x1000, 4, 0 }, { 12 * MIB, 16 * MIB, 77, 0 },
	};

	(void)state;
	add_map(map, 8);
	assert_int_equal(parse(), OK);
	for (unsigned i = 1; i < info.memory_count; i++)
		assert_true(info.memory[i - 1].paddr + info.memory[i - 1].size_bytes <=
			    info.memory[i].paddr);
	assert_int_equal(info.memory_count, 6);
	assert_int_equal(info.memory[0].size_bytes, 4 * MIB);
	assert_int_equal(info.memory[1].kind, BOOT_MEMORY_BAD);
	assert_int_equal(info.memory[2].paddr + info.memory[2].size_bytes, 9 * MIB);
	assert_int_equal(info.memory[3].size_bytes, 0x1000);
	assert_int_equal(info.memory[4].paddr, 9 * MIB + 0x1000);
	assert_int_equal(info.memory[5].paddr, 12 * MIB);
	assert_int_equal(info.memory[5].size_bytes, 16 * MIB);
	assert_int_equal(info.memory[5].kind, BOOT_MEMORY_RESERVED);
	assert_int_equal(info.usable_bytes, 11 * MIB - 0x1000);
	assert_int_equal(info.usable_end, 12 * MIB);
}

static void usable_ranges_shrink_to_whole_pages(void **state)
{
	static const struct entry map[] = { { MIB + 1, 4 * MIB, 1, 0 },
					    { 32 * MIB + 1, 0x1000, 1, 0 } };

	(void)state;
	add_map(map, 2);
	assert_int_equal(parse(), OK);
	assert_int_equal(info.memory_count, 1);
	assert_int_equal(info.memory[0].paddr, MIB + 0x1000);
	assert_int_equal(info.memory[0].size_bytes, 4 * MIB - 0x1000);
}

static void addresses_that_cannot_be_are_ignored(void **state)
{
	static const struct entry map[] = { { UINT64_MAX - 10, 100, 1, 0 },
					    { 1ull << 53, MIB, 1, 0 },
					    { 0x1000, UINT64_MAX, 1, 0 },
					    { 0, 8 * MIB, 1, 0 } };

	(void)state;
	add_map(map, 4);
	assert_int_equal(parse(), OK);
	assert_int_equal(info.memory_count, 1);
	assert_int_equal(info.usable_end, 8 * MIB);
}

static void more_entries_than_there_is_room_do_not_overflow(void **state)
{
	static struct entry map[200];

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		map[i] = (struct entry){ (2 * i + 2) * MIB, MIB, 1, 0 };
	add_map(map, 200);
	assert_int_equal(parse(), OK);
	assert_int_equal(info.memory_count, BOOT_MEMORY_MAX);
}

static void a_reserved_entry_among_many_still_cuts_usable_memory(void **state)
{
	static struct entry map[BOOT_MEMORY_MAX + 1];

	(void)state;
	for (unsigned i = 0; i < BOOT_MEMORY_MAX; i++)
		map[i] = (struct entry){ (2 * i + 2) * MIB, MIB, 1, 0 };
	map[BOOT_MEMORY_MAX] = (struct entry){ 2 * MIB, 3 * MIB, 2, 0 };
	add_map(map, BOOT_MEMORY_MAX + 1);
	assert_int_equal(parse(), OK);
	for (unsigned i = 0; i < info.free_count; i++)
		assert_true(info.free[i].paddr >= 5 * MIB);
}

static void a_hole_in_a_full_list_does_not_overflow(void **state)
{
	static struct entry map[BOOT_MEMORY_MAX + 1];

	(void)state;
	for (unsigned i = 0; i < BOOT_MEMORY_MAX; i++)
		map[i] = (struct entry){ (2 * i + 2) * MIB, MIB, 1, 0 };
	map[BOOT_MEMORY_MAX] = (struct entry){ 4 * MIB + 0x4000, 0x1000, 2, 0 };
	add_map(map, BOOT_MEMORY_MAX + 1);
	assert_int_equal(parse(), OK);
	assert_int_equal(info.memory_count, BOOT_MEMORY_MAX);
	for (unsigned i = 0; i < info.free_count; i++)
		assert_false(info.free[i].paddr <= 4 * MIB + 0x4000 &&
			     info.free[i].paddr + info.free[i].size_bytes > 4 * MIB + 0x4000);
}

static void framebuffer_is_taken_if_it_is_sound(void **state)
{
	struct __attribute__((packed)) {
		uint64_t paddr;
		uint32_t pitch, width, height;
		uint8_t bits, type;
		uint16_t reserved;
		uint8_t colours[6];
	} framebuffer = { 0xe0000000, 4096, 1024, 768, 32, 1, 0, { 16, 8, 8, 8, 0, 8 } };

	(void)state;
	add_tag(8, &framebuffer, sizeof(framebuffer));
	add_usable();
	assert_int_equal(parse(), OK);
	assert_int_equal(info.framebuffer.paddr, 0xe0000000);
	assert_int_equal(info.framebuffer.width, 1024);
	begin(NULL);
	framebuffer.pitch = 4095;
	add_tag(8, &framebuffer, sizeof(framebuffer));
	add_usable();
	assert_int_equal(parse(), OK);
	assert_int_equal(info.framebuffer.paddr, 0);
}

static void kernel_symbols_are_found_and_kept(void **state)
{
	struct {
		uint32_t count, entry_bytes, names;
		struct __attribute__((packed)) {
			uint32_t name, type;
			uint64_t flags, vaddr, offset, size_bytes;
			uint32_t link, info;
			uint64_t alignment, entry_bytes;
		} header[3];
	} __attribute__((packed)) sections = { .count = 3, .entry_bytes = 64 };

	(void)state;
	sections.header[1].type = 2;
	sections.header[1].vaddr = 16 * MIB;
	sections.header[1].size_bytes = 240;
	sections.header[1].link = 2;
	sections.header[2].type = 3;
	sections.header[2].vaddr = 17 * MIB;
	sections.header[2].size_bytes = 100;
	add_tag(9, &sections, sizeof(sections));
	add_usable();
	assert_int_equal(parse(), OK);
	assert_int_equal(info.symbols.paddr, 16 * MIB);
	assert_int_equal(info.symbols.size_bytes, 240);
	assert_int_equal(info.strings.paddr, 17 * MIB);
	assert_int_equal(info.reserved_count, 3);
	begin(NULL);
	sections.header[1].link = 3;
	add_tag(9, &sections, sizeof(sections));
	add_usable();
	assert_int_equal(parse(), OK);
	assert_int_equal(info.symbols.size_bytes, 0);
}

static void a_lying_size_is_refused(void **state)
{
	uint32_t size_bytes;

	(void)state;
	add_usable();
	add_tag(0, "", 0);
	size_bytes = used + 1;
	memcpy(text, &size_bytes, 4);
	assert_int_equal(parse_limited(used), ERR_CORRUPT);
	memcpy(text, &used, 4);
	text[12] = 7; /* the first tag is smaller than its head */
	text[13] = 0;
	assert_int_equal(parse_limited(used), ERR_CORRUPT);
	memset(text + 12, 0xff, 4);
	assert_int_equal(parse_limited(used), ERR_CORRUPT);
}

static void no_memory_map_is_refused(void **state)
{
	(void)state;
	add_tag(1, "x", 2);
	assert_int_equal(parse(), ERR_CORRUPT);
}

/* Every truncation, and many random changes: nothing outside is touched (the sanitizer sees it). */
static void damaged_information_is_survived(void **state)
{
	uint32_t module[3] = { 2 * MIB, 3 * MIB, 0 };
	static const struct entry map[] = { { 0, 64 * MIB, 1, 0 }, { 5 * MIB, MIB, 2, 0 } };
	static uint8_t good[sizeof(text)];

	(void)state;
	add_tag(1, "loglevel=debug", 15);
	add_tag(3, module, sizeof(module));
	add_map(map, 2);
	assert_int_equal(parse(), OK);
	for (uint32_t limit = 0; limit < used; limit++) {
		memcpy(text, &limit, 4);
		(void)!parse_limited(limit);
	}
	memcpy(text, &used, 4);
	memcpy(good, text, sizeof(text));
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		text[8 + (unsigned)rand() % (used - 8)] = (uint8_t)rand();
		text[8 + (unsigned)rand() % (used - 8)] = (uint8_t)rand();
		(void)!parse_limited(used);
		assert_true(info.memory_count <= BOOT_MEMORY_MAX);
		memcpy(text, good, sizeof(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, begin)
		TEST(command_line_archive_and_rsdp_are_copied),
		TEST(free_memory_spares_low_memory_kernel_and_archive),
		TEST(overlapping_entries_become_disjoint_and_the_stricter_holds),
		TEST(usable_ranges_shrink_to_whole_pages),
		TEST(addresses_that_cannot_be_are_ignored),
		TEST(more_entries_than_there_is_room_do_not_overflow),
		TEST(a_reserved_entry_among_many_still_cuts_usable_memory),
		TEST(a_hole_in_a_full_list_does_not_overflow),
		TEST(framebuffer_is_taken_if_it_is_sound),
		TEST(kernel_symbols_are_found_and_kept),
		TEST(a_lying_size_is_refused),
		TEST(no_memory_map_is_refused),
		TEST(damaged_information_is_survived),
	};

	return cmocka_run_group_tests_name("multiboot2", tests, NULL, NULL);
}
