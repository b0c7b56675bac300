/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reader of ACPI tables (kernel/acpi.h) on tables built here, good and bad. Each lies in memory
 * of exactly its size.
 * sources: kernel/acpi/tables.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/acpi.h>

#define BASE       0x7fe0000ull /* table i lies at BASE + i * STEP */
#define STEP       0x1000ull
#define TABLES_MAX 16

static struct {
	uint8_t *bytes;
	uint32_t size_bytes;
} table[TABLES_MAX];
static unsigned table_count;
static uint8_t rsdp[36];
static struct acpi_info info;
static unsigned warnings;
static char last_warning[200];

static const void *map(uint64_t paddr, uint64_t size_bytes)
{
	uint64_t index = (paddr - BASE) / STEP, offset = (paddr - BASE) % STEP;

	if (paddr < BASE || index >= table_count || offset + size_bytes > table[index].size_bytes)
		return NULL;
	return table[index].bytes + offset;
}

static void warn(const char *line)
{
	warnings++;
	snprintf(last_warning, sizeof(last_warning), "%s", line);
}

static void fix_sum(uint8_t *bytes, uint32_t size_bytes, uint32_t at)
{
	uint8_t sum = 0;

	bytes[at] = 0;
	for (uint32_t i = 0; i < size_bytes; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[at] = (uint8_t)-sum;
}

static void put32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, 4);
}

static void put64(uint8_t *to, uint64_t value)
{
	memcpy(to, &value, 8);
}

/* A table with a head and a body; returns its index. */
static unsigned add_table(const char *signature, const void *body, uint32_t body_bytes)
{
	uint32_t size_bytes = 36 + body_bytes;
	uint8_t *bytes = calloc(1, size_bytes);

	memcpy(bytes, signature, 4);
	put32(bytes + 4, size_bytes);
	memcpy(bytes + 36, body, body_bytes);
	fix_sum(bytes, size_bytes, 9);
	table[table_count].bytes = bytes;
	table[table_count].size_bytes = size_bytes;
	return table_count++;
}

static void add_root(unsigned entry_bytes)
{
	uint8_t body[8 * TABLES_MAX] = { 0 };
	unsigned count = table_count, root;

	for (unsigned i = 0; i < count; i++)
		put64(body + i * entry_bytes, BASE + i * STEP);
	root = add_table(entry_bytes == 8 ? "XSDT" : "RSDT", body, count * entry_bytes);
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = entry_bytes == 8 ? 2 : 0;
	put32(rsdp + 16, entry_bytes == 4 ? (uint32_t)(BASE + root * STEP) : 0);
	put32(rsdp + 20, 36);
	put64(rsdp + 24, entry_bytes == 8 ? BASE + root * STEP : 0);
	fix_sum(rsdp, 20, 8);
	fix_sum(rsdp, 36, 32);
}

static void parse(void)
{
	warnings = 0;
	acpi_parse(rsdp, sizeof(rsdp), map, warn, &info);
}

static int begin(void **state)
{
	(void)state;
	table_count = 0;
	memset(rsdp, 0, sizeof(rsdp));
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < table_count; i++)
		free(table[i].bytes);
	return 0;
}

/* Two processors, one off, one x2APIC with a small id and one with a large, an I/O APIC, IRQ 0 at
 * GSI 2 and IRQ 9 level and low, an NMI entry. */
static const uint8_t madt[] = {
	0, 0,  0xe0, 0xfe, 1, 0, 0,    0,                              /* */
	0, 8,  0,    0,    1, 0, 0,    0,                              /* */
	0, 8,  1,    3,    1, 0, 0,    0,                              /* */
	0, 8,  2,    4,    0, 0, 0,    0,                              /* */
	9, 16, 0,    0,    5, 0, 0,    0,    1,   0, 0, 0, 0, 0, 0, 0, /* */
	9, 16, 0,    0,    0, 1, 0,    0,    1,   0, 0, 0, 0, 0, 0, 0, /* */
	1, 12, 0,    0,    0, 0, 0xc0, 0xfe, 0,   0, 0, 0,             /* */
	2, 10, 0,    0,    2, 0, 0,    0,    0,   0,                   /* */
	2, 10, 0,    9,    9, 0, 0,    0,    0xf, 0,                   /* */
	4, 6,  0xff, 0,    0, 1,
};

