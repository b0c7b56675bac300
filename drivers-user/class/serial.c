/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial in a driver process; what both rings do alike is shim/session/serial.c.
 */
#include <session/serial.h>

#include "class.h"

static struct serial_class class;

struct serial_class *serial_class_of(struct shim_device *device)
{
	(void)device;
	return &class;
}

static uint32_t serial_port_bytes(const struct shim_driver *driver)
{
	(void)driver;
	return sizeof(struct serial_port);
}

static enum error serial_open(struct shim_device *device)
{
	(void)device;
	return OK;
}

static enum error serial_start(struct shim_device *device, void *port, bool hot)
{
	return serial_class_init(&class, device, port, hot);
}

static enum error serial_attach(struct session_link *link)
{
	return serial_class_attach(&class, link);
}

static bool serial_detach(struct session_link *link)
{
	return serial_class_detach(&class, link);
}

static void serial_doorbell(unsigned queue)
{
	(void)queue;
	serial_class_doorbell(&class);
}

static struct session_wakes *serial_wakes(void)
{
	return &class.wakes;
}

SHIM_CLASS(serial_ops) = {
	.class_id = CLASS_SERIAL,
	.port_bytes = serial_port_bytes,
	.open = serial_open,
	.start = serial_start,
	.attach = serial_attach,
	.detach = serial_detach,
	.doorbell = serial_doorbell,
	.wakes = serial_wakes,
};
