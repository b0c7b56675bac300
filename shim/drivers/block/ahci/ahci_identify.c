/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a disk says of itself. Source: ACS-3 §7.12.7 (IDENTIFY DEVICE); nothing in it is trusted.
 */
#include "ahci.h"

/* Text in IDENTIFY: two characters a word, the first in the upper byte, padded with blanks. */
static void identify_text(const uint16_t *word, unsigned word_count, char *text)
{
	unsigned length = 0;

	for (unsigned i = 0; i < word_count * 2; i++) {
		char c = (char)(word[i / 2] >> (i % 2 ? 0 : 8));

		if (c == ' ' && !length)
			continue;
		text[length++] = (char)(c >= ' ' && c <= '~' ? c : c ? '?' : ' ');
	}
	while (length && text[length - 1] == ' ')
		length--;
	memset(text + length, 0, word_count * 2 + 1 - length);
}

static bool identify_says(const uint16_t *word, unsigned index, uint16_t bit)
{
	return (word[index] & 0xc000) == 0x4000 && word[index] & bit;
}

static uint32_t identify_features(const uint16_t *word, uint32_t capabilities)
{
	uint32_t features = 0;
	bool queueing = word[IDENTIFY_SATA] != 0xffff && word[IDENTIFY_SATA] & 1 << 8;

	if (identify_says(word, IDENTIFY_COMMANDS2, 1 << 12))
		features |= DISK_FLUSH;
	if (!identify_says(word, IDENTIFY_COMMANDS2, 1 << 10))
		return features;
	features |= DISK_48BIT;
	if (capabilities & HOST_CAP_NCQ && queueing)
		features |= DISK_NCQ;
	if (identify_says(word, IDENTIFY_COMMANDS2, 1 << 13))
		features |= DISK_FLUSH_EXT;
	if (identify_says(word, IDENTIFY_COMMANDS3, 1 << 5))
		features |= DISK_LOG;
	if (identify_says(word, IDENTIFY_COMMANDS3, 1 << 6))
		features |= DISK_FUA;
	if (word[IDENTIFY_DATA_SET] & 1)
		features |= DISK_TRIM;
	return features;
}

/* Bytes of a logical sector; 0 if it is none that we can use. */
static uint32_t identify_block_bytes(const uint16_t *word)
{
	uint64_t bytes = 512;

	if (identify_says(word, IDENTIFY_SECTOR, 1 << 12))
		bytes = 2 * (word[IDENTIFY_SECTOR_WORDS] | (uint64_t)word[IDENTIFY_SECTOR_WORDS + 1]
								   << 16);
	return bytes >= 512 && bytes <= 4096 && !(bytes & (bytes - 1)) ? (uint32_t)bytes : 0;
}

static uint64_t identify_block_count(const uint16_t *word, uint32_t features)
{
	if (!(features & DISK_48BIT))
		return (word[IDENTIFY_COUNT28] | (uint64_t)word[IDENTIFY_COUNT28 + 1] << 16) &
		       0xfffffff;
	return word[IDENTIFY_COUNT48] | (uint64_t)word[IDENTIFY_COUNT48 + 1] << 16 |
	       (uint64_t)word[IDENTIFY_COUNT48 + 2] << 32;
}

/* Everything that the disk says of itself, for the registry. False: it cannot be used. */
bool ahci_identify_read(struct shim_device *device, unsigned port, struct unit_info *unit,
			uint32_t *features)
{
	const struct ahci_state *state = shim_state(device);
	uint32_t slots = HOST_CAP_SLOTS(state->capabilities), drive;
	uint16_t word[ATA_PAGE_BYTES / 2];

	memcpy(word, port_memory(device, port)->page, sizeof(word));
	*features = identify_features(word, state->capabilities);
	drive = (word[IDENTIFY_DEPTH] & 31) + 1u;
	memset(unit, 0, sizeof(*unit));
	unit->unit = unit->queue = port;
	unit->class_id = CLASS_BLOCK;
	unit->block_bytes = identify_block_bytes(word);
	unit->block_count = identify_block_count(word, *features);
	unit->transfer_bytes_max = TRANSFER_MAX;
	if (!(*features & DISK_48BIT) && unit->block_bytes * 256 < TRANSFER_MAX)
		unit->transfer_bytes_max = unit->block_bytes * 256; /* the count is one byte */
	unit->depth = !(*features & DISK_NCQ) ? 1 : drive < slots ? drive : slots;
	unit->flags = (*features & (DISK_FLUSH | DISK_FLUSH_EXT) ? UNIT_FLUSH : 0) |
		      (*features & DISK_FUA ? UNIT_FUA : 0) |
		      (*features & DISK_TRIM ? UNIT_DISCARD : 0);
	identify_text(word + IDENTIFY_MODEL, 20, unit->model);
	identify_text(word + IDENTIFY_SERIAL, 10, unit->serial);
	identify_text(word + IDENTIFY_FIRMWARE, 4, unit->firmware);
	return !(word[IDENTIFY_GENERAL] & 0x8000) &&
	       (word[IDENTIFY_CAPABILITIES] & 0x300) == 0x300 && unit->block_bytes &&
	       unit->block_count;
}
