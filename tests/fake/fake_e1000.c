/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated PRO/1000 card. See fake_e1000.h.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_e1000.h"

#define WINDOW_BYTES 0x20000u
#define CTRL         0x0000u
#define STATUS       0x0008u
#define ICR          0x00c0u
#define ICS          0x00c8u
#define IMS          0x00d0u
#define IMC          0x00d8u
#define EIAC         0x00dcu
#define RCTL         0x0100u
#define TCTL         0x0400u
#define RX_BASE      0x2800u
#define TX_BASE      0x3800u
#define HEAD         0x10u
#define TAIL         0x18u
#define STATISTICS   0x4000u
#define MPC          0x4010u
#define GPRC         0x4074u
#define GPTC         0x4080u
#define GORCL        0x4088u
#define GOTCL        0x4090u
#define ROC          0x40acu
#define MTA          0x5200u
#define RAL          0x5400u
#define RAH          0x5404u
#define CAUSE_OTHERS (1u << 24)

static uint32_t *reg(struct fake_e1000 *model, uint32_t offset)
{
	return &model->reg[offset / 4 % MODEL_REGISTERS];
}

static void raise_causes(struct fake_e1000 *model, uint32_t causes)
{
	uint32_t enabled;

	*reg(model, ICR) |= causes;
	enabled = *reg(model, ICR) & *reg(model, IMS);
	if (!enabled || model->silent)
		return;
	if (model->fake->vectors != 2) {
		fake_interrupt(model->fake, 0);
		return;
	}
	if (enabled & (1u << 20 | 1u << 22)) {
		*reg(model, ICR) &= ~(enabled & *reg(model, EIAC));
		fake_interrupt(model->fake, 0);
	}
	if (enabled & (CAUSE_OTHERS | 1u << 2))
		fake_interrupt(model->fake, 1);
}

static uint32_t cause_of(struct fake_e1000 *model, bool transmit)
{
	if (model->fake->vectors == 2)
		return transmit ? 1u << 22 : 1u << 20;
	return transmit ? 1u << 0 : 1u << 7;
}

static uint64_t *descriptor(struct fake_e1000 *model, uint32_t base, uint32_t index)
{
	uint64_t at = *reg(model, base) | (uint64_t)*reg(model, base + 4) << 32;

	if (!model->fake->dma_enabled)
		fake_violate(model->fake, "the device is to use memory before it may");
	return fake_dma(model->fake, at + (uint64_t)index * 16, 16);
}

static void count_up(struct fake_e1000 *model, uint32_t frames, uint32_t bytes, uint32_t size)
{
	uint64_t sum = *reg(model, bytes) + (uint64_t)size;

	*reg(model, frames) += 1;
	*reg(model, bytes) = (uint32_t)sum;
	*reg(model, bytes + 4) += (uint32_t)(sum >> 32);
}

/* One descriptor to send. */
static void transmit_one(struct fake_e1000 *model, uint64_t *entry)
{
	struct model_frame *frame = &model->building;
	uint64_t word = entry[1];
	uint32_t bytes = word & (word & 1u << 29 ? 0xfffffu : 0xffffu);
	const uint8_t *data;

	frame->descriptors++;
	if (word & 1u << 29 && !(word >> 20 & 0xf)) {
		frame->offload = true;
		frame->context[0] = entry[0];
		frame->context[1] = word;
	} else {
		data = fake_dma(model->fake, entry[0], bytes);
		if (word & 1u << 29 && !frame->bytes) {
			frame->sums = (uint8_t)(word >> 40);
			frame->segment = word & 1u << 26;
		}
		if (data && frame->bytes < sizeof(frame->data))
			memcpy(frame->data + frame->bytes, data,
			       bytes < sizeof(frame->data) - frame->bytes
				       ? bytes
				       : sizeof(frame->data) - frame->bytes);
		frame->bytes += bytes;
		if (word & 1u << 24) {
			count_up(model, GPTC, GOTCL, frame->bytes);
			model->sent[model->sent_count++ % MODEL_FRAMES_MAX] = *frame;
			memset(frame, 0, sizeof(*frame));
		}
	}
	if (word & 1u << 27)
		entry[1] |= UINT64_C(1) << 32;
}

static void transmit(struct fake_e1000 *model)
{
	uint32_t size = *reg(model, TX_BASE + 8) / 16, *head = reg(model, TX_BASE + HEAD);

	if (model->hold || !(*reg(model, TCTL) & 2) || !size)
		return;
	while (*head != *reg(model, TX_BASE + TAIL)) {
		uint64_t *entry = descriptor(model, TX_BASE, *head);

		if (!entry)
			return;
		transmit_one(model, entry);
		*head = (*head + 1) % size;
	}
	raise_causes(model, cause_of(model, true));
}

