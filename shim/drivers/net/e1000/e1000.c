/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Intel PRO/1000 Ethernet: one unit, a receive and a transmit queue, each with a ring in a DMA
 * buffer of its number. This file has the controller; e1000.h says where the rest is. Sources: SDM,
 * 82574 (see e1000_regs.h).
 */
#include <shim/irq.h>

#include "e1000.h"

#define VENDOR_INTEL   0x8086
#define DEVICE_82540EM 0x100e
#define DEVICE_82545EM 0x100f
#define DEVICE_82574L  0x10d3

#define EVERYTHING UINT32_MAX

static void enter(struct shim_device *device, enum e1000_phase phase, uint64_t wait_ns)
{
	struct e1000_state *state = shim_state(device);

	state->phase = phase;
	state->tries = 0;
	shim_timer_set(device, TIMER_CONTROL, shim_now_ns(device) + wait_ns);
}

/* --- Link, filters, statistics --- */

uint32_t e1000_receive_control(const struct e1000_state *state)
{
	return RCTL_ENABLE | RCTL_BROADCAST | RCTL_STRIP_CRC |
	       (state->mtu > MTU_USUAL ? RCTL_LONG : 0) |
	       (state->filter & NET_PROMISCUOUS ? RCTL_UNICAST_ALL | RCTL_MULTICAST_ALL : 0) |
	       (state->filter & NET_ALL_MULTICAST ? RCTL_MULTICAST_ALL : 0);
}

static enum error announce(struct shim_device *device)
{
	const struct e1000_state *state = shim_state(device);
	struct unit_info unit = { .class_id = CLASS_NET,
				  .flags = UNIT_CHECKSUM | UNIT_SEGMENT | state->linked,
				  .transfer_bytes_max = PIECES_MAX * PIECE_BYTES,
				  .mtu = MTU_MAX,
				  .speed_mbps = state->speed_mbps };
	static const char model[] = "Intel PRO/1000";

	memcpy(unit.model, model, sizeof(model));
	memcpy(unit.mac, state->mac, sizeof(unit.mac));
	return shim_net_unit_add(device, &unit);
}

/* Returns whether anything is new. */
static bool link_read(struct shim_device *device)
{
	static const uint16_t speeds[] = { 10, 100, 1000, 1000 };
	struct e1000_state *state = shim_state(device);
	uint32_t status = reg_read(device, REG_STATUS);
	uint32_t linked = status & STATUS_LINK_UP ? UNIT_LINK : 0;
	uint32_t speed = linked ? speeds[STATUS_SPEED(status)] : 0;
	bool changed = linked != state->linked || speed != state->speed_mbps;

	state->linked = linked;
	state->speed_mbps = speed;
	return changed;
}

void e1000_link(struct shim_device *device)
{
	const struct e1000_state *state = shim_state(device);

	if (!link_read(device))
		return;
	if (state->linked)
		shim_log(device, LOG_NOTICE, "link up, %u Mb/s", state->speed_mbps);
	else
		shim_log(device, LOG_NOTICE, "link down");
	if (announce(device) != OK)
		shim_log(device, LOG_WARNING, "the link's change could not be announced");
}

static void multicast_write(struct shim_device *device)
{
	const struct e1000_state *state = shim_state(device);

	for (unsigned i = 0; i < MULTICAST_WORDS; i++)
		reg_write(device, REG_MTA(i), state->multicast[i]);
}

/* A group is one of 4096 bits: the upper twelve of its address [SDM 13.5.1]. */
static void multicast_add(struct shim_device *device, uint64_t address)
{
	struct e1000_state *state = shim_state(device);
	uint32_t bit = (uint32_t)(address >> 36) & 0xfff;

	state->multicast[bit / 32] |= 1u << bit % 32;
	reg_write(device, REG_MTA(bit / 32), state->multicast[bit / 32]);
}

