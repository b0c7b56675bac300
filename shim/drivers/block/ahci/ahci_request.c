/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Block requests as AHCI commands: a request's tag is its slot. Only one command is in the hardware
 * unless all of them are queued ones (NCQ). Sources: AHCI 1.3.1 §5.5, ACS-3 §7.
 */
#include "ahci.h"

/* --- Commands --- */

/* Fill a slot. The header's flags say whether data are written; without data there is no range. */
static inline void command_fill(const struct shim_device *device, unsigned port, unsigned slot,
				uint32_t command, uint32_t feature, uint64_t lba, uint32_t drive,
				uint32_t count, bool write, uint64_t data, uint32_t bytes)
{
	uint8_t *buffer = shim_dma_cpu(device, port, 0);
	struct ahci_header *header = (struct ahci_header *)(buffer + BUFFER_LIST) + slot;
	struct ahci_table *table = (struct ahci_table *)(buffer + BUFFER_TABLES) + slot;

	table->fis_low = FIS_H2D_COMMAND | command << 16 | (feature & 0xff) << 24 |
			 (lba & 0xffffff) << 32 | (uint64_t)drive << 56;
	table->fis_high = (lba >> 24 & 0xffffff) | (feature >> 8 & 0xff) << 24 |
			  (uint64_t)(count & 0xffff) << 32;
	table->data = data;
	table->last_byte = bytes - 1;
	header->flags = (uint16_t)(AHCI_HEADER_FIS | (write ? AHCI_HEADER_WRITE : 0));
	header->range_count = bytes != 0;
	header->done_bytes = 0;
}

/* Issue the command in one slot, alone. */
static void command_issue(struct shim_device *device, unsigned port, unsigned slot)
{
	*port_fis(device, port, false) = 0;
	shim_write_barrier();
	port_write(device, port, PORT_ISSUE, 1u << slot);
}

/* A command of the driver's own, which reads one page. */
void ahci_command_internal(struct shim_device *device, unsigned port, enum port_phase phase,
			   uint32_t command, uint64_t lba, uint32_t count)
{
	memset(shim_dma_cpu(device, port, BUFFER_PAGE), 0, ATA_PAGE_BYTES);
	command_fill(device, port, 0, command, 0, lba, 0, count, false,
		     shim_dma_iova(device, port, BUFFER_PAGE).value, ATA_PAGE_BYTES);
	ahci_port_enter(device, port, phase, INTERNAL_NS);
	shim_timer_set(device, port, port_queue(device, port)->deadline_ns);
	command_issue(device, port, 0);
}

/* --- Requests --- */

static inline void request_fill_queued(struct shim_device *device, unsigned port,
				       struct ahci_queue *queue, unsigned slot)
{
	const struct ahci_request *request = &queue->request[slot];
	bool write = request->operation == BLOCK_WRITE;
	uint32_t drive = ATA_DEVICE_LBA;

	if (request->flags & BLOCK_FUA && queue->features & DISK_FUA)
		drive |= ATA_DEVICE_FUA;
	command_fill(device, port, slot, write ? ATA_WRITE_QUEUED : ATA_READ_QUEUED, request->count,
		     request->position, drive, slot << 3, write, request->data,
		     request->count << queue->block_shift);
}

static void request_fill_transfer(struct shim_device *device, unsigned port,
				  struct ahci_queue *queue, unsigned slot)
{
	const struct ahci_request *request = &queue->request[slot];
	bool write = request->operation == BLOCK_WRITE;
	uint32_t command = write ? ATA_WRITE_DMA_EXT : ATA_READ_DMA_EXT;
	uint32_t drive = ATA_DEVICE_LBA;
	uint64_t lba = request->position;

	if (!(queue->features & DISK_48BIT)) {
		command = write ? ATA_WRITE_DMA : ATA_READ_DMA;
		drive |= lba >> 24 & 15; /* LBA 27:24 */
		lba &= 0xffffff;
	} else if (write && request->flags & BLOCK_FUA && queue->features & DISK_FUA) {
		command = ATA_WRITE_DMA_FUA_EXT;
	}
	command_fill(device, port, slot, command, 0, lba, drive, request->count, write,
		     request->data, request->count << queue->block_shift);
}

/* Blocks that one range list can name. */
static uint64_t trim_limit(const struct ahci_queue *queue)
{
	return (uint64_t)queue->trim_blocks * ATA_TRIM_RANGES * ATA_TRIM_RANGE_BLOCKS;
}

static void request_fill_trim(struct shim_device *device, unsigned port, struct ahci_queue *queue,
			      unsigned slot)
{
	const struct ahci_request *request = &queue->request[slot];
	uint64_t *range = shim_dma_cpu(device, port, BUFFER_TRIM);
	uint64_t position = request->position, left = request->count;
	uint32_t ranges = 0, blocks;

	left = left < trim_limit(queue) ? left : trim_limit(queue);
	memset(range, 0, queue->trim_blocks * ATA_PAGE_BYTES);
	while (left) {
		uint64_t part = left < ATA_TRIM_RANGE_BLOCKS ? left : ATA_TRIM_RANGE_BLOCKS;

		range[ranges++] = position | part << 48;
		position += part;
		left -= part;
	}
	blocks = (ranges + ATA_TRIM_RANGES - 1) / ATA_TRIM_RANGES;
	command_fill(device, port, slot, ATA_DATA_SET_MANAGEMENT, ATA_TRIM, 0, ATA_DEVICE_LBA,
		     blocks, true, shim_dma_iova(device, port, BUFFER_TRIM).value,
		     blocks * ATA_PAGE_BYTES);
}

