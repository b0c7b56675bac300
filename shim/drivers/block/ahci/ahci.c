/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SATA disks behind an AHCI controller: one queue, one unit, one DMA buffer and one timer a port,
 * all of the port's number, and a timer for the controller.
 * Sources: Serial ATA AHCI 1.3.1 [AHCI], ATA Command Set 3 [ACS-3].
 *
 * A port:  EMPTY -> LINK -> READY -> IDENTIFY -> LIVE     (or REFUSED, FAILED)
 *          LIVE -> STOPPING -> LIVE | LOG -> LIVE | RESET -> LINK ...   after an error
 * Requests in flight survive the second line: they wait, and are issued again.
 */
#include <shim/class/block.h>
#include <shim/dma.h>
#include <shim/io.h>
#include <shim/irq.h>
#include <shim/log.h>
#include <shim/time.h>

#include "ahci_regs.h"

#define STATE_VERSION    1
#define CONTROLLER_TIMER AHCI_PORTS_MAX
#define TRANSFER_MAX     (1u << 20)
#define RETRIES_MAX      3 /* of one request, or of port resets that nothing good follows */
#define EVERYTHING       UINT32_MAX

#define POLL_NS      (1 * SHIM_MS)
#define POLL_LONG_NS (10 * SHIM_MS)
#define HANDOFF_NS   (2 * SHIM_S)    /* [AHCI 10.6.3] */
#define RESET_NS     (1 * SHIM_S)    /* [AHCI 10.4.3] */
#define STOP_NS      (500 * SHIM_MS) /* [AHCI 10.1.2] */
#define COMRESET_NS  (2 * SHIM_MS)   /* at least 1 ms [AHCI 10.4.2] */
#define LINK_NS      (1 * SHIM_S)
#define READY_NS     (10 * SHIM_S)
#define INTERNAL_NS  (10 * SHIM_S)
#define REQUEST_NS   (20 * SHIM_S) /* a request is given up after one to two of these */
#define DRAIN_NS     (5 * SHIM_S)

enum controller_phase {
	CONTROLLER_OFF,
	CONTROLLER_HANDOFF, /* the firmware lets go */
	CONTROLLER_RESET,
	CONTROLLER_LIVE,
	CONTROLLER_DRAIN, /* quiescing: requests in flight end */
	CONTROLLER_STOP,  /* quiescing: ports stop */
	CONTROLLER_PHASES
};

enum probing { PROBING_NOT, PROBING_INSIDE, PROBING_LATER };

enum port_phase {
	PORT_OFF,
	PORT_EMPTY,
	PORT_LINK,  /* the link comes up */
	PORT_READY, /* the device comes to rest and says what it is */
	PORT_IDENTIFY,
	PORT_LIVE,
	PORT_STOPPING, /* after an error: the command engine stops */
	PORT_LOG,      /* the error log is read */
	PORT_RESET,    /* COMRESET is on the wire */
	PORT_REFUSED,  /* no disk */
	PORT_FAILED,   /* gave up until it is plugged again */
	PORT_PHASES
};

enum after_stop { AFTER_STOP_START, AFTER_STOP_LOG, AFTER_STOP_RESET, AFTER_STOPS };

#define DISK_NCQ       1u
#define DISK_48BIT     2u
#define DISK_FLUSH     4u
#define DISK_FLUSH_EXT 8u
#define DISK_FUA       16u
#define DISK_LOG       32u
#define DISK_TRIM      64u
#define DISK_FEATURES  127u

struct ahci_state {
	uint32_t phase;        /* enum controller_phase */
	uint32_t probing;      /* enum probing */
	uint32_t probe_error;  /* enum error */
	uint32_t capabilities; /* HOST_CAP */
	uint32_t ports;        /* implemented, a bit a port; so the next four */
	uint32_t linked;       /* had a link before the reset */
	uint32_t unstarted;    /* not begun yet (staggered spin-up) */
	uint32_t unsettled;    /* probe waits for them */
	uint32_t live;         /* in PORT_LIVE */
	uint32_t reserved;
	uint64_t deadline_ns; /* of the phase */
};

/* A request that was taken and not completed; its tag is its slot. */
struct ahci_request {
	uint64_t position;
	uint64_t data;  /* bus address */
	uint32_t count; /* blocks */
	uint8_t operation, flags;
	uint8_t flush; /* a write without native FUA: written, its flush is left */
	uint8_t retries;
	uint32_t error; /* enum error, when it is in `failed` */
	uint32_t reserved;
};

struct ahci_queue {
	uint32_t phase; /* enum port_phase */
	/* Slots, a bit each. The first three are disjoint. */
	uint32_t active;    /* in the hardware */
	uint32_t waiting;   /* taken, to be issued (again) */
	uint32_t failed;    /* to be completed when the port has stopped */
	uint32_t aged;      /* active since the last tick */
	uint32_t alone;     /* waiting or active, not to be queued: one of them failed */
	uint8_t queued;     /* `active` are NCQ commands */
	uint8_t armed;      /* the request timer runs */
	uint8_t starved;    /* requests may wait in the sessions */
	uint8_t announced;  /* the unit is known */
	uint8_t after_stop; /* enum after_stop */
	uint8_t resets;     /* COMRESETs since something good happened */
	uint8_t block_shift;
	uint8_t trim_blocks; /* of 512 bytes, in one range list */
	uint32_t features;   /* DISK_* */
	uint32_t depth;
	uint64_t deadline_ns; /* of the phase */
	uint64_t block_count;
	char serial[24];
	struct ahci_request request[AHCI_SLOTS_MAX];
};

/* --- Registers and memory --- */

static inline uint32_t host_read(const struct shim_device *device, uint32_t reg)
{
	return shim_mmio_read32(shim_mmio(device, AHCI_WINDOW), reg);
}

static inline void host_write(const struct shim_device *device, uint32_t reg, uint32_t value)
{
	shim_mmio_write32(shim_mmio(device, AHCI_WINDOW), reg, value);
}

