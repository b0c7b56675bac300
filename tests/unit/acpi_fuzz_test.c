/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ACPI tables by chance, with right sums: counts stay in bounds, and nothing is read but what was
 * mapped.
 */
/* sources: kernel/acpi/tables.c */
#include <kernel/acpi.h>

#include "fuzz.h"

#define BASE       UINT64_C(0x7fe0000)
#define RSDP_BYTES 36u
#define HEAD_BYTES 36u
#define MAPS_MAX   4096u

static uint8_t image[FUZZ_BYTES_MAX];
static size_t image_bytes;
static uint8_t *mapped[MAPS_MAX];
static unsigned map_count;

/* Each piece by itself, so that the sanitizer sees a step beyond what was asked for. */
static const void *map(uint64_t paddr, uint64_t size_bytes)
{
	if (paddr < BASE || paddr - BASE > image_bytes ||
	    size_bytes > image_bytes - (paddr - BASE) || map_count == MAPS_MAX)
		return NULL;
	mapped[map_count] = fuzz_exact(image + (paddr - BASE), size_bytes);
	return mapped[map_count++];
}

static void warn(const char *line)
{
	FUZZ_CHECK(strlen(line) < 1024);
}

static void fix_sum(uint8_t *bytes, size_t size_bytes, size_t at)
{
	uint8_t sum = 0;

	bytes[at] = 0;
	for (size_t i = 0; i < size_bytes; i++)
		sum = (uint8_t)(sum + bytes[i]);
	bytes[at] = (uint8_t)-sum;
}

static void put(uint8_t *to, uint64_t value, unsigned width)
{
	memcpy(to, &value, width);
}

/* A table behind what is there; returns its address. */
static uint64_t add(uint8_t *bytes, size_t *at, const char *signature, const void *body,
		    uint32_t body_bytes)
{
	uint64_t paddr = BASE + *at - RSDP_BYTES;

	memcpy(bytes + *at, signature, 4);
	put(bytes + *at + 4, HEAD_BYTES + body_bytes, 4);
	bytes[*at + 8] = 2;
	memcpy(bytes + *at + HEAD_BYTES, body, body_bytes);
	*at += (HEAD_BYTES + body_bytes + 7) & ~7u;
	return paddr;
}

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	static const uint8_t madt[] = { 0,  0, 0xe0, 0xfe, 1,  0,    0,    0, /* entries: */
					0,  8, 0,    0,    1,  0,    0,    0, 0, 8,    1,    1, 1,
					0,  0, 0,    1,    12, 0,    0,    0, 0, 0xc0, 0xfe, 0, 0,
					0,  0, 2,    10,   0,  9,    9,    0, 0, 0,    0xd,  0, 5,
					12, 0, 0,    0,    0,  0xe0, 0xfe, 0, 0, 0,    0 };
	uint8_t many[8 + 8 * (ACPI_CPU_MAX + 4)] = { 0, 0, 0xe0, 0xfe, 1, 0, 0, 0 };
	uint8_t areas[8 + 16 * (ACPI_MCFG_MAX + 2)] = { 0 };
	static const uint8_t mcfg[] = { 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0xb0,
					0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0 };
	static const uint8_t hpet[] = { 1,    0xa2, 0x86, 0x80, 0, 64, 0, 0, 0, 0,
					0xd0, 0xfe, 0,    0,    0, 0,  0, 0, 0, 0 };
	static const uint8_t dmar[] = { 38, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0, 0, 0, 0,
					16, 0, 1, 0, 0, 0, 0, 0, 0xd9, 0xfe, 0, 0, 0, 0 };
	static const uint8_t dsdt[] = { 8, '_', 'S', '5', '_', 0x12, 6, 4, 0x0a, 5, 0x0a, 5, 0, 0 };
	uint8_t fadt[240 - HEAD_BYTES] = { 0 };
	uint64_t table[5];
	size_t at = RSDP_BYTES;

	if (number > 2)
		return 0;
	memset(bytes, 0, FUZZ_BYTES_MAX);
	for (unsigned i = 0; i < ACPI_CPU_MAX + 4; i++) { /* more than there may be */
		const uint8_t cpu[] = { 0, 8, (uint8_t)i, (uint8_t)i, 1, 0, 0, 0 };

		memcpy(many + 8 + 8 * i, cpu, sizeof(cpu));
	}
	for (unsigned i = 0; i < ACPI_MCFG_MAX + 2; i++) {
		memcpy(areas + 8 + 16 * i, mcfg + 8, 16);
		areas[8 + 16 * i + 8] = (uint8_t)i; /* segment */
	}
	table[0] = number == 2 ? add(bytes, &at, "APIC", many, sizeof(many))
			       : add(bytes, &at, "APIC", madt, sizeof(madt));
	table[1] = number == 2 ? add(bytes, &at, "MCFG", areas, sizeof(areas))
			       : add(bytes, &at, "MCFG", mcfg, sizeof(mcfg));
	table[2] = add(bytes, &at, "HPET", hpet, sizeof(hpet));
	table[3] = add(bytes, &at, "DMAR", dmar, sizeof(dmar));
	put(fadt + 40 - HEAD_BYTES, add(bytes, &at, "DSDT", dsdt, sizeof(dsdt)), 4);
	put(fadt + 64 - HEAD_BYTES, 0x604, 4);
	put(fadt + 76 - HEAD_BYTES, 0x608, 4);
	table[4] = add(bytes, &at, "FACP", fadt, sizeof(fadt));
	memcpy(bytes, "RSD PTR ", 8);
	bytes[15] = number ? 2 : 0;
	put(bytes + 20, 36, 4);
	if (number) {
		put(bytes + 24, add(bytes, &at, "XSDT", table, sizeof(table)), 8);
	} else {
		uint32_t narrow[5];

		for (unsigned i = 0; i < 5; i++)
			narrow[i] = (uint32_t)table[i];
		put(bytes + 16, add(bytes, &at, "RSDT", narrow, sizeof(narrow)), 4);
	}
	return at;
}