static const uint8_t dsdt[] = { 0x08, '_', 'S', '3', '_', 0x12, 4, 1, 0x0a, 1, /* */
				0x08, '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, 5, 0x01, 0, 0 };

static void fill_fadt(uint8_t *body, uint64_t dsdt_paddr)
{
	put32(body + 48 - 36, 0xb2);
	body[52 - 36] = 2;
	put32(body + 64 - 36, 0x604);
	put32(body + 76 - 36, 0x608);
	body[91 - 36] = 4;
	put32(body + 112 - 36, 1u << 10 | 1u << 8);
	body[116 - 36] = 1;
	body[117 - 36] = 8;
	put64(body + 120 - 36, 0xcf9);
	body[128 - 36] = 0xf;
	put64(body + 140 - 36, dsdt_paddr);
}

static void add_all(unsigned entry_bytes)
{
	uint8_t fadt[208] = { 0 }, hpet[20] = { 0 }, mcfg[8 + 16] = { 0 }, dmar[12 + 16] = { 0 };

	add_table("APIC", madt, sizeof(madt));
	put64(hpet + 8, 0xfed00000);
	add_table("HPET", hpet, sizeof(hpet));
	put64(mcfg + 8, 0xb0000000);
	mcfg[8 + 11] = 255;
	add_table("MCFG", mcfg, sizeof(mcfg));
	dmar[0] = 38;
	dmar[12 + 2] = 16;
	put64(dmar + 12 + 8, 0xfed90000);
	add_table("DMAR", dmar, sizeof(dmar));
	fill_fadt(fadt, BASE + 5 * STEP);
	add_table("FACP", fadt, sizeof(fadt));
	add_table("DSDT", dsdt, sizeof(dsdt));
	add_root(entry_bytes);
}

static void expect_all(void)
{
	assert_true(info.present);
	assert_int_equal(info.cpu_count, 3);
	assert_int_equal(info.cpu[1], 3);
	assert_int_equal(info.cpu[2], 5);
	assert_int_equal(info.cpu_ignored, 1);
	assert_int_equal(info.lapic_paddr, 0xfee00000);
	assert_true(info.has_8259);
	assert_int_equal(info.ioapic_count, 1);
	assert_int_equal(info.ioapic[0].paddr, 0xfec00000);
	assert_int_equal(info.override_count, 2);
	assert_int_equal(info.override[0].gsi, 2);
	assert_int_equal(info.override[0].flags, 0);
	assert_int_equal(info.override[1].flags, ACPI_ACTIVE_LOW | ACPI_LEVEL);
	assert_int_equal(info.hpet_paddr, 0xfed00000);
	assert_int_equal(info.mcfg_count, 1);
	assert_int_equal(info.mcfg[0].bus_end, 255);
	assert_true(info.has_dmar);
	assert_int_equal(info.dmar_address_bits, 39);
	assert_int_equal(info.drhd_count, 1);
	assert_int_equal(info.drhd_paddr[0], 0xfed90000);
	assert_int_equal(info.pm1a_control_port, 0x604);
	assert_int_equal(info.pm_timer_port, 0x608);
	assert_true(info.pm_timer_32bit);
	assert_int_equal(info.reset.address, 0xcf9);
	assert_int_equal(info.reset_value, 0xf);
	assert_true(info.has_s5);
	assert_int_equal(info.s5_type_a, 5);
	assert_int_equal(info.s5_type_b, 1);
}

static void all_tables_are_read_by_the_extended_root(void **state)
{
	(void)state;
	add_all(8);
	parse();
	expect_all();
	assert_int_equal(warnings, 0);
}

static void all_tables_are_read_by_the_old_root(void **state)
{
	(void)state;
	add_all(4);
	parse();
	expect_all();
}

static void a_bad_root_pointer_means_no_tables(void **state)
{
	(void)state;
	add_all(8);
	rsdp[9] ^= 1;
	parse();
	assert_false(info.present);
	assert_int_equal(warnings, 1);
	assert_int_equal(info.lapic_paddr, 0xfee00000);
	acpi_parse(rsdp, 0, map, warn, &info);
	assert_false(info.present);
}

static void a_table_with_a_bad_sum_is_absent_with_one_warning(void **state)
{
	(void)state;
	add_all(8);
	table[1].bytes[40] ^= 1;
	parse();
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last_warning, "HPET"));
	assert_int_equal(info.hpet_paddr, 0);
	assert_int_equal(info.cpu_count, 3);
}

static void a_table_with_a_lying_length_is_absent(void **state)
{
	(void)state;
	add_all(8);
	put32(table[0].bytes + 4, 36);
	put32(table[1].bytes + 4, 0xffffffff);
	put32(table[2].bytes + 4, 0x800);
	parse();
	assert_int_equal(info.cpu_count, 0);
	assert_int_equal(info.hpet_paddr, 0);
	assert_int_equal(info.mcfg_count, 0);
	assert_int_equal(warnings, 3);
	assert_true(info.has_fadt);
}