/* Reading clears: what is read is added to what was. */
static void statistics(struct shim_device *device)
{
	struct e1000_state *state = shim_state(device);
	uint64_t *counter = state->counter;
	uint64_t received = reg_read(device, REG_GORCL), sent = reg_read(device, REG_GOTCL);

	counter[NET_RECEIVED] += reg_read(device, REG_GPRC);
	counter[NET_RECEIVED_BYTES] += received | (uint64_t)reg_read(device, REG_GORCH) << 32;
	counter[NET_SENT] += reg_read(device, REG_GPTC);
	counter[NET_SENT_BYTES] += sent | (uint64_t)reg_read(device, REG_GOTCH) << 32;
	counter[NET_MISSED] += reg_read(device, REG_MPC);
	counter[NET_REFUSED] += (uint64_t)reg_read(device, REG_CRCERRS) +
				reg_read(device, REG_RXERRC) + reg_read(device, REG_RUC) +
				reg_read(device, REG_ROC);
	shim_net_counters(device, 0, counter);
}

static enum error e1000_control(struct shim_device *device, unsigned unit,
				enum net_operation operation, uint64_t value)
{
	struct e1000_state *state = shim_state(device);
	struct e1000_queue *queue = shim_queue_state(device, RX);

	(void)unit;
	if (state->phase != PHASE_LIVE)
		return ERR_AGAIN;
	if (operation == NET_MULTICAST) {
		multicast_add(device, value);
		return OK;
	}
	if (operation == NET_STATISTICS) {
		statistics(device);
		return OK;
	}
	if (operation == NET_FILTER) {
		state->filter = (uint32_t)value;
		memset(state->multicast, 0, sizeof(state->multicast));
		multicast_write(device);
	} else {
		state->mtu = (uint32_t)value;
	}
	if (!queue->stopped)
		reg_write(device, REG_RCTL, e1000_receive_control(state));
	return OK;
}

/* --- Probe --- */

static bool is_82574(const struct shim_device *device)
{
	return device->info->device_id == DEVICE_82574L;
}

/* Nothing is sent, received or said any more. */
static void silence(struct shim_device *device)
{
	reg_write(device, REG_IMC, EVERYTHING);
	reg_write(device, REG_RCTL, 0);
	reg_write(device, REG_TCTL, TCTL_PAD | TCTL_COLLISION);
}

static void reset(struct shim_device *device)
{
	silence(device);
	reg_write(device, REG_CTRL, reg_read(device, REG_CTRL) | CTRL_RESET);
}

static bool address_read(struct shim_device *device)
{
	struct e1000_state *state = shim_state(device);
	uint32_t low = reg_read(device, REG_RAL), high = reg_read(device, REG_RAH);

	for (unsigned i = 0; i < sizeof(state->mac); i++)
		state->mac[i] = (uint8_t)(i < 4 ? low >> 8 * i : high >> 8 * (i - 4));
	if (state->mac[0] & 1 || !(low | (high & 0xffff)))
		return false;
	reg_write(device, REG_RAH, (high & 0xffff) | RAH_VALID);
	return true;
}

/* Causes of the rings clear themselves when their message is sent, and stay enabled [82574
 * 7.4.4]. */
static void messages_set(struct shim_device *device)
{
	reg_write(device, REG_IVAR, IVAR_RX(0) | IVAR_TX(0) | IVAR_OTHER(1));
	reg_write(device, REG_EIAC, CAUSE_RX_QUEUE | CAUSE_TX_QUEUE);
	reg_write(device, REG_IAM, 0);
	reg_write(device, REG_CTRL_EXT, reg_read(device, REG_CTRL_EXT) | CTRL_EXT_IAME);
	reg_write(device, REG_EITR(0), MODERATE);
}

/* [SDM 14.3 to 14.5] */
static void program(struct shim_device *device)
{
	const struct e1000_state *state = shim_state(device);
	uint32_t control = reg_read(device, REG_CTRL);

	control &= ~(CTRL_FORCE_SPEED | CTRL_FORCE_DUPLEX | CTRL_PHY_RESET);
	reg_write(device, REG_CTRL, control | CTRL_LINK_UP | CTRL_AUTO_SPEED);
	multicast_write(device);
	e1000_rings_reset(device, RX);
	e1000_rings_reset(device, TX);
	reg_write(device, REG_RXCSUM, RXCSUM_IP | RXCSUM_TCP);
	reg_write(device, REG_TIPG, TIPG_COPPER);
	reg_write(device, REG_TXDCTL, TXDCTL_EACH | (is_82574(device) ? TXDCTL_82574 : 0));
	if (state->vectors == 2)
		messages_set(device);
	else
		reg_write(device, REG_ITR, MODERATE);
	reg_write(device, REG_TCTL, TCTL_ENABLE | TCTL_PAD | TCTL_COLLISION);
	reg_write(device, REG_RCTL, e1000_receive_control(state));
}

