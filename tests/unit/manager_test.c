/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The device manager's policy: what it starts, restarts, moves and refuses. The registry is played
 * by the test: act_*() record what was decided, policy_event() tells what came of it.
 *
 * sources: drivers-user/services/manager/policy.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../drivers-user/services/manager/manager.h"

#define NO_REPLY (-1)

static struct driver ahci = { .name = "ahci", .in_kernel = true, .in_archive = true };
static struct driver pci = { .name = "pci", .in_kernel = true, .in_archive = true };

static unsigned starts, stops, kills, standbys, standby_ends, moves;
static uint8_t moved_to;
static enum error standby_result, move_result;
static bool replied_cold;
static uint64_t replied_pause_ns;
static uint8_t started_ring;
static enum error start_result, stop_result, kill_result;
static int replied[8]; /* by token: NO_REPLY or an enum error */
static uint64_t now, timer[DEVICES_MAX];

struct driver *drivers_match(const struct device_info *info)
{
	struct driver *driver = info->bus == BUS_PLATFORM ? &pci : &ahci;

	return driver->placement == PLACEMENT_OFF ? NULL : driver;
}

enum error act_start(const struct device *device)
{
	starts++;
	started_ring = device->ring;
	return start_result;
}

enum error act_stop(const struct device *device)
{
	(void)device;
	stops++;
	return stop_result;
}

enum error act_kill(const struct device *device)
{
	(void)device;
	kills++;
	return kill_result;
}

void act_reply(uint64_t token, enum error error)
{
	assert_true(token > 0 && token < 8);
	assert_int_equal(replied[token], NO_REPLY);
	replied[token] = (int)error;
}

void act_reply_order(const struct order *order)
{
	replied_cold = order->cold;
	replied_pause_ns = order->pause_ns;
	act_reply(order->token, order->result);
}

enum error act_standby(const struct device *device)
{
	(void)device;
	standbys++;
	return standby_result;
}

void act_standby_end(const struct device *device)
{
	(void)device;
	standby_ends++;
}

enum error act_move(const struct device *device)
{
	moves++;
	moved_to = device->next;
	return move_result;
}

void act_timer(unsigned index, uint64_t deadline_ns)
{
	timer[index] = deadline_ns;
}

uint64_t act_now_ns(void)
{
	return now;
}

void act_log(int level, const char *format, ...)
{
	(void)level;
	(void)format;
}

bool string_copy(char *to, size_t size_bytes, const char *from)
{
	return (size_t)snprintf(to, size_bytes, "%s", from) < size_bytes;
}

static int setup(void **state)
{
	(void)state;
	memset(devices, 0, sizeof(devices));
	memset(timer, 0, sizeof(timer));
	for (unsigned i = 0; i < 8; i++)
		replied[i] = NO_REPLY;
	starts = stops = kills = standbys = standby_ends = moves = 0;
	standby_result = move_result = OK;
	pci.is_bus = true;
	start_result = stop_result = kill_result = OK;
	now = 1;
	ahci.placement = PLACEMENT_USER;
	pci.placement = PLACEMENT_KERNEL;
	ahci.in_archive = ahci.in_kernel = true;
	return 0;
}

static struct device_info info_of(uint32_t id, uint8_t ring)
{
	return (struct device_info){
		.id = id,
		.bus = id == 1 ? BUS_PLATFORM : BUS_PCI,
		.parent = id == 1 ? 0 : 1,
		.placement = ring,
		.name = "device",
	};
}

static void add(uint32_t id)
{
	struct device_info info = info_of(id, PLACEMENT_OFF);

	policy_event(&info, EVENT_ADDED);
}

static void tell(uint32_t id, uint8_t ring, uint32_t events)
{
	struct device_info info = info_of(id, ring);

	info.error = ERR_IO;
	info.last_pause_ns = 1000 + id;
	policy_event(&info, events);
}

/* The AHCI device alone, live in ring 3. */
static void make_live(void)
{
	add(2);
	tell(2, PLACEMENT_USER, EVENT_LIVE);
	starts = 0;
}

static void expire(unsigned index)
{
	assert_int_not_equal(timer[index], 0);
	now = timer[index];
	timer[index] = 0;
	policy_timer(index);
}

static void new_device_starts_where_its_driver_is_placed(void **state)
{
	(void)state;
	add(2);
	assert_int_equal(starts, 1);
	assert_int_equal(started_ring, PLACEMENT_USER);
	assert_false(policy_settled());
	tell(2, PLACEMENT_USER, EVENT_LIVE);
	assert_true(policy_settled());
	assert_int_equal(timer[0], 0);
}

