/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class net: units are recorded, buffers and frames are the test's, completions are captured.
 */
#include <string.h>

#include "fake.h"

static struct fake_net_queue *queue_of(struct fake *fake, unsigned queue)
{
	if (queue >= FAKE_NET_QUEUES) {
		fake_violate(fake, "there is no queue %u", queue);
		queue = 0;
	}
	return &fake->net[queue];
}

enum error shim_net_unit_add(struct shim_device *device, const struct unit_info *unit)
{
	struct fake *fake = fake_of(device);

	if (unit->queue != unit->unit * NET_QUEUES || unit->mtu < NET_MTU_MIN ||
	    unit->transfer_bytes_max < unit->mtu + NET_HEADER_BYTES + NET_TAG_BYTES)
		return ERR_INVALID;
	fake->net_announced++;
	return fake_unit_add(fake, unit, CLASS_NET);
}

void shim_net_unit_remove(struct shim_device *device, unsigned unit)
{
	struct fake *fake = fake_of(device);

	if (unit >= FAKE_UNITS_MAX || !fake->unit[unit].present) {
		fake_violate(fake, "unit %u was removed, but is not there", unit);
		return;
	}
	fake->unit[unit].present = false;
}

unsigned shim_net_take(struct shim_device *device, unsigned index,
		       struct shim_net_request *requests, unsigned count)
{
	struct fake *fake = fake_of(device);
	struct fake_net_queue *queue = queue_of(fake, index);
	unsigned done = 0;

	if (!count)
		fake_violate(fake, "the driver takes nothing");
	while (done < count && queue->taken != queue->queued &&
	       queue->taken - queue->done < fake->driver->ops.net->depth)
		requests[done++] = queue->request[queue->taken++ % FAKE_NET_REQUESTS].request;
	return done;
}

static void complete(struct fake *fake, unsigned index, const uint32_t *counts, unsigned count,
		     enum error error)
{
	struct fake_net_queue *queue = queue_of(fake, index);

	if (count > queue->taken - queue->done) {
		fake_violate(fake, "%u of queue %u were completed, but %u are in flight", count,
			     index, queue->taken - queue->done);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct fake_net_request *request =
			&queue->request[queue->done++ % FAKE_NET_REQUESTS];

		request->count = counts ? counts[i] : 0;
		request->error = error;
	}
}

void shim_net_complete_many(struct shim_device *device, unsigned queue, const uint32_t *counts,
			    unsigned count)
{
	complete(fake_of(device), queue, counts, count, OK);
}

void shim_net_fail(struct shim_device *device, unsigned queue, unsigned count, enum error error)
{
	complete(fake_of(device), queue, NULL, count, error);
}

void shim_net_counters(struct shim_device *device, unsigned unit, const uint64_t *counter)
{
	(void)unit;
	memcpy(fake_of(device)->net_counter, counter, sizeof(uint64_t) * NET_COUNTERS);
}

/* --- The client --- */

static struct fake_net_request *request_at(struct fake *fake, unsigned index, unsigned id)
{
	return &queue_of(fake, index)->request[id % FAKE_NET_REQUESTS];
}

unsigned fake_net_queue(struct fake *fake, unsigned index, const void *data, uint32_t bytes,
			uint32_t flags, uint64_t offload)
{
	struct fake_net_queue *queue = queue_of(fake, index);
	struct fake_net_request *request = request_at(fake, index, queue->queued);

	if (queue->queued - queue->done == FAKE_NET_REQUESTS || bytes > FAKE_NET_BYTES) {
		fake_violate(fake, "the test has too many requests, or too large ones");
		return 0;
	}
	if (!queue->pool)
		queue->pool = fake_memory(fake, FAKE_NET_REQUESTS * FAKE_NET_BYTES, &queue->iova);
	*request = (struct fake_net_request){
		.request = { .data = { queue->iova +
				       queue->queued % FAKE_NET_REQUESTS * FAKE_NET_BYTES },
			     .bytes = bytes,
			     .flags = flags,
			     .offload = offload },
		.error = ERR_AGAIN,
	};
	if (data)
		memcpy(fake_net_data(fake, index, queue->queued), data, bytes);
	else
		memset(fake_net_data(fake, index, queue->queued), 0, bytes);
	return queue->queued++;
}

void fake_net_kick(struct fake *fake, unsigned index)
{
	fake_enter(fake);
	fake->driver->ops.net->submit(&fake->device, index);
	fake_leave(fake);
	fake_run(fake);
}

void fake_net_cancel(struct fake *fake, unsigned index)
{
	fake_enter(fake);
	fake->driver->ops.net->cancel(&fake->device, index);
	fake_leave(fake);
	fake_run(fake);
}

enum error fake_net_control(struct fake *fake, enum net_operation operation, uint64_t value)
{
	enum error error;

	fake_enter(fake);
	error = fake->driver->ops.net->control(&fake->device, 0, operation, value);
	fake_leave(fake);
	return error;
}

uint8_t *fake_net_data(struct fake *fake, unsigned index, unsigned id)
{
	return queue_of(fake, index)->pool + (size_t)(id % FAKE_NET_REQUESTS) * FAKE_NET_BYTES;
}

const struct fake_net_request *fake_net_result(struct fake *fake, unsigned index, unsigned id)
{
	return request_at(fake, index, id);
}

unsigned fake_net_in_flight(struct fake *fake, unsigned index)
{
	return queue_of(fake, index)->taken - queue_of(fake, index)->done;
}
