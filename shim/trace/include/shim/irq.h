/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Twin of shim/include/shim/irq.h for the trace configuration: interrupts are logged.
 */
#ifndef SHIM_TRACE_IRQ_H
#define SHIM_TRACE_IRQ_H

#include_next <shim/irq.h>
#undef SHIM_INTERRUPT
#include <shim/trace.h>

static inline bool shim_traced_interrupt(struct shim_device *device, unsigned index)
{
	shim_trace_interrupt(device, index);
	return device->driver->interrupt(device, index);
}
#define SHIM_INTERRUPT(device, index) shim_traced_interrupt(device, index)

#endif