static void probe_end(struct shim_device *device, enum error error)
{
	struct e1000_state *state = shim_state(device);

	if (error != OK)
		state->phase = PHASE_OFF;
	shim_probe_done(device, error);
}

static void step_reset(struct shim_device *device)
{
	struct e1000_state *state = shim_state(device);
	enum error error;

	if (reg_read(device, REG_CTRL) & CTRL_RESET) {
		if (++state->tries == RESET_MAX)
			probe_end(device, ERR_TIMEOUT);
		else
			shim_timer_set(device, TIMER_CONTROL, shim_now_ns(device) + RESET_NS);
		return;
	}
	reg_write(device, REG_IMC, EVERYTHING);
	if (!address_read(device)) {
		shim_log(device, LOG_ERROR, "it has no Ethernet address: is its EEPROM empty?");
		probe_end(device, ERR_NOT_FOUND);
		return;
	}
	error = shim_dma_enable(device);
	if (error == OK) {
		program(device);
		(void)link_read(device);
		state->phase = PHASE_LIVE;
		error = announce(device);
	}
	(void)reg_read(device, REG_ICR);
	if (error == OK)
		reg_write(device, REG_IMS, e1000_causes(state));
	else
		silence(device);
	probe_end(device, error);
}

static enum error e1000_probe(struct shim_device *device)
{
	struct e1000_state *state = shim_state(device);
	uint64_t counter[NET_COUNTERS];
	enum error error;

	memcpy(counter, state->counter, sizeof(counter));
	memset(state, 0, sizeof(*state));
	memcpy(state->counter, counter, sizeof(counter));
	memset(shim_queue_state(device, RX), 0, sizeof(struct e1000_queue));
	memset(shim_queue_state(device, TX), 0, sizeof(struct e1000_queue));
	state->mtu = MTU_USUAL;
	error = shim_window_map(device, E1000_WINDOW);
	if (error == OK && shim_mmio(device, E1000_WINDOW).size_bytes < E1000_WINDOW_BYTES)
		error = ERR_RANGE;
	if (error == OK)
		error = shim_dma_allocate(device, RX, RING_BYTES);
	if (error == OK)
		error = shim_dma_allocate(device, TX, RING_BYTES);
	if (error == OK)
		error = shim_interrupt_enable(device, is_82574(device) ? 2 : 1, &state->vectors);
	if (error != OK)
		return error;
	reset(device);
	enter(device, PHASE_RESET, RESET_NS);
	return ERR_AGAIN;
}

/* --- Quiesce, remove --- */

/* Frames that were taken are sent, if they can be; the rest stays with the sessions. */
static void step_drain(struct shim_device *device)
{
	struct e1000_state *state = shim_state(device);
	const struct e1000_queue *queue = shim_queue_state(device, TX);

	e1000_sent(device);
	if (queue->frames && ++state->tries < DRAIN_NS / SHIM_MS) {
		shim_timer_set(device, TIMER_CONTROL, shim_now_ns(device) + SHIM_MS);
		return;
	}
	silence(device);
	enter(device, PHASE_STOP, STOP_NS);
}

/* What came until now is handed over. Then it forgets its rings. */
static void step_stop(struct shim_device *device)
{
	e1000_sent(device);
	e1000_receive(device);
	reset(device);
	enter(device, PHASE_LAST, RESET_NS);
}

static void e1000_quiesce(struct shim_device *device)
{
	struct e1000_state *state = shim_state(device);

	if (state->phase == PHASE_OFF) {
		shim_quiesce_done(device, OK);
		return;
	}
	reg_write(device, REG_IMC, EVERYTHING);
	reg_write(device, REG_RCTL, 0);
	enter(device, PHASE_DRAIN, 0);
}

