/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The PCI bus driver against simulated hierarchies, honest and lying.
 */
/* sources: shim/drivers/bus/pci/pci.c shim/drivers/bus/pci/pci_place.c
 * shim/drivers/bus/pci/pci_slot.c tests/fake/fake_pci.c tests/fake/driver.c tests/fake/io.c
 * tests/fake/irq.c tests/fake/dma.c tests/fake/time.c tests/fake/log.c tests/fake/session.c
 * tests/fake/block.c tests/fake/serial.c tests/fake/bus.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../shim/drivers/bus/pci/pci.h"
#include "fake_pci.h"

#define ROOT         FAKE_PCI_ROOT
#define MIB          (UINT64_C(1) << 20)
#define ACCESSES_MAX 500000u /* far more than any scan needs, far less than a loop makes */

extern const struct shim_driver shim_driver_pci;

static struct fake *fake;
static struct fake_pci model;

static int setup(void **state)
{
	(void)state;
	fake = fake_create(&shim_driver_pci);
	fake_pci_attach(&model, fake);
	fake->info.window[0] = (struct device_window){ .kind = WINDOW_MMIO,
						       .base = 2048 * MIB,
						       .size_bytes = 256 * MIB };
	fake->info.window[1] =
		(struct device_window){ .kind = WINDOW_PORT, .base = 0xc000, .size_bytes = 0x4000 };
	fake_pci_add(&model, ROOT, 0, 0, 0x060000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_true(model.accesses < ACCESSES_MAX);
	fake_destroy(fake);
	return 0;
}

static void start(void)
{
	assert_int_equal(fake_start(fake), OK);
}

static bool announced(unsigned bus, unsigned device, unsigned function)
{
	return fake_pci_announced(&model, bus, device, function);
}

static uint8_t *config(unsigned index)
{
	return model.function[index].config;
}

static uint64_t base(unsigned index, unsigned bar)
{
	return model.function[index].bar[bar].base;
}

static void memory_bar(unsigned index, unsigned bar, uint64_t size_bytes)
{
	fake_pci_bar(&model, index, bar, WINDOW_MMIO, 0, size_bytes, 0);
}

/* --- Finding --- */

static void functions_of_one_bus_are_found(void **state)
{
	unsigned multi = fake_pci_add(&model, ROOT, 31, 0, 0x060100);

	(void)state;
	config(multi)[0x0e] = 0x80;
	fake_pci_add(&model, ROOT, 31, 2, 0x010601);
	fake_pci_add(&model, ROOT, 31, 7, 0x0c0500);
	fake_pci_add(&model, ROOT, 5, 0, 0x020000);
	fake_pci_add(&model, ROOT, 5, 1, 0x020000); /* 5.0 does not claim to have more */
	start();
	assert_true(announced(0, 0, 0));
	assert_true(announced(0, 31, 0));
	assert_true(announced(0, 31, 2));
	assert_true(announced(0, 31, 7));
	assert_true(announced(0, 5, 0));
	assert_false(announced(0, 5, 1));
	assert_int_equal(fake->bus.child_count, 5);
}

static void bridges_are_followed_as_firmware_numbered_them(void **state)
{
	unsigned parent = ROOT;

	(void)state;
	for (unsigned depth = 1; depth <= 20; depth++) {
		parent = fake_pci_bridge(&model, parent, 1, depth, 20);
		fake_pci_add(&model, parent, 2, 0, 0x010802);
	}
	start();
	for (unsigned bus = 1; bus <= 20; bus++)
		assert_true(announced(bus, 2, 0));
	assert_int_equal(fake->bus.child_count, 41);
	assert_false(fake_log_has(fake, "now"));
}

static void bridges_without_numbers_get_them(void **state)
{
	unsigned outer = fake_pci_bridge(&model, ROOT, 1, 0, 0);
	unsigned inner = fake_pci_bridge(&model, outer, 3, 0, 0);

	(void)state;
	fake_pci_add(&model, inner, 4, 0, 0x010802);
	start();
	assert_int_equal(config(outer)[0x18], 0);
	assert_int_equal(config(outer)[0x19], 1);
	assert_int_equal(config(outer)[0x1a], 2);
	assert_int_equal(config(inner)[0x18], 1);
	assert_int_equal(config(inner)[0x19], 2);
	assert_int_equal(config(inner)[0x1a], 2);
	assert_true(announced(1, 3, 0));
	assert_true(announced(2, 4, 0));
}

static void new_numbers_respect_those_in_use(void **state)
{
	unsigned first = fake_pci_bridge(&model, ROOT, 1, 1, 3);
	unsigned second = fake_pci_bridge(&model, ROOT, 2, 4, 4);
	unsigned bare = fake_pci_bridge(&model, ROOT, 3, 0, 0);
	unsigned inside = fake_pci_bridge(&model, first, 0, 0, 0);
	unsigned stuck = fake_pci_bridge(&model, second, 0, 0, 0);

	(void)state;
	fake_pci_add(&model, bare, 1, 0, 0x020000);
	fake_pci_add(&model, inside, 1, 0, 0x020000);
	fake_pci_add(&model, stuck, 1, 0, 0x020000);
	start();
	assert_int_equal(config(bare)[0x19], 5);
	assert_int_equal(config(inside)[0x19], 2);
	assert_int_equal(config(first)[0x1a], 3);
	/* Bus 5 follows bus 4 and is taken: nothing can be put behind the second bridge. */
	assert_int_equal(config(stuck)[0x19], 0);
	assert_true(fake_log_has(fake, "no bus number"));
	assert_true(announced(5, 1, 0));
	assert_true(announced(2, 1, 0));
	assert_int_equal(fake->bus.child_count, 8);
}

static void port_of_pci_express_has_one_device_behind_it(void **state)
{
	unsigned port = fake_pci_bridge(&model, ROOT, 1, 1, 1);

	(void)state;
	fake_pci_capability(&model, port, 0x40, 0x10, 0);
	config(port)[0x42] = 0x42; /* root port */
	fake_pci_add(&model, port, 0, 0, 0x010802);
	fake_pci_add(&model, port, 9, 0, 0x010802); /* a shadow of device 0 */
	start();
	assert_true(announced(1, 0, 0));
	assert_false(announced(1, 9, 0));
}

static void capabilities_are_walked(void **state)
{
	unsigned index = fake_pci_add(&model, ROOT, 3, 0, 0x010601);

	(void)state;
	fake_pci_capability(&model, index, 0x80, 0x05, 0x70);
	fake_pci_capability(&model, index, 0x70, 0x01, 0xa8);
	fake_pci_capability(&model, index, 0xa8, 0x11, 0x00);
	config(index)[0x82] = 0x06; /* eight vectors possible */
	config(index)[0xaa] = 0x03; /* four entries */
	start();
	assert_true(fake_log_has(fake, "00:03.0: MSI, 8 vectors"));
	assert_true(fake_log_has(fake, "00:03.0: power management"));
	assert_true(fake_log_has(fake, "00:03.0: MSI-X, 4 vectors"));
}

/* --- Placing --- */

static void register_without_address_is_placed_beside_the_others(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 1, 1);
	unsigned placed = fake_pci_add(&model, bridge, 1, 0, 0x020000);
	unsigned bare = fake_pci_add(&model, bridge, 2, 0, 0x010802);

	(void)state;
	fake_pci_aperture(&model, bridge, 2048, 2049);
	fake_pci_bar(&model, placed, 0, WINDOW_MMIO, 2048 * MIB, 0x20000, 0);
	fake_pci_bar(&model, placed, 5, WINDOW_MMIO, 2048 * MIB + 0x41000, 0x1000, 0);
	memory_bar(bare, 0, 0x20000);
	memory_bar(bare, 1, 0x20000);
	memory_bar(bare, 5, 0x1000);
	start();
	assert_int_equal(base(bare, 0), 2048 * MIB + 0x20000);
	assert_int_equal(base(bare, 1), 2048 * MIB + 0x60000);
	assert_int_equal(base(bare, 5), 2048 * MIB + 0x40000);
	assert_int_equal(model.function[placed].assigned, 0);
	assert_true(fake_log_has(fake, "3 windows placed"));
}

