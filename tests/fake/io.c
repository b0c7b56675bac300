/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Register windows of the simulated device, and its configuration space.
 */
#include <shim/io.h>

#include "fake.h"

void fake_window(struct fake *fake, unsigned index, enum window_kind kind, uint64_t size_bytes,
		 fake_read_t *read, fake_write_t *write, void *context)
{
	fake->info.window[index] =
		(struct device_window){ .kind = (uint8_t)kind, .size_bytes = size_bytes };
	fake->window[index] =
		(struct fake_window){ .read = read, .write = write, .context = context };
}

enum error shim_window_map(struct shim_device *device, unsigned index)
{
	struct fake *fake = fake_of(device);
	enum error error = fake_failure(fake, FAKE_WINDOW_MAP);

	if (error != OK)
		return error;
	if (index >= DEVICE_WINDOW_MAX || fake->info.window[index].kind == WINDOW_NONE)
		return ERR_RANGE;
	fake->window[index].mapped = true;
	device->window[index] = (struct shim_window_view){
		.kind = fake->info.window[index].kind,
		.size_bytes = fake->info.window[index].size_bytes,
	};
	return OK;
}

static struct fake_window *window_find(struct fake *fake, unsigned index, uint8_t kind,
				       uint32_t offset, unsigned bits)
{
	struct fake_window *window = index < DEVICE_WINDOW_MAX ? &fake->window[index] : NULL;
	uint32_t bytes = bits / 8;

	if (!window || !window->mapped || fake->device.window[index].kind != kind ||
	    offset % bytes || (uint64_t)offset + bytes > fake->device.window[index].size_bytes) {
		fake->strays++;
		fake_violate(fake, "access to window %u, offset 0x%x, %u bits", index, offset,
			     bits);
		return NULL;
	}
	return window;
}

uint64_t fake_register_read(const struct shim_device *device, unsigned index, uint8_t kind,
			    uint32_t offset, unsigned bits)
{
	struct fake *fake = fake_of(device);
	struct fake_window *window = window_find(fake, index, kind, offset, bits);

	fake->reads++;
	return window ? window->read(window->context, offset, bits) : UINT64_MAX;
}

void fake_register_write(const struct shim_device *device, unsigned index, uint8_t kind,
			 uint32_t offset, unsigned bits, uint64_t value)
{
	struct fake *fake = fake_of(device);
	struct fake_window *window = window_find(fake, index, kind, offset, bits);

	fake->writes++;
	if (window)
		window->write(window->context, offset, bits, value);
}

static bool config_valid(unsigned offset, unsigned width)
{
	return (width == 1 || width == 2 || width == 4) && offset % width == 0 && offset < 4096;
}

enum error shim_config_read(struct shim_device *device, uint64_t function, unsigned offset,
			    unsigned width, uint32_t *value)
{
	struct fake_bus *bus = &fake_of(device)->bus;

	if (!config_valid(offset, width))
		return ERR_RANGE;
	if (!bus->config_read)
		return ERR_DENIED;
	return bus->config_read(bus->context, function, offset, width, value);
}

enum error shim_config_write(struct shim_device *device, uint64_t function, unsigned offset,
			     unsigned width, uint32_t value)
{
	struct fake_bus *bus = &fake_of(device)->bus;

	if (!config_valid(offset, width))
		return ERR_RANGE;
	if (!bus->config_write)
		return ERR_DENIED;
	return bus->config_write(bus->context, function, offset, width, value);
}