static void e1000_timer(struct shim_device *device, unsigned index)
{
	struct e1000_state *state = shim_state(device);

	if (index == TIMER_TX) {
		e1000_sent_timer(device);
	} else if (index == TIMER_RX) {
		e1000_cancel_timer(device);
	} else if (state->phase == PHASE_RESET) {
		step_reset(device);
	} else if (state->phase == PHASE_DRAIN) {
		step_drain(device);
	} else if (state->phase == PHASE_STOP) {
		step_stop(device);
	} else if (state->phase == PHASE_LAST) {
		state->phase = PHASE_OFF;
		reg_write(device, REG_IMC, EVERYTHING);
		shim_quiesce_done(device, OK);
	}
}

static void e1000_remove(struct shim_device *device)
{
	struct e1000_state *state = shim_state(device);

	state->phase = PHASE_OFF;
	e1000_fail_all(device, ERR_GONE);
	shim_net_unit_remove(device, 0);
}

/* --- Check --- */

static bool ring_is_sane(const struct shim_device *device, unsigned index)
{
	const struct e1000_queue *queue = shim_queue_state(device, index);
	uint32_t base = index == TX ? REG_TDBAL - REG_RDBAL : 0;
	uint64_t iova = shim_dma_iova(device, index, 0).value;

	return shim_dma_size(device, index) >= RING_BYTES && queue->next < RING_DESCRIPTORS &&
	       queue->clean < RING_DESCRIPTORS && queue->armed <= 1 && queue->stopped <= 1 &&
	       reg_read(device, base + REG_RDBAL) == (uint32_t)iova &&
	       reg_read(device, base + REG_RDBAH) == iova >> 32 &&
	       reg_read(device, base + REG_RDLEN) == RING_BYTES;
}

/* Batches lead from the oldest descriptor to the next free one. */
static bool batches_are_sane(const struct e1000_queue *queue)
{
	uint32_t left = ring_used(queue), at = queue->clean, frames = 0;

	while (left) {
		struct e1000_batch batch = queue->batch[at];

		if (!batch.descriptors || batch.descriptors > left || !batch.frames ||
		    batch.frames > batch.descriptors)
			return false;
		frames += batch.frames;
		left -= batch.descriptors;
		at = (at + batch.descriptors) & RING_MASK;
	}
	return frames == queue->frames;
}

static bool e1000_check(const struct shim_device *device)
{
	const struct e1000_state *state = shim_state(device);
	const struct e1000_queue *receive = shim_queue_state(device, RX);
	const struct e1000_queue *transmit = shim_queue_state(device, TX);

	return state->phase == PHASE_LIVE && state->vectors >= 1 &&
	       state->vectors <= (is_82574(device) ? 2u : 1u) &&
	       !(state->filter & ~(NET_PROMISCUOUS | NET_ALL_MULTICAST)) &&
	       state->mtu >= NET_MTU_MIN && state->mtu <= MTU_MAX &&
	       !(state->linked & ~UNIT_LINK) && state->speed_mbps <= 1000 &&
	       shim_mmio(device, E1000_WINDOW).size_bytes >= E1000_WINDOW_BYTES &&
	       ring_is_sane(device, RX) && ring_is_sane(device, TX) && !receive->armed &&
	       !receive->frames && !transmit->stopped && batches_are_sane(transmit);
}

/* --- Class net --- */

static const struct shim_net_ops e1000_ops = {
	.submit = e1000_submit,
	.cancel = e1000_cancel,
	.control = e1000_control,
	.depth = RING_DEPTH,
	.frame_bytes_max = PIECES_MAX * PIECE_BYTES,
};

SHIM_DRIVER(e1000) = {
	.shim_version = SHIM_VERSION,
	.state_version = STATE_VERSION,
	.name = "e1000",
	.class_id = CLASS_NET,
	.state_base_bytes = sizeof(struct e1000_state),
	.state_queue_bytes = sizeof(struct e1000_queue),
	.queue_count = NET_QUEUES,
	.buffer_count = NET_QUEUES,
	.timer_count = E1000_TIMERS,
	.match = { SHIM_PCI_ID(VENDOR_INTEL, DEVICE_82540EM),
		   SHIM_PCI_ID(VENDOR_INTEL, DEVICE_82545EM),
		   SHIM_PCI_ID(VENDOR_INTEL, DEVICE_82574L) },
	.probe = e1000_probe,
	.interrupt = e1000_interrupt,
	.timer = e1000_timer,
	.quiesce = e1000_quiesce,
	.check = e1000_check,
	.remove = e1000_remove,
	.ops.net = &e1000_ops,
};
