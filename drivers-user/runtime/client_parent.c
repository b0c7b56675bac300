/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Text to whoever started this program. See runtime/parent.h.
 */
#include <stdarg.h>

#include <lib/format.h>
#include <lib/string.h>
#include <runtime/parent.h>
#include <runtime/syscall.h>

void parent_print(const char *format, ...)
{
	handle_t parent = runtime_handle(STARTUP_PARENT);
	char text[400];
	va_list list;
	size_t length;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	length = strlen(text);
	for (size_t at = 0; at < length && parent != HANDLE_NONE; at += sizeof(uint64_t[4])) {
		struct message message = { .label = PARENT_PRINT };
		size_t left = length - at;

		memcpy(message.word, text + at,
		       left < sizeof(message.word) ? left : sizeof(message.word));
		if (sys_call(parent, &message) != OK)
			return;
	}
}
