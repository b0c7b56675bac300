/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One port: from the link to a disk that serves, and back after errors and hot-plug.
 *
 *   EMPTY -> LINK -> READY -> IDENTIFY -> LIVE     (or REFUSED, FAILED)
 *   LIVE -> STOPPING -> IDENTIFY | LOG -> LIVE | RESET -> LINK ...   after an error
 * Requests in flight survive the second line: they wait, and are issued again.
 * Sources: AHCI 1.3.1 §6.2, §10.1, §10.4; ACS-3 §9.14 (NCQ error log).
 */
#include "ahci.h"

void ahci_port_enter(struct shim_device *device, unsigned port, enum port_phase phase,
		     uint64_t timeout_ns)
{
	struct ahci_state *state = shim_state(device);
	struct ahci_queue *queue = port_queue(device, port);

	__atomic_store_n(&queue->phase, phase, __ATOMIC_RELAXED);
	__atomic_fetch_or(&state->posted, 1u << port, __ATOMIC_RELEASE);
	queue->armed = false;
	queue->deadline_ns = timeout_ns ? shim_now_ns(device) + timeout_ns : 0;
	shim_timer_cancel(device, port);
}

/* --- Errors --- */

static void port_start_stop(const struct shim_device *device, unsigned port, bool start)
{
	uint32_t command = port_read(device, port, PORT_COMMAND) & ~PORT_COMMAND_START;

	port_write(device, port, PORT_COMMAND, command | (start ? PORT_COMMAND_START : 0));
}

/* The disk is lost: nothing that it was given can end any more. */
void ahci_port_abandon(struct shim_device *device, unsigned port, enum port_phase phase,
		       enum error error)
{
	struct ahci_queue *queue = port_queue(device, port);

	ahci_requests_fail(device, port, error);
	if (queue->announced)
		shim_block_unit_remove(device, port);
	queue->announced = false;
	ahci_port_enter(device, port, phase, 0);
}

static void port_fail(struct shim_device *device, unsigned port, const char *why)
{
	shim_log(device, LOG_ERROR, "port %u: %s; given up until it is plugged in again", port,
		 why);
	port_start_stop(device, port, false);
	ahci_port_abandon(device, port, PORT_FAILED, ERR_IO);
}

/* Take everything back from the hardware and stop it; `guilty` fail once it has stopped. */
static void port_recover(struct shim_device *device, unsigned port, uint32_t guilty,
			 enum error error, enum after_stop after_stop)
{
	struct ahci_queue *queue = port_queue(device, port);

	for (uint32_t left = guilty; left; left &= left - 1)
		queue->work[__builtin_ctz(left)].error = error;
	queue->failed |= guilty;
	queue->waiting |= queue->active & ~guilty;
	queue->alone &= ~guilty;
	queue->active = queue->aged = 0;
	queue->after_stop = (uint8_t)after_stop;
	port_start_stop(device, port, false);
	ahci_port_enter(device, port, PORT_STOPPING, STOP_NS);
	shim_timer_set(device, port, shim_now_ns(device));
}

static enum error error_of_task(uint32_t error)
{
	return error & (ATA_ERROR_MEDIA | ATA_ERROR_NO_ID) ? ERR_MEDIA : ERR_IO;
}

/* One request failed, and it is known which. A damaged transfer is tried again. */
static bool request_retry(struct ahci_queue *queue, unsigned slot, bool damaged)
{
	return damaged && queue->work[slot].retries++ < RETRIES_MAX;
}

/* The port reports an error. What it completed before was reaped. */
static void port_error(struct shim_device *device, unsigned port, uint32_t status)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t task = port_read(device, port, PORT_TASK_FILE) >> 8 & 0xff;
	uint32_t link = port_read(device, port, PORT_ERROR);
	bool damaged = status & PORT_STATUS_FATAL || task & ATA_ERROR_CRC;
	enum after_stop after = status & PORT_STATUS_FATAL ? AFTER_STOP_RESET : AFTER_STOP_IDENTIFY;
	uint32_t guilty = queue->active;

	shim_log(device, LOG_WARNING,
		 "port %u: error 0x%02x, link error 0x%08x, status 0x%08x, commands 0x%x", port,
		 task, link, status, queue->active);
	port_write(device, port, PORT_ERROR, link);
	if (queue->queued) {
		bool log = queue->features & DISK_LOG && !(status & PORT_STATUS_FATAL);

		/* Any of them may be the cause: the log tells, or doing them one by one. The drive
		 * does nothing until the log was read or it was reset [ACS-3 4.15.4]. */
		port_recover(device, port, 0, OK, log ? AFTER_STOP_LOG : AFTER_STOP_RESET);
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
	ahci_port_enter(device, port, PORT_RESET, COMRESET_NS);
	shim_timer_set(device, port, queue->deadline_ns);
}

/* --- The way to a disk --- */

static void request_log(struct shim_device *device, unsigned port, unsigned slot)
{
	static const char *const name[] = { [BLOCK_READ] = "read",
					    [BLOCK_WRITE] = "write",
					    [BLOCK_FLUSH] = "flush",
					    [BLOCK_DISCARD] = "discard" };
	const struct ahci_queue *queue = port_queue(device, port);
	const struct shim_block_request *request = &queue->request[slot];

	shim_log(device, LOG_ERROR, "port %u: %s of %u blocks from block %llu on: %s", port,
		 name[request->operation], request->count, (unsigned long long)request->position,
		 error_text(queue->work[slot].error));
}