static void root_bus_uses_the_windows_of_the_host(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 1, 1);
	unsigned bare = fake_pci_add(&model, ROOT, 2, 0, 0x010601);

	(void)state;
	fake_pci_aperture(&model, bridge, 2048, 2063);
	memory_bar(bare, 5, 0x1000);
	fake_pci_bar(&model, bare, 4, WINDOW_PORT, 0, 32, 0);
	start();
	assert_int_equal(base(bare, 5), 2064 * MIB);
	assert_int_equal(base(bare, 4), 0xc000);
}

static void wide_register_counts_twice_and_may_lie_high(void **state)
{
	unsigned bare = fake_pci_add(&model, ROOT, 2, 0, 0x030000);

	(void)state;
	fake->info.window[0] = (struct device_window){ 0 };
	fake->info.window[2] = (struct device_window){ .kind = WINDOW_MMIO,
						       .base = UINT64_C(1) << 40,
						       .size_bytes = 64 * MIB };
	fake_pci_bar(&model, bare, 0, WINDOW_MMIO, 0, 0x4000, WINDOW_64BIT);
	memory_bar(bare, 1, 0x1000); /* the upper half: never looked at */
	memory_bar(bare, 2, 0x1000); /* 32 bits do not reach there */
	start();
	assert_int_equal(base(bare, 0), UINT64_C(1) << 40);
	assert_int_equal(base(bare, 1), 0);
	assert_int_equal(base(bare, 2), 0);
	assert_int_equal(fake_log_count(fake, "no room"), 1);
}

