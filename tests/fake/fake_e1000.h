/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated PRO/1000 card, for tests of net/e1000: what the documents ask of the hardware, and
 * controls to make it misbehave. Sources: SDM 4.0, 82574 3.4.
 *
 * How to use: fake_e1000_create(), fake_start(); fake_e1000_receive() is a frame on the cable, what
 * was sent is in sent[].
 */
#ifndef FAKE_E1000_H
#define FAKE_E1000_H

#include "fake.h"

#define MODEL_REGISTERS  0x8000u /* of 32 bits */
#define MODEL_FRAMES_MAX 1024u
#define MODEL_FRAME_MAX  32768u

struct model_frame {
	uint32_t bytes, descriptors;
	bool offload;
	uint64_t context[2]; /* of an offload */
	uint8_t sums;        /* POPTS of its first piece */
	bool segment;
	uint8_t data[2048]; /* the beginning */
};

struct fake_e1000 {
	struct fake *fake;
	bool is_82574;
	uint32_t reg[MODEL_REGISTERS];
	bool linked;
	/* Controls */
	bool hold;        /* sends nothing */
	bool reset_hangs; /* a reset never ends */
	bool no_address;  /* the EEPROM is empty */
	bool gone;        /* pulled out: reads all ones */
	bool silent;      /* raises no interrupt */
	uint32_t lies;    /* received frames claim this length; 0: none */
	/* What it has done */
	unsigned resets, tails; /* TDT was written so often */
	unsigned sent_count, missed;
	struct model_frame sent[MODEL_FRAMES_MAX];
	struct model_frame building;
};

/** A card in window 0 of the fake, with a link. */
struct fake_e1000 *fake_e1000_create(struct fake *fake, bool is_82574);
void fake_e1000_destroy(struct fake_e1000 *model);
/** A frame comes; its status bits beside DD and EOP, and errors, as of a descriptor's upper half.
 * @return it was stored */
bool fake_e1000_receive(struct fake_e1000 *model, const void *data, uint32_t bytes,
			uint16_t status_and_errors);
/** Plug the cable in or out. */
void fake_e1000_link(struct fake_e1000 *model, bool linked);
/** Send what waits, after `hold`. */
void fake_e1000_release(struct fake_e1000 *model);

#endif
