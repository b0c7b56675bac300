/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupts of the simulated device: message-signalled, delivered by fake_run().
 */
#include "fake.h"

enum error shim_interrupt_enable(struct shim_device *device, unsigned wanted, unsigned *granted)
{
	struct fake *fake = fake_of(device);
	enum error error = fake_failure(fake, FAKE_INTERRUPT_ENABLE);

	if (error != OK)
		return error;
	if (!fake->vectors_max)
		return ERR_UNSUPPORTED;
	if (fake->vectors)
		return ERR_EXISTS;
	fake->vectors = wanted < fake->vectors_max ? wanted : fake->vectors_max;
	*granted = fake->vectors;
	return OK;
}

void fake_interrupt(struct fake *fake, unsigned index)
{
	if (index < fake->vectors)
		fake->vectors_pending |= 1u << index;
}
