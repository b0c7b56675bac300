/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The INTx tables (kernel/intx.h) on registers set here.
 * sources: drivers-kernel/platform/intx.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kernel/intx.h>

static uint32_t host_id, isa_id, lpc_id, pirq, rcba, route_31;

static uint32_t config(unsigned device, unsigned function, unsigned offset)
{
	assert_int_equal(function, 0);
	if (device == 0 && offset == 0)
		return host_id;
	if (device == 1)
		return offset == 0 ? isa_id : offset == 0x60 ? pirq : 0;
	if (device == 31)
		return offset == 0 ? lpc_id : offset == 0xf0 ? rcba : 0;
	return UINT32_MAX;
}

static uint32_t memory(uint64_t paddr)
{
	if (paddr == 0xfed1c000 + 0x3140)
		return route_31;
	assert_int_equal(paddr, 0xfed1c000 + 0x3150);
	return 0x7654;
}

static enum error lookup(unsigned device, unsigned pin, struct intx_route *route)
{
	return intx_lookup(device, pin, config, memory, route);
}

static void be_piix3(void)
{
	host_id = 0x12378086;
	isa_id = 0x70008086;
	lpc_id = UINT32_MAX;
	pirq = 0x800b0a05; /* PIRQA 5, B 10, C 11, D off */
}

static void be_ich9(void)
{
	host_id = 0x29c08086;
	isa_id = UINT32_MAX;
	lpc_id = 0x29188086;
	rcba = 0xfed1c001;
	route_31 = 0x3210;
}

static void piix3_routes_by_slot_and_register(void **state)
{
	struct intx_route route;

	(void)state;
	be_piix3();
	assert_int_equal(lookup(1, 1, &route), OK); /* PIRQA */
	assert_true(route.isa);
	assert_int_equal(route.number, 5);
	assert_int_equal(lookup(2, 2, &route), OK); /* PIRQC */
	assert_int_equal(route.number, 11);
	assert_int_equal(lookup(4, 1, &route), ERR_NOT_FOUND); /* PIRQD is off */
}

static void ich9_routes_slots_to_the_upper_four(void **state)
{
	struct intx_route route;

	(void)state;
	be_ich9();
	assert_int_equal(lookup(0, 1, &route), OK);
	assert_false(route.isa);
	assert_int_equal(route.number, 20);
	assert_int_equal(lookup(2, 1, &route), OK);
	assert_int_equal(route.number, 22);
	assert_int_equal(lookup(24, 4, &route), OK);
	assert_int_equal(route.number, 23);
	assert_int_equal(lookup(30, 2, &route), OK);
	assert_int_equal(route.number, 21);
}

static void ich9_routes_its_own_functions_by_register(void **state)
{
	struct intx_route route;

	(void)state;
	be_ich9();
	assert_int_equal(lookup(31, 2, &route), OK);
	assert_int_equal(route.number, 17);
	route_31 = 0x3254;
	assert_int_equal(lookup(31, 1, &route), OK);
	assert_int_equal(route.number, 20);
	assert_int_equal(lookup(25, 4, &route), OK);
	assert_int_equal(route.number, 23);
	rcba = 0; /* off: as after reset */
	assert_int_equal(lookup(31, 1, &route), OK);
	assert_int_equal(route.number, 16);
}

static void unknown_chipsets_and_pins_are_refused(void **state)
{
	struct intx_route route;

	(void)state;
	be_ich9();
	assert_int_equal(lookup(32, 1, &route), ERR_NOT_FOUND);
	assert_int_equal(lookup(2, 0, &route), ERR_NOT_FOUND);
	assert_int_equal(lookup(2, 5, &route), ERR_NOT_FOUND);
	lpc_id = 0x12348086;
	assert_int_equal(lookup(2, 1, &route), ERR_UNSUPPORTED);
}

static void bridges_rotate_the_pins(void **state)
{
	(void)state;
	assert_int_equal(intx_swizzle(0, 1), 1);
	assert_int_equal(intx_swizzle(1, 1), 2);
	assert_int_equal(intx_swizzle(3, 2), 1);
	assert_int_equal(intx_swizzle(31, 4), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(piix3_routes_by_slot_and_register),
		cmocka_unit_test(ich9_routes_slots_to_the_upper_four),
		cmocka_unit_test(ich9_routes_its_own_functions_by_register),
		cmocka_unit_test(unknown_chipsets_and_pins_are_refused),
		cmocka_unit_test(bridges_rotate_the_pins),
	};

	return cmocka_run_group_tests_name("intx", tests, NULL, NULL);
}
