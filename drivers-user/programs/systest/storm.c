/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suite storm: the disk's driver moves hot between the rings, and is killed, again and again, under
 * a load that checks itself. `storm,1000`: so often. Needs a disk that may be written.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/manager.h>
#include <runtime/print.h>
#include <runtime/verify.h>

#include "systest.h"

#define SAMPLES_MAX 8192
#define BREATH_NS   (2 * MS_NS) /* between two orders: the load has taken up speed */

uint32_t storm_count = 100;

static struct disk disk;
static char driver[DRIVER_NAME_BYTES + 1];
static uint64_t pause_ns[SAMPLES_MAX];
static unsigned samples;

/* The first disk that may be written; false: there is none. */
static bool find_disk(void)
{
	struct disk_entry entry;

	for (uint32_t index = 0; disk_next(&index, &entry);) {
		bool allowed;

		if (disk_open(entry.name, 1, 4096, &disk) != OK)
			continue;
		allowed = verify_allowed(&disk);
		disk_close(&disk);
		memcpy(driver, entry.device.driver, DRIVER_NAME_BYTES);
		if (allowed)
			return true;
	}
	return false;
}

static struct device_info device_now(void)
{
	struct device_info info = { 0 };
	uint32_t id = disk.entry.device.id;

	return device_next(&id, &info) ? info : (struct device_info){ 0 };
}

static void sample(uint64_t ns)
{
	if (samples < SAMPLES_MAX)
		pause_ns[samples++] = ns;
}

static void note_pauses(const char *what)
{
	for (unsigned i = 1; i < samples; i++) {
		uint64_t value = pause_ns[i];
		unsigned at = i;

		for (; at > 0 && pause_ns[at - 1] > value; at--)
			pause_ns[at] = pause_ns[at - 1];
		pause_ns[at] = value;
	}
	if (samples)
		test_note("%u %s, pause: median %llu us, p99 %llu us, longest %llu us", samples,
			  what, (unsigned long long)(pause_ns[samples / 2] / 1000),
			  (unsigned long long)(pause_ns[samples * 99 / 100] / 1000),
			  (unsigned long long)(pause_ns[samples - 1] / 1000));
	samples = 0;
}

/* --- The load, in a process of its own --- */

struct storm {
	struct child child;
	handle_t stop;
};

static void load_start(struct storm *storm)
{
	struct startup_handle given[] = {
		{ STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) },
		{ STARTUP_MANAGER, runtime_handle(STARTUP_MANAGER) },
		{ CHILD_NOTIFICATION, storm->stop = new_notification() },
	};

	if (!child_start(&storm->child, "verify", disk.entry.name, given, 3))
		test_fail(__FILE__, __LINE__, "starting the load", 0, 1);
	sleep_until(now_ns() + 50 * MS_NS);
}

static void load_end(struct storm *storm)
{
	int64_t code = -1;

	SYS2(SYS_SIGNAL, storm->stop, 1);
	child_wait(&storm->child, &code);
	child_end(&storm->child);
	close_handle(storm->stop);
	CHECK_EQUAL(code, 0);
}

int be_a_load(const char *name)
{
	struct verify_totals totals;
	bool good = verify_run(name, 2, runtime_handle(CHILD_NOTIFICATION), &totals);

	log_line(good ? LOG_NOTICE : LOG_ERROR,
		 "systest: load: %llu operations, %llu mismatches, %llu failures, %llu violations, "
		 "longest %llu us: %s",
		 (unsigned long long)totals.operations, (unsigned long long)totals.mismatches,
		 (unsigned long long)totals.failures, (unsigned long long)totals.violations,
		 (unsigned long long)(totals.longest_ns / 1000), error_text(totals.error));
	return good ? 0 : 1;
}

/* --- Storms --- */

#define STORM_LONG 500 /* moves a way */

static unsigned in_flight_moves;

static void move_once(enum placement ring, enum manager_move how)
{
	struct manager_moved moved = { 0 };
	struct device_info info;

	sleep_until(now_ns() + BREATH_NS);
	CHECK_EQUAL(manager_driver_move_timed(driver, ring, how, &moved), OK);
	CHECK_EQUAL(moved.cold, how == MOVE_COLD);
	info = device_now();
	CHECK_EQUAL(info.placement, ring);
	in_flight_moves += info.taken_over != 0;
	sample(moved.pause_ns);
}

static void kill_once(void)
{
	struct manager_moved moved = { 0 };

	sleep_until(now_ns() + BREATH_NS);
	CHECK_EQUAL(manager_driver_kill_timed(driver, &moved), OK);
	sample(moved.pause_ns);
}

static void storm_of_moves(enum manager_move how, uint32_t count)
{
	for (uint32_t i = 0; i < count && !test_failed(); i++) {
		move_once(PLACEMENT_KERNEL, how);
		if (!test_failed())
			move_once(PLACEMENT_USER, how);
	}
}

static void storm_of_deaths(uint32_t count)
{
	for (uint32_t i = 0; i < count && !test_failed(); i++)
		kill_once();
}

