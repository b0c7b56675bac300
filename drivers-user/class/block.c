/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block in a driver process; what both rings do alike is shim/session/block.c.
 */
#include <runtime/heap.h>
#include <session/block.h>

#include "class.h"

static struct block_class class;
static struct block_queue *queues;

struct block_class *block_class_of(struct shim_device *device)
{
	(void)device;
	return &class;
}

static enum error block_open(struct shim_device *device)
{
	memset(&class, 0, sizeof(class)); /* its pages are there from now on */
	queues = calloc(block_queue_count(device->driver), sizeof(*queues));
	return queues ? OK : ERR_BUDGET;
}

static enum error block_start(struct shim_device *device, void *port, bool hot)
{
	return block_class_init(&class, device, queues, port, hot);
}

static enum error block_attach(struct session_link *link)
{
	return block_class_attach(&class, link);
}

static bool block_detach(struct session_link *link)
{
	return block_class_detach(&class, link);
}

static void block_doorbell(unsigned queue)
{
	block_class_doorbell(&class, queue);
}

static struct session_wakes *block_wakes(void)
{
	return &class.wakes;
}

static bool block_pending(void)
{
	for (unsigned queue = 0; queue < class.queue_count; queue++)
		if (block_class_pending(&class, queue))
			return true;
	return false;
}

static void block_awake(void)
{
	for (unsigned queue = 0; queue < class.queue_count; queue++)
		block_class_awake(&class, queue);
}

static bool block_sleep(void)
{
	bool idle = true;

	for (unsigned queue = 0; queue < class.queue_count; queue++)
		idle &= block_class_sleep(&class, queue);
	return idle;
}

SHIM_CLASS(block_ops) = {
	.class_id = CLASS_BLOCK,
	.port_bytes = block_port_bytes,
	.open = block_open,
	.start = block_start,
	.attach = block_attach,
	.detach = block_detach,
	.doorbell = block_doorbell,
	.wakes = block_wakes,
	.pending = block_pending,
	.awake = block_awake,
	.sleep = block_sleep,
};