static inline uint32_t port_read(const struct shim_device *device, unsigned port, uint32_t reg)
{
	return host_read(device, PORT_BASE(port) + reg);
}

static inline void port_write(const struct shim_device *device, unsigned port, uint32_t reg,
			      uint32_t value)
{
	host_write(device, PORT_BASE(port) + reg, value);
}

static inline struct ahci_queue *port_queue(const struct shim_device *device, unsigned port)
{
	return shim_queue_state(device, port);
}

/* First word of a received FIS: type, flags, status, error. */
static inline volatile uint32_t *port_fis(const struct shim_device *device, unsigned port,
					  bool queued)
{
	return shim_dma_cpu(device, port, queued ? BUFFER_SDB : BUFFER_D2H);
}

static void port_enter(struct shim_device *device, unsigned port, enum port_phase phase,
		       uint64_t timeout_ns)
{
	struct ahci_state *state = shim_state(device);
	struct ahci_queue *queue = port_queue(device, port);

	queue->phase = phase;
	queue->armed = false;
	queue->deadline_ns = timeout_ns ? shim_now_ns(device) + timeout_ns : 0;
	state->live = (state->live & ~(1u << port)) | (uint32_t)(phase == PORT_LIVE) << port;
	shim_timer_cancel(device, port);
}

static void port_settle(struct shim_device *device, unsigned port)
{
	struct ahci_state *state = shim_state(device);

	state->unsettled &= ~(1u << port);
}

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

static inline void request_arm(struct shim_device *device, unsigned port, struct ahci_queue *queue)
{
	if (queue->armed)
		return;
	queue->armed = true;
	shim_timer_set(device, port, shim_now_ns(device) + REQUEST_NS);
}

/* Issue the command in one slot, alone. */
static void command_issue(struct shim_device *device, unsigned port, unsigned slot)
{
	*port_fis(device, port, false) = 0;
	shim_write_barrier();
	port_write(device, port, PORT_ISSUE, 1u << slot);
}

/* A command of the driver's own, which reads one page. */
static void command_internal(struct shim_device *device, unsigned port, enum port_phase phase,
			     uint32_t command, uint64_t lba, uint32_t count)
{
	memset(shim_dma_cpu(device, port, BUFFER_PAGE), 0, ATA_PAGE_BYTES);
	command_fill(device, port, 0, command, 0, lba, 0, count, false,
		     shim_dma_iova(device, port, BUFFER_PAGE).value, ATA_PAGE_BYTES);
	port_enter(device, port, phase, INTERNAL_NS);
	shim_timer_set(device, port, port_queue(device, port)->deadline_ns);
	command_issue(device, port, 0);
}

/* --- Requests --- */

static void request_fill_queued(struct shim_device *device, unsigned port, struct ahci_queue *queue,
				unsigned slot)
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

static void request_issue_alone(struct shim_device *device, unsigned port, struct ahci_queue *queue,
				unsigned slot)
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
static unsigned request_pick(const struct ahci_queue *queue)
{
	for (uint32_t left = queue->waiting; left; left &= left - 1) {
		unsigned slot = (unsigned)__builtin_ctz(left);

		if (request_is_transfer(&queue->request[slot]))
			return slot;
	}
	return (unsigned)__builtin_ctz(queue->waiting);
}