__attribute__((noinline)) static void request_issue_alone(struct shim_device *device, unsigned port,
							  struct ahci_queue *queue, unsigned slot)
{
	const struct ahci_request *request = &queue->request[slot];

	if (request->flush || request->operation == BLOCK_FLUSH)
		command_fill(device, port, slot,
			     queue->features & DISK_FLUSH_EXT ? ATA_FLUSH_EXT : ATA_FLUSH, 0, 0, 0,
			     0, false, 0, 0);
	else if (request->operation == BLOCK_DISCARD)
		request_fill_trim(device, port, queue, slot);
	else
		request_fill_transfer(device, port, queue, slot);
	queue->waiting &= ~(1u << slot);
	queue->active = 1u << slot;
	queue->queued = false;
	command_issue(device, port, slot);
	request_arm(device, port, queue);
}

static inline bool request_is_transfer(const struct ahci_request *request)
{
	return request->operation <= BLOCK_WRITE && !request->flush;
}

/* Transfers go first: what waits beside them (flush, TRIM) came after them. */
__attribute__((noinline)) static unsigned request_pick(const struct ahci_queue *queue)
{
	for (uint32_t left = queue->waiting; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);

		if (request_is_transfer(&queue->request[slot]))
			return slot;
	}
	return (unsigned)__builtin_ctz(queue->waiting);
}

#define NO_SLOT AHCI_SLOTS_MAX

/* The next request, in its slot; NO_SLOT if there is none. */
static inline unsigned request_take(struct shim_device *device, unsigned port,
				    struct ahci_queue *queue)
{
	struct ahci_request *request;
	struct shim_block_request from;

	if (!shim_block_next(device, port, &from))
		return NO_SLOT;
	request = &queue->request[from.tag];
	request->position = from.position;
	request->data = from.data.value;
	request->count = from.count;
	request->operation = from.operation;
	request->flags = from.flags;
	request->flush = request->retries = 0;
	return from.tag;
}

/* May it be in the hardware beside others? */
static inline bool request_may_queue(const struct ahci_queue *queue, unsigned slot)
{
	return queue->features & DISK_NCQ && !(queue->alone & 1u << slot) &&
	       request_is_transfer(&queue->request[slot]);
}

static void batch_issue(struct shim_device *device, unsigned port, struct ahci_queue *queue,
			uint32_t batch)
{
	queue->active |= batch;
	queue->queued = true;
	shim_write_barrier();
	port_write(device, port, PORT_ACTIVE, batch); /* before the issue [AHCI 5.5.1] */
	port_write(device, port, PORT_ISSUE, batch);
	request_arm(device, port, queue);
}

/* Start what waits, as far as the hardware takes it: transfers of an NCQ disk together, all else
 * alone, after what is in flight has drained. */
void ahci_issue(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	const struct ahci_state *state = shim_state(device);
	uint32_t batch = 0;

	queue->starved = true;
	if (queue->phase != PORT_LIVE || state->phase != CONTROLLER_LIVE ||
	    (queue->active && !queue->queued))
		return;
	for (;;) {
		unsigned slot =
			queue->waiting ? request_pick(queue) : request_take(device, port, queue);

		if (slot == NO_SLOT) {
			queue->starved =
				(queue->active | batch) == EVERYTHING >> (32 - queue->depth);
			break;
		}
		if (__builtin_expect(!request_may_queue(queue, slot), 0)) {
			queue->waiting |= 1u << slot;
			if (!(queue->active | batch))
				request_issue_alone(device, port, queue, slot);
			break;
		}
		request_fill_queued(device, port, queue, slot);
		queue->waiting &= ~(1u << slot);
		batch |= 1u << slot;
	}
	if (batch)
		batch_issue(device, port, queue, batch);
}

/* A command ended well. Is that all of its request? If not, the rest waits. */
static bool request_ended(struct ahci_queue *queue, unsigned slot)
{
	struct ahci_request *request = &queue->request[slot];
	uint64_t limit = trim_limit(queue);

	if (request->operation == BLOCK_DISCARD && request->count > limit) {
		request->position += limit;
		request->count -= (uint32_t)limit;
	} else if (request->flags & BLOCK_FUA && !request->flush && !(queue->features & DISK_FUA) &&
		   queue->features & (DISK_FLUSH | DISK_FLUSH_EXT)) {
		request->flush = true;
	} else {
		return true;
	}
	queue->waiting |= 1u << slot;
	return false;
}

/* Complete what the hardware has done. Returns what that was, a bit a slot. */
uint32_t ahci_reap(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t busy = port_read(device, port, queue->queued ? PORT_ACTIVE : PORT_ISSUE);
	uint32_t done = queue->active & ~busy;

	shim_read_barrier();
	if (!done)
		return 0;
	queue->active &= ~done;
	queue->aged &= ~done;
	queue->alone &= ~done;
	queue->resets = 0;
	for (uint32_t left = done; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);
		const struct ahci_request *request = &queue->request[slot];

		if (__builtin_expect(!request->flags && request->operation <= BLOCK_WRITE, 1) ||
		    request_ended(queue, slot))
			shim_block_complete(device, port, slot, OK);
	}
	if (queue->waiting || queue->starved)
		ahci_issue(device, port);
	return done;
}

/* Complete every request that was taken, and let new ones wait. */
void ahci_requests_fail(struct shim_device *device, unsigned port, enum error error)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t all = queue->active | queue->waiting | queue->failed;

	queue->active = queue->waiting = queue->failed = queue->alone = queue->aged = 0;
	for (; all; all &= all - 1)
		shim_block_complete(device, port, (unsigned)__builtin_ctz(all), error);
}
