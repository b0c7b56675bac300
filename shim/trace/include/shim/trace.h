/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The trace configuration (DEBUG_TRACE): what a driver does to its device, as lines of the log, the
 * same in both rings and on the host. tests/trace compares them.
 *
 *   ~r 5+0x128/32 0x123        a register read: window, offset, bits, value
 *   ~w 5+0x100/32 b0+0x0       a register write; bus addresses as buffer and offset
 *   ~a b0+0x600                a bus address was asked for
 *   ~i 0                       the interrupt method runs, for vector 0
 */
#ifndef SHIM_TRACE_H
#define SHIM_TRACE_H

#include <shim/driver.h>

/** A register access; `how` is 'r' or 'w'. Context: any call of the device. */
void shim_trace_access(const struct shim_device *device, char how, unsigned window, uint32_t offset,
		       unsigned bits, uint64_t value);

/** A bus address was asked for. Context: any call of the device. */
void shim_trace_iova(const struct shim_device *device, unsigned buffer, uint64_t offset);

/** For backends: the interrupt method is about to run. */
void shim_trace_interrupt(const struct shim_device *device, unsigned index);

#endif
