/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial in the kernel; what both rings do alike is shim/session/serial.c.
 */
#include <backend/backend.h>
#include <kernel/mm.h>
#include <session/serial.h>

struct serial_class *serial_class_of(struct shim_device *device)
{
	return device->class_data;
}

static uint32_t serial_port_bytes(const struct shim_driver *driver)
{
	(void)driver;
	return sizeof(struct serial_port);
}

static enum error serial_open(struct shim_device *device)
{
	device->class_data = kzalloc(sizeof(struct serial_class));
	return device->class_data ? OK : ERR_NO_MEMORY;
}

static enum error serial_start(struct shim_device *device, void *port, bool hot)
{
	return serial_class_init(serial_class_of(device), device, port, hot);
}

static void serial_close(struct shim_device *device)
{
	kfree(device->class_data, sizeof(struct serial_class));
}

static enum error serial_attach(struct shim_device *device, struct session_link *link)
{
	return serial_class_attach(serial_class_of(device), link);
}

static bool serial_detach(struct shim_device *device, struct session_link *link)
{
	return serial_class_detach(serial_class_of(device), link);
}

static void serial_doorbell(struct shim_device *device, unsigned queue)
{
	(void)queue;
	serial_class_doorbell(serial_class_of(device));
}

static struct session_wakes *serial_wakes(struct shim_device *device)
{
	return &serial_class_of(device)->wakes;
}

const struct class_ops serial_class_ops = {
	.class_id = CLASS_SERIAL,
	.port_bytes = serial_port_bytes,
	.open = serial_open,
	.start = serial_start,
	.close = serial_close,
	.attach = serial_attach,
	.detach = serial_detach,
	.doorbell = serial_doorbell,
	.wakes = serial_wakes,
};
