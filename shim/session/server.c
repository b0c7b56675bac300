/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions, the driver's side: attaching, replay, wake-ups. The fast paths are in session.h.
 */
#include <session/session.h>
#include <shim/driver.h>

static bool session_info_sane(const struct session_info *info)
{
	uint32_t count = info->slot_count, block = info->block_bytes;

	return info->magic == SESSION_MAGIC && info->version == SESSION_VERSION && count != 0 &&
	       count <= SESSION_SLOTS_MAX && (count & (count - 1)) == 0 &&
	       (block & (block - 1)) == 0 && info->pool_bytes <= SESSION_POOL_MAX &&
	       info->range_count <= UINT64_MAX - info->range_start;
}

/* Keep the replay list in order of submission: oldest first. */
static void session_replay_insert(struct session_link *link, uint16_t slot)
{
	uint32_t generation = link->generation[slot], at = link->replay_count++;

	while (at > 0 && (int32_t)(link->generation[link->replay[at - 1]] - generation) > 0) {
		link->replay[at] = link->replay[at - 1];
		at--;
	}
	link->replay[at] = slot;
}

static bool session_answered(const struct session_link *link, uint32_t slot)
{
	return link->answered[slot / 64] >> slot % 64 & 1;
}

/* Is this a completion that the client will accept, and the first one of its slot? */
static bool session_completion_right(const struct session_link *link, uint32_t at)
{
	const struct session_completion *entry = &link->complete_ring[at & (link->slot_count - 1)];

	return entry->slot < link->slot_count && !session_answered(link, entry->slot) &&
	       __atomic_load_n(&link->slots[entry->slot].generation, __ATOMIC_RELAXED) ==
		       entry->generation &&
	       (int32_t)(link->epoch - entry->epoch) >= 0;
}

static uint32_t session_consumed(const struct session_link *link)
{
	return __atomic_load_n(&link->client->complete_head, __ATOMIC_ACQUIRE);
}

/* Find the completions that an earlier instance posted and the client has not consumed: they stay
 * valid. What it wrote is believed up to the first that the client would refuse. The client goes on
 * consuming meanwhile, and only then uses a slot again. */
static void session_find_answered(struct session_link *link)
{
	uint32_t tail = __atomic_load_n(&link->server->complete_tail, __ATOMIC_RELAXED);
	uint32_t at = session_consumed(link);

	if (tail - at > link->slot_count)
		tail = at;
	for (; at != tail; at++) {
		if (session_completion_right(link, at)) {
			uint16_t slot = link->complete_ring[at & (link->slot_count - 1)].slot;

			link->answered[slot / 64] |= UINT64_C(1) << slot % 64;
		} else if ((int32_t)(session_consumed(link) - at) <= 0) {
			break;
		}
	}
	link->complete_tail = at;
}

/* The first word of a slot, read once: does it hold a request that was submitted and waits? */
static bool session_unfinished(const struct session_link *link, uint32_t slot, uint32_t *generation)
{
	const uint64_t *words = (const uint64_t *)(const void *)&link->slots[slot];
	uint64_t head = __atomic_load_n(&words[0], __ATOMIC_RELAXED);

	*generation = (uint32_t)(head >> 32);
	return (uint8_t)head != 0 && (int32_t)(*generation - link->submit_head) < 0;
}

void session_find_unfinished(struct session_link *link)
{
	uint32_t generation;

	for (uint32_t slot = 0; slot < link->slot_count; slot++) {
		if (link->taken[slot] || !session_unfinished(link, slot, &generation) ||
		    session_answered(link, slot))
			continue;
		link->generation[slot] = generation;
		session_replay_insert(link, (uint16_t)slot);
	}
}

enum error session_link_init(struct session_link *link, const struct session_info *info,
			     const struct session_client *client, struct session_server *server,
			     void *pool, uint64_t pool_iova, void *backend)
{
	memset(link, 0, sizeof(*link));
	if (!session_info_sane(info))
		return ERR_PROTOCOL;
	link->info = info;
	link->client = client;
	link->server = server;
	link->pool = pool;
	link->pool_iova = pool_iova;
	link->backend = backend;
	link->slot_count = info->slot_count;
	link->slots = session_slots(client);
	link->submit_ring = session_submit_ring(client, link->slot_count);
	link->complete_ring = session_complete_ring(server);
	link->pool_bytes = info->pool_bytes;
	link->id = info->id;
	link->unit = info->unit;
	link->queue = info->queue;
	link->epoch = info->epoch;
	link->flags = info->flags;
	link->block_shift = info->block_bytes ? (uint32_t)__builtin_ctz(info->block_bytes) : 0;
	link->blocks_max = info->transfer_bytes_max >> link->block_shift;
	link->range_start = info->range_start;
	link->range_count = info->range_count;
	link->gone = info->gone != 0;

	/* What is submitted from here on comes by the ring. */
	link->submit_head = __atomic_load_n(&client->submit_tail, __ATOMIC_ACQUIRE);
	session_find_answered(link);
	__atomic_store_n(&server->submit_head, link->submit_head, __ATOMIC_RELAXED);
	__atomic_store_n(&server->complete_tail, link->complete_tail, __ATOMIC_RELEASE);
	/* Before the next look at the tail: the client may have read the last instance's flag. */
	__atomic_store_n(&server->asleep, 1, __ATOMIC_SEQ_CST);
	return OK;
}

bool session_take_over(struct session_link *link, uint32_t slot, uint32_t generation)
{
	uint32_t found;

	if (slot >= link->slot_count || link->taken[slot] || session_answered(link, slot) ||
	    !session_unfinished(link, slot, &found) || found != generation)
		return false;
	link->generation[slot] = generation;
	link->taken[slot] = true;
	link->in_flight++;
	return true;
}

uint32_t session_next_replay(struct session_link *link)
{
	while (link->replay_next != link->replay_count) {
		uint32_t slot = link->replay[link->replay_next++];

		if (!link->taken[slot])
			return slot;
		link->violations++;
	}
	return SESSION_SLOTS_MAX;
}

static inline void session_flush_one(struct session_link *link)
{
	link->wake_due = false;
	if (!link->closing) {
		if (__atomic_load_n(&link->client->asleep, __ATOMIC_RELAXED))
			session_wake(link);
	} else if (link->in_flight == 0) {
		session_drained(link);
	}
}

static __attribute__((noinline)) void session_flush_all(struct session_link *link)
{
	while (link) {
		struct session_link *next = link->wake_next;

		session_flush_one(link);
		link = next;
	}
}

void session_flush(struct session_wakes *wakes)
{
	struct session_link *link = wakes->first;

	if (!link)
		return;
	wakes->first = NULL;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (link->wake_next)
		session_flush_all(link);
	else
		session_flush_one(link);
}

void session_wakes_remove(struct session_wakes *wakes, struct session_link *link)
{
	struct session_link **at = &wakes->first;

	while (*at && *at != link)
		at = &(*at)->wake_next;
	if (*at)
		*at = link->wake_next;
	link->wake_due = false;
}

bool session_server_sleep(struct session_link *link)
{
	__atomic_store_n(&link->server->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !session_pending(link);
}
