/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Suite net: a port, its driver in ring 0 and in ring 3 in turn, 64-byte frames in bursts of 32.
 * The host at the other end of the cable sends bursts when a frame asks for them
 * (tests/bench/run.py). And `bench net`: a load that sends back every test frame that it receives,
 * after a look at it.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/frames.h>
#include <runtime/manager.h>
#include <runtime/net.h>
#include <runtime/parent.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

#include "bench.h"

#define SLOTS       256u
#define FRAME_ROOM  2048u
#define BURST       32u
#define FRAME_BYTES 64u
#define OPERATIONS  12800u
#define WARM_BURSTS 8u
#define SETTLE_NS   10000000000u
#define LOOK_NS     20000000u /* how often the load looks whether to stop, at the least */
/* QEMU's e1000 holds frames back for a second after reception was switched on. */
#define SETTLE_RX_NS 1200000000u
#define LAST_NS      300000000u /* quiet for so long: the other end has said all */
#define ASKS         0xf0000000u /* number of a frame that asks the host to stop; one more: to send */

static struct net net;
static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static bool settled(enum placement placement)
{
	return net_find("net0", &net.entry) && net.entry.device.state == INSTANCE_LIVE &&
	       net.entry.device.placement == placement;
}

static void move(enum placement placement)
{
	uint64_t deadline = now_ns() + SETTLE_NS;

	must(net_find("net0", &net.entry) ? OK : ERR_NOT_FOUND, "find net0");
	if (settled(placement))
		return;
	must(manager_driver_move(net.entry.device.driver, placement, MOVE_COLD), "move the driver");
	while (!settled(placement)) {
		if (now_ns() > deadline)
			fail("the driver does not come up in the %s", placement_text(placement));
		sleep_until(now_ns() + 1000000);
	}
}

/* Doorbell if the driver sleeps, then wait if nothing is answered: at most one system call. */
static inline void publish_and_wait(struct client *client)
{
	uint64_t bits;

	session_publish(&client->side);
	if (session_needs_doorbell(&client->side)) {
		if (session_client_sleep(&client->side))
			must(SYS2(SYS_SESSION_KICK_WAIT, client->session, DEADLINE_NEVER).error,
			     "ring and wait");
		else
			must(SYS1(SYS_SESSION_KICK, client->session).error, "ring");
	} else if (session_client_sleep(&client->side)) {
		must(sys_wait(client->notification, DEADLINE_NEVER, &bits), "wait");
	}
	session_client_awake(&client->side);
}

/* --- Sending --- */

static uint64_t began[SLOTS];

static void burst_send(const struct session_slot *slot, bool measured)
{
	struct session_client_side *side = &net.transmit.side;
	struct session_result result;
	unsigned done = 0;

	for (unsigned i = 0; i < BURST; i++) {
		began[i] = operation_begin();
		must(session_queue(side, &slot[i], NULL), "queue a frame");
	}
	session_publish(side);
	if (session_needs_doorbell(side))
		must(SYS1(SYS_SESSION_KICK, net.transmit.session).error, "ring");
	for (;;) {
		for (; session_reap(side, &result); done++) {
			must(result.status, "a frame");
			if (measured)
				operation_end(began[result.cookie]);
		}
		if (done == BURST)
			return;
		publish_and_wait(&net.transmit);
	}
}

static struct segment send_measured(uint32_t operations)
{
	static struct session_slot slot[BURST];
	uint32_t done = 0;

	for (uint32_t i = 0; i < BURST; i++) {
		frames_make(net_frame(&net, i), everybody, net.entry.unit.mac, i, FRAME_BYTES);
		slot[i] = (struct session_slot){ .operation = NET_SEND,
						 .count = FRAME_BYTES,
						 .data_offset = i * FRAME_ROOM,
						 .cookie = i };
	}
	for (uint32_t i = 0; i < WARM_BURSTS; i++)
		burst_send(slot, false);
	segment_begin(BURST);
	for (; done < operations; done += BURST)
		burst_send(slot, true);
	return segment_end(done);
}

/* --- Receiving --- */

/* Take every frame, and post its buffer again. */
static inline uint32_t burst_receive(bool measured)
{
	struct session_client_side *side = &net.receive.side;
	struct session_slot post = { .operation = NET_RECEIVE, .count = NET_BUFFER_BYTES };
	struct session_result result;
	uint32_t done = 0;
	uint64_t at = operation_begin();

	for (; session_reap(side, &result); done++) {
		must(result.status, "a buffer");
		if ((result.count & NET_LENGTH) != FRAME_BYTES)
			fail("a frame of %u bytes came", result.count & NET_LENGTH);
		if (measured)
			operation_end(at);
		post.data_offset = (uint32_t)result.cookie * NET_BUFFER_BYTES;
		post.cookie = result.cookie;
		must(session_queue(side, &post, NULL), "post a buffer");
	}
	return done;
}

/* Have the other end send bursts, or stop. */
static void ask(bool bursts)
{
	frames_make(net_frame(&net, bursts), everybody, net.entry.unit.mac, ASKS + bursts,
		    FRAME_BYTES);
	must(net_send(&net, bursts, FRAME_BYTES, 0, 0), "ask for bursts");
	net_kick(&net);
}

