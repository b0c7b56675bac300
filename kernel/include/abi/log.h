/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The log as ring 3 sees it: records with a sequence number, a time, a level and one line of text.
 */
#ifndef ABI_LOG_H
#define ABI_LOG_H

#include <stdint.h>

enum log_level {
	LOG_PANIC,
	LOG_ERROR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG,
	LOG_LEVEL_COUNT
};

#define LOG_LINE_BYTES 232 /* longest text of one record, with its terminating zero */

struct log_record {
	uint64_t sequence; /* counts from 0; a gap means that the ring overflowed */
	uint64_t time_ns;  /* since boot */
	uint8_t level;
	uint8_t cpu;
	uint16_t pid; /* 0: the kernel */
	uint32_t length_bytes;
	char text[LOG_LINE_BYTES]; /* zero-terminated, no newline */
};
_Static_assert(sizeof(struct log_record) == 256, "log_record is 256 bytes");

#endif