static void prefetchable_register_takes_the_prefetch_window_first(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 1, 1);
	unsigned bare = fake_pci_add(&model, bridge, 2, 0, 0x030000);
	static const uint8_t window[] = { 0x01, 0x00, 0x01, 0x00, 2, 0, 0, 0, 2, 0, 0, 0 };

	(void)state;
	fake_pci_aperture(&model, bridge, 2048, 2048);
	memcpy(config(bridge) + 0x24, window, sizeof(window)); /* 1 MiB at 8 GiB */
	fake_pci_bar(&model, bare, 0, WINDOW_MMIO, 0, MIB, WINDOW_64BIT | WINDOW_PREFETCHABLE);
	fake_pci_bar(&model, bare, 2, WINDOW_MMIO, 0, MIB, WINDOW_64BIT | WINDOW_PREFETCHABLE);
	start();
	assert_int_equal(base(bare, 0), 8192 * MIB);
	assert_int_equal(base(bare, 2), 2048 * MIB);
}

static void what_the_kernel_refuses_is_passed_over(void **state)
{
	unsigned bare = fake_pci_add(&model, ROOT, 2, 0, 0x010601);

	(void)state;
	model.ram_base = 2048 * MIB;
	model.ram_limit = 2048 * MIB + 0x2fff;
	memory_bar(bare, 5, 0x1000);
	start();
	assert_int_equal(model.refusals, 3);
	assert_int_equal(base(bare, 5), 2048 * MIB + 0x3000);
}

static void register_too_large_for_its_bus_is_told_and_left(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 1, 1);
	unsigned bare = fake_pci_add(&model, bridge, 2, 0, 0x010802);

	(void)state;
	fake_pci_aperture(&model, bridge, 2048, 2048);
	memory_bar(bare, 0, 2 * MIB);
	start();
	assert_int_equal(base(bare, 0), 0);
	assert_true(fake_log_has(fake, "01:02.0: no room for window 0 of 0x200000 bytes"));
	assert_true(announced(1, 2, 0));
}

static void aperture_that_the_kernel_refuses_whole_ends(void **state)
{
	unsigned bare = fake_pci_add(&model, ROOT, 2, 0, 0x010601);

	(void)state;
	model.ram_base = 0;
	model.ram_limit = UINT64_MAX;
	memory_bar(bare, 0, 16);
	start();
	assert_int_equal(base(bare, 0), 0);
	assert_true(model.refusals <= PCI_RANGES_MAX);
}

static void live_children_are_adopted_untouched(void **state)
{
	unsigned live = fake_pci_add(&model, ROOT, 2, 0, 0x010601);
	unsigned bare = fake_pci_add(&model, ROOT, 3, 0, 0x010601);

	(void)state;
	fake_pci_bar(&model, live, 5, WINDOW_MMIO, 2048 * MIB, 0x1000, 0);
	memory_bar(live, 4, 0x1000);
	memory_bar(bare, 5, 0x1000);
	model.function[live].live = true;
	start();
	assert_int_equal(base(bare, 5), 2048 * MIB + 0x1000);
	assert_int_equal(model.touched, 0);
	fake_quiesce(fake);
	assert_true(fake->quiesce_done);
	fake_restart(fake, false);
	start();
	assert_int_equal(fake->bus.child_count, 3);
	assert_int_equal(model.function[bare].assigned, 1);
	assert_int_equal(model.touched, 0);
}

/* --- Hot-plug --- */

#define SECOND       UINT64_C(1000000000)
#define EVENT_BUTTON 0x01
#define EVENT_CARD   0x08

