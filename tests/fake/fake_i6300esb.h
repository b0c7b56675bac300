/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated 6300ESB watchdog: registers, configuration space, and time that the test lets pass.
 * Source: Intel 300641-004US, §16.
 */
#ifndef FAKE_I6300ESB_H
#define FAKE_I6300ESB_H

#include "fake.h"

struct fake_i6300esb {
	struct fake *fake;
	uint32_t preload[2]; /* ticks */
	uint32_t config;     /* offset 0x60 */
	bool enabled, locked;
	unsigned unlocks; /* of the two writes, so many were right */
	unsigned stage;   /* 0: does not count */
	uint64_t stage_ends_ns;
	unsigned resets; /* how often it would have reset the machine */
	unsigned reloads;
	unsigned ignored; /* writes without the unlocking sequence */
	bool timed_out;   /* bit 9 of RELOAD */

	/* Controls. */
	bool deaf;               /* takes no write to configuration space */
	bool gone;               /* reads all ones everywhere, takes no write */
	enum error config_error; /* of configuration accesses from now on */
};

/** Put the device behind `fake`: window 0 and its configuration space. */
void fake_i6300esb_attach(struct fake_i6300esb *model, struct fake *fake);

/** Let time pass; stages end, the machine would be reset. */
void fake_i6300esb_advance(struct fake_i6300esb *model, uint64_t ns);

#endif
