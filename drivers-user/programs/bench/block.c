/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suite block: one disk, its driver in ring 0 and in ring 3 in turn, each measured on the same
 * loads. A closed loop: whatever was answered is replaced, all by one doorbell.
 */
#include <runtime/devices.h>
#include <runtime/disk.h>
#include <runtime/manager.h>
#include <runtime/syscall.h>

#include "bench.h"

#define DEPTH_MAX        32u
#define SEQUENTIAL_BYTES 131072u
#define RANDOM_BYTES     4096u
#define POOL_BYTES       (DEPTH_MAX * SEQUENTIAL_BYTES)
#define POSITIONS        16384u
#define SETTLE_NS        10000000000u /* longest that a driver may take to come up */

struct load {
	const char *name;
	const char *direction;
	uint8_t operation;
	bool random;
	uint32_t depth, bytes, operations;
};

static const struct load loads[] = {
	{ "read", "read", BLOCK_READ, true, 1, RANDOM_BYTES, 4000 },
	{ "read", "read", BLOCK_READ, true, 4, RANDOM_BYTES, 6000 },
	{ "read", "read", BLOCK_READ, true, 32, RANDOM_BYTES, 12000 },
	{ "write", "write", BLOCK_WRITE, true, 1, RANDOM_BYTES, 4000 },
	{ "write", "write", BLOCK_WRITE, true, 4, RANDOM_BYTES, 6000 },
	{ "write", "write", BLOCK_WRITE, true, 32, RANDOM_BYTES, 12000 },
	{ "sequential-read", "read", BLOCK_READ, false, 1, SEQUENTIAL_BYTES, 1500 },
	{ "sequential-write", "write", BLOCK_WRITE, false, 1, SEQUENTIAL_BYTES, 1500 },
};

static struct disk disk;
static uint64_t began[DEPTH_MAX];
static struct session_slot request[DEPTH_MAX];
static uint64_t position[POSITIONS];
static uint32_t sequence;

static bool settled(enum placement placement)
{
	struct disk_entry *entry = &disk.entry;

	return disk_find("disk0", entry) && entry->device.state == INSTANCE_LIVE &&
	       entry->device.placement == placement;
}

/* The driver is idle: no session is open. The disk is back when its new instance announces it. */
static void move(enum placement placement)
{
	uint64_t deadline = now_ns() + SETTLE_NS;

	must(disk_find("disk0", &disk.entry) ? OK : ERR_NOT_FOUND, "find disk0");
	if (settled(placement))
		return;
	must(manager_driver_move(disk.entry.device.driver, placement, 0), "move the driver");
	while (!settled(placement)) {
		if (now_ns() > deadline)
			fail("the driver does not come up in the %s", placement_text(placement));
		sleep_until(now_ns() + 1000000);
	}
}

/* What the loop needs is made before it runs: the client's own work is measured with the rest.
 * Every buffer has its request, whose cookie says which; positions repeat after a while. */
static void prepare(const struct load *load)
{
	uint32_t count = load->bytes / disk.block_bytes;
	uint64_t places = disk.block_count / count, random = 88172645463325252u;

	for (uint32_t i = 0; i < DEPTH_MAX; i++)
		request[i] = (struct session_slot){ .operation = load->operation,
						    .count = count,
						    .data_offset = i * load->bytes,
						    .cookie = i };
	for (uint32_t i = 0; i < POSITIONS; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		position[i] = (load->random ? random : i) % places * count;
	}
	sequence = 0;
}

static inline void queue_one(uint32_t buffer)
{
	request[buffer].position = position[sequence++ % POSITIONS];
	began[buffer] = operation_begin();
	must(session_queue(&disk.client.side, &request[buffer], NULL), "queue a request");
}

/* Doorbell if the driver sleeps, and wait if nothing is answered: at most one system call. */
static inline void publish_and_wait(void)
{
	bool doorbell, wait = session_publish_and_sleep(&disk.client.side, &doorbell);
	uint64_t bits;

	if (__builtin_expect(wait && doorbell, 1))
		must(SYS2(SYS_SESSION_KICK_WAIT, disk.client.session, DEADLINE_NEVER).error,
		     "ring and wait");
	else if (doorbell)
		must(SYS1(SYS_SESSION_KICK, disk.client.session).error, "ring");
	else if (wait)
		must(sys_wait(disk.client.notification, DEADLINE_NEVER, &bits), "wait");
	session_client_awake(&disk.client.side);
}

/* Take every answer, and put another request in its place while `more` are wanted. */
static inline uint32_t turn(bool more, bool measured)
{
	struct session_result result;
	uint32_t done = 0;

	for (; session_reap(&disk.client.side, &result); done++) {
		must(result.status, "a request");
		if (measured)
			operation_end(began[result.cookie]);
		if (more)
			queue_one((uint32_t)result.cookie);
	}
	return done;
}

/* The segment begins when the loop has settled, and ends before it drains. */
static struct segment run(const struct load *load, uint32_t operations)
{
	uint32_t warm = 0, done = 0;
	struct segment segment;

	prepare(load);
	for (uint32_t i = 0; i < load->depth; i++)
		queue_one(i);
	while (warm < 100 + 4 * load->depth) {
		publish_and_wait();
		warm += turn(true, false);
	}
	segment_begin(load->depth);
	while (done < operations) {
		publish_and_wait();
		done += turn(true, true);
	}
	segment = segment_end(done);
	while (session_in_flight(&disk.client.side)) {
		publish_and_wait();
		turn(false, false);
	}
	return segment;
}

static uint64_t interrupts_so_far(void)
{
	struct device_info info = { 0 };
	uint32_t id = disk.entry.device.id;

	return device_next(&id, &info) ? info.interrupt_count : 0;
}

static void run_all(const struct effort *effort, enum placement placement, unsigned round)
{
	move(placement);
	must(disk_open("disk0", DEPTH_MAX, POOL_BYTES, &disk), "open disk0");
	for (unsigned i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		const struct load *load = &loads[i];
		uint32_t operations = load->operations * effort->percent / 100;
		uint64_t before = interrupts_so_far();
		struct segment segment = run(load, operations < 64 ? 64 : operations);
		uint64_t interrupts = interrupts_so_far() - before; /* warming up, too */

		data_line(&segment,
			  "suite=block name=%s driver=%s placement=%s direction=%s queue_depth=%u "
			  "block_bytes=%u round=%u interrupts=%lu requests=%u",
			  load->name, disk.entry.device.driver, placement_text(placement),
			  load->direction, load->depth, load->bytes, round, interrupts, sequence);
	}
	disk_close(&disk);
}

void block_suite(const struct effort *effort)
{
	for (unsigned round = 0; round < effort->rounds; round++) {
		run_all(effort, PLACEMENT_KERNEL, round);
		run_all(effort, PLACEMENT_USER, round);
	}
}
