/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The memory and string functions that C names. Bulk moves are 8 bytes an iteration: the string
 * instructions count one each under icount, and are one fetch on hardware.
 */
#include <lib/string.h>

#ifndef __clang__ /* or the loops below become calls of themselves */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;

void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes)
{
	void *target = to;
	size_t words = size_bytes >> 3, rest = size_bytes & 7;

	__asm__ volatile("rep movsq" : "+D"(target), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(target), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t size_bytes)
{
	uint8_t *target = to;
	const uint8_t *source = from;

	if ((uintptr_t)target - (uintptr_t)source >= size_bytes)
		return memcpy(to, from, size_bytes);
	while (size_bytes & 7) {
		size_bytes--;
		target[size_bytes] = source[size_bytes];
	}
	while (size_bytes) {
		size_bytes -= 8;
		*(word_t *)(target + size_bytes) = *(const word_t *)(source + size_bytes);
	}
	return to;
}

void *memset(void *to, int value, size_t size_bytes)
{
	void *target = to;
	size_t words = size_bytes >> 3, rest = size_bytes & 7;
	uint64_t pattern = (uint8_t)value * 0x0101010101010101ull;

	__asm__ volatile("rep stosq" : "+D"(target), "+c"(words) : "a"(pattern) : "memory");
	__asm__ volatile("rep stosb" : "+D"(target), "+c"(rest) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t size_bytes)
{
	const uint8_t *x = a, *y = b;

	while (size_bytes >= 8 && *(const word_t *)x == *(const word_t *)y) {
		x += 8;
		y += 8;
		size_bytes -= 8;
	}
	for (; size_bytes; size_bytes--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *from, int value, size_t size_bytes)
{
	const uint8_t *bytes = from;

	for (; size_bytes; size_bytes--, bytes++)
		if (*bytes == (uint8_t)value)
			return (void *)bytes;
	return NULL;
}

size_t strlen(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

size_t strnlen(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit; limit--, a++, b++)
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}

char *strchr(const char *text, int character)
{
	for (;; text++) {
		if (*text == (char)character)
			return (char *)text;
		if (!*text)
			return NULL;
	}
}

char *strrchr(const char *text, int character)
{
	const char *found = NULL;

	for (;; text++) {
		if (*text == (char)character)
			found = text;
		if (!*text)
			return (char *)found;
	}
}
