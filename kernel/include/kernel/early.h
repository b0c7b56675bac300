/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The consoles below the log: COM1 by polling, and the debug console port of emulators.
 */
#ifndef KERNEL_EARLY_H
#define KERNEL_EARLY_H

#include <stdbool.h>
#include <stddef.h>

/** Set COM1 up: 115200 baud, 8N1, FIFO, no interrupts. @return false: there is none */
bool serial_init(void);

/** Write bytes; a newline becomes carriage return and newline. Bounded also if nobody takes them.
 */
void serial_write(const char *text, size_t size_bytes);

/** Wait, bounded, until the last byte has left. */
void serial_drain(void);

/** Look for the debug console. @return false: there is none */
bool debugcon_init(void);

/** Write raw bytes. */
void debugcon_write(const char *text, size_t size_bytes);

#endif
