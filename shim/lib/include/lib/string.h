/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory and strings, for the kernel and for ring 3. The names that C knows mean what C says.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes);
void *memmove(void *to, const void *from, size_t size_bytes);
void *memset(void *to, int value, size_t size_bytes);
int memcmp(const void *a, const void *b, size_t size_bytes);
void *memchr(const void *from, int value, size_t size_bytes);

size_t strlen(const char *text);
size_t strnlen(const char *text, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *text, int character);
char *strrchr(const char *text, int character);

/** Copy text with its zero, cut to what fits.
 *
 * @param to, size_bytes  the destination; size_bytes is at least 1
 * @return true if nothing was cut
 */
bool string_copy(char *to, size_t size_bytes, const char *from);

/** Whether a text begins with another. */
bool string_starts(const char *text, const char *start);

/** Read an unsigned number: decimal, or hexadecimal after 0x.
 *
 * @param[out] value  unchanged on failure
 * @return the first character after it; NULL: no digit, or more than 64 bits
 */
const char *string_to_u64(const char *text, uint64_t *value);

#endif
