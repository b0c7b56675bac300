/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Block requests as AHCI commands: a request's tag is its slot. Only one command is in the hardware
 * unless all of them are queued ones (NCQ). Sources: AHCI 1.3.1 §5.5, ACS-3 §7.
 */
#include "ahci.h"

/* --- Commands --- */

/* Fill a slot with a command that is not queued. Without data there is no range. */
static void command_fill(const struct shim_device *device, unsigned port, unsigned slot,
			 uint32_t command, uint32_t feature, uint64_t lba, uint32_t drive,
			 uint32_t count, bool write, uint64_t data, uint32_t bytes)
{
	struct ahci_memory *memory = port_memory(device, port);
	struct ahci_table *table = &memory->table[slot];

	table->fis[0] = FIS_H2D_COMMAND | command << 16 | feature << 24;
	table->fis[1] = (uint32_t)(lba & 0xffffff) | drive << 24;
	table->fis[2] = (uint32_t)(lba >> 24) & 0xffffff;
	table->fis[3] = count & 0xffff;
	table->data = data;
	table->last_byte = bytes - 1;
	memory->list[slot].start =
		AHCI_HEADER_FIS | (write ? AHCI_HEADER_WRITE : 0) | (bytes ? AHCI_HEADER_RANGE : 0);
}

/* Fill a slot with a queued transfer: READ or WRITE FPDMA QUEUED, whose count is the feature and
 * whose tag is in the count [ACS-3 7.23, 7.59]. This is the hot path: no branches, no calls. */
_Static_assert(ATA_WRITE_QUEUED - ATA_READ_QUEUED == BLOCK_WRITE - BLOCK_READ, "see below");
static inline void command_fill_queued(struct ahci_header *header, struct ahci_table *table,
				       const struct shim_block_request *request, size_t slot,
				       uint32_t drive)
{
	uint32_t write = (uint32_t)request->operation - BLOCK_READ;
	uint32_t count = request->count;

	table->fis[0] = FIS_H2D_COMMAND + ((ATA_READ_QUEUED + write) << 16) + (count << 24);
	table->fis[1] = (uint32_t)(request->position & 0xffffff) | drive << 24;
	table->fis[2] = (uint32_t)(request->position >> 24) | count >> 8 << 24;
	table->fis[3] = (uint32_t)slot << 3;
	table->data = request->data.value;
	table->last_byte = request->data_bytes - 1;
	header->start = AHCI_HEADER_FIS + AHCI_HEADER_RANGE + write * AHCI_HEADER_WRITE;
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
	memset(port_memory(device, port)->page, 0, ATA_PAGE_BYTES);
	command_fill(device, port, 0, command, 0, lba, 0, count, false,
		     shim_dma_iova(device, port, MEMORY_OFFSET(page)).value, ATA_PAGE_BYTES);
	ahci_port_enter(device, port, phase, INTERNAL_NS);
	shim_timer_set(device, port, port_queue(device, port)->deadline_ns);
	command_issue(device, port, 0);
}

/* --- Requests --- */

static void request_fill_transfer(struct shim_device *device, unsigned port,
				  struct ahci_queue *queue, unsigned slot)
{
	const struct shim_block_request *request = &queue->request[slot];
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
		     request->data.value, request->data_bytes);
}

/* Blocks that one range list can name. */
static uint64_t trim_limit(const struct ahci_queue *queue)
{
	return (uint64_t)queue->trim_blocks * ATA_TRIM_RANGES * ATA_TRIM_RANGE_BLOCKS;
}

static void request_fill_trim(struct shim_device *device, unsigned port, struct ahci_queue *queue,
			      unsigned slot)
{
	const struct shim_block_request *request = &queue->request[slot];
	uint64_t *range = port_memory(device, port)->trim;
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
		     blocks, true, shim_dma_iova(device, port, MEMORY_OFFSET(trim)).value,
		     blocks * ATA_PAGE_BYTES);
}

static void request_issue_alone(struct shim_device *device, unsigned port, struct ahci_queue *queue,
				unsigned slot)
{
	const struct shim_block_request *request = &queue->request[slot];

	if (queue->work[slot].flush || request->operation == BLOCK_FLUSH)
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

/* Requests that need nothing but a queued command, and are done when it is. */
static inline bool request_is_plain(const struct shim_block_request *request)
{
	return request->operation <= BLOCK_WRITE && !request->flags;
}

static bool request_is_transfer(const struct ahci_queue *queue, unsigned slot)
{
	return queue->request[slot].operation <= BLOCK_WRITE && !queue->work[slot].flush;
}

/* May it be in the hardware beside others? */
static bool request_may_queue(const struct ahci_queue *queue, unsigned slot)
{
	return queue->features & DISK_NCQ && !(queue->alone >> slot & 1) &&
	       request_is_transfer(queue, slot);
}

/* Transfers go first: what waits beside them (flush, TRIM) came after them. */
static unsigned request_pick(const struct ahci_queue *queue)
{
	for (uint32_t left = queue->waiting; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);

		if (request_is_transfer(queue, slot))
			return slot;
	}
	return (unsigned)__builtin_ctz(queue->waiting);
}

