/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SATA disks behind an AHCI controller: one queue, one unit, one DMA buffer and one timer a port,
 * all of the port's number, and a timer for the controller. This file has the controller; ahci.h
 * says where the rest is. Source: Serial ATA AHCI 1.3.1, cited as [AHCI].
 */
#include <shim/irq.h>

#include "ahci.h"

/* --- Phases --- */

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

/* See to the ports that have changed their phase. One that waits for nothing has settled. */
static void ports_changed(struct shim_device *device)
{
	const uint32_t settled = 1u << PORT_OFF | 1u << PORT_EMPTY | 1u << PORT_LIVE |
				 1u << PORT_REFUSED | 1u << PORT_FAILED;
	struct ahci_state *state = shim_state(device);
	uint32_t posted = __atomic_exchange_n(&state->posted, 0, __ATOMIC_ACQUIRE);

	for (; posted; posted &= posted - 1) {
		unsigned port = (unsigned)__builtin_ctz(posted);
		uint32_t phase =
			__atomic_load_n(&port_queue(device, port)->phase, __ATOMIC_RELAXED);

		state->live &= ~(1u << port);
		state->live |= (uint32_t)(phase == PORT_LIVE) << port;
		if (settled >> phase & 1)
			state->unsettled &= ~(1u << port);
	}
}

/* Begin the ports: all, or, where disks spin up one after the other, each when the one before it
 * has settled. When all have, probing is over. */
static void controller_progress(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);

	ports_changed(device);
	if (state->probing == PROBING_NOT || state->phase != CONTROLLER_LIVE)
		return;
	while (state->unstarted && (!(state->capabilities & HOST_CAP_STAGGERED) ||
				    !(state->unsettled & ~state->unstarted))) {
		unsigned port = (unsigned)__builtin_ctz(state->unstarted);

		state->unstarted &= ~(1u << port);
		ahci_port_begin(device, port);
		ports_changed(device);
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
	if (shim_dma_enable(device) != OK) {
		probe_end(device, ERR_DENIED);
		return;
	}
	host_write(device, HOST_STATUS, EVERYTHING);
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI | HOST_CONTROL_INTERRUPT);
	state->unstarted = state->unsettled = state->ports;
	controller_enter(device, CONTROLLER_LIVE, 0);
}

static void host_reset(struct shim_device *device)
{
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI | HOST_CONTROL_RESET);
	controller_enter(device, CONTROLLER_RESET, RESET_NS);
	step_host_reset(device);
}

/* An instance that died may have left commands running. The drives are made to forget them before
 * the controller is reset: QEMU's would else, when they end, take them for later ones of the same
 * slots. */
static bool ports_silence(const struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);
	bool any = false;

	for (uint32_t left = state->ports; left; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);

		if (!port_read(device, port, PORT_ACTIVE) && !port_read(device, port, PORT_ISSUE))
			continue;
		port_write(device, port, PORT_LINK_CONTROL, PORT_LINK_CONTROL_RESET);
		any = true;
	}
	return any;
}

static void step_silence(struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);

	if (!controller_late(device)) {
		shim_timer_set(device, CONTROLLER_TIMER, state->deadline_ns);
		return;
	}
	for (uint32_t left = state->ports; left; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);

		if (port_read(device, port, PORT_LINK_CONTROL) == PORT_LINK_CONTROL_RESET)
			port_write(device, port, PORT_LINK_CONTROL, PORT_LINK_CONTROL_RUN);
	}
	host_reset(device);
}

static void step_handoff(struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);

	if (host_read(device, HOST_CAP2) & HOST_CAP2_HANDOFF &&
	    host_read(device, HOST_HANDOFF) & HOST_HANDOFF_BIOS && !controller_late(device)) {
		controller_poll(device);
		return;
	}
	host_write(device, HOST_CONTROL, HOST_CONTROL_AHCI);
	if (!ports_silence(device)) {
		host_reset(device);
		return;
	}
	controller_enter(device, CONTROLLER_SILENCE, COMRESET_NS);
	shim_timer_set(device, CONTROLLER_TIMER, state->deadline_ns);
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
		ahci_port_enter(device, (unsigned)__builtin_ctz(left), PORT_OFF, 0);
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
	case CONTROLLER_SILENCE:
		step_silence(device);
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

/* --- Interrupts and timers --- */

static void controller_gone(struct shim_device *device)
{
	struct ahci_state *state = shim_state(device);

	if (state->phase == CONTROLLER_OFF)
		return;
	shim_log(device, LOG_ERROR, "the controller is gone");
	shim_timer_cancel(device, CONTROLLER_TIMER);
	state->phase = CONTROLLER_OFF;
	for (uint32_t left = state->ports; left; left &= left - 1)
		ahci_port_abandon(device, (unsigned)__builtin_ctz(left), PORT_OFF, ERR_GONE);
	ports_changed(device);
}