static bool wanted(struct fake_e1000 *model, const uint8_t *frame)
{
	uint32_t control = *reg(model, RCTL), low, high;
	uint32_t bit = (frame[4] >> 4 | (uint32_t)frame[5] << 4) & 0xfff;

	if (frame[0] & 1) {
		static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

		return (memcmp(frame, all, 6) == 0 && control & 1u << 15) || control & 1u << 4 ||
		       *reg(model, MTA + bit / 32 * 4) >> bit % 32 & 1;
	}
	memcpy(&low, frame, 4);
	high = frame[4] | (uint32_t)frame[5] << 8 | 1u << 31;
	return control & 1u << 3 || (*reg(model, RAL) == low && *reg(model, RAH) == high);
}

bool fake_e1000_receive(struct fake_e1000 *model, const void *data, uint32_t bytes,
			uint16_t status_and_errors)
{
	uint32_t size = *reg(model, RX_BASE + 8) / 16, *head = reg(model, RX_BASE + HEAD);
	uint32_t needed = (bytes + 2047) / 2048, at = 0;

	if (!(*reg(model, RCTL) & 2) || !model->linked || !size || !wanted(model, data))
		return false;
	if (bytes > (*reg(model, RCTL) & 1u << 5 ? 16384u : 1518u)) {
		*reg(model, ROC) += 1;
		return false;
	}
	if ((*reg(model, RX_BASE + TAIL) + size - *head) % size < needed) {
		*reg(model, MPC) += 1;
		model->missed++;
		raise_causes(model, 1u << 6);
		return false;
	}
	count_up(model, GPRC, GORCL, bytes);
	for (uint32_t piece; at < bytes; at += piece, *head = (*head + 1) % size) {
		uint64_t *entry = descriptor(model, RX_BASE, *head);
		uint8_t *to;

		piece = bytes - at < 2048 ? bytes - at : 2048;
		to = entry ? fake_dma(model->fake, entry[0], 2048) : NULL;
		if (!to)
			return false;
		memcpy(to, (const uint8_t *)data + at, piece);
		entry[1] = (model->lies ? model->lies : piece) |
			   (uint64_t)(status_and_errors | 1 | (at + piece == bytes ? 2 : 0)) << 32;
	}
	raise_causes(model, cause_of(model, false));
	return true;
}

void fake_e1000_link(struct fake_e1000 *model, bool linked)
{
	model->linked = linked;
	raise_causes(model, 1u << 2 | CAUSE_OTHERS);
}

void fake_e1000_release(struct fake_e1000 *model)
{
	model->hold = false;
	transmit(model);
}

static void reset(struct fake_e1000 *model)
{
	memset(model->reg, 0, sizeof(model->reg));
	memset(&model->building, 0, sizeof(model->building));
	model->resets++;
	*reg(model, RAL) = model->no_address ? 0 : 0x12005452;
	*reg(model, RAH) = model->no_address ? 0 : 0x80005634;
}

static uint64_t model_read(void *context, uint32_t offset, unsigned bits)
{
	struct fake_e1000 *model = context;
	uint32_t value = *reg(model, offset);

	(void)bits;
	if (model->gone)
		return UINT32_MAX;
	if (offset == STATUS)
		return model->linked ? 0x83 : 0x81;
	if (offset == ICR && model->fake->vectors != 2)
		*reg(model, ICR) = 0;
	if (offset >= STATISTICS && offset < STATISTICS + 0x100)
		*reg(model, offset) = 0;
	return value;
}

static void model_write(void *context, uint32_t offset, unsigned bits, uint64_t wide)
{
	struct fake_e1000 *model = context;
	uint32_t value = (uint32_t)wide;

	(void)bits;
	if (offset == IMS) {
		*reg(model, IMS) |= value;
		raise_causes(model, 0);
	} else if (offset == IMC) {
		*reg(model, IMS) &= ~value;
	} else if (offset == ICS) {
		raise_causes(model, value);
	} else if (offset == ICR) {
		*reg(model, ICR) &= ~value;
	} else if (offset == CTRL && value & 1u << 26) {
		reset(model);
		*reg(model, CTRL) = model->reset_hangs ? value : value & ~(1u << 26);
	} else {
		*reg(model, offset) = value;
	}
	model->tails += offset == TX_BASE + TAIL && value;
	if (offset == TX_BASE + TAIL || offset == TCTL)
		transmit(model);
}

struct fake_e1000 *fake_e1000_create(struct fake *fake, bool is_82574)
{
	struct fake_e1000 *model = calloc(1, sizeof(*model));

	if (!model)
		abort();
	model->fake = fake;
	model->is_82574 = is_82574;
	model->linked = true;
	fake->info.vendor_id = 0x8086;
	fake->info.device_id = is_82574 ? 0x10d3 : 0x100e;
	fake->vectors_max = is_82574 ? 5 : 1;
	reset(model);
	model->resets = 0;
	fake_window(fake, 0, WINDOW_MMIO, WINDOW_BYTES, model_read, model_write, model);
	return model;
}

void fake_e1000_destroy(struct fake_e1000 *model)
{
	free(model);
}
