/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Text helpers with names of our own; apart from string.c, so that host tests may link them.
 */
#include <lib/string.h>

bool string_copy(char *to, size_t size_bytes, const char *from)
{
	size_t length = strnlen(from, size_bytes);
	bool fits = length < size_bytes;

	if (!fits)
		length = size_bytes - 1;
	memcpy(to, from, length);
	to[length] = 0;
	return fits;
}

bool string_starts(const char *text, const char *start)
{
	while (*start)
		if (*text++ != *start++)
			return false;
	return true;
}

/* The digit's value, or 16. */
static unsigned digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : 16;
}

const char *string_to_u64(const char *text, uint64_t *value)
{
	unsigned base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
	const char *start;
	uint64_t sum = 0;

	if (base == 16)
		text += 2;
	start = text;
	for (; digit_value(*text) < base; text++)
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_value(*text), &sum))
			return NULL;
	if (text == start)
		return NULL;
	*value = sum;
	return text;
}