static void an_entry_of_no_length_ends_its_table(void **state)
{
	(void)state;
	add_all(8);
	table[0].bytes[44 + 8 + 1] = 0; /* the second processor's entry */
	fix_sum(table[0].bytes, table[0].size_bytes, 9);
	table[3].bytes[48 + 2] = 0;
	fix_sum(table[3].bytes, table[3].size_bytes, 9);
	parse();
	assert_int_equal(info.cpu_count, 1);
	assert_int_equal(info.ioapic_count, 0);
	assert_int_equal(info.drhd_count, 0);
	assert_int_equal(warnings, 2);
}

static void an_entry_longer_than_its_table_is_refused(void **state)
{
	(void)state;
	add_all(8);
	table[0].bytes[44 + 1] = 255;
	fix_sum(table[0].bytes, table[0].size_bytes, 9);
	parse();
	assert_int_equal(info.cpu_count, 0);
	assert_int_equal(warnings, 1);
}

static void more_processors_than_there_is_room_are_counted(void **state)
{
	uint8_t many[8 + 8 * 100] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		uint8_t *entry = many + 8 + i * 8;

		entry[1] = 8;
		entry[3] = (uint8_t)i;
		entry[4] = 1;
	}
	add_table("APIC", many, sizeof(many));
	add_root(8);
	parse();
	assert_int_equal(info.cpu_count, ACPI_CPU_MAX);
	assert_int_equal(info.cpu_ignored, 100 - ACPI_CPU_MAX);
}

static void power_off_is_unknown_where_the_package_is_odd(void **state)
{
	(void)state;
	add_all(8);
	table[5].bytes[36 + 18] = 0x0b; /* a WordPrefix */
	fix_sum(table[5].bytes, table[5].size_bytes, 9);
	parse();
	assert_false(info.has_s5);
	assert_true(info.has_fadt);
}

static void a_package_cut_off_by_the_table_is_not_read_beyond(void **state)
{
	(void)state;
	add_all(8);
	for (uint32_t cut = 1; cut < 12; cut++) {
		uint32_t size_bytes = --table[5].size_bytes;
		uint8_t *shorter = malloc(size_bytes);

		memcpy(shorter, table[5].bytes, size_bytes);
		free(table[5].bytes);
		table[5].bytes = shorter;
		put32(shorter + 4, size_bytes);
		fix_sum(shorter, size_bytes, 9);
		parse();
		assert_int_equal(info.has_s5, cut < 3);
	}
}

static void a_root_that_lists_itself_is_no_loop(void **state)
{
	(void)state;
	add_table("APIC", madt, sizeof(madt));
	add_root(8);
	put64(table[1].bytes + 36, BASE + STEP);
	fix_sum(table[1].bytes, table[1].size_bytes, 9);
	parse();
	assert_true(info.present);
	assert_int_equal(info.cpu_count, 0);
}

static void damaged_tables_are_survived(void **state)
{
	(void)state;
	add_all(8);
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned which = (unsigned)rand() % table_count;
		uint32_t size_bytes = table[which].size_bytes;
		uint8_t *copy = malloc(size_bytes);

		memcpy(copy, table[which].bytes, size_bytes);
		for (unsigned k = 0; k < 3; k++)
			table[which].bytes[(unsigned)rand() % size_bytes] = (uint8_t)rand();
		fix_sum(table[which].bytes, size_bytes, 9);
		parse();
		memcpy(table[which].bytes, copy, size_bytes);
		free(copy);
		assert_true(info.cpu_count <= ACPI_CPU_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(all_tables_are_read_by_the_extended_root),
		TEST(all_tables_are_read_by_the_old_root),
		TEST(a_bad_root_pointer_means_no_tables),
		TEST(a_table_with_a_bad_sum_is_absent_with_one_warning),
		TEST(a_table_with_a_lying_length_is_absent),
		TEST(an_entry_of_no_length_ends_its_table),
		TEST(an_entry_longer_than_its_table_is_refused),
		TEST(more_processors_than_there_is_room_are_counted),
		TEST(power_off_is_unknown_where_the_package_is_odd),
		TEST(a_package_cut_off_by_the_table_is_not_read_beyond),
		TEST(a_root_that_lists_itself_is_no_loop),
		TEST(damaged_tables_are_survived),
	};

	return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
