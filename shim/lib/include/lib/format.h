/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Formatted text, for the kernel and for ring 3.
 */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/** As C's snprintf, with %d %i %u %x %X %c %s %p %%, the flags - 0 #, a width (also *), a
 * precision of %s (also *), and the lengths hh h l ll z. Any other conversion is copied as it
 * stands, and takes no argument.
 *
 * @return bytes that the whole text has, without its zero; less than size_bytes: nothing was cut
 */
__attribute__((format(printf, 3, 4))) int snprintf(char *to, size_t size_bytes, const char *format,
						   ...);
__attribute__((format(printf, 3, 0))) int vsnprintf(char *to, size_t size_bytes, const char *format,
						    va_list arguments);

#endif