static inline void batch_issue(struct shim_device *device, unsigned port, struct ahci_queue *queue,
			       uint32_t batch)
{
	struct shim_mmio mmio = shim_mmio(device, AHCI_WINDOW);

	queue->active |= batch;
	queue->queued = true;
	shim_write_barrier();
	shim_mmio_write32(mmio, PORT_BASE(port) + PORT_ACTIVE, batch); /* first [AHCI 5.5.1] */
	shim_mmio_write32(mmio, PORT_BASE(port) + PORT_ISSUE, batch);
	request_arm(device, port, queue);
}

/* Start what was taken and waits: all but plain requests, and those that are repeated. */
__attribute__((noinline)) static void issue_waiting(struct shim_device *device, unsigned port,
						    struct ahci_queue *queue)
{
	struct ahci_memory *memory = port_memory(device, port);
	uint32_t batch = 0;

	while (queue->waiting) {
		unsigned slot = request_pick(queue);
		const struct shim_block_request *request = &queue->request[slot];
		bool durable = request->flags & BLOCK_FUA && queue->features & DISK_FUA;

		if (!request_may_queue(queue, slot)) {
			if (!(queue->active | batch))
				request_issue_alone(device, port, queue, slot);
			break;
		}
		command_fill_queued(&memory->list[slot], &memory->table[slot], request, slot,
				    ATA_DEVICE_LBA | (durable ? ATA_DEVICE_FUA : 0));
		queue->waiting &= ~(1u << slot);
		batch |= 1u << slot;
	}
	if (batch)
		batch_issue(device, port, queue, batch);
}

/* Take requests into their slots. Plain ones get their commands; the others wait.
 * @return  slots to issue */
static inline uint32_t batch_take(struct shim_device *device, unsigned port,
				  struct ahci_queue *queue)
{
	uint16_t tags[AHCI_SLOTS_MAX];
	unsigned count = shim_block_take(device, port, queue->request, tags, AHCI_SLOTS_MAX);
	struct ahci_memory *memory = port_memory(device, port);
	uint32_t batch = 0;

	for (unsigned i = 0; i < count; i++) {
		size_t slot = tags[i];
		const struct shim_block_request *request = &queue->request[slot];

		queue->work[slot] = (struct ahci_work){ 0 };
		if (__builtin_expect(!request_is_plain(request), 0)) {
			queue->special |= 1u << slot;
			queue->waiting |= 1u << slot;
			continue;
		}
		command_fill_queued(&memory->list[slot], &memory->table[slot], request, slot,
				    ATA_DEVICE_LBA);
		batch |= 1u << slot;
	}
	return batch;
}

/* Whatever waits, in the sessions and here. */
__attribute__((noinline)) static void issue_any(struct shim_device *device, unsigned port,
						struct ahci_queue *queue)
{
	if (!queue->waiting) {
		uint32_t batch = batch_take(device, port, queue);

		if (!(queue->features & DISK_NCQ))
			queue->waiting |= batch;
		else if (batch)
			batch_issue(device, port, queue, batch);
	}
	if (queue->waiting)
		issue_waiting(device, port, queue);
	else
		queue->starved = queue->active == queue->slots;
}

/* Start what waits, as far as the hardware takes it: transfers of an NCQ disk together, all else
 * alone, after what is in flight has drained. */
void ahci_issue(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	const struct ahci_state *state = shim_state(device);
	struct ahci_memory *memory;
	int slot;

	queue->starved = true;
	if (queue->phase != PORT_LIVE || state->phase != CONTROLLER_LIVE ||
	    (queue->active && !queue->queued))
		return;
	if (queue->waiting || !(queue->features & DISK_NCQ)) {
		issue_any(device, port, queue);
		return;
	}
	slot = shim_block_take_one(device, port, queue->request);
	if (slot == SHIM_BLOCK_NONE) {
		issue_any(device, port, queue);
		return;
	}
	memory = port_memory(device, port);
	queue->work[slot] = (struct ahci_work){ 0 };
	command_fill_queued(&memory->list[slot], &memory->table[slot], &queue->request[slot],
			    (size_t)slot, ATA_DEVICE_LBA);
	batch_issue(device, port, queue, 1u << slot);
	queue->starved = queue->active == queue->slots;
}

