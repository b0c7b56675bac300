/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim's messages in the kernel: lines of its log.
 */
#include <lib/format.h>

#include <backend/backend.h>
#include <kernel/log.h>
#include <shim/log.h>

void shim_log(const struct shim_device *device, enum log_level level, const char *format, ...)
{
	char text[LOG_LINE_BYTES];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	log_write(level == LOG_PANIC ? LOG_ERROR : level, "%s: %s", device->info->name, text);
}