static unsigned port, card;

/* A root port with an empty slot, and a card to be plugged into it. */
static void slot_setup(void)
{
	port = fake_pci_bridge(&model, ROOT, 1, 1, 1);
	fake_pci_slot(&model, port, 0x40);
	card = fake_pci_add(&model, port, 0, 0, 0x010601);
	memory_bar(card, 5, 0x1000);
	model.function[card].absent = true;
	start();
}

static void slot_event(bool present, unsigned events)
{
	model.function[card].absent = !present;
	fake_pci_slot_event(&model, port, present, events);
}

static void wait_seconds(unsigned seconds)
{
	fake_advance(fake, seconds * SECOND);
}

static bool slot_has_power(void)
{
	return !(config(port)[0x59] & 0x04);
}

static void card_that_comes_is_powered_placed_and_announced(void **state)
{
	(void)state;
	slot_setup();
	wait_seconds(5);
	assert_false(announced(1, 0, 0));
	slot_event(true, EVENT_CARD | EVENT_BUTTON);
	wait_seconds(2);
	assert_true(announced(1, 0, 0));
	assert_true(slot_has_power());
	assert_int_equal(base(card, 5), 2048 * MIB); /* in a window that was closed */
	assert_int_equal(config(port)[0x20] | config(port)[0x21] << 8, 0x8000);
	assert_true(shim_driver_pci.check(&fake->device));
}

static void card_that_vanishes_is_removed_and_can_come_again(void **state)
{
	(void)state;
	slot_setup();
	for (unsigned i = 0; i < 600; i++) {
		slot_event(true, EVENT_CARD);
		wait_seconds(3);
		assert_true(announced(1, 0, 0));
		memory_bar(card, 5, 0x1000);
		slot_event(false, EVENT_CARD);
		wait_seconds(3);
		assert_false(announced(1, 0, 0));
		assert_false(slot_has_power());
		model.accesses = 0;
	}
}

static void button_leaves_time_to_change_ones_mind(void **state)
{
	(void)state;
	slot_setup();
	slot_event(true, EVENT_CARD);
	wait_seconds(2);
	slot_event(true, EVENT_BUTTON);
	wait_seconds(3);
	slot_event(true, EVENT_BUTTON);
	wait_seconds(10);
	assert_int_equal(fake->bus.removals, 0);
	slot_event(true, EVENT_BUTTON);
	wait_seconds(8);
	assert_false(announced(1, 0, 0));
	assert_false(slot_has_power());
	wait_seconds(10); /* the card is there still: it stays off */
	assert_false(slot_has_power());
	slot_event(true, EVENT_BUTTON);
	wait_seconds(3);
	assert_true(announced(1, 0, 0));
}

static void power_stays_until_the_driver_has_let_go(void **state)
{
	(void)state;
	slot_setup();
	slot_event(true, EVENT_CARD);
	wait_seconds(2);
	fake->bus.held = true;
	slot_event(true, EVENT_BUTTON);
	wait_seconds(8);
	assert_int_equal(fake->bus.removals, 1);
	assert_true(slot_has_power());
	fake->bus.held = false;
	wait_seconds(1);
	assert_false(slot_has_power());
}

static void card_exchanged_unseen_is_removed_and_added(void **state)
{
	(void)state;
	slot_setup();
	slot_event(true, EVENT_CARD);
	wait_seconds(2);
	memory_bar(card, 5, 0x2000);
	slot_event(true, EVENT_CARD);
	wait_seconds(4);
	assert_int_equal(fake->bus.removals, 1);
	assert_true(announced(1, 0, 0));
	assert_int_equal(base(card, 5), 2048 * MIB);
}

static void card_that_does_not_answer_loses_its_power(void **state)
{
	(void)state;
	slot_setup();
	fake_pci_slot_event(&model, port, true, EVENT_CARD); /* but nothing on the bus */
	wait_seconds(5);
	assert_false(slot_has_power());
	assert_true(fake_log_has(fake, "does not answer"));
	assert_int_equal(fake->bus.child_count, 2);
}

/* --- Failing --- */

static void empty_bus_fails(void **state)
{
	(void)state;
	model.dead = true;
	assert_int_equal(fake_start(fake), ERR_NOT_FOUND);
	assert_int_equal(fake->bus.child_count, 0);
}