static inline bool request_take(struct shim_device *device, unsigned port, struct ahci_queue *queue)
{
	struct ahci_request *request;
	struct shim_block_request from;

	if (!shim_block_next(device, port, &from))
		return false;
	request = &queue->request[from.tag];
	*request = (struct ahci_request){ .position = from.position,
					  .data = from.data.value,
					  .count = from.count,
					  .operation = from.operation,
					  .flags = from.flags };
	queue->waiting |= 1u << from.tag;
	return true;
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
static void port_issue(struct shim_device *device, unsigned port, struct ahci_queue *queue)
{
	const struct ahci_state *state = shim_state(device);
	uint32_t batch = 0;

	queue->starved = true;
	if (queue->phase != PORT_LIVE || state->phase != CONTROLLER_LIVE ||
	    (queue->active && !queue->queued))
		return;
	for (;;) {
		unsigned slot;

		if (!queue->waiting && !request_take(device, port, queue)) {
			queue->starved =
				(queue->active | batch) == EVERYTHING >> (32 - queue->depth);
			break;
		}
		slot = request_pick(queue);
		if (!(queue->features & DISK_NCQ) || queue->alone & 1u << slot ||
		    !request_is_transfer(&queue->request[slot])) {
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
static uint32_t port_reap(struct shim_device *device, unsigned port, struct ahci_queue *queue)
{
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
		port_issue(device, port, queue);
	return done;
}

/* Complete every request that was taken, and let new ones wait. */
static void requests_fail(struct shim_device *device, unsigned port, enum error error)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t all = queue->active | queue->waiting | queue->failed;

	queue->active = queue->waiting = queue->failed = queue->alone = queue->aged = 0;
	for (; all; all &= all - 1)
		shim_block_complete(device, port, (unsigned)__builtin_ctz(all), error);
}

/* --- Errors --- */

static void port_start_stop(const struct shim_device *device, unsigned port, bool start)
{
	uint32_t command = port_read(device, port, PORT_COMMAND) & ~PORT_COMMAND_START;

	port_write(device, port, PORT_COMMAND, command | (start ? PORT_COMMAND_START : 0));
}

/* The disk is lost: nothing that it was given can end any more. */
static void port_abandon(struct shim_device *device, unsigned port, enum port_phase phase,
			 enum error error)
{
	struct ahci_queue *queue = port_queue(device, port);

	requests_fail(device, port, error);
	if (queue->announced)
		shim_block_unit_remove(device, port);
	queue->announced = false;
	port_enter(device, port, phase, 0);
	port_settle(device, port);
}

static void port_fail(struct shim_device *device, unsigned port, const char *why)
{
	shim_log(device, LOG_ERROR, "port %u: %s; given up until it is plugged in again", port,
		 why);
	port_start_stop(device, port, false);
	port_abandon(device, port, PORT_FAILED, ERR_IO);
}

/* Take everything back from the hardware and stop it; `guilty` fail once it has stopped. */
static void port_recover(struct shim_device *device, unsigned port, uint32_t guilty,
			 enum error error, enum after_stop after_stop)
{
	struct ahci_queue *queue = port_queue(device, port);

	for (uint32_t left = guilty; left; left &= left - 1)
		queue->request[__builtin_ctz(left)].error = error;
	queue->failed |= guilty;
	queue->waiting |= queue->active & ~guilty;
	queue->alone &= ~guilty;
	queue->active = queue->aged = 0;
	queue->after_stop = (uint8_t)after_stop;
	port_start_stop(device, port, false);
	port_enter(device, port, PORT_STOPPING, STOP_NS);
	shim_timer_set(device, port, shim_now_ns(device));
}

static enum error error_of_task(uint32_t error)
{
	return error & (ATA_ERROR_MEDIA | ATA_ERROR_NO_ID) ? ERR_MEDIA : ERR_IO;
}

/* One request failed, and it is known which. A damaged transfer is tried again. */
static bool request_retry(struct ahci_queue *queue, unsigned slot, bool damaged)
{
	return damaged && queue->request[slot].retries++ < RETRIES_MAX;
}

/* The port reports an error. What it completed before was reaped. */
static void port_error(struct shim_device *device, unsigned port, uint32_t status)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t task = port_read(device, port, PORT_TASK_FILE) >> 8 & 0xff;
	uint32_t link = port_read(device, port, PORT_ERROR);
	bool damaged = status & PORT_STATUS_FATAL || task & ATA_ERROR_CRC;
	enum after_stop after = status & PORT_STATUS_FATAL ? AFTER_STOP_RESET : AFTER_STOP_START;
	uint32_t guilty = queue->active;

	shim_log(device, LOG_WARNING,
		 "port %u: error 0x%02x, link error 0x%08x, status 0x%08x, commands 0x%x", port,
		 task, link, status, queue->active);
	port_write(device, port, PORT_ERROR, link);
	if (queue->queued) {
		/* Any of them may be the cause: the log tells, or doing them one by one. The drive
		 * does nothing until the log was read or it was reset [ACS-3 4.15.4]. */
		if (!(queue->features & DISK_LOG) || status & PORT_STATUS_FATAL) {
			queue->alone |= queue->active;
			port_recover(device, port, 0, OK, AFTER_STOP_RESET);
		} else {
			port_recover(device, port, 0, OK, AFTER_STOP_LOG);
		}
		return;
	}
	if (guilty && request_retry(queue, (unsigned)__builtin_ctz(guilty), damaged))
		guilty = 0;
	else
		queue->resets = 0;
	port_recover(device, port, guilty, error_of_task(task), after);
}

static void port_comreset(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);

	if (queue->resets++ >= RETRIES_MAX) {
		port_fail(device, port, "resets do not help");
		return;
	}
	shim_log(device, LOG_WARNING, "port %u: reset", port);
	port_write(device, port, PORT_LINK_CONTROL, PORT_LINK_CONTROL_RESET);
	port_enter(device, port, PORT_RESET, COMRESET_NS);
	shim_timer_set(device, port, queue->deadline_ns);
}

/* --- A port's way to a disk --- */

/* The port works (again): what failed is told, what waits is issued. */
static void port_serve(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t failed = queue->failed;

	port_enter(device, port, PORT_LIVE, 0);
	port_settle(device, port);
	queue->failed = 0;
	for (; failed; failed &= failed - 1) {
		unsigned slot = (unsigned)__builtin_ctz(failed);

		shim_block_complete(device, port, slot, queue->request[slot].error);
	}
	port_issue(device, port, queue);
}

static void port_poll(struct shim_device *device, unsigned port, uint64_t interval_ns)
{
	shim_timer_set(device, port, shim_now_ns(device) + interval_ns);
}

static bool port_late(const struct shim_device *device, unsigned port)
{
	return shim_now_ns(device) >= port_queue(device, port)->deadline_ns;
}

static void port_wait_link(struct shim_device *device, unsigned port)
{
	port_enter(device, port, PORT_LINK, LINK_NS);
	shim_timer_set(device, port, shim_now_ns(device));
}

static void step_link(struct shim_device *device, unsigned port)
{
	uint32_t detect = port_read(device, port, PORT_LINK_STATUS) & PORT_LINK_DETECT;

	if (detect == PORT_LINK_UP) {
		/* Until DIAG.X is clear the task file is not updated [AHCI 10.4.2] */
		port_write(device, port, PORT_ERROR, EVERYTHING);
		port_enter(device, port, PORT_READY, READY_NS);
		shim_timer_set(device, port, shim_now_ns(device));
		return;
	}
	if (!port_late(device, port)) {
		port_poll(device, port, POLL_LONG_NS);
		return;
	}
	if (port_queue(device, port)->announced)
		shim_log(device, LOG_NOTICE, "port %u: the disk is gone", port);
	else if (detect)
		shim_log(device, LOG_WARNING, "port %u: something is there, but no link", port);
	port_abandon(device, port, PORT_EMPTY, ERR_GONE);
}

static void port_refuse(struct shim_device *device, unsigned port, uint32_t signature)
{
	const char *kind = signature == PORT_SIGNATURE_ATAPI        ? "an ATAPI device"
			   : signature == PORT_SIGNATURE_MULTIPLIER ? "a port multiplier"
								    : "an unknown kind of device";

	shim_log(device, LOG_NOTICE, "port %u: %s (signature 0x%08x) is not supported, left alone",
		 port, kind, signature);
	port_abandon(device, port, PORT_REFUSED, ERR_GONE);
}

static void step_ready(struct shim_device *device, unsigned port)
{
	uint32_t task = port_read(device, port, PORT_TASK_FILE);
	uint32_t signature;

	if (task & (ATA_STATUS_BUSY | ATA_STATUS_DATA) ||
	    port_read(device, port, PORT_COMMAND) & PORT_COMMAND_RUNS) {
		if (port_late(device, port))
			port_fail(device, port, "a device is there, but does not answer");
		else
			port_poll(device, port, POLL_LONG_NS);
		return;
	}
	signature = port_read(device, port, PORT_SIGNATURE);
	if (signature != PORT_SIGNATURE_ATA) {
		port_refuse(device, port, signature);
		return;
	}
	port_start_stop(device, port, true);
	command_internal(device, port, PORT_IDENTIFY, ATA_IDENTIFY, 0, 0);
}

static void step_stopping(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);

	if (port_read(device, port, PORT_COMMAND) & PORT_COMMAND_RUNS && !port_late(device, port)) {
		port_poll(device, port, POLL_NS);
		return;
	}
	/* A port that has not come to rest is reset [AHCI 6.2.2.1] */
	if (port_read(device, port, PORT_COMMAND) & PORT_COMMAND_RUNS ||
	    port_read(device, port, PORT_TASK_FILE) & (ATA_STATUS_BUSY | ATA_STATUS_DATA) ||
	    port_read(device, port, PORT_ISSUE) || port_read(device, port, PORT_ACTIVE))
		queue->after_stop = AFTER_STOP_RESET;
	if (queue->after_stop == AFTER_STOP_RESET) {
		queue->alone |= queue->waiting;
		port_comreset(device, port);
		return;
	}
	*port_fis(device, port, true) = 0;
	port_write(device, port, PORT_ERROR, EVERYTHING);
	port_write(device, port, PORT_STATUS, EVERYTHING);
	port_start_stop(device, port, true);
	if (queue->after_stop == AFTER_STOP_LOG) {
		command_internal(device, port, PORT_LOG, ATA_READ_LOG_EXT, ATA_LOG_QUEUED_ERROR, 1);
		return;
	}
	port_serve(device, port);
}

