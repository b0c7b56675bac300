/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupts of a ring-0 instance: the method runs on the way out of the interrupt.
 */
#include <abi/marker.h>
#include <backend/backend.h>
#include <shim/irq.h>

enum error shim_interrupt_enable(struct shim_device *device, unsigned wanted, unsigned *granted)
{
	return device_interrupt_enable(instance_of(device)->owner, wanted, INTERRUPT_MSIX, granted);
}

void interrupt_dispatch(struct kernel_instance *instance, uint64_t bits)
{
	struct device *owner = instance->owner;
	uint64_t left = bits;

	do {
		unsigned vector = (unsigned)__builtin_ctzll(left) - SIGNAL_INTERRUPT(0);

		left &= left - 1;
		for (; vector < owner->info.interrupt_vectors; vector += SIGNAL_VECTORS) {
			MARKER(MARKER_POINT_DRIVER);
			SHIM_INTERRUPT(&instance->device, vector);
		}
	} while (left);
	if (owner->info.interrupt_kind == INTERRUPT_LINE)
		device_interrupt_acknowledge(owner, bits);
}
