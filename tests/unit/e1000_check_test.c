/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzing of the e1000 driver's state check: whatever state it accepts, no later call of the driver
 * touches memory outside of its state, its buffers and its windows (ASan and the fake say so), and
 * each call ends. Bounded here; longer, and guided by coverage, with `make fuzz DRIVER=e1000`
 * (clang). sources: shim/drivers/net/e1000/e1000.c shim/drivers/net/e1000/e1000_ring.c
 * tests/fake/fake_e1000.c tests/fake/driver.c
 * tests/fake/io.c tests/fake/irq.c tests/fake/dma.c tests/fake/time.c tests/fake/log.c
 * tests/fake/bus.c tests/fake/block.c tests/fake/net.c tests/fake/serial.c tests/fake/session.c
 * tests/fake/watchdog.c
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

#include "fake_e1000.h"

#define HANG_S      20
#define SECONDS     3
#define INPUT_MAX   96
#define HEAD_BYTES  32u /* of a state block: what is not a table */
#define FRAME_BYTES 5000u

extern const struct shim_driver shim_driver_e1000;

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

static void post(struct fake *fake, unsigned count)
{
	if (fake->net[NET_RECEIVE_QUEUE].queued - fake->net[NET_RECEIVE_QUEUE].done + count >
	    FAKE_NET_REQUESTS)
		return;
	for (unsigned i = 0; i < count; i++)
		fake_net_queue(fake, NET_RECEIVE_QUEUE, NULL, NET_BUFFER_BYTES, 0, 0);
	fake_net_kick(fake, NET_RECEIVE_QUEUE);
}

/* Some plain frames, and one to be cut. */
static void send(struct fake *fake, unsigned count)
{
	if (fake->net[NET_TRANSMIT_QUEUE].queued - fake->net[NET_TRANSMIT_QUEUE].done + count + 1 >
	    FAKE_NET_REQUESTS)
		return;
	for (unsigned i = 0; i < count; i++)
		fake_net_queue(fake, NET_TRANSMIT_QUEUE, NULL, 64, 0, 0);
	fake_net_queue(fake, NET_TRANSMIT_QUEUE, NULL, FRAME_BYTES,
		       NET_SUM | NET_SUM_IP | NET_SEGMENT, net_offload(14, 34, 50, 54, 1000));
	fake_net_kick(fake, NET_TRANSMIT_QUEUE);
}

/* A driver with something in both rings. */
static struct fake *prepare(struct fake_e1000 **model, struct input *input)
{
	struct fake *fake = fake_create(&shim_driver_e1000);
	uint8_t kind = take8(input);

	*model = fake_e1000_create(fake, kind & 1);
	if (fake_start(fake) == ERR_AGAIN)
		fake_advance(fake, 1 * SHIM_S);
	post(fake, kind & 2 ? 255 : 20);
	(*model)->hold = true;
	send(fake, kind & 4 ? 100 : 3);
	return fake;
}

/* Change some of the state; small numbers pass the check more often. */
static void mutate(struct fake *fake, struct input *input)
{
	size_t queue = shim_driver_e1000.state_queue_bytes;

	for (unsigned count = take8(input) % 4 + 1; count; count--) {
		uint8_t how = take8(input);
		size_t at = take32(input) & 0xffff;
		uint32_t value = take32(input);
		size_t bytes = how & 1 ? queue : shim_driver_e1000.state_base_bytes;
		uint8_t *block =
			how & 1 ? (uint8_t *)fake->device.queue_state + (how & 2 ? queue : 0)
				: fake->device.state;
		uint8_t *byte = block + at % (how & 4 ? HEAD_BYTES : bytes);

		if (how & 8)
			*byte ^= (uint8_t)(1u << (value & 7));
		else if (how & 16)
			*byte = (uint8_t)value;
		else
			memcpy((void *)((uintptr_t)byte & ~(uintptr_t)3), &value, 4);
	}
}

static void happen(struct fake *fake, struct fake_e1000 *model, struct input *input)
{
	static const uint64_t whiles[] = { 0, SHIM_MS, SHIM_S, 5 * SHIM_S };
	static const uint8_t frame[9000] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	switch (take8(input) % 10) {
	case 0:
		fake_e1000_release(model);
		break;
	case 1:
		model->hold = true;
		break;
	case 2:
		for (unsigned count = take8(input); count; count--)
			fake_e1000_receive(model, frame, 60 + take8(input) * 30u, take8(input));
		break;
	case 3:
		fake_e1000_link(model, !model->linked);
		break;
	case 4:
		send(fake, take8(input) % 64);
		break;
	case 5:
		post(fake, take8(input) % 64);
		break;
	case 6:
		fake_net_cancel(fake, NET_RECEIVE_QUEUE);
		break;
	case 7:
		fake->timer_ns[take8(input) % shim_driver_e1000.timer_count] = fake->now_ns;
		break;
	case 8:
		fake_net_control(fake, NET_FILTER + take8(input) % 4, take8(input) | 1u << 8);
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
	struct fake_e1000 *model;
	struct fake *fake = prepare(&model, &input);
	bool accepted;

	alarm(HANG_S);
	mutate(fake, &input);
	accepted = shim_driver_e1000.check(&fake->device);
	if (accepted) {
		for (unsigned i = 0; i < 12; i++)
			happen(fake, model, &input);
		fake_e1000_release(model);
		fake_advance(fake, 10 * SHIM_S);
		fake_quiesce(fake);
		fake_advance(fake, SHIM_S);
		if (input.left & 1)
			fake_remove(fake);
	}
	if (fake->strays) {
		fprintf(stderr, "%s\n", fake->violation);
		abort();
	}
	fake->violations = 0; /* counts and addresses may be wrong: the class and the IOMMU see */
	fake_destroy(fake);
	fake_e1000_destroy(model);
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