static void step_reset(struct shim_device *device, unsigned port)
{
	if (!port_late(device, port)) {
		shim_timer_set(device, port, port_queue(device, port)->deadline_ns);
		return;
	}
	*port_fis(device, port, true) = 0;
	port_write(device, port, PORT_LINK_CONTROL, PORT_LINK_CONTROL_RUN);
	port_wait_link(device, port);
}

/* Text in IDENTIFY: two characters a word, the first in the upper byte, padded with blanks. */
static void identify_text(const uint16_t *word, unsigned word_count, char *text)
{
	unsigned length = 0;

	for (unsigned i = 0; i < word_count * 2; i++) {
		char c = (char)(word[i / 2] >> (i % 2 ? 0 : 8));

		if (c == ' ' && !length)
			continue;
		text[length++] = (char)(c >= ' ' && c <= '~' ? c : c ? '?' : ' ');
	}
	while (length && text[length - 1] == ' ')
		length--;
	memset(text + length, 0, word_count * 2 + 1 - length);
}

static bool identify_says(const uint16_t *word, unsigned index, uint16_t bit)
{
	return (word[index] & 0xc000) == 0x4000 && word[index] & bit;
}

static uint32_t identify_features(const uint16_t *word, uint32_t capabilities)
{
	uint32_t features = 0;
	bool queueing = word[IDENTIFY_SATA] != 0xffff && word[IDENTIFY_SATA] & 1 << 8;

	if (identify_says(word, IDENTIFY_COMMANDS2, 1 << 12))
		features |= DISK_FLUSH;
	if (!identify_says(word, IDENTIFY_COMMANDS2, 1 << 10))
		return features;
	features |= DISK_48BIT;
	if (capabilities & HOST_CAP_NCQ && queueing)
		features |= DISK_NCQ;
	if (identify_says(word, IDENTIFY_COMMANDS2, 1 << 13))
		features |= DISK_FLUSH_EXT;
	if (identify_says(word, IDENTIFY_COMMANDS3, 1 << 5))
		features |= DISK_LOG;
	if (identify_says(word, IDENTIFY_COMMANDS3, 1 << 6))
		features |= DISK_FUA;
	if (word[IDENTIFY_DATA_SET] & 1)
		features |= DISK_TRIM;
	return features;
}

/* Bytes of a logical sector; 0 if it is none that we can use. */
static uint32_t identify_block_bytes(const uint16_t *word)
{
	uint64_t bytes = 512;

	if (identify_says(word, IDENTIFY_SECTOR, 1 << 12))
		bytes = 2 * (word[IDENTIFY_SECTOR_WORDS] | (uint64_t)word[IDENTIFY_SECTOR_WORDS + 1]
								   << 16);
	return bytes >= 512 && bytes <= 4096 && !(bytes & (bytes - 1)) ? (uint32_t)bytes : 0;
}

static uint64_t identify_block_count(const uint16_t *word, uint32_t features)
{
	if (!(features & DISK_48BIT))
		return (word[IDENTIFY_COUNT28] | (uint64_t)word[IDENTIFY_COUNT28 + 1] << 16) &
		       0xfffffff;
	return word[IDENTIFY_COUNT48] | (uint64_t)word[IDENTIFY_COUNT48 + 1] << 16 |
	       (uint64_t)word[IDENTIFY_COUNT48 + 2] << 32;
}

