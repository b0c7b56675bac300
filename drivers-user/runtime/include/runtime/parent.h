/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Text from a program to whoever started it: the shell shows it on its terminal. It travels in the
 * words of calls to STARTUP_PARENT; a program that was started otherwise has no such handle.
 */
#ifndef RUNTIME_PARENT_H
#define RUNTIME_PARENT_H

#include <stdbool.h>

#include <runtime/startup.h>

#define PARENT_PRINT 1u /* label: up to 32 bytes of text, zero-padded */

/** Does somebody listen? */
static inline bool parent_listens(void)
{
	return runtime_handle(STARTUP_PARENT) != HANDLE_NONE;
}

/** Print, as printf; nothing without a listener. Cut at 400 bytes. */
__attribute__((format(printf, 1, 2))) void parent_print(const char *format, ...);

#endif
