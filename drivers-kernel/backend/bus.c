/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a bus driver in the kernel asks of the kernel's configuration-space primitive.
 */
#include <backend/backend.h>
#include <shim/class/bus.h>

static bool is_bus(struct shim_device *device)
{
	return instance_of(device)->owner->is_pci_host;
}

enum error shim_bus_bar_size(struct shim_device *device, uint64_t function, unsigned bar,
			     struct device_window *window)
{
	return is_bus(device) ? pci_bar_size(function, bar, window) : ERR_DENIED;
}

enum error shim_bus_bar_assign(struct shim_device *device, uint64_t function, unsigned bar,
			       uint64_t base)
{
	return is_bus(device) ? pci_bar_assign(function, bar, base) : ERR_DENIED;
}

enum error shim_bus_child_add(struct shim_device *device, uint64_t function)
{
	uint32_t id;

	return is_bus(device) ? pci_child_add(instance_of(device)->owner, function, &id)
			      : ERR_DENIED;
}

enum error shim_bus_child_remove(struct shim_device *device, uint64_t function)
{
	return is_bus(device) ? pci_child_remove(instance_of(device)->owner, function) : ERR_DENIED;
}