/* Everything that the disk says of itself, for the registry. False: it cannot be used. */
static bool identify_read(struct shim_device *device, unsigned port, struct unit_info *unit,
			  uint32_t *features)
{
	const struct ahci_state *state = shim_state(device);
	uint32_t slots = HOST_CAP_SLOTS(state->capabilities), drive;
	uint16_t word[ATA_PAGE_BYTES / 2];

	memcpy(word, shim_dma_cpu(device, port, BUFFER_PAGE), sizeof(word));
	*features = identify_features(word, state->capabilities);
	drive = (word[IDENTIFY_DEPTH] & 31) + 1u;
	memset(unit, 0, sizeof(*unit));
	unit->unit = unit->queue = port;
	unit->class_id = CLASS_BLOCK;
	unit->block_bytes = identify_block_bytes(word);
	unit->block_count = identify_block_count(word, *features);
	unit->transfer_bytes_max = TRANSFER_MAX;
	if (!(*features & DISK_48BIT) && unit->block_bytes * 256 < TRANSFER_MAX)
		unit->transfer_bytes_max = unit->block_bytes * 256; /* the count is one byte */
	unit->depth = !(*features & DISK_NCQ) ? 1 : drive < slots ? drive : slots;
	unit->flags = (*features & (DISK_FLUSH | DISK_FLUSH_EXT) ? UNIT_FLUSH : 0) |
		      (*features & DISK_FUA ? UNIT_FUA : 0) |
		      (*features & DISK_TRIM ? UNIT_DISCARD : 0);
	identify_text(word + IDENTIFY_MODEL, 20, unit->model);
	identify_text(word + IDENTIFY_SERIAL, 10, unit->serial);
	identify_text(word + IDENTIFY_FIRMWARE, 4, unit->firmware);
	return !(word[IDENTIFY_GENERAL] & 0x8000) &&
	       (word[IDENTIFY_CAPABILITIES] & 0x300) == 0x300 && unit->block_bytes &&
	       unit->block_count;
}

/* Is this the disk that was announced? Then its requests go on. */
static bool disk_is_same(const struct ahci_queue *queue, const struct unit_info *unit,
			 uint32_t features)
{
	return queue->announced && queue->block_count == unit->block_count &&
	       1u << queue->block_shift == unit->block_bytes && queue->depth == unit->depth &&
	       queue->features == features &&
	       !memcmp(queue->serial, unit->serial, sizeof(queue->serial));
}

static bool disk_announce(struct shim_device *device, unsigned port, const struct unit_info *unit,
			  uint32_t features)
{
	const uint16_t *word = shim_dma_cpu(device, port, BUFFER_PAGE);
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t blocks = word[IDENTIFY_TRIM_BLOCKS];

	requests_fail(device, port, ERR_GONE);
	if (queue->announced)
		shim_block_unit_remove(device, port);
	queue->announced = false;
	queue->features = features;
	queue->depth = unit->depth;
	queue->block_count = unit->block_count;
	queue->block_shift = (uint8_t)__builtin_ctz(unit->block_bytes);
	queue->trim_blocks = (uint8_t)(!blocks                    ? 1
				       : blocks < TRIM_BLOCKS_MAX ? blocks
								  : TRIM_BLOCKS_MAX);
	memcpy(queue->serial, unit->serial, sizeof(queue->serial));
	if (shim_block_unit_add(device, unit) != OK)
		return false;
	queue->announced = true;
	shim_log(device, LOG_INFO,
		 "port %u: %s, serial %s, firmware %s: %llu blocks of %u bytes, depth %u", port,
		 unit->model, unit->serial, unit->firmware, (unsigned long long)unit->block_count,
		 unit->block_bytes, unit->depth);
	return true;
}

static void identify_ended(struct shim_device *device, unsigned port)
{
	struct unit_info unit;
	uint32_t features;

	if (!identify_read(device, port, &unit, &features)) {
		port_fail(device, port, "the disk says nothing usable of itself");
		return;
	}
	if (!disk_is_same(port_queue(device, port), &unit, features) &&
	    !disk_announce(device, port, &unit, features)) {
		port_fail(device, port, "the disk cannot be announced");
		return;
	}
	port_serve(device, port);
}

/* The log names the command that failed [ACS-3 9.14]; if not, they are done one by one. */
static void log_ended(struct shim_device *device, unsigned port)
{
	const uint8_t *page = shim_dma_cpu(device, port, BUFFER_PAGE);
	struct ahci_queue *queue = port_queue(device, port);
	unsigned slot = page[0] & 31;
	uint32_t guilty = 1u << slot;

	if (page[0] & ATA_LOG_NOT_QUEUED || !(queue->waiting & guilty)) {
		queue->alone |= queue->waiting;
	} else if (!request_retry(queue, slot, page[3] & ATA_ERROR_CRC)) {
		queue->request[slot].error = error_of_task(page[3]);
		queue->waiting &= ~guilty;
		queue->failed |= guilty;
		queue->resets = 0;
	}
	port_serve(device, port);
}

/* IDENTIFY or READ LOG EXT: done, failed, late, or still on its way. */
static void step_internal(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t task = port_read(device, port, PORT_TASK_FILE);
	bool busy = port_read(device, port, PORT_ISSUE) & 1;

	if (busy && !(task & ATA_STATUS_ERROR) && !port_late(device, port)) {
		shim_timer_set(device, port, queue->deadline_ns);
		return;
	}
	shim_read_barrier();
	if (!busy && !(task & (ATA_STATUS_ERROR | ATA_STATUS_FAULT))) {
		if (queue->phase == PORT_LOG)
			log_ended(device, port);
		else
			identify_ended(device, port);
	} else if (queue->phase == PORT_LOG) {
		queue->alone |= queue->waiting;
		port_recover(device, port, 0, OK, AFTER_STOP_RESET);
	} else {
		port_fail(device, port, "the disk does not say what it is");
	}
}

static void port_step(struct shim_device *device, unsigned port)
{
	switch (port_queue(device, port)->phase) {
	case PORT_LINK:
		step_link(device, port);
		break;
	case PORT_READY:
		step_ready(device, port);
		break;
	case PORT_IDENTIFY:
	case PORT_LOG:
		step_internal(device, port);
		break;
	case PORT_STOPPING:
		step_stopping(device, port);
		break;
	case PORT_RESET:
		step_reset(device, port);
		break;
	default:
		break;
	}
}

/* The link came or went. A disk that comes back within LINK_NS goes on where it was. */
static void port_link_changed(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t detect = port_read(device, port, PORT_LINK_STATUS) & PORT_LINK_DETECT;

	switch (queue->phase) {
	case PORT_EMPTY:
	case PORT_REFUSED:
	case PORT_FAILED:
		queue->resets = 0;
		if (detect)
			port_wait_link(device, port);
		else
			port_enter(device, port, PORT_EMPTY, 0);
		break;
	case PORT_IDENTIFY:
	case PORT_LIVE:
	case PORT_LOG:
	case PORT_STOPPING:
		port_recover(device, port, 0, OK, AFTER_STOP_RESET);
		if (!detect)
			port_wait_link(device, port);
		break;
	default:
		port_step(device, port);
		break;
	}
}

