/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Messages for people. The device's name is put before the line.
 */
#ifndef SHIM_LOG_H
#define SHIM_LOG_H

#include <abi/log.h>
#include <shim/driver.h>

/** Write one line to the system log.
 *
 * @param device  device, whose name stands before the line
 * @param level   enum log_level; LOG_PANIC is treated as LOG_ERROR
 * @param format  as printf: %d %i %u %x %X %c %s %p %%, widths, zero padding, precision of %s, l ll
 * z; no newline
 *
 * Context: any call of the device; does not block.
 */
__attribute__((format(printf, 3, 4))) void shim_log(const struct shim_device *device,
						    enum log_level level, const char *format, ...);

#endif