static void child_that_cannot_be_announced_does_not_stop_the_others(void **state)
{
	(void)state;
	fake_pci_add(&model, ROOT, 2, 0, 0x010601);
	fake_fail(fake, FAKE_CHILD_ADD, 1, ERR_BUDGET);
	start();
	assert_true(announced(0, 2, 0));
	assert_true(fake_log_has(fake, "00:00.0 could not be announced"));
}

static void refused_bus_numbers_close_the_bridge(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 0, 0);

	(void)state;
	fake_pci_add(&model, bridge, 0, 0, 0x010802);
	model.numbers_denied = true;
	start();
	assert_true(announced(0, 1, 0));
	assert_int_equal(fake->bus.child_count, 2);
	assert_true(fake_log_has(fake, "not allowed"));
}

static void function_that_vanishes_while_it_is_read_is_left_out(void **state)
{
	unsigned index = fake_pci_add(&model, ROOT, 2, 0, 0x010601);

	(void)state;
	config(index)[0x0e] = 0xff;
	start();
	assert_false(announced(0, 2, 0));
}

/* --- Lying --- */

static void capability_loops_end(void **state)
{
	unsigned one = fake_pci_add(&model, ROOT, 2, 0, 0x010601);
	unsigned two = fake_pci_add(&model, ROOT, 3, 0, 0x010601);
	unsigned wild = fake_pci_add(&model, ROOT, 4, 0, 0x010601);

	(void)state;
	fake_pci_capability(&model, one, 0x40, 0x01, 0x40);
	fake_pci_capability(&model, two, 0x40, 0x01, 0x50);
	fake_pci_capability(&model, two, 0x50, 0x01, 0x41);
	fake_pci_capability(&model, wild, 0xfc, 0xff, 0xfe);
	start();
	assert_int_equal(fake_log_count(fake, "the capability list has no end"), 3);
	assert_int_equal(fake->bus.child_count, 4);
}

static void impossible_bus_numbers_are_replaced(void **state)
{
	static const uint8_t lies[][2] = { { 0, 255 }, { 0, 0 },   { 5, 4 },
					   { 1, 255 }, { 255, 0 }, { 9, 9 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		unsigned outer, inner;

		teardown(NULL);
		setup(NULL);
		outer = fake_pci_bridge(&model, ROOT, 1, 1, 4);
		inner = fake_pci_bridge(&model, outer, 1, lies[i][0], lies[i][1]);
		fake_pci_add(&model, inner, 2, 0, 0x010802);
		start();
		assert_int_equal(config(inner)[0x19], 2);
		assert_int_equal(config(inner)[0x1a], 2);
		assert_true(announced(2, 2, 0));
	}
}

static void highest_bus_number_works(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 255, 255);
	unsigned behind = fake_pci_bridge(&model, bridge, 1, 0, 0);

	(void)state;
	fake_pci_add(&model, bridge, 2, 0, 0x010802);
	fake_pci_add(&model, behind, 2, 0, 0x010802);
	start();
	assert_true(announced(255, 2, 0));
	assert_true(fake_log_has(fake, "ff:01.0: no bus number"));
}

static void bridge_that_leads_to_its_own_bus_ends(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 1, 8);
	unsigned mirror = fake_pci_bridge(&model, bridge, 1, 1, 1);

	(void)state;
	model.function[mirror].deaf = true;
	start();
	assert_true(announced(1, 1, 0));
	assert_int_equal(fake->bus.child_count, 3);
}

static void two_bridges_with_one_number_are_told_apart(void **state)
{
	unsigned first = fake_pci_bridge(&model, ROOT, 1, 1, 1);
	unsigned second = fake_pci_bridge(&model, ROOT, 2, 1, 1);

	(void)state;
	fake_pci_add(&model, first, 3, 0, 0x010802);
	fake_pci_add(&model, second, 4, 0, 0x010802);
	start();
	assert_true(announced(1, 3, 0));
	assert_true(announced(2, 4, 0));
}

/* Every bus shows the same bridge again: an endless hierarchy. */
static void endless_hierarchies_end(void **state)
{
	unsigned parent = ROOT;

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		parent = fake_pci_bridge(&model, parent, 1, 0, 0);
	start();
	assert_true(fake_log_has(fake, "more than 64 bridges"));
}

static void full_buses_end(void **state)
{
	unsigned bridge = fake_pci_bridge(&model, ROOT, 1, 1, 1);

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		unsigned index = fake_pci_add(&model, bridge, i >> 3, i & 7, 0x020000);

		config(index)[0x0e] = 0x80;
		memory_bar(index, 0, 0x1000);
		memory_bar(index, 1, 0x1000);
		memory_bar(index, 2, 0x1000);
	}
	fake_pci_aperture(&model, bridge, 2048, 2063);
	start();
	assert_true(fake_log_has(fake, "more than 256 functions"));
}

