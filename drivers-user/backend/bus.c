/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim's bus class in ring 3: the kernel does it, and checks it; the driver is policy.
 */
#include <runtime/syscall.h>
#include <shim/class/bus.h>

#include "backend.h"

enum error shim_bus_bar_size(struct shim_device *device, uint64_t function, unsigned bar,
			     struct device_window *window)
{
	(void)device;
	return SYS4(SYS_BAR_SIZE, instance.grant, function, bar, (uintptr_t)window).error;
}

enum error shim_bus_bar_assign(struct shim_device *device, uint64_t function, unsigned bar,
			       uint64_t base)
{
	(void)device;
	return SYS4(SYS_BAR_ASSIGN, instance.grant, function, bar, base).error;
}

enum error shim_bus_child_add(struct shim_device *device, uint64_t function)
{
	(void)device;
	return SYS2(SYS_CHILD_ADD, instance.grant, function).error;
}

enum error shim_bus_child_remove(struct shim_device *device, uint64_t function)
{
	(void)device;
	return SYS2(SYS_CHILD_REMOVE, instance.grant, function).error;
}
