/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block in the kernel; what both rings do alike is shim/session/block.c.
 */
#include <backend/backend.h>
#include <kernel/mm.h>
#include <session/block.h>

struct block_data {
	struct block_class class;
	size_t queue_bytes;
	struct block_queue queue[];
};

struct block_class *block_class_of(struct shim_device *device)
{
	return device->class_data;
}

static enum error block_open(struct shim_device *device)
{
	size_t bytes = sizeof(struct block_data) +
		       block_queue_count(device->driver) * sizeof(struct block_queue);
	struct block_data *data = kzalloc(bytes);

	if (!data)
		return ERR_NO_MEMORY;
	device->class_data = data;
	data->queue_bytes = bytes - sizeof(*data);
	return OK;
}

static enum error block_start(struct shim_device *device, void *port, bool hot)
{
	struct block_data *data = device->class_data;

	return block_class_init(&data->class, device, data->queue, port, hot);
}

static void block_close(struct shim_device *device)
{
	struct block_data *data = device->class_data;

	if (data)
		kfree(data, sizeof(*data) + data->queue_bytes);
}

static enum error block_attach(struct shim_device *device, struct session_link *link)
{
	return block_class_attach(block_class_of(device), link);
}

static bool block_detach(struct shim_device *device, struct session_link *link)
{
	return block_class_detach(block_class_of(device), link);
}

static void block_doorbell(struct shim_device *device, unsigned queue)
{
	block_class_doorbell(block_class_of(device), queue);
}

static struct session_wakes *block_wakes(struct shim_device *device)
{
	return &block_class_of(device)->wakes;
}

const struct class_ops block_class_ops = {
	.class_id = CLASS_BLOCK,
	.port_bytes = block_port_bytes,
	.open = block_open,
	.start = block_start,
	.close = block_close,
	.attach = block_attach,
	.detach = block_detach,
	.doorbell = block_doorbell,
	.wakes = block_wakes,
};