bool ahci_service(struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);
	uint32_t pending;

	if (state->phase < CONTROLLER_LIVE)
		return false;
	pending = host_read(device, HOST_STATUS);
	if (pending == EVERYTHING && host_read(device, HOST_CAP) == EVERYTHING) {
		controller_gone(device);
		return true;
	}
	pending &= state->ports;
	for (uint32_t left = pending; left; left &= left - 1)
		ahci_port_service(device, (unsigned)__builtin_ctz(left));
	controller_progress(device);
	return pending;
}

static void ahci_timer(struct shim_device *device, unsigned index)
{
	const struct ahci_state *state = shim_state(device);

	if (index == CONTROLLER_TIMER)
		controller_step(device);
	else if (state->phase != CONTROLLER_LIVE && state->phase != CONTROLLER_DRAIN)
		return;
	else
		ahci_port_timer(device, index);
	controller_progress(device);
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
		error = shim_dma_allocate(device, port, sizeof(struct ahci_memory));
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
	if (error == OK) {
		/* Commands that a dead instance left may end now: not with an interrupt. */
		host_write(device, HOST_CONTROL,
			   host_read(device, HOST_CONTROL) & ~HOST_CONTROL_INTERRUPT);
		error = ports_allocate(device);
	}
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

static bool request_is_sane(const struct ahci_queue *queue, unsigned slot)
{
	const struct shim_block_request *request = &queue->request[slot];
	const struct ahci_work *work = &queue->work[slot];
	bool transfer = request->operation <= BLOCK_WRITE;
	bool special = queue->special >> slot & 1;

	return request->operation >= BLOCK_READ && request->operation <= BLOCK_DISCARD &&
	       !(request->flags & ~BLOCK_FUA) && work->flush <= 1 &&
	       work->retries <= RETRIES_MAX + 1 &&
	       (request->operation == BLOCK_FLUSH || request->count) &&
	       request->count <= queue->block_count &&
	       request->position <= queue->block_count - request->count &&
	       (!transfer || request->count <= TRANSFER_MAX >> queue->block_shift) &&
	       request->data_bytes == (transfer ? request->count << queue->block_shift : 0) &&
	       !(request->data.value & 1) && (special || (transfer && !request->flags));
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
	    queue->special & ~all || queue->serial[sizeof(queue->serial) - 1])
		return false;
	if (!known)
		return !all;
	if (queue->block_shift < 9 || queue->block_shift > 12 || !queue->depth ||
	    queue->depth > AHCI_SLOTS_MAX || !queue->block_count || queue->block_count >> 48 ||
	    !queue->trim_blocks || queue->trim_blocks > TRIM_BLOCKS_MAX ||
	    queue->slots != EVERYTHING >> (AHCI_SLOTS_MAX - queue->depth) || all & ~queue->slots ||
	    (!queue->queued && queue->active & (queue->active - 1)))
		return false;
	for (; all; all &= all - 1) {
		if (!request_is_sane(queue, (unsigned)__builtin_ctz(all)))
			return false;
	}
	return true;
}

/* Do the port's registers and command headers still point into its own memory? */
static bool memory_is_sane(const struct shim_device *device, unsigned port)
{
	const struct ahci_memory *memory = port_memory(device, port);
	uint64_t list = shim_dma_iova(device, port, 0).value, fis = list + MEMORY_OFFSET(fis);

	if (shim_dma_size(device, port) < sizeof(*memory) ||
	    port_read(device, port, PORT_LIST) != (uint32_t)list ||
	    port_read(device, port, PORT_LIST + 4) != list >> 32 ||
	    port_read(device, port, PORT_FIS) != (uint32_t)fis ||
	    port_read(device, port, PORT_FIS + 4) != fis >> 32)
		return false;
	for (unsigned slot = 0; slot < AHCI_SLOTS_MAX; slot++) {
		if (memory->list[slot].table != list + MEMORY_OFFSET(table[slot]))
			return false;
	}
	return true;
}

static bool state_is_sane(const struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);

	return state->phase == CONTROLLER_LIVE && state->probing == PROBING_NOT && state->ports &&
	       !state->unstarted && !state->unsettled && !state->posted &&
	       !((state->linked | state->live) & ~state->ports) &&
	       shim_mmio(device, AHCI_WINDOW).size_bytes >=
		       PORT_BASE(32u - (unsigned)__builtin_clz(state->ports)) &&
	       state->capabilities == host_read(device, HOST_CAP) &&
	       state->ports == host_read(device, HOST_PORTS);
}

/* What a later call relies on: indices in range, memory and window as large as they are taken for,
 * and requests that the disk can have. */
static bool ahci_check(const struct shim_device *device)
{
	const struct ahci_state *state = shim_state(device);

	if (!state_is_sane(device))
		return false;
	for (uint32_t left = state->ports; left; left &= left - 1) {
		unsigned port = (unsigned)__builtin_ctz(left);
		const struct ahci_queue *queue = port_queue(device, port);

		if (!queue_is_sane(queue) || !memory_is_sane(device, port) ||
		    (queue->phase == PORT_LIVE) != (state->live >> port & 1))
			return false;
	}
	return true;
}

/* --- Class block --- */

static const struct shim_block_ops ahci_ops = { .submit = ahci_issue, .depth_max = AHCI_SLOTS_MAX };

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
