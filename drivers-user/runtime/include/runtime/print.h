/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lines for people, into the system log. For text in memory see lib/format.h.
 */
#ifndef RUNTIME_PRINT_H
#define RUNTIME_PRINT_H

#include <stdarg.h>

#include <abi/log.h>
#include <lib/format.h>

/** Write one line to the system log.
 *
 * @param level   enum log_level
 * @param format  as snprintf(), no newline; cut at LOG_LINE_BYTES
 *
 * Context: any; does not block.
 */
__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

/** The same with an argument list. */
__attribute__((format(printf, 2, 0))) void log_line_list(enum log_level level, const char *format,
							 va_list list);

#endif
