/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A pattern for disks that anybody can compute again: shell and system tests write and verify it,
 * and the host checks it on the disk image.
 *
 * Every 512-byte sector of the pattern is 64 little-endian words of 64 bits:
 *	word[i] = splitmix64(seed ^ (lba * 64 + i))		i = 0 .. 63
 * where lba is the absolute 512-byte sector number on the disk (whatever the disk's block size),
 * and splitmix64 is below, in 64-bit arithmetic that wraps.
 */
#ifndef RUNTIME_PATTERN_H
#define RUNTIME_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_SECTOR_BYTES 512u
#define PATTERN_SECTOR_WORDS (PATTERN_SECTOR_BYTES / 8)

static inline uint64_t splitmix64(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/** Fill `sectors` sectors that will lie at `lba` and after. */
static inline void pattern_fill(void *data, uint64_t seed, uint64_t lba, size_t sectors)
{
	uint64_t *word = data, at = lba * PATTERN_SECTOR_WORDS;

	for (size_t i = 0; i < sectors * PATTERN_SECTOR_WORDS; i++)
		word[i] = splitmix64(seed ^ (at + i));
}

/** How many of the sectors do not hold the pattern.
 *
 * @param[out] first  lba of the first that does not; unchanged if all do
 */
static inline size_t pattern_differences(const void *data, uint64_t seed, uint64_t lba,
					 size_t sectors, uint64_t *first)
{
	size_t bad = 0;

	for (size_t sector = 0; sector < sectors; sector++) {
		const uint64_t *word = (const uint64_t *)data + sector * PATTERN_SECTOR_WORDS;
		uint64_t at = (lba + sector) * PATTERN_SECTOR_WORDS, difference = 0;

		for (size_t i = 0; i < PATTERN_SECTOR_WORDS; i++)
			difference |= word[i] ^ splitmix64(seed ^ (at + i));
		if (difference != 0 && bad++ == 0)
			*first = lba + sector;
	}
	return bad;
}

#endif