/* --- Interrupts and timers --- */

/* The received FIS says that the commands in flight went on (true), or that one failed. */
static inline bool fis_is(uint32_t fis, bool queued, bool failed)
{
	const uint32_t status = (ATA_STATUS_ERROR | ATA_STATUS_FAULT) << 16;

	return (fis & 0xff) == (queued ? FIS_SDB : FIS_D2H) && !(fis & status) == !failed;
}

/* A port says, or may say, that something happened. */
static void port_service(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t status = port_read(device, port, PORT_STATUS);
	volatile uint32_t *fis = port_fis(device, port, queue->queued);
	bool failed = status & PORT_STATUS_FAILED;

	if (status & PORT_STATUS_LINK)
		port_write(device, port, PORT_ERROR, EVERYTHING);
	port_write(device, port, PORT_STATUS, status);
	host_write(device, HOST_STATUS, 1u << port); /* after the port's [AHCI 5.5.3] */
	if (status & PORT_STATUS_LINK) {
		port_link_changed(device, port);
		return;
	}
	if (queue->phase != PORT_LIVE) {
		if ((queue->phase == PORT_IDENTIFY || queue->phase == PORT_LOG) &&
		    status & PORT_STATUS_FATAL)
			port_recover(device, port, 0, OK, AFTER_STOP_RESET);
		else
			port_step(device, port);
		return;
	}
	failed = failed || (queue->active && fis_is(*fis, queue->queued, true));
	*fis = 0;
	if (!failed || queue->queued)
		port_reap(device, port, queue);
	if (failed)
		port_error(device, port, status);
}

static void controller_gone(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);

	if (state->phase == CONTROLLER_OFF)
		return;
	shim_log(device, LOG_ERROR, "the controller is gone");
	shim_timer_cancel(device, CONTROLLER_TIMER);
	state->phase = CONTROLLER_OFF;
	for (uint32_t left = state->ports; left; left &= left - 1)
		port_abandon(device, (unsigned)__builtin_ctz(left), PORT_OFF, ERR_GONE);
}

/* All that the received FIS did not tell. */
static bool controller_service(struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);
	uint32_t pending = host_read(device, HOST_STATUS);

	if (pending == EVERYTHING && host_read(device, HOST_CAP) == EVERYTHING) {
		controller_gone(device);
		return true;
	}
	pending &= state->ports;
	for (uint32_t left = pending; left; left &= left - 1)
		port_service(device, (unsigned)__builtin_ctz(left));
	return pending;
}

static void controller_progress(struct shim_device *device);

/* The common case takes three register accesses: the device has left a FIS in memory that says
 * "done, no error", so neither of the two status registers is read. What it does not tell is still
 * pending after this, and interrupts again. */
static bool ahci_interrupt(struct shim_device *device, unsigned index)
{
	const struct ahci_state *state = shim_state(device);
	uint32_t done = 0;
	bool claimed;

	(void)index;
	for (uint32_t left = state->live; left; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);
		struct ahci_queue *queue = port_queue(device, port);
		volatile uint32_t *fis = port_fis(device, port, queue->queued);

		if (!queue->active || !fis_is(*fis, queue->queued, false))
			continue;
		*fis = 0;
		port_write(device, port, PORT_STATUS,
			   queue->queued ? PORT_STATUS_SDB : PORT_STATUS_D2H);
		host_write(device, HOST_STATUS, 1u << port);
		done |= port_reap(device, port, queue);
	}
	if (done)
		return true;
	if (state->phase < CONTROLLER_LIVE)
		return false;
	claimed = controller_service(device);
	controller_progress(device);
	return claimed;
}

/* Requests were in flight when the timer was set: are some of them still? */
static void port_tick(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t late;

	queue->armed = false;
	if (!queue->active)
		return;
	port_service(device, port); /* an interrupt may have been lost */
	if (queue->phase != PORT_LIVE || !queue->active)
		return;
	late = queue->active & queue->aged;
	if (late) {
		shim_log(device, LOG_ERROR, "port %u: no answer to commands 0x%x", port, late);
		port_recover(device, port, late, ERR_TIMEOUT, AFTER_STOP_RESET);
		return;
	}
	queue->aged = queue->active;
	request_arm(device, port, queue);
}

static void controller_step(struct shim_device *device);

static void ahci_timer(struct shim_device *device, unsigned index)
{
	const struct ahci_state *state = shim_state(device);

	if (index == CONTROLLER_TIMER)
		controller_step(device);
	else if (state->phase != CONTROLLER_LIVE && state->phase != CONTROLLER_DRAIN)
		return;
	else if (port_queue(device, index)->phase == PORT_LIVE)
		port_tick(device, index);
	else
		port_step(device, index);
	controller_progress(device);
}

/* --- The controller --- */

static void controller_enter(struct shim_device *device, enum controller_phase phase,
			     uint64_t timeout_ns)
{
	struct ahci_state *state = shim_state(device);

	state->phase = phase;
	state->deadline_ns = shim_now_ns(device) + timeout_ns;
}

static bool controller_late(const struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);

	return shim_now_ns(device) >= state->deadline_ns;
}

static void controller_poll(struct shim_device *device)
{
	shim_timer_set(device, CONTROLLER_TIMER, shim_now_ns(device) + POLL_NS);
}

static void probe_end(struct shim_device *device, enum error error)
{
	struct ahci_state *state = shim_state(device);
	uint32_t probing = state->probing;

	state->probing = PROBING_NOT;
	state->probe_error = error;
	if (error != OK)
		state->phase = CONTROLLER_OFF;
	if (probing == PROBING_LATER)
		shim_probe_done(device, error);
}

