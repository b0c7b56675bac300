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

static void unmap(const void *area, uint32_t bytes)
{
	if (area)
		SYS2(SYS_MEMORY_UNMAP, (uintptr_t)area, session_page_round(bytes));
}

/* The areas outlive the handle: an instance may still read them. Only the mappings go. */
void client_close(struct client *client)
{
	const struct session_create *areas = &client->areas;

	close_handle(&client->session);
	if (!client->shared)
		close_handle(&client->notification);
	unmap((void *)areas->info_vaddr, SESSION_PAGE);
	unmap((void *)areas->client_vaddr, session_client_bytes(areas->slot_count));
	unmap((void *)areas->server_vaddr, session_server_bytes(areas->slot_count));
	unmap((void *)areas->pool_vaddr, areas->pool_bytes);
	client->areas = (struct session_create){ 0 };
}

static enum error create_session(struct client *client, handle_t grant)
{
	struct session_create *areas = &client->areas;
	struct sys_result result;

	if (!client->shared) {
		result = SYS0(SYS_NOTIFICATION_CREATE);
		if (result.error != OK)
			return result.error;
		client->notification = (handle_t)result.value;
	}
	areas->notification = client->notification;
	areas->notification_bits = 1;
	result = SYS2(SYS_SESSION_CREATE, grant, (uintptr_t)areas);
	if (result.error != OK)
		return result.error;
	client->session = (handle_t)result.value;
	return session_client_init(&client->side, (const struct session_info *)areas->info_vaddr,
				   (struct session_client *)areas->client_vaddr,
				   (const struct session_server *)areas->server_vaddr,
				   (void *)areas->pool_vaddr);
}

static enum error open_areas(uint32_t device, uint32_t unit, struct client *client)
{
	handle_t grant = HANDLE_NONE;
	enum error error = manager_open(device, unit, &grant);

	if (error != OK)
		return error;
	error = create_session(client, grant);
	close_handle(&grant);
	if (error != OK)
		client_close(client);
	return error;
}

enum error client_open(uint32_t device, uint32_t unit, uint32_t slots, uint32_t pool_bytes,
		       uint64_t range_start, uint64_t range_count, struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->areas = (struct session_create){ .slot_count = slots,
						 .pool_bytes = pool_bytes,
						 .range_start = range_start,
						 .range_count = range_count };
	return open_areas(device, unit, client);
}

enum error client_open_queue(uint32_t device, uint32_t unit, uint32_t queue, uint32_t slots,
			     uint32_t pool_bytes, const struct client *beside,
			     struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->areas = (struct session_create){ .slot_count = slots,
						 .pool_bytes = pool_bytes,
						 .queue = queue };
	if (beside) {
		client->notification = beside->notification;
		client->shared = true;
	}
	return open_areas(device, unit, client);
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
