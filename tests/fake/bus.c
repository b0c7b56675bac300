/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class bus: children are recorded, base address registers are the test's.
 */
#include "fake.h"

enum error shim_bus_bar_size(struct shim_device *device, uint64_t function, unsigned bar,
			     struct device_window *window)
{
	struct fake_bus *bus = &fake_of(device)->bus;

	if (bar > 6)
		return ERR_RANGE;
	return bus->bar_size ? bus->bar_size(bus->context, function, bar, window) : ERR_NOT_FOUND;
}

enum error shim_bus_bar_assign(struct shim_device *device, uint64_t function, unsigned bar,
			       uint64_t base)
{
	struct fake_bus *bus = &fake_of(device)->bus;

	return bus->bar_assign ? bus->bar_assign(bus->context, function, bar, base) : ERR_NOT_FOUND;
}

enum error shim_bus_child_add(struct shim_device *device, uint64_t function)
{
	struct fake *fake = fake_of(device);
	struct fake_bus *bus = &fake->bus;
	enum error error = fake_failure(fake, FAKE_CHILD_ADD);

	if (error != OK)
		return error;
	for (unsigned i = 0; i < bus->child_count; i++) {
		if (bus->child[i] == function)
			return ERR_EXISTS;
	}
	if (bus->child_count == FAKE_CHILDREN_MAX)
		return ERR_NO_MEMORY;
	bus->child[bus->child_count++] = function;
	return OK;
}

enum error shim_bus_child_remove(struct shim_device *device, uint64_t function)
{
	struct fake *fake = fake_of(device);
	struct fake_bus *bus = &fake->bus;
	enum error error = bus->held ? ERR_BUSY : ERR_NOT_FOUND;

	for (unsigned i = 0; i < bus->child_count; i++) {
		if (bus->child[i] == function) {
			bus->child[i] = bus->child[--bus->child_count];
			bus->removals++;
			return bus->held ? ERR_BUSY : OK;
		}
	}
	return error;
}
