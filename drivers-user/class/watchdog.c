/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class watchdog in a driver process; what both rings do alike is shim/session/watchdog.c.
 */
#include <session/watchdog.h>

#include "class.h"

static struct watchdog_class class;

struct watchdog_class *watchdog_class_of(struct shim_device *device)
{
	(void)device;
	return &class;
}

static uint32_t watchdog_port_bytes(const struct shim_driver *driver)
{
	(void)driver;
	return sizeof(struct watchdog_port);
}

static enum error watchdog_open(struct shim_device *device)
{
	(void)device;
	return OK;
}

static enum error watchdog_start(struct shim_device *device, void *port, bool hot)
{
	return watchdog_class_init(&class, device, port, hot);
}

static enum error watchdog_attach(struct session_link *link)
{
	return watchdog_class_attach(&class, link);
}

static bool watchdog_detach(struct session_link *link)
{
	return watchdog_class_detach(&class, link);
}

static void watchdog_doorbell(unsigned queue)
{
	(void)queue;
	watchdog_class_doorbell(&class);
}

static struct session_wakes *watchdog_wakes(void)
{
	return &class.wakes;
}

SHIM_CLASS(watchdog_ops) = {
	.class_id = CLASS_WATCHDOG,
	.port_bytes = watchdog_port_bytes,
	.open = watchdog_open,
	.start = watchdog_start,
	.attach = watchdog_attach,
	.detach = watchdog_detach,
	.doorbell = watchdog_doorbell,
	.wakes = watchdog_wakes,
};
