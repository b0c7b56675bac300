/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block: units are recorded, requests are the test's, completions are captured.
 */
#include "fake.h"

enum error shim_block_unit_add(struct shim_device *device, const struct unit_info *unit)
{
	if (unit->block_bytes < 512 || unit->block_bytes > 4096 ||
	    (unit->block_bytes & (unit->block_bytes - 1)) || !unit->block_count || !unit->depth ||
	    unit->depth > 256 ||
	    (device->driver->queue_count && unit->queue >= device->driver->queue_count))
		return ERR_INVALID;
	return fake_unit_add(fake_of(device), unit, CLASS_BLOCK);
}

static void request_end(struct fake *fake, struct fake_request *request, enum error error)
{
	request->state = FAKE_DONE;
	request->error = error;
	request->completions++;
	request->order = ++fake->completed;
}

void shim_block_unit_remove(struct shim_device *device, unsigned unit)
{
	struct fake *fake = fake_of(device);

	if (unit >= FAKE_UNITS_MAX || !fake->unit[unit].present) {
		fake_violate(fake, "unit %u was removed, but is not there", unit);
		return;
	}
	fake->unit[unit].present = false;
	for (unsigned i = 0; i < fake->request_count; i++) {
		if (fake->request[i].state == FAKE_WAITING && fake->request[i].request.unit == unit)
			request_end(fake, &fake->request[i], ERR_GONE);
	}
}

static unsigned tag_find(struct fake *fake, unsigned unit)
{
	for (unsigned tag = 0; tag < fake->unit[unit].info.depth; tag++) {
		bool used = false;

		for (unsigned i = 0; i < fake->request_count; i++)
			used |= fake->request[i].state == FAKE_TAKEN &&
				fake->request[i].request.unit == unit &&
				fake->request[i].request.tag == tag;
		if (!used)
			return tag;
	}
	return ~0u;
}

bool shim_block_next(struct shim_device *device, unsigned queue, struct shim_block_request *request)
{
	struct fake *fake = fake_of(device);

	for (unsigned i = 0; i < fake->request_count; i++) {
		struct fake_request *waiting = &fake->request[i];
		unsigned unit = waiting->request.unit, tag;

		if (waiting->state != FAKE_WAITING || waiting->queue != queue ||
		    !fake->unit[unit].present)
			continue;
		tag = tag_find(fake, unit);
		if (tag == ~0u)
			continue;
		waiting->state = FAKE_TAKEN;
		waiting->request.tag = (uint16_t)tag;
		*request = waiting->request;
		return true;
	}
	return false;
}

void shim_block_complete(struct shim_device *device, unsigned queue, unsigned tag, enum error error)
{
	struct fake *fake = fake_of(device);

	for (unsigned i = 0; i < fake->request_count; i++) {
		struct fake_request *taken = &fake->request[i];

		if (taken->state == FAKE_TAKEN && taken->queue == queue &&
		    taken->request.tag == tag) {
			request_end(fake, taken, error);
			return;
		}
	}
	fake_violate(fake, "tag %u of queue %u was completed, but is not in flight", tag, queue);
}

unsigned shim_block_take(struct shim_device *device, unsigned queue,
			 struct shim_block_request *table, uint16_t *tags, unsigned count)
{
	struct shim_block_request request;
	unsigned done = 0;

	while (done < count && shim_block_next(device, queue, &request)) {
		table[request.tag] = request;
		tags[done++] = request.tag;
		if (request.operation > BLOCK_WRITE)
			break;
	}
	return done;
}

/* As the contract has it: only a lone request that is plain. */
int shim_block_take_one(struct shim_device *device, unsigned queue,
			struct shim_block_request *table)
{
	struct fake *fake = fake_of(device);
	const struct fake_request *only = NULL;
	struct shim_block_request request;

	for (unsigned i = 0; i < fake->request_count; i++) {
		if (fake->request[i].state != FAKE_WAITING || fake->request[i].queue != queue)
			continue;
		if (only)
			return SHIM_BLOCK_NONE;
		only = &fake->request[i];
	}
	if (!only || only->request.operation > BLOCK_WRITE || only->request.flags ||
	    !shim_block_next(device, queue, &request))
		return SHIM_BLOCK_NONE;
	table[request.tag] = request;
	return request.tag;
}

void shim_block_complete_many(struct shim_device *device, unsigned queue, unsigned word,
			      uint64_t tags)
{
	for (; tags; tags &= tags - 1)
		shim_block_complete(device, queue, word * 64 + (unsigned)__builtin_ctzll(tags), OK);
}

unsigned fake_block_queue(struct fake *fake, unsigned unit, enum block_operation operation,
			  uint64_t position, uint32_t count, uint8_t flags)
{
	struct fake_request *request = &fake->request[fake->request_count];
	bool data = operation == BLOCK_READ || operation == BLOCK_WRITE;
	const struct unit_info *info = &fake->unit[unit].info;

	if (fake->request_count == FAKE_REQUESTS_MAX) {
		fake_violate(fake, "the test has more than %d requests", FAKE_REQUESTS_MAX);
		return 0;
	}
	*request = (struct fake_request){
		.request = { .operation = (uint8_t)operation,
			     .flags = flags,
			     .unit = unit,
			     .position = position,
			     .count = count,
			     .data_bytes = data ? count * info->block_bytes : 0 },
		.queue = info->queue,
		.state = FAKE_WAITING,
	};
	if (data)
		request->data = fake_memory(fake, request->request.data_bytes,
					    &request->request.data.value);
	if (!fake->unit[unit].present)
		request_end(fake, request, ERR_GONE);
	else if (position > info->block_count || count > info->block_count - position ||
		 request->request.data_bytes > info->transfer_bytes_max)
		request_end(fake, request, ERR_RANGE);
	return fake->request_count++;
}

void fake_block_kick(struct fake *fake, unsigned unit)
{
	fake_enter(fake);
	fake->driver->ops.block->submit(&fake->device, fake->unit[unit].info.queue);
	fake_leave(fake);
}

unsigned fake_block_submit(struct fake *fake, unsigned unit, enum block_operation operation,
			   uint64_t position, uint32_t count, uint8_t flags)
{
	unsigned id = fake_block_queue(fake, unit, operation, position, count, flags);

	if (fake->unit[unit].present)
		fake_block_kick(fake, unit);
	return id;
}

uint8_t *fake_block_data(struct fake *fake, unsigned id)
{
	return fake->request[id].data;
}

bool fake_block_done(const struct fake *fake, unsigned id)
{
	return fake->request[id].state == FAKE_DONE;
}

enum error fake_block_error(const struct fake *fake, unsigned id)
{
	return fake->request[id].state == FAKE_DONE ? fake->request[id].error : ERR_AGAIN;
}

void fake_block_reset(struct fake *fake)
{
	for (unsigned i = 0; i < fake->request_count; i++) {
		if (fake->request[i].state != FAKE_DONE)
			return;
	}
	fake->request_count = 0;
}

const struct unit_info *fake_unit(const struct fake *fake, unsigned unit)
{
	return unit < FAKE_UNITS_MAX && fake->unit[unit].present ? &fake->unit[unit].info : NULL;
}

unsigned fake_unit_count(const struct fake *fake)
{
	unsigned count = 0;

	for (unsigned i = 0; i < FAKE_UNITS_MAX; i++)
		count += fake->unit[i].present;
	return count;
}
