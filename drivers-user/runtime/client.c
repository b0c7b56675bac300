/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions of any class. See runtime/client.h.
 */
#include <lib/string.h>
#include <runtime/client.h>
#include <runtime/manager.h>
#include <runtime/syscall.h>

static void close_handle(handle_t *handle)
{
	if (*handle != HANDLE_NONE)
		SYS1(SYS_HANDLE_CLOSE, *handle);
	*handle = HANDLE_NONE;
}

void client_close(struct client *client)
{
	close_handle(&client->session);
	close_handle(&client->notification);
}

static enum error create_session(struct client *client, handle_t grant,
				 struct session_create *create)
{
	struct sys_result result = SYS0(SYS_NOTIFICATION_CREATE);

	if (result.error != OK)
		return result.error;
	client->notification = (handle_t)result.value;
	create->notification = client->notification;
	create->notification_bits = 1;
	result = SYS2(SYS_SESSION_CREATE, grant, (uintptr_t)create);
	if (result.error != OK)
		return result.error;
	client->session = (handle_t)result.value;
	return session_client_init(&client->side, (const struct session_info *)create->info_vaddr,
				   (struct session_client *)create->client_vaddr,
				   (const struct session_server *)create->server_vaddr,
				   (void *)create->pool_vaddr);
}

enum error client_open(uint32_t device, uint32_t unit, uint32_t slots, uint32_t pool_bytes,
		       uint64_t range_start, uint64_t range_count, struct client *client)
{
	struct session_create create = { .slot_count = slots,
					 .pool_bytes = pool_bytes,
					 .range_start = range_start,
					 .range_count = range_count };
	handle_t grant = HANDLE_NONE;
	enum error error = manager_open(device, unit, &grant);

	memset(client, 0, sizeof(*client));
	if (error != OK)
		return error;
	error = create_session(client, grant, &create);
	close_handle(&grant);
	if (error != OK)
		client_close(client);
	return error;
}

void client_kick(struct client *client)
{
	session_publish(&client->side);
	if (session_needs_doorbell(&client->side))
		SYS1(SYS_SESSION_KICK, client->session);
}

enum error client_wait(struct client *client, uint64_t deadline_ns, struct session_result *result)
{
	struct session_client_side *side = &client->side;
	uint32_t violations = side->violations;
	enum error error = OK;
	uint64_t bits;

	for (;;) {
		if (session_reap(side, result))
			return OK;
		if (session_gone(side))
			return ERR_GONE;
		if (side->violations != violations)
			return ERR_PROTOCOL;
		if (error != OK)
			return error;
		if (!session_client_sleep(side))
			continue;
		error = sys_wait(client->notification, deadline_ns, &bits);
		session_client_awake(side);
	}
}
