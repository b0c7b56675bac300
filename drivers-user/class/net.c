/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class net in a driver process; what both rings do alike is shim/session/net.c. Queues are not
 * polled: buffers need no doorbell while the device has enough.
 */
#include <session/net.h>

#include "class.h"

static struct net_class class;

struct net_class *net_class_of(struct shim_device *device)
{
	(void)device;
	return &class;
}

static enum error net_open(struct shim_device *device)
{
	(void)device;
	memset(&class, 0, sizeof(class)); /* its pages are there from now on */
	return OK;
}

static enum error net_start(struct shim_device *device, void *port, bool hot)
{
	return net_class_init(&class, device, port, hot);
}

static enum error net_attach(struct session_link *link)
{
	return net_class_attach(&class, link);
}

static bool net_detach(struct session_link *link)
{
	return net_class_detach(&class, link);
}

static void net_doorbell(unsigned queue)
{
	net_class_doorbell(&class, queue);
}

static struct session_wakes *net_wakes(void)
{
	return &class.wakes;
}

SHIM_CLASS(net_ops) = {
	.class_id = CLASS_NET,
	.port_bytes = net_port_bytes,
	.open = net_open,
	.start = net_start,
	.attach = net_attach,
	.detach = net_detach,
	.doorbell = net_doorbell,
	.wakes = net_wakes,
};