/* To ring 3, where both storms begin. False: it has one ring only. */
static bool prepare(void)
{
	enum error error;

	if (!find_disk()) {
		test_skip("no disk may be written; see runtime/verify.h");
		return false;
	}
	error = manager_driver_move(driver, PLACEMENT_USER, MOVE_HOT_ELSE_COLD);
	if (error != OK)
		test_skip("its driver cannot be in ring 3");
	return error == OK;
}

static bool has_both_rings(void)
{
	enum error error = manager_driver_move(driver, PLACEMENT_KERNEL, MOVE_HOT_ELSE_COLD);

	if (error == OK)
		error = manager_driver_move(driver, PLACEMENT_USER, MOVE_HOT_ELSE_COLD);
	if (error == ERR_DENIED || error == ERR_UNSUPPORTED)
		test_skip(
			"the driver has one ring: by rule 5, or because the other image lacks it");
	else if (error != OK)
		test_fail(__FILE__, __LINE__, "moving the idle driver", error, OK);
	return error == OK;
}

static void moves_under_load(enum manager_move how, uint32_t count)
{
	struct device_info before, after;
	struct storm storm;

	before = device_now();
	samples = in_flight_moves = 0;
	load_start(&storm);
	storm_of_moves(how, count);
	load_end(&storm);
	after = device_now();
	CHECK_EQUAL(after.moves, before.moves + 2 * count);
	CHECK_EQUAL(after.deaths, before.deaths);
}

static void hot_moves_under_load_lose_nothing(void)
{
	if (!prepare() || !has_both_rings())
		return;
	moves_under_load(MOVE_HOT_ONLY, storm_count);
	test_note("%u of %u hot moves had requests in flight", in_flight_moves, samples);
	/* A starved host answers late and in heaps: only many moves show the share reliably. */
	CHECK(in_flight_moves * 10 >= samples * (storm_count >= STORM_LONG ? 9 : 4));
	note_pauses("hot moves");
}

static void cold_moves_under_load_lose_nothing(void)
{
	if (!prepare() || !has_both_rings())
		return;
	moves_under_load(MOVE_COLD, storm_count / 10 + 1);
	note_pauses("cold moves");
}

static void deaths_under_load_lose_nothing(void)
{
	struct device_info before, after;
	struct storm storm;

	if (!prepare())
		return;
	before = device_now();
	samples = 0;
	load_start(&storm);
	storm_of_deaths(storm_count);
	load_end(&storm);
	after = device_now();
	CHECK_EQUAL(after.deaths, before.deaths + storm_count);
	CHECK_EQUAL(after.moves, before.moves);
	note_pauses("deaths");
}

static void line_moves_hot_too(void)
{
	struct device_info info;
	enum error error;

	for (uint32_t id = 0; device_next(&id, &info);)
		if (info.class_id == CLASS_SERIAL && info.state == INSTANCE_LIVE) {
			memcpy(driver, info.driver, DRIVER_NAME_BYTES);
			for (uint32_t i = 0; i < storm_count; i++) {
				error = manager_driver_move(
					driver, i % 2 ? PLACEMENT_USER : PLACEMENT_KERNEL,
					MOVE_HOT_ONLY);
				if (error == ERR_UNSUPPORTED)
					SKIP("it is not in both images");
				CHECK_EQUAL(error, OK);
			}
			return;
		}
	SKIP("no serial line");
}

static struct system_info system_now(void)
{
	static struct system_info info;

	sleep_until(now_ns() + 50 * MS_NS); /* what has ended is freed */
	if (SYS1(SYS_SYSTEM_INFO, (uintptr_t)&info).error)
		test_fail(__FILE__, __LINE__, "reading the census", 0, 1);
	return info;
}

/* Once before, so that what is made at first use is there. */
static void storms_leave_nothing_behind(void)
{
	struct system_info before, after;
	struct storm storm;

	if (!prepare() || !has_both_rings())
		return;
	for (unsigned round = 0; round < 2 && !test_failed(); round++) {
		uint32_t count = round ? storm_count / 10 + 2 : 2;

		before = system_now();
		load_start(&storm);
		storm_of_moves(MOVE_HOT_ONLY, count);
		storm_of_deaths(count);
		load_end(&storm);
		after = system_now();
	}
	CHECK_EQUAL(after.object_count, before.object_count);
	CHECK_EQUAL(after.process_count, before.process_count);
	CHECK_EQUAL(after.thread_count, before.thread_count);
	test_note("memory: %lld bytes less are free",
		  (long long)(before.memory_free_bytes - after.memory_free_bytes));
}

const struct test storm_tests[] = {
	{ "hot_moves_under_load_lose_nothing", hot_moves_under_load_lose_nothing },
	{ "cold_moves_under_load_lose_nothing", cold_moves_under_load_lose_nothing },
	{ "deaths_under_load_lose_nothing", deaths_under_load_lose_nothing },
	{ "line_moves_hot_too", line_moves_hot_too },
	{ "storms_leave_nothing_behind", storms_leave_nothing_behind },
	{ 0 },
};
