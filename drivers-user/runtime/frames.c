/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Test frames. See runtime/frames.h.
 */
#include <lib/string.h>
#include <runtime/frames.h>

#define MAGIC      0x4e746645u /* "EftN" */
#define MULTIPLIER 0x9e3779b1u
#define HEAD       14u /* of Ethernet */

static uint32_t word_get(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void word_put(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

void frames_make(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], uint32_t number,
		 uint32_t bytes)
{
	uint32_t at = FRAMES_BYTES_MIN, value = number * MULTIPLIER, sum = 0;

	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	frame[12] = FRAMES_TYPE >> 8;
	frame[13] = FRAMES_TYPE & 0xff;
	word_put(frame + HEAD, MAGIC);
	word_put(frame + HEAD + 4, number);
	word_put(frame + HEAD + 8, bytes);
	for (; at + 4 <= bytes; at += 4, value += MULTIPLIER) {
		word_put(frame + at, value);
		sum += value;
	}
	memset(frame + at, 0, bytes - at);
	word_put(frame + HEAD + 12, sum);
}

static bool words_are_right(const uint8_t *frame, uint32_t number, uint32_t bytes)
{
	uint32_t at = FRAMES_BYTES_MIN, value = number * MULTIPLIER, sum = 0, different = 0;

	for (; at + 4 <= bytes; at += 4, value += MULTIPLIER) {
		uint32_t word = word_get(frame + at);

		different |= word ^ value;
		sum += word;
	}
	return !different && sum == word_get(frame + HEAD + 12);
}

static void number_count(struct frames_tally *tally, uint32_t number)
{
	int32_t ahead = (int32_t)(number - tally->next);

	if (tally->begun && ahead < 0) {
		tally->again++;
		return;
	}
	if (tally->begun)
		tally->lost += (uint32_t)ahead;
	tally->begun = true;
	tally->next = number + 1;
}

bool frames_count(struct frames_tally *tally, const uint8_t *frame, uint32_t bytes)
{
	uint32_t length;

	if (bytes < FRAMES_BYTES_MIN || frame[12] != FRAMES_TYPE >> 8 ||
	    frame[13] != (FRAMES_TYPE & 0xff) || word_get(frame + HEAD) != MAGIC) {
		tally->foreign++;
		return false;
	}
	length = word_get(frame + HEAD + 8);
	if (length < FRAMES_BYTES_MIN || length > bytes || (bytes > 60 && length != bytes) ||
	    !words_are_right(frame, word_get(frame + HEAD + 4), length)) {
		tally->wrong++;
		return false;
	}
	number_count(tally, word_get(frame + HEAD + 4));
	tally->good++;
	tally->bytes += length;
	return true;
}