/* Give a port its memory and look what is there [AHCI 10.1.2]. */
static void port_begin(struct shim_device *device, unsigned port)
{
	const struct ahci_state *state = shim_state(device);
	struct ahci_header *header = shim_dma_cpu(device, port, BUFFER_LIST);
	uint64_t list = shim_dma_iova(device, port, BUFFER_LIST).value;

	memset(header, 0, BUFFER_PAGE - BUFFER_LIST);
	for (unsigned slot = 0; slot < AHCI_SLOTS_MAX; slot++)
		header[slot].table = list + BUFFER_TABLES + slot * sizeof(struct ahci_table);
	port_write(device, port, PORT_LIST, (uint32_t)list);
	port_write(device, port, PORT_LIST + 4, (uint32_t)(list >> 32));
	port_write(device, port, PORT_FIS, (uint32_t)list + BUFFER_FIS);
	port_write(device, port, PORT_FIS + 4, (uint32_t)(list >> 32));
	port_write(device, port, PORT_ERROR, EVERYTHING);
	port_write(device, port, PORT_STATUS, EVERYTHING);
	port_write(device, port, PORT_ENABLE, PORT_STATUS_ALL);
	port_write(device, port, PORT_COMMAND,
		   port_read(device, port, PORT_COMMAND) | PORT_COMMAND_FIS | PORT_COMMAND_SPIN_UP |
			   PORT_COMMAND_POWER | PORT_COMMAND_ACTIVE);
	if (state->linked & 1u << port ||
	    port_read(device, port, PORT_LINK_STATUS) & PORT_LINK_DETECT) {
		port_wait_link(device, port);
		return;
	}
	port_enter(device, port, PORT_EMPTY, 0);
	port_settle(device, port);
}

/* Begin the ports: all, or, where disks spin up one after the other, each when the one before it
 * has settled. When all have, probing is over. */
static void controller_progress(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);

	if (state->probing == PROBING_NOT || state->phase != CONTROLLER_LIVE)
		return;
	while (state->unstarted && (!(state->capabilities & HOST_CAP_STAGGERED) ||
				    !(state->unsettled & ~state->unstarted))) {
		unsigned port = (unsigned)__builtin_ctz(state->unstarted);

		state->unstarted &= ~(1u << port);
		port_begin(device, port);
	}
	if (!state->unsettled)
		probe_end(device, OK);
}

static void step_host_reset(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);

	if (host_read(device, HOST_CONTROL) & HOST_CONTROL_RESET) {
		if (controller_late(device))
			probe_end(device, ERR_TIMEOUT);
		else
			controller_poll(device);
		return;
	}
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI);
	host_write(device, HOST_STATUS, EVERYTHING);
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI | HOST_CONTROL_INTERRUPT);
	state->unstarted = state->unsettled = state->ports;
	controller_enter(device, CONTROLLER_LIVE, 0);
}

static void step_handoff(struct shim_device *device)
{
	if (host_read(device, HOST_CAP2) & HOST_CAP2_HANDOFF &&
	    host_read(device, HOST_HANDOFF) & HOST_HANDOFF_BIOS && !controller_late(device)) {
		controller_poll(device);
		return;
	}
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI);
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI | HOST_CONTROL_RESET);
	controller_enter(device, CONTROLLER_RESET, RESET_NS);
	step_host_reset(device);
}

static bool ports_run(const struct shim_device *device, uint32_t ports, uint32_t bits)
{
	for (uint32_t left = ports; left; left &= left - 1) {
		if (port_read(device, (unsigned)__builtin_ctz(left), PORT_COMMAND) & bits)
			return true;
	}
	return false;
}

static void ports_clear(struct shim_device *device, uint32_t ports, uint32_t bits)
{
	for (uint32_t left = ports; left; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);

		port_write(device, port, PORT_COMMAND,
			   port_read(device, port, PORT_COMMAND) & ~bits);
	}
}

static void step_drain(struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);
	bool busy = false;

	for (uint32_t left = state->live; left; left &= left - 1)
		busy |= port_queue(device, (unsigned)__builtin_ctz(left))->active != 0;
	if (busy && !controller_late(device)) {
		controller_poll(device);
		return;
	}
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI);
	ports_clear(device, state->ports, PORT_COMMAND_START);
	controller_enter(device, CONTROLLER_STOP, STOP_NS);
	controller_poll(device);
}

/* Commands first, then received FIS [AHCI 10.3.2]; what does not stop is reset. */
static void step_stop(struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);

	if (ports_run(device, state->ports, PORT_COMMAND_RUNS) && !controller_late(device)) {
		controller_poll(device);
		return;
	}
	ports_clear(device, state->ports, PORT_COMMAND_FIS);
	for (uint32_t left = state->ports; left; left &= left - 1)
		port_enter(device, (unsigned)__builtin_ctz(left), PORT_OFF, 0);
	if (ports_run(device, state->ports, PORT_COMMAND_RUNS | PORT_COMMAND_FIS_RUNS))
		host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI | HOST_CONTROL_RESET);
	controller_enter(device, CONTROLLER_OFF, 0);
	shim_quiesce_done(device, OK);
}

static void controller_step(struct shim_device *device)
{
	switch (((struct ahci_state *)shim_state(device))->phase) {
	case CONTROLLER_HANDOFF:
		step_handoff(device);
		break;
	case CONTROLLER_RESET:
		step_host_reset(device);
		break;
	case CONTROLLER_DRAIN:
		step_drain(device);
		break;
	case CONTROLLER_STOP:
		step_stop(device);
		break;
	default:
		break;
	}
}

/* --- Probe, quiesce, check, remove --- */

