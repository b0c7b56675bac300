/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lines for people: formatted here, kept by the kernel's log.
 */
#include <runtime/print.h>
#include <runtime/syscall.h>

void log_line_list(enum log_level level, const char *format, va_list list)
{
	char text[LOG_LINE_BYTES];
	int length = vsnprintf(text, sizeof(text), format, list);

	if (length < 0)
		return;
	if ((size_t)length >= sizeof(text))
		length = sizeof(text) - 1;
	SYS3(SYS_LOG_WRITE, level, (uintptr_t)text, length);
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	log_line_list(level, format, list);
	va_end(list);
}