static void device_seen_twice_starts_once(void **state)
{
	(void)state;
	add(2);
	add(2);
	assert_int_equal(starts, 1);
}

static void device_without_driver_is_left_alone(void **state)
{
	(void)state;
	ahci.placement = PLACEMENT_OFF;
	add(2);
	assert_int_equal(starts, 0);
	assert_true(policy_settled());
}

static void live_instance_is_adopted_not_started(void **state)
{
	struct device_info info = info_of(2, PLACEMENT_KERNEL);

	(void)state;
	info.state = INSTANCE_LIVE;
	policy_device(&info);
	assert_int_equal(starts, 0);
	assert_true(policy_settled());
	assert_int_equal(devices[0].ring, PLACEMENT_KERNEL);
}

static void child_of_a_ring3_bus_starts_in_ring3(void **state)
{
	(void)state;
	pci.placement = PLACEMENT_USER;
	ahci.placement = PLACEMENT_KERNEL;
	add(1);
	tell(1, PLACEMENT_USER, EVENT_LIVE);
	add(2);
	assert_int_equal(started_ring, PLACEMENT_USER);
}

static void failed_probe_settles(void **state)
{
	(void)state;
	add(2);
	tell(2, PLACEMENT_USER, EVENT_FAILED);
	assert_int_equal(devices[0].step, STEP_FAILED);
	assert_true(policy_settled());
	assert_int_equal(starts, 1);
}

static void deaths_restart_with_growing_delay_then_the_device_is_out(void **state)
{
	uint64_t delay = 0;

	(void)state;
	make_live();
	for (unsigned i = 1; i <= DEATHS_MAX; i++) {
		tell(2, PLACEMENT_USER, EVENT_DIED);
		assert_int_equal(devices[0].step, STEP_WAITING);
		assert_true(timer[0] - now > delay);
		delay = timer[0] - now;
		expire(0);
		assert_int_equal(starts, i);
		tell(2, PLACEMENT_USER, EVENT_LIVE);
	}
	tell(2, PLACEMENT_USER, EVENT_DIED);
	assert_int_equal(devices[0].step, STEP_FAILED);
	assert_int_equal(timer[0], 0);
}

static void healthy_life_forgets_deaths(void **state)
{
	(void)state;
	make_live();
	for (unsigned i = 0; i < 2 * DEATHS_MAX; i++) {
		now += HEALTHY_NS + 1;
		tell(2, PLACEMENT_USER, EVENT_DIED);
		expire(0);
		tell(2, PLACEMENT_USER, EVENT_LIVE);
	}
	assert_int_equal(devices[0].step, STEP_LIVE);
}

static void process_that_never_attached_counts_as_died(void **state)
{
	(void)state;
	add(2);
	policy_process_ended(2, devices[0].starts);
	assert_int_equal(devices[0].step, STEP_WAITING);
}

static void end_of_an_earlier_process_is_no_news(void **state)
{
	(void)state;
	make_live();
	policy_kill(1, &ahci);
	tell(2, PLACEMENT_USER, EVENT_DIED);
	assert_int_equal(devices[0].step, STEP_STARTING);
	policy_process_ended(2, devices[0].starts - 1);
	assert_int_equal(devices[0].step, STEP_STARTING);
}

static void silent_instance_is_killed_and_restarted(void **state)
{
	(void)state;
	add(2);
	expire(0);
	assert_int_equal(kills, 1);
	tell(2, PLACEMENT_USER, EVENT_DIED);
	assert_int_equal(devices[0].step, STEP_WAITING);
}

static void silent_ring0_instance_is_given_up(void **state)
{
	(void)state;
	ahci.placement = PLACEMENT_KERNEL;
	add(2);
	expire(0);
	assert_int_equal(kills, 0);
	assert_int_equal(devices[0].step, STEP_FAILED);
}

static void stop_is_answered_when_the_instance_has_left(void **state)
{
	(void)state;
	make_live();
	policy_stop(1, &ahci);
	assert_int_equal(stops, 1);
	assert_int_equal(replied[1], NO_REPLY);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	assert_int_equal(replied[1], OK);
	assert_int_equal(devices[0].step, STEP_NONE);
	assert_int_equal(starts, 0);
}

static void start_after_stop_takes_the_ring_that_is_asked_for(void **state)
{
	(void)state;
	make_live();
	policy_stop(1, &ahci);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	policy_start(2, &ahci, PLACEMENT_KERNEL);
	assert_int_equal(started_ring, PLACEMENT_KERNEL);
	assert_int_equal(replied[2], NO_REPLY);
	tell(2, PLACEMENT_KERNEL, EVENT_LIVE);
	assert_int_equal(replied[2], OK);
}

