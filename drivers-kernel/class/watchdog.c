/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class watchdog in the kernel; what both rings do alike is shim/session/watchdog.c.
 */
#include <backend/backend.h>
#include <kernel/mm.h>
#include <session/watchdog.h>

struct watchdog_class *watchdog_class_of(struct shim_device *device)
{
	return device->class_data;
}

static uint32_t watchdog_port_bytes(const struct shim_driver *driver)
{
	(void)driver;
	return sizeof(struct watchdog_port);
}

static enum error watchdog_open(struct shim_device *device)
{
	device->class_data = kzalloc(sizeof(struct watchdog_class));
	return device->class_data ? OK : ERR_NO_MEMORY;
}

static enum error watchdog_start(struct shim_device *device, void *port, bool hot)
{
	return watchdog_class_init(watchdog_class_of(device), device, port, hot);
}

static void watchdog_close(struct shim_device *device)
{
	kfree(device->class_data, sizeof(struct watchdog_class));
}

static enum error watchdog_attach(struct shim_device *device, struct session_link *link)
{
	return watchdog_class_attach(watchdog_class_of(device), link);
}

static bool watchdog_detach(struct shim_device *device, struct session_link *link)
{
	return watchdog_class_detach(watchdog_class_of(device), link);
}

static void watchdog_doorbell(struct shim_device *device, unsigned queue)
{
	(void)queue;
	watchdog_class_doorbell(watchdog_class_of(device));
}

static struct session_wakes *watchdog_wakes(struct shim_device *device)
{
	return &watchdog_class_of(device)->wakes;
}

const struct class_ops watchdog_class_ops = {
	.class_id = CLASS_WATCHDOG,
	.port_bytes = watchdog_port_bytes,
	.open = watchdog_open,
	.start = watchdog_start,
	.close = watchdog_close,
	.attach = watchdog_attach,
	.detach = watchdog_detach,
	.doorbell = watchdog_doorbell,
	.wakes = watchdog_wakes,
};
