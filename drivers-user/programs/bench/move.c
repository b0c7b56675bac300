/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suites move and recovery: the disk's driver changes rings, or dies, under 32 requests in flight
 * that check themselves (`bench verify`, in a process of its own). Each order is a segment: its
 * times are from the order to its end, pause_ns is what the kernel says that clients waited. The
 * plugin counts both pause and restart, from the kernel's markers on.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/disk.h>
#include <runtime/manager.h>
#include <runtime/process.h>
#include <runtime/syscall.h>

#include "bench.h"

#define HOT_MOVES     400 /* each to and fro: an even number */
#define COLD_MOVES    60
#define DEATHS        100
#define BREATH_NS     2000000u /* between two orders: the load takes up speed */
#define PROBES        8u
#define PROBE_BYTES   65536u
#define PRIORITY_LOAD (PRIORITY_PROGRAM - 1) /* who waits for an order does not wait for it */
#define LOAD_ENDED    1u

struct load_process {
	handle_t process, stop, ended;
};

static struct disk disk; /* a client beside the load */

static struct load_process load_start(void)
{
	struct load_process load = { .stop = create(SYS_NOTIFICATION_CREATE),
				     .ended = create(SYS_NOTIFICATION_CREATE) };
	struct startup_handle handle[] = {
		{ STARTUP_REGISTRY, runtime_handle(STARTUP_REGISTRY) },
		{ STARTUP_MANAGER, runtime_handle(STARTUP_MANAGER) },
		{ STARTUP_USER, load.stop },
	};

	load.process = start_self("verify", handle, 3, PRIORITY_LOAD);
	must(SYS3(SYS_PROCESS_WATCH, load.process, load.ended, LOAD_ENDED).error, "watch the load");
	sleep_until(now_ns() + 20 * (uint64_t)BREATH_NS);
	return load;
}

/* It must have been right to the last block. */
static void load_end(struct load_process *load)
{
	struct process_info info = { 0 };
	uint64_t bits;

	must(SYS2(SYS_SIGNAL, load->stop, 1).error, "stop the load");
	must(sys_wait(load->ended, DEADLINE_NEVER, &bits), "wait for the load's end");
	must(SYS2(SYS_PROCESS_INFO, load->process, (uintptr_t)&info).error, "ask how it ended");
	if (!info.exited || info.exit_code)
		fail("the load lost or mixed up data; `bench verify` says what");
	SYS1(SYS_HANDLE_CLOSE, load->process);
	SYS1(SYS_HANDLE_CLOSE, load->stop);
	SYS1(SYS_HANDLE_CLOSE, load->ended);
}

static struct device_info device_now(void)
{
	struct device_info info = { 0 };
	uint32_t id = disk.entry.device.id;

	if (!device_next(&id, &info))
		fail("the device is gone");
	return info;
}

static void move_once(const char *name, enum placement ring, enum manager_move how)
{
	struct manager_moved moved = { 0 };
	struct segment segment;
	uint64_t began;

	sleep_until(now_ns() + BREATH_NS);
	segment_begin(1);
	began = operation_begin();
	must(manager_driver_move_timed(disk.entry.device.driver, ring, how, &moved), "move");
	operation_end(began);
	segment = segment_end(1);
	if (moved.cold != (how == MOVE_COLD))
		fail("a %s move was none", name);
	data_line(&segment,
		  "suite=move name=%s driver=%s placement=%s direction=to-%s pause_ns=%lu "
		  "taken_over=%u",
		  name, disk.entry.device.driver, placement_text(ring), placement_text(ring),
		  moved.pause_ns, device_now().taken_over);
}

/* A driver that has one ring only is no failure: the suite has nothing to measure. */
static bool has_both_rings(const char *suite)
{
	const char *driver = disk.entry.device.driver;
	enum error error = manager_driver_move(driver, PLACEMENT_KERNEL, MOVE_COLD);

	if (!error)
		error = manager_driver_move(driver, PLACEMENT_USER, MOVE_COLD);
	if (error == ERR_DENIED || error == ERR_UNSUPPORTED) {
		skip(suite, "the driver has one ring only: by its bus, or by the configuration");
		return false;
	}
	must(error, "move the idle driver");
	return true;
}

static void moves(const char *name, enum manager_move how, unsigned count)
{
	struct load_process load;

	must(disk_find("disk0", &disk.entry) ? OK : ERR_NOT_FOUND, "find disk0");
	if (!has_both_rings(name))
		return;
	load = load_start();
	for (unsigned i = 0; i < count; i++) {
		move_once(name, PLACEMENT_KERNEL, how);
		move_once(name, PLACEMENT_USER, how);
	}
	load_end(&load);
}

void hot_suite(const struct effort *effort)
{
	moves("hot", MOVE_HOT_ONLY, effort_times(effort, HOT_MOVES));
}

void cold_suite(const struct effort *effort)
{
	moves("cold", MOVE_COLD, effort_times(effort, COLD_MOVES));
}

static void probe(void)
{
	struct session_slot read = { .operation = BLOCK_READ,
				     .count = PROBE_BYTES / disk.block_bytes };

	must(session_queue(&disk.client.side, &read, NULL), "queue a request");
}

static void answer(void)
{
	struct session_result result;

	must(client_wait(&disk.client, DEADLINE_NEVER, &result), "wait for an answer");
	must(result.status, "a request");
}

/* From the order to die to the first answer of the next instance, which the epoch tells. */
static void restart_once(void)
{
	struct session_client_side *side = &disk.client.side;
	struct manager_moved moved = { 0 };
	struct segment segment;
	uint64_t began;
	uint32_t epoch;

	sleep_until(now_ns() + BREATH_NS);
	probe();
	client_kick(&disk.client);
	answer();
	epoch = side->epoch;
	for (unsigned i = 0; i < PROBES; i++)
		probe();
	client_kick(&disk.client);
	segment_begin(1);
	began = operation_begin();
	must(manager_driver_kill_timed(disk.entry.device.driver, &moved), "kill the driver");
	while (side->epoch == epoch) {
		if (!session_in_flight(side)) {
			probe();
			client_kick(&disk.client);
		}
		answer();
	}
	operation_end(began);
	segment = segment_end(1);
	while (session_in_flight(side))
		answer();
	data_line(&segment, "suite=recovery name=restart driver=%s placement=%s pause_ns=%lu",
		  disk.entry.device.driver, placement_text(PLACEMENT_USER), moved.pause_ns);
}

void recovery_suite(const struct effort *effort)
{
	unsigned count = effort_times(effort, DEATHS);
	struct load_process load;
	enum error error;

	must(disk_open("disk0", PROBES, PROBE_BYTES, &disk), "open disk0");
	error = manager_driver_move(disk.entry.device.driver, PLACEMENT_USER, MOVE_HOT_ELSE_COLD);
	if (error == ERR_DENIED || error == ERR_UNSUPPORTED) {
		skip("recovery", "the driver is in ring 0 only, where nothing may die");
		disk_close(&disk);
		return;
	}
	must(error, "move the driver to ring 3");
	load = load_start();
	for (unsigned i = 0; i < count; i++)
		restart_once();
	load_end(&load);
	disk_close(&disk);
}
