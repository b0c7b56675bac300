/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Windows and configuration space for a ring-0 instance: the grant's, through the kernel's own
 * tables.
 */
#include <backend/backend.h>
#include <shim/io.h>

enum error shim_window_map(struct shim_device *device, unsigned index)
{
	const struct device_window *granted;
	struct shim_window_view *view;

	if (index >= DEVICE_WINDOW_MAX || device->info->window[index].kind == WINDOW_NONE ||
	    device->info->window[index].flags & WINDOW_APERTURE)
		return ERR_RANGE;
	granted = &device->info->window[index];
	view = &device->window[index];
	if (view->kind != WINDOW_NONE)
		return OK;
	if (granted->kind == WINDOW_PORT) {
		view->port = (uint16_t)granted->base;
	} else {
		view->mmio = mmio_map(granted->base, granted->size_bytes);
		if (!view->mmio)
			return ERR_NO_MEMORY;
	}
	view->size_bytes = granted->size_bytes;
	view->kind = granted->kind;
	instance_of(device)->owner->window_mask |= 1u << index;
	return OK;
}

void windows_close(struct kernel_instance *instance)
{
	for (unsigned i = 0; i < DEVICE_WINDOW_MAX; i++) {
		struct shim_window_view *view = &instance->device.window[i];

		if (view->mmio)
			mmio_unmap(view->mmio, view->size_bytes);
	}
}

/* Which function is meant; a driver that is no bus driver has itself only. */
static enum error function_of(struct shim_device *device, uint64_t *function, bool *bus)
{
	struct device *owner = instance_of(device)->owner;

	*bus = *function != SHIM_CONFIG_SELF;
	if (*bus)
		return owner->is_pci_host ? OK : ERR_DENIED;
	if (owner->info.bus != BUS_PCI)
		return ERR_DENIED;
	*function = pci_address_pack(owner->info.pci);
	return OK;
}

enum error shim_config_read(struct shim_device *device, uint64_t function, unsigned offset,
			    unsigned width, uint32_t *value)
{
	bool bus;
	enum error error = function_of(device, &function, &bus);

	return error ? error : pci_config_read(function, offset, width, value);
}

enum error shim_config_write(struct shim_device *device, uint64_t function, unsigned offset,
			     unsigned width, uint32_t value)
{
	bool bus;
	enum error error = function_of(device, &function, &bus);

	return error ? error : pci_config_write(function, offset, width, value, bus);
}