/* The port works (again): what failed is told, what waits is issued. */
static void port_serve(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t failed = queue->failed;

	ahci_port_enter(device, port, PORT_LIVE, 0);
	queue->failed = 0;
	queue->special &= ~failed;
	for (; failed; failed &= failed - 1) {
		unsigned slot = (unsigned)__builtin_ctz(failed);

		request_log(device, port, slot);
		shim_block_complete(device, port, slot, queue->work[slot].error);
	}
	ahci_issue(device, port);
}

static void port_poll(struct shim_device *device, unsigned port, uint64_t interval_ns)
{
	shim_timer_set(device, port, shim_now_ns(device) + interval_ns);
}

static bool port_late(const struct shim_device *device, unsigned port)
{
	return shim_now_ns(device) >= port_queue(device, port)->deadline_ns;
}

static void port_refuse(struct shim_device *device, unsigned port, uint32_t signature)
{
	const char *kind = signature == PORT_SIGNATURE_ATAPI        ? "an ATAPI device"
			   : signature == PORT_SIGNATURE_MULTIPLIER ? "a port multiplier"
								    : "an unknown kind of device";

	shim_log(device, LOG_NOTICE, "port %u: %s (signature 0x%08x) is not supported, left alone",
		 port, kind, signature);
	ahci_port_abandon(device, port, PORT_REFUSED, ERR_GONE);
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
	ahci_command_internal(device, port, PORT_IDENTIFY, ATA_IDENTIFY, 0, 0);
}

static void step_link(struct shim_device *device, unsigned port)
{
	uint32_t detect = port_read(device, port, PORT_LINK_STATUS) & PORT_LINK_DETECT;

	if (detect == PORT_LINK_UP) {
		/* Until DIAG.X is clear the task file is not updated [AHCI 10.4.2] */
		port_write(device, port, PORT_ERROR, EVERYTHING);
		ahci_port_enter(device, port, PORT_READY, READY_NS);
		step_ready(device, port);
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
	ahci_port_abandon(device, port, PORT_EMPTY, ERR_GONE);
}

static void port_wait_link(struct shim_device *device, unsigned port)
{
	ahci_port_enter(device, port, PORT_LINK, LINK_NS);
	step_link(device, port);
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
	/* IDENTIFY makes the device forget its error status, which QEMU else reports again. */
	if (queue->after_stop == AFTER_STOP_LOG)
		ahci_command_internal(device, port, PORT_LOG, ATA_READ_LOG_EXT,
				      ATA_LOG_QUEUED_ERROR, 1);
	else
		ahci_command_internal(device, port, PORT_IDENTIFY, ATA_IDENTIFY, 0, 0);
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
	const uint16_t *word = port_memory(device, port)->page;
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t blocks = word[IDENTIFY_TRIM_BLOCKS];

	ahci_requests_fail(device, port, ERR_GONE);
	if (queue->announced)
		shim_block_unit_remove(device, port);
	queue->announced = false;
	queue->features = features;
	queue->depth = unit->depth;
	queue->slots = EVERYTHING >> (AHCI_SLOTS_MAX - unit->depth);
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

	if (!ahci_identify_read(device, port, &unit, &features)) {
		port_fail(device, port,
			  unit.block_bytes && !unit.block_count
				  ? "the disk has no blocks"
				  : "the disk says nothing usable of itself");
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
	const uint8_t *page = (const uint8_t *)port_memory(device, port)->page;
	struct ahci_queue *queue = port_queue(device, port);
	unsigned slot = page[0] & 31;
	uint32_t guilty = 1u << slot;

	if (page[0] & ATA_LOG_NOT_QUEUED || !(queue->waiting & guilty)) {
		queue->alone |= queue->waiting;
	} else if (!request_retry(queue, slot, page[3] & ATA_ERROR_CRC)) {
		queue->work[slot].error = error_of_task(page[3]);
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

/* --- Events --- */

/* Give a port its memory and look what is there [AHCI 10.1.2]. */
void ahci_port_begin(struct shim_device *device, unsigned port)
{
	const struct ahci_state *state = shim_state(device);
	struct ahci_memory *memory = port_memory(device, port);
	uint64_t list = shim_dma_iova(device, port, 0).value;

	memset(memory, 0, MEMORY_OFFSET(page));
	for (unsigned slot = 0; slot < AHCI_SLOTS_MAX; slot++)
		memory->list[slot].table = list + MEMORY_OFFSET(table[slot]);
	port_write(device, port, PORT_LIST, (uint32_t)list);
	port_write(device, port, PORT_LIST + 4, (uint32_t)(list >> 32));
	port_write(device, port, PORT_FIS, (uint32_t)list + MEMORY_OFFSET(fis));
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
	ahci_port_enter(device, port, PORT_EMPTY, 0);
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
			ahci_port_enter(device, port, PORT_EMPTY, 0);
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

/* A port says, or may say, that something happened. */
void ahci_port_service(struct shim_device *device, unsigned port)
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
	failed = failed || (queue->active && fis_is_bad(*fis, queue->queued));
	*fis = 0;
	if (!failed || queue->queued)
		ahci_reap(device, port);
	if (failed)
		port_error(device, port, status);
}

/* Requests were in flight when the timer was set: are some of them still? */
static void port_tick(struct shim_device *device, unsigned port)
{
	struct ahci_queue *queue = port_queue(device, port);
	uint32_t late;

	queue->armed = false;
	if (!queue->active)
		return;
	ahci_port_service(device, port); /* an interrupt may have been lost */
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

void ahci_port_timer(struct shim_device *device, unsigned port)
{
	if (port_queue(device, port)->phase == PORT_LIVE)
		port_tick(device, port);
	else
		port_step(device, port);
}
