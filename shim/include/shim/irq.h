/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupts of a device, named by vector index. They arrive at the driver's interrupt method. A
 * line is masked by the kernel while the method runs and unmasked after it; message-signalled
 * vectors are not. A platform device's lines are its vectors 0, 1, ... in its description's order.
 */
#ifndef SHIM_IRQ_H
#define SHIM_IRQ_H

#include <shim/driver.h>

/** Let the device interrupt: MSI-X if it has it, else MSI, else its line.
 *
 * @param device       device being probed
 * @param wanted       how many vectors would be useful, 1 .. DEVICE_INTERRUPT_MAX
 * @param[out] granted how many there are: 1 .. wanted, a power of two for MSI; unchanged on error
 * @retval OK
 * @retval ERR_UNSUPPORTED  the device has no interrupt
 * @retval ERR_EXISTS       enabled before
 * @retval ERR_BUDGET, ERR_NO_MEMORY
 *
 * Context: the device's own; does not block. Source: PCI 3.0 §6.8.
 */
MUST_CHECK enum error shim_interrupt_enable(struct shim_device *device, unsigned wanted,
					    unsigned *granted);

/* For backends: run the driver's interrupt method. The trace configuration says so in the log. */
#define SHIM_INTERRUPT(device, index) ((device)->driver->interrupt(device, index))

#endif
