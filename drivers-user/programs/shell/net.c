/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command net: list, statistics, send and receive test frames.
 */
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/frames.h>
#include <runtime/heap.h>
#include <runtime/net.h>
#include <runtime/time.h>

#include "shell.h"

#define NET_SLOTS   256u
#define FRAME_ROOM  16384u /* of NET_SLOTS frames: the largest pool */
#define FRAME_LONG  16384u /* longest frame that is put together again */
#define IP_BYTES    20u
#define TCP_BYTES   20u
#define TCP_PAYLOAD (NET_HEADER_BYTES + IP_BYTES + TCP_BYTES)

static struct net net;
static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static bool open_net(const char *name)
{
	enum error error = net_open(name, NET_SLOTS, FRAME_ROOM, &net);

	if (error == ERR_NOT_FOUND)
		print("net: there is no '%s'; `net list` shows what there is\n", name);
	else if (error == ERR_BUSY)
		print("net: somebody else has %s open\n", name);
	else if (error != OK)
		print("net: %s cannot be opened: %s; `devices` shows its driver\n", name,
		      error_text(error));
	return error == OK;
}

static void print_failure(const char *verb, enum error error)
{
	print("net %s: %s: %s; `log` has the details\n", verb, net.entry.name, error_text(error));
}

/* --- list, statistics --- */

static void run_list(int argc, char **argv)
{
	struct net_entry entry;
	char address[18];
	uint32_t index = 0;

	(void)argc, (void)argv;
	while (net_next(&index, &entry)) {
		print("%-6s %s  %s  ", entry.name, net_address_text(entry.unit.mac, address),
		      entry.unit.model);
		if (entry.unit.flags & UNIT_LINK)
			print("link up, %u Mb/s", entry.unit.speed_mbps);
		else
			print("link down");
		print(", MTU up to %u, on %s\n", entry.unit.mtu, entry.device.name);
	}
	if (index == 0)
		print("net: there is no network port; `devices` shows what there is\n");
}

static void run_statistics(int argc, char **argv)
{
	uint64_t counter[NET_COUNTERS];
	enum error error;

	if (argc != 3)
		return print_usage("net");
	if (!open_net(argv[2]))
		return;
	error = net_statistics(&net, counter);
	if (error != OK)
		print_failure("statistics", error);
	else
		print("%s: received %llu frames, %llu bytes; sent %llu frames, %llu bytes; missed "
		      "%llu, refused %llu\n",
		      net.entry.name, (unsigned long long)counter[NET_RECEIVED],
		      (unsigned long long)counter[NET_RECEIVED_BYTES],
		      (unsigned long long)counter[NET_SENT],
		      (unsigned long long)counter[NET_SENT_BYTES],
		      (unsigned long long)counter[NET_MISSED],
		      (unsigned long long)counter[NET_REFUSED]);
	net_close(&net);
}

/* --- Words behind the numbers: settings, and what to ask of the device --- */

struct options {
	bool sum;
	uint64_t mss; /* 0: not cut */
};

