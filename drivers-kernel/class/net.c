/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class net in the kernel; what both rings do alike is shim/session/net.c.
 */
#include <backend/backend.h>
#include <kernel/mm.h>
#include <session/net.h>

struct net_class *net_class_of(struct shim_device *device)
{
	return device->class_data;
}

static enum error net_open(struct shim_device *device)
{
	device->class_data = kzalloc(sizeof(struct net_class));
	return device->class_data ? OK : ERR_NO_MEMORY;
}

static enum error net_start(struct shim_device *device, void *port, bool hot)
{
	return net_class_init(device->class_data, device, port, hot);
}

static void net_close(struct shim_device *device)
{
	if (device->class_data)
		kfree(device->class_data, sizeof(struct net_class));
}

static enum error net_attach(struct shim_device *device, struct session_link *link)
{
	return net_class_attach(net_class_of(device), link);
}

static bool net_detach(struct shim_device *device, struct session_link *link)
{
	return net_class_detach(net_class_of(device), link);
}

static void net_doorbell(struct shim_device *device, unsigned queue)
{
	net_class_doorbell(net_class_of(device), queue);
}

static struct session_wakes *net_wakes(struct shim_device *device)
{
	return &net_class_of(device)->wakes;
}

const struct class_ops net_class_ops = {
	.class_id = CLASS_NET,
	.port_bytes = net_port_bytes,
	.open = net_open,
	.start = net_start,
	.close = net_close,
	.attach = net_attach,
	.detach = net_detach,
	.doorbell = net_doorbell,
	.wakes = net_wakes,
};
