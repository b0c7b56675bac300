/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Network ports. See runtime/net.h.
 */
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/net.h>
#include <runtime/syscall.h>
#include <runtime/time.h>

bool net_next(uint32_t *index, struct net_entry *entry)
{
	uint32_t left = *index;

	for (uint32_t id = 0; device_next(&id, &entry->device);)
		for (uint32_t unit = 0; device_unit_next(entry->device.id, &unit, &entry->unit);) {
			if (entry->unit.class_id != CLASS_NET || left-- > 0)
				continue;
			entry->index = (*index)++;
			snprintf(entry->name, sizeof(entry->name), "net%u", entry->index);
			return true;
		}
	return false;
}

bool net_find(const char *name, struct net_entry *entry)
{
	for (uint32_t index = 0; net_next(&index, entry);)
		if (strcmp(name, entry->name) == 0)
			return true;
	return false;
}

const char *net_address_text(const uint8_t address[6], char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", address[0], address[1], address[2],
		 address[3], address[4], address[5]);
	return text;
}

static enum error open_queue(struct net *net, uint32_t queue, uint32_t bytes,
			     const struct client *beside, struct client *client)
{
	return client_open_queue(net->entry.device.id, net->entry.unit.unit, queue, net->slots,
				 net->slots * bytes, beside, client);
}

enum error net_open(const char *name, uint32_t slots, uint32_t frame_bytes, struct net *net)
{
	enum error error;

	memset(net, 0, sizeof(*net));
	if (!net_find(name, &net->entry))
		return ERR_NOT_FOUND;
	net->slots = slots;
	net->frame_bytes = frame_bytes;
	error = open_queue(net, NET_RECEIVE_QUEUE, NET_BUFFER_BYTES, NULL, &net->receive);
	if (error == OK)
		error = open_queue(net, NET_TRANSMIT_QUEUE, frame_bytes, &net->receive,
				   &net->transmit);
	for (uint32_t i = 0; error == OK && i < slots; i++)
		error = net_post(net, i);
	if (error != OK)
		net_close(net);
	else
		net_kick(net);
	return error;
}

void net_close(struct net *net)
{
	client_close(&net->transmit);
	client_close(&net->receive);
}

enum error net_send(struct net *net, uint32_t number, uint32_t bytes, uint8_t flags,
		    uint64_t offload)
{
	struct session_slot fill = { .operation = NET_SEND,
				     .flags = flags,
				     .position = offload,
				     .count = bytes,
				     .data_offset = number * net->frame_bytes,
				     .cookie = number };

	return session_queue(&net->transmit.side, &fill, NULL);
}

enum error net_post(struct net *net, uint32_t number)
{
	struct session_slot fill = { .operation = NET_RECEIVE,
				     .count = NET_BUFFER_BYTES,
				     .data_offset = number * NET_BUFFER_BYTES,
				     .cookie = number };

	return session_queue(&net->receive.side, &fill, NULL);
}

static void kick_one(struct client *client)
{
	if (client->side.client->submit_tail != client->side.submit_tail)
		client_kick(client);
}

void net_kick(struct net *net)
{
	kick_one(&net->receive);
	kick_one(&net->transmit);
}

enum error net_wait(struct net *net, uint64_t deadline_ns)
{
	struct session_client_side *receive = &net->receive.side, *transmit = &net->transmit.side;
	enum error error = OK;
	uint64_t bits;

	if (session_gone(receive))
		return ERR_GONE;
	if (session_client_sleep(receive)) {
		if (session_client_sleep(transmit))
			error = sys_wait(net->receive.notification, deadline_ns, &bits);
		session_client_awake(transmit);
	}
	session_client_awake(receive);
	return error;
}

enum error net_control(struct net *net, enum net_operation operation, uint64_t value)
{
	struct session_slot fill = { .operation = (uint8_t)operation, .position = value };
	struct session_result result;
	enum error error = session_queue(&net->transmit.side, &fill, NULL);

	if (error != OK)
		return error;
	client_kick(&net->transmit);
	error = client_wait(&net->transmit, now_ns() + NET_SYNC_TIMEOUT_NS, &result);
	return error != OK ? error : result.status;
}

enum error net_statistics(struct net *net, uint64_t counter[NET_COUNTERS])
{
	enum error error = net_control(net, NET_STATISTICS, 0);

	for (unsigned i = 0; error == OK && i < NET_COUNTERS; i++)
		counter[i] =
			__atomic_load_n(&net->transmit.side.server->counter[i], __ATOMIC_RELAXED);
	return error;
}
