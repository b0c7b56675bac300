/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial in the kernel; what both rings do alike is shim/session/serial.c.
 */
#include <backend/backend.h>
#include <kernel/mm.h>
#include <session/serial.h>

struct serial_class *serial_class_of(struct shim_device *device)
{
	return instance_of(device)->class_data;
}

static enum error serial_open(struct shim_device *device, void *port)
{
	struct serial_class *class = kzalloc(sizeof(*class));

	if (!class)
		return ERR_NO_MEMORY;
	instance_of(device)->class_data = class;
	serial_class_init(class, device, port);
	return OK;
}

static void serial_close(struct shim_device *device)
{
	kfree(instance_of(device)->class_data, sizeof(struct serial_class));
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

static void serial_flush(struct shim_device *device)
{
	session_flush(&serial_class_of(device)->wakes);
}

const struct class_ops serial_class_ops = {
	.class_id = CLASS_SERIAL,
	.open = serial_open,
	.close = serial_close,
	.attach = serial_attach,
	.detach = serial_detach,
	.doorbell = serial_doorbell,
	.flush = serial_flush,
};