static void move_stops_then_starts_in_the_other_ring(void **state)
{
	(void)state;
	make_live();
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_COLD);
	assert_int_equal(starts, 0);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	assert_int_equal(started_ring, PLACEMENT_KERNEL);
	assert_int_equal(replied[1], NO_REPLY);
	tell(2, PLACEMENT_KERNEL, EVENT_LIVE);
	assert_int_equal(replied[1], OK);
	assert_int_equal(devices[0].ring, PLACEMENT_KERNEL);
}

static void move_to_the_same_ring_does_nothing(void **state)
{
	(void)state;
	make_live();
	policy_move(1, &ahci, PLACEMENT_USER, MOVE_COLD);
	assert_int_equal(replied[1], OK);
	assert_int_equal(stops, 0);
}

static void move_that_fails_goes_back_and_says_why(void **state)
{
	(void)state;
	make_live();
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_COLD);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	tell(2, PLACEMENT_KERNEL, EVENT_FAILED);
	assert_int_equal(started_ring, PLACEMENT_USER);
	tell(2, PLACEMENT_USER, EVENT_LIVE);
	assert_int_equal(replied[1], ERR_IO);
	assert_int_equal(devices[0].step, STEP_LIVE);
}

static void refused_stop_leaves_the_instance_live(void **state)
{
	(void)state;
	make_live();
	stop_result = ERR_DENIED;
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_COLD);
	assert_int_equal(replied[1], ERR_DENIED);
	assert_int_equal(devices[0].step, STEP_LIVE);
	stop_result = OK;
	policy_stop(2, &ahci);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	assert_int_equal(starts, 0);
}

static void move_without_an_image_there_is_unsupported(void **state)
{
	(void)state;
	make_live();
	ahci.in_kernel = false;
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_COLD);
	assert_int_equal(replied[1], ERR_UNSUPPORTED);
	assert_int_equal(stops, 0);
}

static void bus_does_not_move_above_a_ring0_child(void **state)
{
	(void)state;
	ahci.placement = PLACEMENT_KERNEL;
	add(1);
	tell(1, PLACEMENT_KERNEL, EVENT_LIVE);
	add(2);
	tell(2, PLACEMENT_KERNEL, EVENT_LIVE);
	policy_move(1, &pci, PLACEMENT_USER, MOVE_COLD);
	assert_int_equal(replied[1], ERR_DENIED);
	policy_move(2, &ahci, PLACEMENT_USER, MOVE_COLD);
	tell(2, PLACEMENT_KERNEL, EVENT_STOPPED);
	tell(2, PLACEMENT_USER, EVENT_LIVE);
	policy_move(3, &pci, PLACEMENT_USER, MOVE_COLD);
	tell(1, PLACEMENT_KERNEL, EVENT_STOPPED);
	tell(1, PLACEMENT_USER, EVENT_LIVE);
	assert_int_equal(replied[3], OK);
	policy_move(4, &ahci, PLACEMENT_KERNEL, MOVE_COLD);
	assert_int_equal(replied[4], ERR_DENIED);
}

static void kill_restarts_at_once_and_counts_no_death(void **state)
{
	(void)state;
	make_live();
	for (unsigned i = 0; i < 3 * DEATHS_MAX; i++) {
		replied[1] = NO_REPLY;
		policy_kill(1, &ahci);
		assert_int_equal(kills, i + 1);
		tell(2, PLACEMENT_USER, EVENT_DIED);
		assert_int_equal(devices[0].step, STEP_STARTING);
		assert_int_equal(replied[1], NO_REPLY);
		tell(2, PLACEMENT_USER, EVENT_LIVE);
		assert_int_equal(replied[1], OK);
	}
	assert_int_equal(devices[0].deaths, 0);
}

static void kill_in_ring0_is_denied(void **state)
{
	(void)state;
	ahci.placement = PLACEMENT_KERNEL;
	add(2);
	tell(2, PLACEMENT_KERNEL, EVENT_LIVE);
	policy_kill(1, &ahci);
	assert_int_equal(replied[1], ERR_DENIED);
	assert_int_equal(kills, 0);
}

static void kill_that_fails_says_so_once(void **state)
{
	(void)state;
	make_live();
	kill_result = ERR_GONE;
	policy_kill(1, &ahci);
	assert_int_equal(replied[1], ERR_GONE);
	assert_null(devices[0].order);
}

