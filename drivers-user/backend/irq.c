/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim's interrupts in ring 3: bits of the instance's notification. Waiting for the next
 * acknowledges the last, so a line stays masked while the driver's method runs.
 */
#include <abi/marker.h>
#include <runtime/syscall.h>
#include <shim/irq.h>

#include "backend.h"

enum error shim_interrupt_enable(struct shim_device *device, unsigned wanted, unsigned *granted)
{
	struct sys_result result;

	(void)device;
	if (instance.vector_count)
		return ERR_EXISTS;
	result = SYS3(SYS_INTERRUPT_ENABLE, instance.grant, wanted, INTERRUPT_MSIX);
	if (result.error)
		return result.error;
	instance.vector_count = (uint16_t)result.value;
	instance.messages = result.value >> 16 >= INTERRUPT_MSI;
	instance.one_message = instance.messages && instance.vector_count <= SIGNAL_VECTORS;
	*granted = instance.vector_count;
	return OK;
}

void interrupt_dispatch(uint64_t bits)
{
	if (!instance.messages)
		instance.acknowledge = bits;
	do {
		unsigned vector = (unsigned)__builtin_ctzll(bits) - SIGNAL_INTERRUPT(0);

		bits &= bits - 1;
		for (; vector < instance.vector_count; vector += SIGNAL_VECTORS) {
			MARKER(MARKER_POINT_DRIVER);
			SHIM_INTERRUPT(&instance.device, vector);
		}
	} while (bits);
}