static struct segment receive_measured(uint32_t operations)
{
	uint32_t warm = 0, done = 0;
	struct segment segment;

	ask(true);
	while (warm < WARM_BURSTS * BURST) {
		publish_and_wait(&net.receive);
		warm += burst_receive(false);
	}
	segment_begin(BURST);
	while (done < operations) {
		publish_and_wait(&net.receive);
		done += burst_receive(true);
	}
	segment = segment_end(done);
	ask(false);
	sleep_until(now_ns() + LAST_NS); /* until it has */
	return segment;
}

/* --- The suite --- */

static void run_all(const struct effort *effort, enum placement placement, unsigned round)
{
	uint32_t operations = OPERATIONS * effort->percent / 100 / BURST * BURST;

	operations = operations < 10 * BURST ? 10 * BURST : operations;
	move(placement);
	for (unsigned receive = 0; receive < 2; receive++) {
		struct segment segment;

		must(net_open("net0", SLOTS, FRAME_ROOM, &net), "open net0");
		sleep_until(now_ns() + SETTLE_RX_NS);
		segment = receive ? receive_measured(operations) : send_measured(operations);
		net_close(&net);
		data_line(&segment,
			  "suite=net name=%s driver=%s placement=%s direction=%s queue_depth=%u "
			  "block_bytes=%u round=%u",
			  receive ? "receive" : "send", net.entry.device.driver,
			  placement_text(placement), receive ? "read" : "write", BURST, FRAME_BYTES,
			  round);
	}
}

void net_suite(const struct effort *effort)
{
	for (unsigned round = 0; round < effort->rounds; round++) {
		run_all(effort, PLACEMENT_KERNEL, round);
		run_all(effort, PLACEMENT_USER, round);
	}
}

/* --- The load --- */

struct load {
	struct frames_tally tally;
	uint64_t sent, failed;
	uint32_t free_count;
	uint32_t free[SLOTS]; /* frames to send */
	enum error error;
};

static void answers_take(struct load *load)
{
	struct session_result result;

	while (net_sent(&net, &result)) {
		load->free[load->free_count++] = (uint32_t)result.cookie;
		load->sent += result.status == OK;
		load->failed += result.status != OK;
	}
}

/* Takes what came; leaves the rest while there is no room to send it back. */
static bool frames_return(struct load *load)
{
	struct session_result result;
	bool any = false;

	answers_take(load);
	while (load->error == OK && load->free_count && net_receive(&net, &result)) {
		uint32_t bytes = result.count & NET_LENGTH, buffer = (uint32_t)result.cookie;
		bool whole = result.status == OK &&
			     !(result.count & ~NET_LENGTH & ~NET_SUM_OK & ~NET_IP_OK);

		any = true;
		if (whole && bytes <= FRAME_ROOM &&
		    frames_count(&load->tally, net_buffer(&net, buffer), bytes)) {
			uint32_t frame = load->free[--load->free_count];

			memcpy(net_frame(&net, frame), net_buffer(&net, buffer), bytes);
			load->error = net_send(&net, frame, bytes, 0, 0);
		}
		if (load->error == OK)
			load->error = net_post(&net, buffer);
	}
	net_kick(&net);
	return any;
}

static bool load_stopped(handle_t stop)
{
	uint64_t bits;

	return sys_wait(stop, DEADLINE_NOW, &bits) == OK;
}

static void load_run(struct load *load, handle_t stop)
{
	uint64_t quiet_since = now_ns();
	bool stopping = false;

	while (load->error == OK) {
		if (frames_return(load))
			quiet_since = now_ns();
		stopping = stopping || load_stopped(stop);
		if (stopping && now_ns() - quiet_since > LAST_NS && load->free_count == SLOTS)
			return;
		load->error = net_wait(&net, now_ns() + LOOK_NS);
		if (load->error == ERR_TIMEOUT)
			load->error = OK;
	}
}

int net_load(void)
{
	static struct load load;
	handle_t stop = runtime_handle(STARTUP_USER);
	const struct frames_tally *tally = &load.tally;
	bool good;

	if (stop == HANDLE_NONE)
		fail("`bench net &` starts the load, `bench net stop` ends it");
	must(net_open("net0", SLOTS, FRAME_ROOM, &net), "open net0");
	for (uint32_t i = 0; i < SLOTS; i++)
		load.free[load.free_count++] = i;
	load_run(&load, stop);
	net_close(&net);
	good = load.error == OK && !tally->lost && !tally->again && !tally->wrong && !load.failed;
	parent_print("bench net: %s, %llu received, %llu lost, %llu again, %llu wrong, %llu sent, "
		     "%llu failed%s%s\n",
		     good ? "good" : "BAD", (unsigned long long)tally->good,
		     (unsigned long long)tally->lost, (unsigned long long)tally->again,
		     (unsigned long long)tally->wrong, (unsigned long long)load.sent,
		     (unsigned long long)load.failed, load.error ? ": " : "",
		     load.error ? error_text(load.error) : "");
	return good ? 0 : 1;
}
