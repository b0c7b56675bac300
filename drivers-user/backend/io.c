/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shim's register windows and configuration space in ring 3: the kernel maps a window into this
 * process, or opens its ports; after that an access is one instruction, as in ring 0.
 */
#include <runtime/syscall.h>
#include <shim/io.h>

#include "backend.h"

enum error shim_window_map(struct shim_device *device, unsigned index)
{
	const struct device_window *granted;
	struct shim_window_view *view;
	struct sys_result result;

	if (index >= DEVICE_WINDOW_MAX || device->info->window[index].kind == WINDOW_NONE)
		return ERR_RANGE;
	granted = &device->info->window[index];
	view = &device->window[index];
	if (view->kind != WINDOW_NONE)
		return OK;
	result = SYS2(SYS_WINDOW_MAP, instance.grant, index);
	if (result.error)
		return result.error;
	if (granted->kind == WINDOW_PORT)
		view->port = (uint16_t)granted->base;
	else
		view->mmio = (volatile uint8_t __iomem *)result.value;
	view->size_bytes = granted->size_bytes;
	view->kind = granted->kind;
	return OK;
}

enum error shim_config_read(struct shim_device *device, uint64_t function, unsigned offset,
			    unsigned width, uint32_t *value)
{
	struct sys_result result = SYS4(SYS_CONFIG_READ, instance.grant, function, offset, width);

	(void)device;
	if (result.error == OK)
		*value = (uint32_t)result.value;
	return result.error;
}

enum error shim_config_write(struct shim_device *device, uint64_t function, unsigned offset,
			     unsigned width, uint32_t value)
{
	(void)device;
	return SYS5(SYS_CONFIG_WRITE, instance.grant, function, offset, width, value).error;
}
