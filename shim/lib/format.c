/* SPDX-License-Identifier: BSD-2-Clause
 *
 * snprintf without locale and floating point: see lib/format.h for what it knows.
 */
#include <lib/format.h>

#include <lib/string.h>

#include <stdbool.h>
#include <stdint.h>

struct output {
	char *to;
	size_t size_bytes;
	size_t length; /* of the whole text, also of what did not fit */
};

struct conversion {
	bool left, zeros, prefix;
	int width;
	int precision; /* -1: none given */
	int longs;     /* -2 hh, -1 h, 0, 1 l, 2 ll, 3 z */
};

static void put(struct output *output, char character)
{
	if (output->length + 1 < output->size_bytes)
		output->to[output->length] = character;
	output->length++;
}

static void put_padding(struct output *output, char character, int count)
{
	for (; count > 0; count--)
		put(output, character);
}

static void put_text(struct output *output, const struct conversion *conversion, const char *text,
		     size_t length)
{
	int padding = conversion->width - (int)length;

	if (!conversion->left)
		put_padding(output, ' ', padding);
	for (size_t i = 0; i < length; i++)
		put(output, text[i]);
	if (conversion->left)
		put_padding(output, ' ', padding);
}

/* A number with its sign or prefix, which stands before the zeros of padding. */
static void put_number(struct output *output, const struct conversion *conversion, uint64_t value,
		       unsigned base, const char *digits, const char *prefix)
{
	char text[20];
	int length = 0, padding;

	do {
		text[length++] = digits[value % base];
		value /= base;
	} while (value);
	padding = conversion->width - length - (int)strlen(prefix);
	if (!conversion->left && !conversion->zeros)
		put_padding(output, ' ', padding);
	while (*prefix)
		put(output, *prefix++);
	if (!conversion->left && conversion->zeros)
		put_padding(output, '0', padding);
	while (length)
		put(output, text[--length]);
	if (conversion->left)
		put_padding(output, ' ', padding);
}

static int read_number(const char **format, va_list *arguments)
{
	int value = 0;

	if (**format == '*') {
		(*format)++;
		return va_arg(*arguments, int);
	}
	for (; **format >= '0' && **format <= '9'; (*format)++)
		if (value < 10000)
			value = value * 10 + (**format - '0');
	return value;
}

static const char *read_conversion(const char *format, struct conversion *conversion,
				   va_list *arguments)
{
	*conversion = (struct conversion){ .precision = -1 };
	for (; *format == '-' || *format == '0' || *format == '#'; format++) {
		conversion->left |= *format == '-';
		conversion->zeros |= *format == '0';
		conversion->prefix |= *format == '#';
	}
	conversion->width = read_number(&format, arguments);
	if (conversion->width < 0) {
		conversion->left = true;
		conversion->width = -conversion->width;
	}
	if (*format == '.') {
		format++;
		conversion->precision = read_number(&format, arguments);
	}
	for (; *format == 'h'; format++)
		conversion->longs--;
	for (; *format == 'l'; format++)
		conversion->longs++;
	if (*format == 'z') {
		conversion->longs = 3;
		format++;
	}
	return format;
}

static uint64_t read_unsigned(const struct conversion *conversion, va_list *arguments)
{
	if (conversion->longs > 0)
		return va_arg(*arguments, uint64_t);
	switch (conversion->longs) {
	case 0:
		return va_arg(*arguments, unsigned);
	case -1:
		return (uint16_t)va_arg(*arguments, unsigned);
	default:
		return (uint8_t)va_arg(*arguments, unsigned);
	}
}

static int64_t read_signed(const struct conversion *conversion, va_list *arguments)
{
	if (conversion->longs > 0)
		return va_arg(*arguments, int64_t);
	switch (conversion->longs) {
	case 0:
		return va_arg(*arguments, int);
	case -1:
		return (int16_t)va_arg(*arguments, int);
	default:
		return (int8_t)va_arg(*arguments, int);
	}
}

static void put_string(struct output *output, const struct conversion *conversion, const char *text)
{
	if (!text)
		text = "(null)";
	put_text(output, conversion, text,
		 conversion->precision >= 0 ? strnlen(text, conversion->precision) : strlen(text));
}

/* One conversion by its letter. False: unknown, nothing was done. */
static bool put_conversion(struct output *output, struct conversion *conversion, char letter,
			   va_list *arguments)
{
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	const char *prefix;
	int64_t number;
	uint64_t value;
	char character;

	switch (letter) {
	case 'd':
	case 'i':
		number = read_signed(conversion, arguments);
		put_number(output, conversion, number < 0 ? -(uint64_t)number : (uint64_t)number,
			   10, lower, number < 0 ? "-" : "");
		return true;
	case 'u':
		put_number(output, conversion, read_unsigned(conversion, arguments), 10, lower, "");
		return true;
	case 'x':
	case 'X':
		value = read_unsigned(conversion, arguments);
		prefix = !conversion->prefix || !value ? "" : letter == 'x' ? "0x" : "0X";
		put_number(output, conversion, value, 16, letter == 'x' ? lower : upper, prefix);
		return true;
	case 'p':
		put_number(output, conversion, (uintptr_t)va_arg(*arguments, void *), 16, lower,
			   "0x");
		return true;
	case 'c':
		character = (char)va_arg(*arguments, int);
		put_text(output, conversion, &character, 1);
		return true;
	case 's':
		put_string(output, conversion, va_arg(*arguments, const char *));
		return true;
	case '%':
		put(output, '%');
		return true;
	}
	return false;
}

int vsnprintf(char *to, size_t size_bytes, const char *format, va_list arguments)
{
	struct output output = { .to = to, .size_bytes = size_bytes };
	va_list rest;

	va_copy(rest, arguments);
	while (*format) {
		struct conversion conversion;
		const char *letter;

		if (*format != '%') {
			put(&output, *format++);
			continue;
		}
		letter = read_conversion(format + 1, &conversion, &rest);
		if (put_conversion(&output, &conversion, *letter, &rest))
			format = letter + 1;
		else
			put(&output, *format++);
	}
	va_end(rest);
	if (size_bytes)
		to[output.length < size_bytes ? output.length : size_bytes - 1] = 0;
	return (int)output.length;
}

int snprintf(char *to, size_t size_bytes, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(to, size_bytes, format, arguments);
	va_end(arguments);
	return length;
}