static enum error controller_map(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);
	enum error error = shim_window_map(device, AHCI_WINDOW);
	uint64_t size = error == OK ? shim_mmio(device, AHCI_WINDOW).size_bytes : 0;

	if (error != OK)
		return error;
	if (size < PORT_BASE(0))
		return ERR_RANGE;
	state->capabilities = host_read(device, HOST_CAP);
	state->ports = host_read(device, HOST_PORTS);
	if (state->capabilities == EVERYTHING)
		return ERR_GONE;
	if (!state->ports) {
		shim_log(device, LOG_WARNING, "the controller has no ports");
		return ERR_NOT_FOUND;
	}
	if (size < PORT_BASE(32u - (unsigned)__builtin_clz(state->ports))) {
		shim_log(device, LOG_ERROR, "ports 0x%x do not fit into a window of %llu bytes",
			 state->ports, (unsigned long long)size);
		return ERR_RANGE;
	}
	return OK;
}

static enum error ports_allocate(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);
	enum error error = OK;

	for (uint32_t left = state->ports; left && error == OK; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);

		memset(port_queue(device, port), 0, sizeof(struct ahci_queue));
		error = shim_dma_allocate(device, port, BUFFER_BYTES);
		if (port_read(device, port, PORT_LINK_STATUS) & PORT_LINK_DETECT)
			state->linked |= 1u << port;
	}
	return error;
}

static enum error ahci_probe(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);
	unsigned vectors;
	enum error error;

	memset(state, 0, sizeof(*state));
	error = controller_map(device);
	if (error == OK)
		error = ports_allocate(device);
	if (error == OK)
		error = shim_interrupt_enable(device, 1, &vectors);
	if (error != OK)
		return error;
	state->probing = PROBING_INSIDE;
	if (host_read(device, HOST_CAP2) & HOST_CAP2_HANDOFF)
		host_write(device, HOST_HANDOFF, host_read(device, HOST_HANDOFF) | HOST_HANDOFF_OS);
	controller_enter(device, CONTROLLER_HANDOFF, HANDOFF_NS);
	step_handoff(device);
	controller_progress(device);
	if (state->probing == PROBING_NOT)
		return state->probe_error;
	state->probing = PROBING_LATER;
	return ERR_AGAIN;
}

static void ahci_quiesce(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);

	state->probing = PROBING_NOT;
	if (state->phase == CONTROLLER_OFF) {
		shim_quiesce_done(device, OK);
		return;
	}
	controller_enter(device, CONTROLLER_DRAIN, DRAIN_NS);
	step_drain(device);
}

static void ahci_remove(struct shim_device *device)
{
	controller_gone(device);
}

static bool request_is_sane(const struct ahci_queue *queue, const struct ahci_request *request)
{
	bool flush = request->operation == BLOCK_FLUSH;

	return request->operation >= BLOCK_READ && request->operation <= BLOCK_DISCARD &&
	       !(request->flags & ~BLOCK_FUA) && request->flush <= 1 &&
	       request->retries <= RETRIES_MAX + 1 && (flush || request->count) &&
	       request->count <= queue->block_count &&
	       request->position <= queue->block_count - request->count &&
	       (request->operation > BLOCK_WRITE ||
		request->count <= TRANSFER_MAX >> queue->block_shift) &&
	       !(request->data & 1);
}

static bool queue_is_sane(const struct ahci_queue *queue)
{
	uint32_t all = queue->active | queue->waiting | queue->failed;
	bool known = queue->announced || queue->phase == PORT_LIVE;

	if (queue->phase >= PORT_PHASES || queue->after_stop >= AFTER_STOPS || queue->queued > 1 ||
	    queue->armed > 1 || queue->starved > 1 || queue->announced > 1 ||
	    queue->resets > RETRIES_MAX + 1 || queue->features & ~DISK_FEATURES ||
	    queue->active & queue->waiting || queue->active & queue->failed ||
	    queue->waiting & queue->failed || queue->aged & ~queue->active || queue->alone & ~all ||
	    queue->serial[sizeof(queue->serial) - 1])
		return false;
	if (!known)
		return !all;
	if (queue->block_shift < 9 || queue->block_shift > 12 || !queue->depth ||
	    queue->depth > AHCI_SLOTS_MAX || !queue->block_count || queue->block_count >> 48 ||
	    !queue->trim_blocks || queue->trim_blocks > TRIM_BLOCKS_MAX ||
	    (uint64_t)all >> queue->depth ||
	    (!queue->queued && queue->active & (queue->active - 1)))
		return false;
	for (; all; all &= all - 1) {
		if (!request_is_sane(queue, &queue->request[__builtin_ctz(all)]))
			return false;
	}
	return true;
}

static bool ahci_check(const struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);

	if (state->phase >= CONTROLLER_PHASES || state->probing > PROBING_LATER ||
	    state->capabilities != host_read(device, HOST_CAP) ||
	    state->ports != host_read(device, HOST_PORTS) ||
	    (state->linked | state->unstarted | state->unsettled | state->live) & ~state->ports)
		return false;
	for (uint32_t left = state->ports; left; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);
		const struct ahci_queue *queue = port_queue(device, port);

		if (!queue_is_sane(queue) || !shim_dma_cpu(device, port, BUFFER_BYTES - 1) ||
		    (queue->phase == PORT_LIVE) != (state->live >> port & 1))
			return false;
	}
	return true;
}

/* --- Class block --- */

static void ahci_submit(struct shim_device *device, unsigned port)
{
	port_issue(device, port, port_queue(device, port));
}

static const struct shim_block_ops ahci_ops = { .submit = ahci_submit };

SHIM_DRIVER(ahci) = {
	.shim_version = SHIM_VERSION,
	.state_version = STATE_VERSION,
	.name = "ahci",
	.class_id = CLASS_BLOCK,
	.state_base_bytes = sizeof(struct ahci_state),
	.state_queue_bytes = sizeof(struct ahci_queue),
	.queue_count = AHCI_PORTS_MAX,
	.buffer_count = AHCI_PORTS_MAX,
	.timer_count = AHCI_PORTS_MAX + 1,
	.match = { SHIM_PCI_CLASS(0x01, 0x06, 0x01) },
	.probe = ahci_probe,
	.interrupt = ahci_interrupt,
	.timer = ahci_timer,
	.quiesce = ahci_quiesce,
	.check = ahci_check,
	.remove = ahci_remove,
	.ops.block = &ahci_ops,
};