static bool address_read(const char *text, uint64_t *address)
{
	*address = 0;
	for (unsigned i = 0; i < 6; i++) {
		unsigned value = 0;

		for (unsigned digit = 0; digit < 2; digit++, text++) {
			char c = *text | 0x20;

			if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
				return false;
			value = value * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
		*address |= (uint64_t)value << 8 * i;
		if (*text++ != (i < 5 ? ':' : 0))
			return false;
	}
	return true;
}

static enum error option_set(char **words, int left, struct options *options, int *used)
{
	uint64_t value = 0;

	*used = 1;
	if (strcmp(words[0], "promiscuous") == 0)
		return net_control(&net, NET_FILTER, NET_PROMISCUOUS);
	if (strcmp(words[0], "groups") == 0)
		return net_control(&net, NET_FILTER, NET_ALL_MULTICAST);
	if (strcmp(words[0], "sum") == 0) {
		options->sum = true;
		return OK;
	}
	*used = 2;
	if (left < 2)
		return ERR_INVALID;
	if (strcmp(words[0], "group") == 0)
		return address_read(words[1], &value) ? net_control(&net, NET_MULTICAST, value)
						      : ERR_INVALID;
	if (!number_argument("net: option", words[1], &value))
		return ERR_INVALID;
	if (strcmp(words[0], "mtu") == 0)
		return net_control(&net, NET_MTU, value);
	if (strcmp(words[0], "segment") != 0)
		return ERR_INVALID;
	options->mss = value;
	return OK;
}

static bool options_set(char **words, int count, struct options *options)
{
	for (int at = 0, used; at < count; at += used) {
		enum error error = option_set(words + at, count - at, options, &used);

		if (error != OK) {
			print("net: option %s: %s\n", words[at], error_text(error));
			return false;
		}
	}
	return true;
}

/* --- send --- */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Headers of a TCP segment from 10.0.0.1 to 10.0.0.2; the device fills in all checksums. The TCP
 * field holds the pseudo header's sum, without a length where the device cuts. */
static void tcp_make(uint8_t *frame, uint32_t number, uint32_t bytes, bool cut)
{
	uint8_t *ip = frame + NET_HEADER_BYTES, *tcp = ip + IP_BYTES;
	uint32_t payload = bytes - TCP_PAYLOAD, at = number * payload;
	uint32_t sum = 0x0a00 + 1 + 0x0a00 + 2 + 6 + (cut ? 0 : TCP_BYTES + payload);

	memcpy(frame, everybody, 6);
	memcpy(frame + 6, net.entry.unit.mac, 6);
	put16(frame + 12, 0x0800);
	memset(ip, 0, IP_BYTES + TCP_BYTES);
	ip[0] = 0x45;
	put16(ip + 2, bytes - NET_HEADER_BYTES);
	put16(ip + 4, number);
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	put16(tcp, 4000);
	put16(tcp + 2, 4001);
	put16(tcp + 4, at >> 16);
	put16(tcp + 6, at);
	put16(tcp + 12, 0x5018);
	put16(tcp + 14, 0xffff);
	put16(tcp + 16, (sum & 0xffff) + (sum >> 16));
	for (uint32_t i = 0; i < payload; i++)
		tcp[TCP_BYTES + i] = (uint8_t)((at + i) * 31 >> 3);
}

static enum error send_one(uint32_t slot, uint32_t number, uint32_t bytes,
			   const struct options *options)
{
	uint8_t flags = NET_SUM | NET_SUM_IP;

	if (!options->sum && !options->mss) {
		frames_make(net_frame(&net, slot), everybody, net.entry.unit.mac, number, bytes);
		return net_send(&net, slot, bytes, 0, 0);
	}
	tcp_make(net_frame(&net, slot), number, bytes, options->mss != 0);
	if (options->mss)
		flags |= NET_SEGMENT;
	return net_send(&net, slot, bytes, flags,
			net_offload(NET_HEADER_BYTES, NET_HEADER_BYTES + IP_BYTES,
				    NET_HEADER_BYTES + IP_BYTES + 16,
				    options->mss ? TCP_PAYLOAD : 0, (unsigned)options->mss));
}

/* As many as there are slots, then as they are answered. */
static enum error send_all(uint32_t count, uint32_t bytes, const struct options *options)
{
	struct session_result result;
	uint32_t queued = 0, done = 0;
	enum error error = OK;

	while (done < count && !interrupted()) {
		for (; queued < count && queued < done + NET_SLOTS; queued++) {
			error = send_one(queued % NET_SLOTS, queued, bytes, options);
			if (error != OK)
				return error;
		}
		net_kick(&net);
		error = client_wait(&net.transmit, now_ns() + NET_SYNC_TIMEOUT_NS, &result);
		if (error == OK)
			error = result.status;
		if (error != OK)
			return error;
		done++;
	}
	return done == count ? OK : ERR_CANCELLED;
}

/* net send NET COUNT BYTES [OPTIONS] */
static void run_send(int argc, char **argv)
{
	struct options options = { 0 };
	uint64_t count, bytes, least, began;
	enum error error;
	char time[24];

	if (argc < 5)
		return print_usage("net");
	if (!number_argument("net: count", argv[3], &count) ||
	    !number_argument("net: bytes", argv[4], &bytes) || !open_net(argv[2]))
		return;
	if (options_set(argv + 5, argc - 5, &options)) {
		least = options.sum || options.mss ? TCP_PAYLOAD + 1 : FRAMES_BYTES_MIN;
		began = now_ns();
		error = bytes >= least && bytes <= FRAME_ROOM && count <= UINT32_MAX
				? send_all((uint32_t)count, (uint32_t)bytes, &options)
				: ERR_RANGE;
		if (error != OK)
			print_failure("send", error);
		else
			print("%s: %llu frames of %llu bytes sent in %s\n", net.entry.name,
			      (unsigned long long)count, (unsigned long long)bytes,
			      duration_text(now_ns() - began, time));
	}
	net_close(&net);
}

/* --- receive --- */

struct reception {
	struct frames_tally tally;
	uint64_t checked; /* by the device: TCP and IP checksums good */
	uint64_t damaged;
	uint32_t bytes; /* of a frame in several buffers, so far */
	uint8_t *frame; /* [FRAME_LONG] */
};

static void take_buffer(struct reception *reception, const struct session_result *result)
{
	const uint8_t *buffer = net_buffer(&net, (uint32_t)result->cookie);
	uint32_t bytes = result->count & NET_LENGTH, so_far = reception->bytes;

	if (result->count & NET_DAMAGED || bytes > NET_BUFFER_BYTES ||
	    so_far + bytes > FRAME_LONG) {
		reception->damaged++;
		reception->bytes = 0;
		return;
	}
	if (so_far || result->count & NET_MORE) {
		memcpy(reception->frame + so_far, buffer, bytes);
		reception->bytes = so_far + bytes;
		if (result->count & NET_MORE)
			return;
		buffer = reception->frame;
		bytes += so_far;
		reception->bytes = 0;
	}
	frames_count(&reception->tally, buffer, bytes);
	reception->checked +=
		(result->count & (NET_SUM_OK | NET_IP_OK)) == (NET_SUM_OK | NET_IP_OK);
}

static enum error receive_all(struct reception *reception, uint64_t count, uint64_t deadline_ns)
{
	struct session_result result;
	enum error error = OK;

	while (reception->tally.good < count && now_ns() < deadline_ns && !interrupted()) {
		while (net_receive(&net, &result)) {
			if (result.status != OK)
				return result.status;
			take_buffer(reception, &result);
			error = net_post(&net, (uint32_t)result.cookie);
			if (error != OK)
				return error;
		}
		net_kick(&net);
		error = net_wait(&net, now_ns() + SECOND_NS / 10);
		if (error != OK && error != ERR_TIMEOUT)
			return error;
	}
	return OK;
}

/* net receive NET COUNT SECONDS [OPTIONS] */
static void run_receive(int argc, char **argv)
{
	struct reception reception = { .frame = NULL };
	struct options options = { 0 };
	uint64_t count, seconds;
	enum error error;

	if (argc < 5)
		return print_usage("net");
	if (!number_argument("net: count", argv[3], &count) ||
	    !number_argument("net: seconds", argv[4], &seconds) || !open_net(argv[2]))
		return;
	reception.frame = calloc(1, FRAME_LONG);
	if (reception.frame && options_set(argv + 5, argc - 5, &options)) {
		print("%s: receives\n", net.entry.name);
		print_flush();
		error = receive_all(&reception, count, now_ns() + seconds * SECOND_NS);
		if (error != OK)
			print_failure("receive", error);
		print("%s: %llu good, %llu lost, %llu again, %llu wrong, %llu foreign, %llu "
		      "damaged, %llu checked\n",
		      net.entry.name, (unsigned long long)reception.tally.good,
		      (unsigned long long)reception.tally.lost,
		      (unsigned long long)reception.tally.again,
		      (unsigned long long)reception.tally.wrong,
		      (unsigned long long)reception.tally.foreign,
		      (unsigned long long)reception.damaged, (unsigned long long)reception.checked);
	}
	free(reception.frame);
	net_close(&net);
}

static const struct {
	const char *name;
	void (*run)(int argc, char **argv);
} verbs[] = {
	{ "list", run_list },
	{ "statistics", run_statistics },
	{ "send", run_send },
	{ "receive", run_receive },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void run_net(int argc, char **argv)
{
	if (argc == 1)
		return run_list(argc, argv);
	for (unsigned i = 0; i < VERB_COUNT; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc, argv);
	print_usage("net");
}

static const char *complete_net(int word, char **words, unsigned index)
{
	static char name[NET_NAME_BYTES];
	struct net_entry entry;

	if (word == 1)
		return index < VERB_COUNT ? verbs[index].name : NULL;
	if (word != 2 || strcmp(words[1], "list") == 0 || !net_next(&index, &entry))
		return NULL;
	memcpy(name, entry.name, sizeof(name));
	return name;
}

const struct command net_commands[] = {
	{ "net",
	  "[list] | statistics NET | send NET COUNT BYTES [sum] [segment MSS] | receive NET COUNT "
	  "SECONDS; both [promiscuous] [groups] [group ADDRESS] [mtu BYTES]",
	  "network ports: list, statistics, send and receive test frames", run_net, complete_net },
	{ 0 },
};
