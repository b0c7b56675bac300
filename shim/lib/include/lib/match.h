/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which driver fits a device: for the kernel at boot, and for the device manager after it.
 */
#ifndef LIB_MATCH_H
#define LIB_MATCH_H

#include <abi/device.h>
#include <shim/driver.h>

/** How well a driver fits a device. Reads the plain front part of the driver only.
 *
 * @return 0: not at all; else the larger, the more exactly it names the device
 *
 * Context: any; does not block. Source: PCI 3.0 §6.2.1.
 */
unsigned driver_match(const struct shim_driver *driver, const struct device_info *info);

#endif
