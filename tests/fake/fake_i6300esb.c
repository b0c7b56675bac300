/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated 6300ESB watchdog. See fake_i6300esb.h.
 */
#include <string.h>

#include <shim/io.h>

#include "fake_i6300esb.h"

#define TICK_NS (UINT64_C(32768) * 1000000 / 33000) /* 2^15 cycles of 33 MHz */

static void stage_begin(struct fake_i6300esb *model, unsigned stage)
{
	model->stage = stage;
	model->stage_ends_ns = model->fake->now_ns + model->preload[stage - 1] * TICK_NS;
}

static uint64_t register_read(void *context, uint32_t offset, unsigned bits)
{
	const struct fake_i6300esb *model = context;

	(void)bits;
	if (model->gone)
		return UINT64_MAX;
	return offset == 0x0c && model->timed_out ? 1u << 9 : 0;
}

static void reload_write(struct fake_i6300esb *model, uint64_t value)
{
	if (model->unlocks < 2) {
		model->unlocks = value == (model->unlocks ? 0x86 : 0x80) ? model->unlocks + 1 : 0;
		return;
	}
	model->unlocks = 0;
	if (value & 1u << 8) {
		model->reloads++;
		if (model->enabled)
			stage_begin(model, 1);
	}
	if (value & 1u << 9)
		model->timed_out = false;
}

static void register_write(void *context, uint32_t offset, unsigned bits, uint64_t value)
{
	struct fake_i6300esb *model = context;

	if (model->gone)
		return;
	if (offset == 0x0c && bits == 16) {
		reload_write(model, value);
	} else if (model->unlocks == 2 && bits == 32 && offset <= 4) {
		model->preload[offset / 4] = value & 0xfffff;
		model->unlocks = 0;
	} else {
		model->ignored++;
		model->unlocks = 0;
	}
}

static enum error config_read(void *context, uint64_t function, unsigned offset, unsigned width,
			      uint32_t *value)
{
	const struct fake_i6300esb *model = context;

	if (function != SHIM_CONFIG_SELF || model->config_error)
		return model->config_error ? model->config_error : ERR_DENIED;
	if (offset == 0x68 && width == 1)
		*value = (model->locked ? 1 : 0) | (model->enabled ? 2 : 0);
	else if (offset == 0x60 && width == 2)
		*value = model->config;
	if (model->gone)
		*value = UINT32_MAX >> (32 - 8 * width);
	return OK;
}

static enum error config_write(void *context, uint64_t function, unsigned offset, unsigned width,
			       uint32_t value)
{
	struct fake_i6300esb *model = context;

	if (function != SHIM_CONFIG_SELF || model->config_error)
		return model->config_error ? model->config_error : ERR_DENIED;
	if (model->gone || model->deaf)
		return OK;
	if (offset == 0x60 && width == 2)
		model->config = value;
	if (offset != 0x68 || width != 1 || model->locked)
		return OK;
	if (value & 2 && !model->enabled)
		stage_begin(model, 1);
	model->enabled = value & 2;
	model->locked = value & 1;
	if (!model->enabled)
		model->stage = 0;
	return OK;
}

void fake_i6300esb_attach(struct fake_i6300esb *model, struct fake *fake)
{
	memset(model, 0, sizeof(*model));
	model->fake = fake;
	model->preload[0] = model->preload[1] = 0xfffff;
	fake_window(fake, 0, WINDOW_MMIO, 16, register_read, register_write, model);
	fake->bus.config_read = config_read;
	fake->bus.config_write = config_write;
	fake->bus.context = model;
}

void fake_i6300esb_advance(struct fake_i6300esb *model, uint64_t ns)
{
	uint64_t end = model->fake->now_ns + ns;

	while (model->stage && model->stage_ends_ns <= end) {
		fake_advance(model->fake, model->stage_ends_ns - model->fake->now_ns);
		if (model->stage == 1) {
			stage_begin(model, 2);
			continue;
		}
		model->timed_out = true;
		model->resets++;
		model->stage = 0;
	}
	fake_advance(model->fake, end - model->fake->now_ns);
}
