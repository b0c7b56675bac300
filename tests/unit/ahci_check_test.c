/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzing of the AHCI driver's state check: whatever state it accepts, no later call of the driver
 * touches memory outside of its state, its buffers and its windows (ASan and the fake say so), and
 * each call ends. Bounded here; longer, and guided by coverage, with `make fuzz DRIVER=ahci`
 * (clang). sources: shim/drivers/block/ahci/ahci.c shim/drivers/block/ahci/ahci_port.c
 * shim/drivers/block/ahci/ahci_request.c shim/drivers/block/ahci/ahci_identify.c
 * tests/fake/fake_ahci.c tests/fake/driver.c
 * tests/fake/io.c tests/fake/irq.c tests/fake/dma.c tests/fake/time.c tests/fake/log.c
 * tests/fake/bus.c tests/fake/block.c tests/fake/serial.c tests/fake/session.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_ahci.h"

#define PORTS     0x5u /* two disks, and the state of ports that there are not */
#define HANG_S    20
#define SECONDS   3
#define INPUT_MAX 96

extern const struct shim_driver shim_driver_ahci;

/* The input: what is left of it, and zeros after its end. */
struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t take8(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static uint32_t take32(struct input *input)
{
	uint32_t value = take8(input);

	value |= (uint32_t)take8(input) << 8;
	return value | (uint32_t)take8(input) << 16 | (uint32_t)take8(input) << 24;
}

/* A driver with something of everything in flight. */
static struct fake *prepare(struct fake_ahci **model, struct input *input)
{
	struct fake *fake = fake_create(&shim_driver_ahci);
	uint8_t kind = take8(input);

	*model = fake_ahci_create(fake, PORTS);
	for (unsigned port = 0; port < 3; port += 2) {
		struct model_disk *disk = fake_ahci_plug(*model, port);

		disk->trim = disk->log = true;
		disk->trim_blocks = 1;
		disk->fua = kind & 1;
		disk->depth = kind & 2 ? 0 : 32;
		disk->no_lba48 = kind & 4;
	}
	if (fake_start(fake) == ERR_AGAIN)
		fake_advance(fake, 1 * SHIM_S);
	for (unsigned port = 0; port < 3; port += 2) {
		(*model)->port[port].disk.hold = true;
		(*model)->port[port].disk.fail_next = kind & 8 ? 1 : 0;
		fake_block_submit(fake, port, BLOCK_READ, 1, 8, 0);
		fake_block_submit(fake, port, BLOCK_WRITE, 99, 1, kind & 16 ? BLOCK_FUA : 0);
		fake_block_submit(fake, port, kind & 32 ? BLOCK_FLUSH : BLOCK_DISCARD, 0,
				  kind & 32 ? 0 : 1 << 20, 0);
		fake_block_submit(fake, port, BLOCK_WRITE, 7, 1, 0);
	}
	return fake;
}

/* Change some of the state; single bits and small numbers pass the check more often. */
static void mutate(struct fake *fake, struct input *input)
{
	size_t base = shim_driver_ahci.state_base_bytes;
	size_t queue = shim_driver_ahci.state_queue_bytes;

	for (unsigned count = take8(input) % 8 + 1; count; count--) {
		uint8_t how = take8(input);
		size_t at = take32(input) & 0xffff;
		uint32_t value = take32(input);
		uint8_t *byte = how & 3 ? (uint8_t *)fake->device.queue_state +
						  (how & 4   ? 2
						   : how & 8 ? at % 32
							     : 0) *
							  queue +
						  at % (how & 16 ? 0x58 : queue)
					: (uint8_t *)fake->device.state + at % base;

		if (how & 32)
			*byte ^= (uint8_t)(1u << (value & 7));
		else if (how & 64)
			*byte = (uint8_t)value;
		else
			memcpy((void *)((uintptr_t)byte & ~(uintptr_t)3), &value, 4);
	}
}

static void happen(struct fake *fake, struct fake_ahci *model, struct input *input)
{
	unsigned port = take8(input) & 2;
	struct model_disk *disk = &model->port[port].disk;
	static const uint64_t whiles[] = { 0, SHIM_MS, SHIM_S, 45 * SHIM_S };

	switch (take8(input) % 10) {
	case 0:
		disk->hold = !disk->hold;
		break;
	case 1:
		disk->fail_next = 1;
		disk->fail_error = take8(input);
		break;
	case 2:
		disk->corrupt_next = 1;
		break;
	case 3:
		if (disk->present)
			fake_ahci_unplug(model, port);
		else
			fake_ahci_plug(model, port);
		break;
	case 4:
		if (fake->request_count < FAKE_REQUESTS_MAX && fake_unit(fake, port))
			fake_block_submit(fake, port, take8(input) % 4 + 1, 3, 2, 0);
		break;
	case 5:
		fake_enter(fake);
		shim_driver_ahci.ops.block->submit(&fake->device, port);
		fake_leave(fake);
		break;
	case 6:
		fake_interrupt(fake, 0);
		break;
	case 7:
		fake->timer_ns[take8(input) % shim_driver_ahci.timer_count] = fake->now_ns;
		break;
	case 8:
		fake_quiesce(fake);
		break;
	default:
		fake_advance(fake, whiles[take8(input) & 3]);
		break;
	}
	fake_run(fake);
}

/* One input. Returns whether the check accepted the state. */
static bool fuzz(const uint8_t *bytes, size_t size_bytes)
{
	struct input input = { bytes, size_bytes };
	struct fake_ahci *model;
	struct fake *fake = prepare(&model, &input);
	bool accepted;

	alarm(HANG_S);
	mutate(fake, &input);
	accepted = shim_driver_ahci.check(&fake->device);
	if (accepted) {
		for (unsigned i = 0; i < 12; i++)
			happen(fake, model, &input);
		for (unsigned port = 0; port < 3; port += 2)
			model->port[port].disk.hold = false;
		fake_advance(fake, 60 * SHIM_S);
		fake_quiesce(fake);
		fake_advance(fake, 10 * SHIM_S);
		if (input.left & 1)
			fake_remove(fake);
	}
	if (fake->strays) {
		fprintf(stderr, "%s\n", fake->violation);
		abort();
	}
	fake->violations =
		0; /* tags and bus addresses may be wrong: the class and the IOMMU see to it */
	fake_destroy(fake);
	fake_ahci_destroy(model);
	return accepted;
}

#ifdef FUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	fuzz(bytes, size_bytes);
	return 0;
}
#else
static void accepted_state_never_leads_outside(void **state)
{
	time_t end = time(NULL) + SECONDS;
	unsigned accepted = 0, runs = 0;
	uint32_t random = 20260;

	(void)state;
	while (time(NULL) < end || runs < 50) {
		uint8_t bytes[INPUT_MAX];

		for (size_t i = 0; i < sizeof(bytes); i++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			bytes[i] = (uint8_t)(random >> 11);
		}
		accepted += fuzz(bytes, sizeof(bytes));
		runs++;
	}
	print_message("# %u states, %u accepted\n", runs, accepted);
	assert_true(accepted > runs / 20);
	assert_true(accepted < runs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_state_never_leads_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
