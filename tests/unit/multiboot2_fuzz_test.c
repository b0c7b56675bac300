/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Boot information by chance: what is told as free is whole, in order, and nobody's.
 */
/* sources: kernel/boot/multiboot2.c */
#include <kernel/boot.h>

#include "fuzz.h"

static const struct boot_area kernel = { 0x100000, 0x80000 };

static size_t add(uint8_t *bytes, size_t at, uint32_t type, const void *data, uint32_t data_bytes)
{
	uint32_t head[2] = { type, 8 + data_bytes };

	memcpy(bytes + at, head, 8);
	memcpy(bytes + at + 8, data, data_bytes);
	return at + ((8 + data_bytes + 7) & ~7u);
}

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	static const uint32_t map[] = { 24,        0, /* base, length, kind */
					0,         0, 0x9fc00, 0, 1,          0, 0x100000, 0,
					0x3f00000, 0, 1,       0, 0xfd00000,  0, 0x10000,  0,
					3,         0, 0,       1, 0x10000000, 0, 1,        0 };
	static const uint32_t module[] = { 0x800000, 0x880000, 0x68637261, 0x657669 };
	static const uint32_t frame[] = { 0xfd000000, 0,          4096,       1024,
					  768,        0x00000120, 0x08081008, 0x00080800 };
	static uint32_t long_map[2 + 6 * (BOOT_MEMORY_MAX + 4)] = { 24, 0 };
	uint32_t total[2];
	size_t at = 8;

	if (number > 2)
		return 0;
	for (uint32_t i = 0; i < BOOT_MEMORY_MAX + 4; i++) {
		uint32_t *entry = long_map + 2 + 6 * i;

		entry[0] = (i + 1) * 0x200000;
		entry[2] = 0x200000;
		entry[4] = 1 + i % 2; /* neighbours that cannot be joined */
	}
	memset(bytes, 0, FUZZ_BYTES_MAX);
	if (number == 2)
		at = add(bytes, at, 6, long_map, sizeof(long_map));
	else
		at = add(bytes, at, 6, map, sizeof(map));
	at = add(bytes, at, 1, "ahci=user loglevel=debug", 25);
	at = add(bytes, at, 3, module, sizeof(module));
	if (number == 1)
		at = add(bytes, at, 8, frame, sizeof(frame));
	at = add(bytes, at, 14, "RSD PTR \0EFT   \0\1\2\3", 20);
	at = add(bytes, at, 0, "", 0);
	total[0] = (uint32_t)at;
	total[1] = 0;
	memcpy(bytes, total, 8);
	return at;
}

static void check_areas(const struct boot_area *area, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		FUZZ_CHECK(area[i].size_bytes &&
			   area[i].paddr + area[i].size_bytes - 1 >= area[i].paddr);
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	static struct boot_info info;
	uint8_t *exact = fuzz_exact(bytes, size_bytes);

	memset(&info, 0xa5, sizeof(info));
	if (multiboot2_parse(exact, size_bytes, kernel, &info) == OK) {
		FUZZ_CHECK(info.memory_count <= BOOT_MEMORY_MAX &&
			   info.free_count <= BOOT_MEMORY_MAX &&
			   info.reserved_count <= BOOT_RESERVED_MAX);
		FUZZ_CHECK(memchr(info.cmdline, 0, sizeof(info.cmdline)));
		check_areas(info.free, info.free_count);
		check_areas(info.reserved, info.reserved_count);
		for (unsigned i = 0; i + 1 < info.free_count; i++)
			FUZZ_CHECK(info.free[i].paddr + info.free[i].size_bytes <=
				   info.free[i + 1].paddr);
		for (unsigned i = 0; i < info.free_count; i++)
			FUZZ_CHECK(info.free[i].paddr + info.free[i].size_bytes <= kernel.paddr ||
				   info.free[i].paddr >= kernel.paddr + kernel.size_bytes);
	}
	free(exact);
}