/* Damage behind the sums is what is looked for. */
static void sums_fix(uint8_t *rsdp)
{
	fix_sum(rsdp, 20, 8);
	fix_sum(rsdp, 36, 32);
	for (size_t at = 0; at + HEAD_BYTES <= image_bytes; at += 8) {
		uint32_t length;

		memcpy(&length, image + at + 4, 4);
		if (image[at] < 'A' || image[at] > 'Z' || image[at + 1] < 'A' ||
		    length < HEAD_BYTES || length > image_bytes - at)
			continue;
		fix_sum(image + at, length, 9);
	}
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	static struct acpi_info info;
	uint8_t rsdp[RSDP_BYTES];

	if (size_bytes < RSDP_BYTES || size_bytes > sizeof(image))
		return;
	memcpy(rsdp, bytes, RSDP_BYTES);
	image_bytes = size_bytes - RSDP_BYTES;
	memcpy(image, bytes + RSDP_BYTES, image_bytes);
	sums_fix(rsdp);
	memset(&info, 0xa5, sizeof(info));
	acpi_parse(rsdp, RSDP_BYTES, map, warn, &info);
	FUZZ_CHECK(info.cpu_count <= ACPI_CPU_MAX && info.ioapic_count <= ACPI_IOAPIC_MAX);
	FUZZ_CHECK(info.override_count <= ACPI_OVERRIDE_MAX && info.mcfg_count <= ACPI_MCFG_MAX);
	FUZZ_CHECK(info.drhd_count <= ACPI_DRHD_MAX);
	for (unsigned i = 0; i < info.mcfg_count; i++)
		FUZZ_CHECK(info.mcfg[i].bus_start <= info.mcfg[i].bus_end);
	while (map_count)
		free(mapped[--map_count]);
}
