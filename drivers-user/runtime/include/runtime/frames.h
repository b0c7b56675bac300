/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Test frames: numbered, of any length, and their own proof. What a host program sends and checks
 * is the same: tests/run/peer.py.
 *
 *   0  destination, source, type 88b5 (local experiments)
 *  14  "EftN", number, length of the frame, sum of the words behind; 32 bits each, little-endian
 *  30  words: (number + index) * 0x9e3779b1; what is left over of the last one is zero
 */
#ifndef RUNTIME_FRAMES_H
#define RUNTIME_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#define FRAMES_BYTES_MIN 30u
#define FRAMES_TYPE      0x88b5u

/* What was received. */
struct frames_tally {
	uint64_t good, bytes;
	uint64_t foreign; /* no test frames */
	uint64_t wrong;   /* damaged, or not as long as they say */
	uint64_t lost;    /* numbers that were jumped over */
	uint64_t again;   /* numbers not above the last one */
	uint32_t next;    /* number expected */
	bool begun;       /* there was one */
};

/** Make frame `number`, `bytes` long: FRAMES_BYTES_MIN at least. */
void frames_make(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], uint32_t number,
		 uint32_t bytes);

/** Look at a frame that was received, padding behind it allowed, and count it.
 * @return it is a good test frame */
bool frames_count(struct frames_tally *tally, const uint8_t *frame, uint32_t bytes);

#endif