static void impossible_sizes_are_ignored(void **state)
{
	unsigned index = fake_pci_add(&model, ROOT, 2, 0, 0x020000);

	(void)state;
	memory_bar(index, 0, 0);
	memory_bar(index, 1, 0x3000);
	memory_bar(index, 2, UINT64_C(1) << 63);
	fake_pci_bar(&model, index, 3, WINDOW_MMIO, UINT64_MAX - 0xfff, 0x2000, 0);
	fake_pci_bar(&model, index, 4, (enum window_kind)77, 0, 0x1000, 0);
	start();
	for (unsigned bar = 0; bar < 3; bar++)
		assert_int_equal(base(index, bar), 0);
	assert_true(announced(0, 2, 0));
}

static void random_configuration_space_ends(void **state)
{
	(void)state;
	srand(7);
	for (unsigned round = 0; round < 200; round++) {
		teardown(NULL);
		setup(NULL);
		for (unsigned i = 0; i < 24; i++) {
			unsigned parent = i < 8 ? ROOT : (unsigned)rand() % i;
			unsigned index = fake_pci_add(&model, parent, (unsigned)rand() % 32,
						      (unsigned)rand() % 8, 0);

			for (unsigned at = 4; at < 256; at++)
				config(index)[at] = (uint8_t)rand();
			config(index)[0x0e] = (uint8_t)(rand() & 0x81);
			memory_bar(index, (unsigned)rand() % 6, UINT64_C(1) << rand() % 64);
		}
		start();
		assert_true(shim_driver_pci.check(&fake->device));
	}
}

/* --- Moving --- */

static void state_is_checked_before_it_is_taken_over(void **state)
{
	struct pci_state *pci = shim_state(&fake->device);

	(void)state;
	start();
	assert_true(shim_driver_pci.check(&fake->device));
	pci->function[0].bridge = 0;
	assert_false(shim_driver_pci.check(&fake->device));
	pci->function[0].bridge = PCI_NO_BRIDGE;
	pci->range_count = PCI_RANGES_MAX + 1;
	assert_false(shim_driver_pci.check(&fake->device));
	pci->range_count = 0;
	pci->function_count = UINT32_MAX;
	assert_false(shim_driver_pci.check(&fake->device));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(functions_of_one_bus_are_found),
		TEST(bridges_are_followed_as_firmware_numbered_them),
		TEST(bridges_without_numbers_get_them),
		TEST(new_numbers_respect_those_in_use),
		TEST(port_of_pci_express_has_one_device_behind_it),
		TEST(capabilities_are_walked),
		TEST(register_without_address_is_placed_beside_the_others),
		TEST(root_bus_uses_the_windows_of_the_host),
		TEST(wide_register_counts_twice_and_may_lie_high),
		TEST(prefetchable_register_takes_the_prefetch_window_first),
		TEST(what_the_kernel_refuses_is_passed_over),
		TEST(register_too_large_for_its_bus_is_told_and_left),
		TEST(aperture_that_the_kernel_refuses_whole_ends),
		TEST(live_children_are_adopted_untouched),
		TEST(card_that_comes_is_powered_placed_and_announced),
		TEST(card_that_vanishes_is_removed_and_can_come_again),
		TEST(button_leaves_time_to_change_ones_mind),
		TEST(power_stays_until_the_driver_has_let_go),
		TEST(card_exchanged_unseen_is_removed_and_added),
		TEST(card_that_does_not_answer_loses_its_power),
		TEST(empty_bus_fails),
		TEST(child_that_cannot_be_announced_does_not_stop_the_others),
		TEST(refused_bus_numbers_close_the_bridge),
		TEST(function_that_vanishes_while_it_is_read_is_left_out),
		TEST(capability_loops_end),
		TEST(impossible_bus_numbers_are_replaced),
		TEST(highest_bus_number_works),
		TEST(bridge_that_leads_to_its_own_bus_ends),
		TEST(two_bridges_with_one_number_are_told_apart),
		TEST(endless_hierarchies_end),
		TEST(full_buses_end),
		TEST(impossible_sizes_are_ignored),
		TEST(random_configuration_space_ends),
		TEST(state_is_checked_before_it_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
