/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim's messages in ring 3: lines of the system log, as ring 0 writes them.
 */
#include <runtime/print.h>
#include <shim/log.h>

#include "backend.h"

void shim_log(const struct shim_device *device, enum log_level level, const char *format, ...)
{
	char text[LOG_LINE_BYTES];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	log_line(level == LOG_PANIC ? LOG_ERROR : level, "%s: %s", device->info->name, text);
}
