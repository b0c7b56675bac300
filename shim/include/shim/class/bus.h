/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class bus: drivers that find other devices. Configuration space is read and written with
 * shim_config_read() and shim_config_write(), naming the function; what only the kernel may touch
 * goes through the calls below. The kernel derives a child's windows, requester id and interrupts
 * itself.
 */
#ifndef SHIM_CLASS_BUS_H
#define SHIM_CLASS_BUS_H

#include <shim/driver.h>

/** Find out what one base address register wants, and where it lies now. Never touches a live
 * child's.
 *
 * @param device    bus device
 * @param function  packed by pci_address_pack()
 * @param bar       0 .. 5; 6: the expansion ROM
 * @param[out] window  kind WINDOW_NONE if there is none; base 0 if not assigned; unchanged on error
 * @retval OK
 * @retval ERR_RANGE   no such register
 * @retval ERR_BUSY    the child is live: what is known of it is returned, nothing was written
 * @retval ERR_NOT_FOUND  no function answers there
 *
 * Context: the device's own; does not block. Source: PCI 3.0 §6.2.5.1.
 */
MUST_CHECK enum error shim_bus_bar_size(struct shim_device *device, uint64_t function, unsigned bar,
					struct device_window *window);

/** Place one base address register.
 *
 * @param device    bus device
 * @param function  packed by pci_address_pack()
 * @param bar       as for shim_bus_bar_size()
 * @param base      bus address, aligned to the window's size
 * @retval OK
 * @retval ERR_BUSY    the child is live
 * @retval ERR_DENIED  RAM, another device's window, or outside the bridge's aperture
 *
 * Context: the device's own; does not block. Source: PCI 3.0 §6.2.5.
 */
MUST_CHECK enum error shim_bus_bar_assign(struct shim_device *device, uint64_t function,
					  unsigned bar, uint64_t base);

/** Announce a function as a device of its own; a driver is then looked for.
 *
 * @param device    bus device
 * @param function  packed by pci_address_pack()
 * @retval OK
 * @retval ERR_EXISTS     announced before: adopted, nothing changes
 * @retval ERR_NOT_FOUND  no function answers there
 *
 * Context: the device's own; does not block.
 */
MUST_CHECK enum error shim_bus_child_add(struct shim_device *device, uint64_t function);

/** A function has disappeared, or will: its driver stops, its clients get ERR_GONE.
 *
 * @retval OK
 * @retval ERR_BUSY       its driver has it still: ask again before the place is used anew
 * @retval ERR_NOT_FOUND  no such child (any more)
 *
 * Context: the device's own; does not block.
 */
MUST_CHECK enum error shim_bus_child_remove(struct shim_device *device, uint64_t function);

#endif