static void order_waits_for_all_devices_of_the_driver(void **state)
{
	(void)state;
	make_live();
	add(3);
	tell(3, PLACEMENT_USER, EVENT_LIVE);
	policy_stop(1, &ahci);
	assert_int_equal(stops, 2);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	assert_int_equal(replied[1], NO_REPLY);
	tell(3, PLACEMENT_USER, EVENT_STOPPED);
	assert_int_equal(replied[1], OK);
}

static void second_order_on_a_device_is_busy(void **state)
{
	(void)state;
	make_live();
	policy_stop(1, &ahci);
	policy_move(2, &ahci, PLACEMENT_KERNEL, MOVE_COLD);
	assert_int_equal(replied[2], ERR_BUSY);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	assert_int_equal(replied[1], OK);
}

static void stop_that_hangs_is_killed_and_still_answered(void **state)
{
	(void)state;
	make_live();
	policy_stop(1, &ahci);
	expire(0);
	assert_int_equal(kills, 1);
	tell(2, PLACEMENT_USER, EVENT_DIED);
	assert_int_equal(replied[1], OK);
	assert_int_equal(devices[0].step, STEP_NONE);
}

static void removal_answers_orders_and_frees_the_entry(void **state)
{
	(void)state;
	make_live();
	policy_stop(1, &ahci);
	tell(2, PLACEMENT_USER, EVENT_REMOVED);
	assert_int_equal(replied[1], ERR_GONE);
	assert_int_equal(devices[0].id, 0);
	assert_int_equal(timer[0], 0);
}

static void death_seen_together_with_life_is_a_death(void **state)
{
	(void)state;
	add(2);
	tell(2, PLACEMENT_OFF, EVENT_LIVE | EVENT_DIED);
	assert_int_equal(devices[0].step, STEP_WAITING);
	expire(0);
	assert_int_equal(started_ring, PLACEMENT_USER);
}

/* --- Hot moves --- */

static void hot_move_into_ring0_is_the_kernels_alone(void **state)
{
	(void)state;
	make_live();
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_HOT_ELSE_COLD);
	assert_int_equal(moved_to, PLACEMENT_KERNEL);
	assert_int_equal(standbys + stops + starts, 0);
	assert_false(policy_settled());
	tell(2, PLACEMENT_KERNEL, EVENT_MOVED);
	assert_int_equal(replied[1], OK);
	assert_false(replied_cold);
	assert_int_equal(replied_pause_ns, 1002);
	assert_int_equal(devices[0].ring, PLACEMENT_KERNEL);
	assert_int_equal(timer[0], 0);
}

static void hot_move_into_ring3_waits_for_the_standby(void **state)
{
	(void)state;
	ahci.placement = PLACEMENT_KERNEL;
	add(2);
	tell(2, PLACEMENT_KERNEL, EVENT_LIVE);
	policy_move(1, &ahci, PLACEMENT_USER, MOVE_HOT_ONLY);
	assert_int_equal(standbys, 1);
	assert_int_equal(moves, 0);
	tell(2, PLACEMENT_KERNEL, EVENT_STANDBY);
	assert_int_equal(moved_to, PLACEMENT_USER);
	tell(2, PLACEMENT_USER, EVENT_MOVED);
	assert_int_equal(replied[1], OK);
	assert_int_equal(devices[0].ring, PLACEMENT_USER);
	policy_process_ended(2, devices[0].starts); /* then it dies: that is the registry's news */
	assert_int_equal(devices[0].step, STEP_LIVE);
}

static void refused_hot_move_goes_cold_and_says_so(void **state)
{
	(void)state;
	make_live();
	move_result = ERR_DENIED;
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_HOT_ELSE_COLD);
	assert_int_equal(stops, 1);
	tell(2, PLACEMENT_USER, EVENT_STOPPED);
	tell(2, PLACEMENT_KERNEL, EVENT_LIVE);
	assert_int_equal(replied[1], OK);
	assert_true(replied_cold);
}

static void hot_only_refuses_instead(void **state)
{
	(void)state;
	make_live();
	move_result = ERR_UNSUPPORTED;
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_HOT_ONLY);
	assert_int_equal(replied[1], ERR_UNSUPPORTED);
	assert_int_equal(stops, 0);
	assert_int_equal(devices[0].step, STEP_LIVE);
	assert_int_equal(devices[0].next, PLACEMENT_OFF);
	move_result = OK;
	policy_move(2, &ahci, PLACEMENT_KERNEL, MOVE_HOT_ONLY);
	tell(2, PLACEMENT_USER, EVENT_MOVE_FAILED);
	assert_int_equal(replied[2], ERR_IO);
	assert_int_equal(devices[0].ring, PLACEMENT_USER);
}

