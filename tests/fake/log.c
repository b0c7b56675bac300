/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Captures the driver's log lines.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

void shim_log(const struct shim_device *device, enum log_level level, const char *format, ...)
{
	struct fake *fake = fake_of(device);
	char line[LOG_LINE_BYTES];
	va_list arguments;
	size_t length;
	char *end;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	length = strlen(line);
	fake->log = realloc(fake->log, fake->log_bytes + length + 4);
	if (!fake->log)
		abort();
	end = fake->log + fake->log_bytes;
	*end++ = (char)('0' + level);
	*end++ = ' ';
	memcpy(end, line, length);
	memcpy(end + length, "\n", 2);
	fake->log_bytes += length + 3;
}

bool fake_log_has(const struct fake *fake, const char *text)
{
	return fake_log_count(fake, text) != 0;
}

unsigned fake_log_count(const struct fake *fake, const char *text)
{
	unsigned count = 0;

	for (const char *at = fake->log; at && (at = strstr(at, text)); at++)
		count++;
	return count;
}