/* A command ended well. Is that all of its request? If not, the rest waits. */
static bool request_ended(struct ahci_queue *queue, unsigned slot)
{
	struct shim_block_request *request = &queue->request[slot];
	struct ahci_work *work = &queue->work[slot];
	uint64_t limit = trim_limit(queue);

	if (request->operation == BLOCK_DISCARD && request->count > limit) {
		request->position += limit;
		request->count -= (uint32_t)limit;
	} else if (request->flags & BLOCK_FUA && !work->flush && !(queue->features & DISK_FUA) &&
		   queue->features & (DISK_FLUSH | DISK_FLUSH_EXT)) {
		work->flush = true;
	} else {
		return true;
	}
	queue->waiting |= 1u << slot;
	queue->starved = true;
	return false;
}

/* Which of those that are done are all done? */
__attribute__((noinline)) static uint32_t requests_ended(struct ahci_queue *queue, uint32_t done)
{
	uint32_t ended = done;

	for (uint32_t left = done & queue->special; left; left &= left - 1) {
		if (!request_ended(queue, (unsigned)__builtin_ctz(left)))
			ended &= ~(left & -left);
	}
	queue->special &= ~ended;
	return ended;
}

static inline uint32_t port_reap(struct shim_device *device, unsigned port,
				 struct ahci_queue *queue, bool queued)
{
	uint32_t busy = port_read(device, port, queued ? PORT_ACTIVE : PORT_ISSUE);
	uint32_t done = queue->active & ~busy, ended = done;

	shim_read_barrier();
	if (!done)
		return 0;
	queue->active &= ~done;
	if (__builtin_expect(queue->aged | queue->alone, 0)) {
		queue->aged &= ~done;
		queue->alone &= ~done;
	}
	queue->resets = 0;
	if (__builtin_expect(done & queue->special, 0))
		ended = requests_ended(queue, done);
	if (ended & (ended - 1))
		shim_block_complete_many(device, port, 0, ended);
	else if (ended)
		shim_block_complete(device, port, (unsigned)__builtin_ctz(ended), OK);
	if (__builtin_expect(queue->starved, 0))
		ahci_issue(device, port);
	return done;
}

/* Complete what the hardware has done. Returns what that was, a bit a slot. */
uint32_t ahci_reap(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);

	return port_reap(device, port, queue, queue->queued);
}

/* If the received FIS says that commands have ended well, acknowledge it and complete them. Neither
 * of the two status registers is read: what the FIS does not tell is still pending afterwards, and
 * interrupts again. So the common case takes three register accesses. */
static inline uint32_t port_reap_fis(struct shim_device *device, unsigned port,
				     struct ahci_queue *queue, bool queued)
{
	volatile uint32_t *fis = port_fis(device, port, queued);
	struct shim_mmio mmio = shim_mmio(device, AHCI_WINDOW);

	if (!fis_is_good(*fis, queued))
		return 0;
	*fis = 0;
	shim_mmio_write32(mmio, PORT_BASE(port) + PORT_STATUS,
			  queued ? PORT_STATUS_SDB : PORT_STATUS_D2H);
	shim_mmio_write32(mmio, HOST_STATUS, 1u << port);
	return port_reap(device, port, queue, queued);
}

static inline uint32_t port_interrupt(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);

	if (!queue->active)
		return 0;
	return __builtin_expect(queue->queued, 1) ? port_reap_fis(device, port, queue, true)
						  : port_reap_fis(device, port, queue, false);
}

/* Any number of ports. */
__attribute__((noinline)) static bool ports_interrupt(struct shim_device *device, uint32_t live)
{
	uint32_t done = 0;

	for (; live; live &= live - 1)
		done |= port_interrupt(device, (unsigned)__builtin_ctz(live));
	return done || ahci_service(device);
}

bool ahci_interrupt(struct shim_device *device, unsigned index)
{
	const struct ahci_state *state = shim_state(device);
	uint32_t live = state->live;

	(void)index;
	if (!live || live & (live - 1))
		return ports_interrupt(device, live);
	return port_interrupt(device, (unsigned)__builtin_ctz(live)) || ahci_service(device);
}

/* Complete every request that was taken, and let new ones wait. */
void ahci_requests_fail(struct shim_device *device, unsigned port, enum error error)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t all = queue->active | queue->waiting | queue->failed;

	queue->active = queue->waiting = queue->failed = 0;
	queue->alone = queue->aged = queue->special = 0;
	for (; all; all &= all - 1)
		shim_block_complete(device, port, (unsigned)__builtin_ctz(all), error);
}