static void bus_moves_cold(void **state)
{
	(void)state;
	add(1);
	tell(1, PLACEMENT_KERNEL, EVENT_LIVE);
	policy_move(1, &pci, PLACEMENT_USER, MOVE_HOT_ONLY);
	assert_int_equal(replied[1], ERR_UNSUPPORTED);
	policy_move(2, &pci, PLACEMENT_USER, MOVE_HOT_ELSE_COLD);
	assert_int_equal(stops, 1);
	tell(1, PLACEMENT_KERNEL, EVENT_STOPPED);
	tell(1, PLACEMENT_USER, EVENT_LIVE);
	assert_int_equal(replied[2], OK);
	assert_true(replied_cold);
}

static void standby_that_ends_or_hangs_lets_the_move_go_cold(void **state)
{
	(void)state;
	ahci.placement = PLACEMENT_KERNEL;
	add(2);
	tell(2, PLACEMENT_KERNEL, EVENT_LIVE);
	policy_move(1, &ahci, PLACEMENT_USER, MOVE_HOT_ONLY);
	policy_process_ended(2, devices[0].starts);
	assert_int_equal(replied[1], ERR_GONE);
	policy_move(2, &ahci, PLACEMENT_USER, MOVE_HOT_ELSE_COLD);
	expire(0);
	assert_int_equal(standby_ends, 1);
	assert_int_equal(stops, 1);
	policy_process_ended(2, devices[0].starts);
	tell(2, PLACEMENT_KERNEL, EVENT_STOPPED);
	tell(2, PLACEMENT_USER, EVENT_LIVE);
	assert_int_equal(replied[2], OK);
}

static void death_in_a_move_starts_afresh_where_it_was_to_go(void **state)
{
	(void)state;
	make_live();
	starts = 0;
	policy_move(1, &ahci, PLACEMENT_KERNEL, MOVE_HOT_ELSE_COLD);
	tell(2, PLACEMENT_OFF, EVENT_DIED);
	assert_int_equal(starts, 1);
	assert_int_equal(started_ring, PLACEMENT_KERNEL);
	tell(2, PLACEMENT_OFF, EVENT_FAILED);
	assert_int_equal(started_ring, PLACEMENT_USER);
	tell(2, PLACEMENT_USER, EVENT_LIVE);
	assert_int_equal(replied[1], ERR_IO);
	assert_true(replied_cold);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(new_device_starts_where_its_driver_is_placed),
		TEST(device_seen_twice_starts_once),
		TEST(device_without_driver_is_left_alone),
		TEST(live_instance_is_adopted_not_started),
		TEST(child_of_a_ring3_bus_starts_in_ring3),
		TEST(failed_probe_settles),
		TEST(deaths_restart_with_growing_delay_then_the_device_is_out),
		TEST(healthy_life_forgets_deaths),
		TEST(process_that_never_attached_counts_as_died),
		TEST(end_of_an_earlier_process_is_no_news),
		TEST(silent_instance_is_killed_and_restarted),
		TEST(silent_ring0_instance_is_given_up),
		TEST(stop_is_answered_when_the_instance_has_left),
		TEST(start_after_stop_takes_the_ring_that_is_asked_for),
		TEST(move_stops_then_starts_in_the_other_ring),
		TEST(move_to_the_same_ring_does_nothing),
		TEST(move_that_fails_goes_back_and_says_why),
		TEST(refused_stop_leaves_the_instance_live),
		TEST(move_without_an_image_there_is_unsupported),
		TEST(bus_does_not_move_above_a_ring0_child),
		TEST(kill_restarts_at_once_and_counts_no_death),
		TEST(kill_in_ring0_is_denied),
		TEST(kill_that_fails_says_so_once),
		TEST(order_waits_for_all_devices_of_the_driver),
		TEST(second_order_on_a_device_is_busy),
		TEST(stop_that_hangs_is_killed_and_still_answered),
		TEST(removal_answers_orders_and_frees_the_entry),
		TEST(death_seen_together_with_life_is_a_death),
		TEST(hot_move_into_ring0_is_the_kernels_alone),
		TEST(hot_move_into_ring3_waits_for_the_standby),
		TEST(refused_hot_move_goes_cold_and_says_so),
		TEST(hot_only_refuses_instead),
		TEST(bus_moves_cold),
		TEST(standby_that_ends_or_hangs_lets_the_move_go_cold),
		TEST(death_in_a_move_starts_afresh_where_it_was_to_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
