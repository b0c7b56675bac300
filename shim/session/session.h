/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions, the driver's side: what both rings do alike with one attached session. Used by
 * block.c and serial.c here, and by backend/ and class/ of both rings. Layout: abi/session.h.
 *
 * How to use: the backend maps the areas, allocates a struct session_link, calls
 * session_link_init(), and gives the link to its class (block.h, serial.h). Doorbells go to the
 * class; when a call into the driver has ended, session_flush() wakes the clients that wait.
 *
 * What an instance leaves is found in the slot table: in a hot move the class first takes over what
 * is in the hardware (session_take_over()); the rest, and after a death all of it, is replayed
 * (session_find_unfinished()).
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include <abi/device.h>
#include <abi/error.h>
#include <abi/session.h>

struct shim_device;

/* One request, copied out of shared memory exactly once: a struct session_slot and its id. */
struct session_request {
	uint64_t position;
	uint32_t slot, generation, count, data_offset;
	uint8_t operation, flags;
};

/* Links with something to tell their clients once the driver's call ends. */
struct session_wakes {
	struct session_link *first;
};

/* One session as an instance sees it. Allocated by the backend, filled by session_link_init();
 * the fields below `backend` are the session code's own. */
struct session_link {
	/* The areas: info and client are only read. */
	const struct session_info *info;
	const struct session_client *client;
	struct session_server *server;
	uint8_t *pool;      /* CPU view, NULL where the class does not need it */
	uint64_t pool_iova; /* where the device sees the pool */
	void *backend;      /* the backend's own: its session object */

	const struct session_slot *slots;
	const uint16_t *submit_ring;
	struct session_completion *complete_ring;

	/* Copied from info, checked. */
	uint32_t slot_count; /* power of two */
	uint32_t pool_bytes;
	uint32_t id, unit, queue, epoch, flags;
	uint32_t block_shift; /* block size as a power of two */
	uint32_t blocks_max;  /* most blocks a transfer: unit, range and pool allow no more */
	uint64_t range_start, range_count;

	uint32_t submit_head;   /* ids taken */
	uint32_t complete_tail; /* completions written */
	uint32_t in_flight;     /* taken, not finished */
	uint32_t violations;    /* times that the client broke the protocol */
	uint32_t depth;         /* of the unit; kept by the class */
	uint32_t
		plain; /* block: operations 1 ..< this + 1 are plain transfers; kept by the class */
	uint64_t tags; /* block: of the first 64, those below depth; kept by the class */
	bool ready;    /* the unit is there: requests may be taken; kept by the class */
	bool gone;     /* the unit is gone: requests fail */
	bool closing;  /* the client is gone: take nothing, drain */
	bool wake_due; /* in the wake list */
	struct session_link *next;      /* in the class's list */
	struct session_link *wake_next; /* in the wake list */

	/* Serial: the write being sent. */
	struct {
		uint32_t slot, generation, data_offset, count, done;
		bool active;
	} write;

	/* Requests that an earlier instance left unfinished, oldest first: taken before new ones.
	 */
	uint64_t answered[SESSION_SLOTS_MAX /
			  64]; /* a bit a slot: by it, not consumed at the start */
	uint32_t replay_count, replay_next;
	uint16_t replay[SESSION_SLOTS_MAX];

	bool taken[SESSION_SLOTS_MAX];          /* by slot */
	uint32_t generation[SESSION_SLOTS_MAX]; /* of the request taken, by slot */
};

/* Hooks: the backend provides them. */

/** Wake the client of a session (raise its notification). Context: inside session_flush(). */
void session_wake(struct session_link *link);

/** A detached session has drained: the device no longer touches its pool; the link may be freed.
 * Context: inside session_flush(). */
void session_drained(struct session_link *link);

/** Tell the registry of a unit, new or changed. Context: the device's own. */
MUST_CHECK enum error unit_publish(struct shim_device *device, const struct unit_info *unit);

/** Tell the registry that a unit is gone. Context: the device's own. */
void unit_withdraw(struct shim_device *device, unsigned unit);

/** What the registry knows of the device's units, for an instance that takes over.
 *
 * @param number     of the unit, or of the first after it
 * @param[out] unit  as an earlier instance published it: to be checked
 * @return false: there is none
 *
 * Context: the start of the class.
 */
bool unit_restore(struct shim_device *device, uint32_t number, struct unit_info *unit);

/** Attach a session. What is submitted from now on comes by the ring; what an earlier instance left
 * is in the slot table: session_take_over(), then session_find_unfinished().
 *
 * @param[out] link  zeroed and filled
 * @param info       kernel-written
 * @param client     the client's area: session_client_bytes() long
 * @param server     this side's area: session_server_bytes() long
 * @param pool       CPU view of the pool, or NULL
 * @param pool_iova  device view of the pool
 * @param backend    kept in the link
 * @retval OK
 * @retval ERR_PROTOCOL  magic, version, slot count, or block size is none
 *
 * Context: the device's own; no earlier instance writes the areas any more.
 */
MUST_CHECK enum error session_link_init(struct session_link *link, const struct session_info *info,
					const struct session_client *client,
					struct session_server *server, void *pool,
					uint64_t pool_iova, void *backend);

/** Go on with a request that an earlier instance took, instead of replaying it.
 *
 * @return false: the slot holds no such request, it was answered, or it is taken already
 *
 * Context: between session_link_init() and session_find_unfinished().
 */
bool session_take_over(struct session_link *link, uint32_t slot, uint32_t generation);

/** Find what is left of earlier instances: slots in use, submitted before the link was made,
 * without an answer, not taken over. They are replayed. Context: before the first session_take().
 */
void session_find_unfinished(struct session_link *link);

/** The oldest slot that an earlier instance left, or SESSION_SLOTS_MAX; part of session_take(). */
uint32_t session_next_replay(struct session_link *link);

/** Wake the clients in the list that sleep, and let go of detached sessions that have drained. To
 * be called when a call into the driver has ended. Context: the device's own. */
void session_flush(struct session_wakes *wakes);

/** Take a link out of the wake list, so that it may be freed. */
void session_wakes_remove(struct session_wakes *wakes, struct session_link *link);

/** The server goes to sleep: from now on the client rings its doorbell.
 *
 * @return false if requests came in meanwhile: take them instead of waiting
 */
bool session_server_sleep(struct session_link *link);

/** The server is awake: doorbells are needless. */
static inline void session_server_awake(struct session_link *link)
{
	__atomic_store_n(&link->server->asleep, 0, __ATOMIC_RELAXED);
}

/** Requests wait to be taken. */
static inline bool session_pending(const struct session_link *link)
{
	return link->replay_count != link->replay_next ||
	       __atomic_load_n(&link->client->submit_tail, __ATOMIC_ACQUIRE) != link->submit_head;
}

/* Copy a slot out of the client's memory, reading each word once. The driver's side has no use for
 * the cookie. Words, not fields, and no address taken: that keeps the copy in registers. */
static inline void session_copy(struct session_request *request, const struct session_slot *slots,
				uint32_t slot)
{
	const uint64_t *word = (const uint64_t *)(const void *)&slots[slot];
	uint64_t head = __atomic_load_n(&word[0], __ATOMIC_RELAXED);
	uint64_t span = __atomic_load_n(&word[2], __ATOMIC_RELAXED);

	request->slot = slot;
	request->operation = (uint8_t)head;
	request->flags = (uint8_t)(head >> 8);
	request->generation = (uint32_t)(head >> 32);
	request->position = __atomic_load_n(&word[1], __ATOMIC_RELAXED);
	request->count = (uint32_t)span;
	request->data_offset = (uint32_t)(span >> 32);
}

static inline void session_mark_taken(struct session_link *link,
				      const struct session_request *request)
{
	link->taken[request->slot] = true;
	link->generation[request->slot] = request->generation;
	link->in_flight++;
}

/** Take the next request. Ids out of range or taken already, and a tail that ran away, are counted
 * as violations and never followed.
 *
 * @param[out] request  the copy to check and work on; unchanged if there is none
 * @return true: taken, it must be finished
 */
static inline bool session_take(struct session_link *link, struct session_request *request)
{
	uint32_t tail = __atomic_load_n(&link->client->submit_tail, __ATOMIC_ACQUIRE);
	uint32_t head = link->submit_head, slot;

	if (__builtin_expect(link->replay_count != link->replay_next, 0)) {
		slot = session_next_replay(link);
		if (slot < link->slot_count) {
			session_copy(request, link->slots, slot);
			session_mark_taken(link, request);
			return true;
		}
	}
	if (head == tail)
		return false;
	if (tail - head > link->slot_count) {
		link->violations++;
		return false;
	}
	do {
		slot = __atomic_load_n(&link->submit_ring[head & (link->slot_count - 1)],
				       __ATOMIC_RELAXED);
		link->submit_head = ++head;
		if (__builtin_expect(slot < link->slot_count && !link->taken[slot], 1)) {
			__atomic_store_n(&link->server->submit_head, head, __ATOMIC_RELAXED);
			session_copy(request, link->slots, slot);
			session_mark_taken(link, request);
			return true;
		}
		link->violations++;
	} while (head != tail);
	__atomic_store_n(&link->server->submit_head, head, __ATOMIC_RELAXED);
	return false;
}

/* The client of a session is to be woken when the driver's call ends. */
static inline void session_wake_later(struct session_link *link, struct session_wakes *wakes)
{
	if (link->wake_due)
		return;
	link->wake_due = true;
	link->wake_next = wakes->first;
	wakes->first = link;
}

/* Write the answer number `tail`; it is not visible yet. */
static inline void session_answer(struct session_link *link, uint32_t tail, uint32_t slot,
				  uint32_t generation, enum error status, uint32_t count)
{
	struct session_completion *entry = &link->complete_ring[tail & (link->slot_count - 1)];

	entry->slot = (uint16_t)slot;
	entry->status = (uint16_t)status;
	entry->generation = generation;
	entry->epoch = link->epoch;
	entry->count = count;
	link->taken[slot] = false;
}

/* Let the client see the answers before `tail`. */
static inline void session_answers_publish(struct session_link *link, struct session_wakes *wakes,
					   uint32_t tail)
{
	link->in_flight -= tail - link->complete_tail;
	link->complete_tail = tail;
	__atomic_store_n(&link->server->complete_tail, tail, __ATOMIC_RELEASE);
	session_wake_later(link, wakes);
}

/** Answer a request that was taken: the completion becomes visible now, the client is woken by
 * session_flush().
 *
 * @param slot   of the request
 * @param count  done: blocks or bytes
 */
static inline void session_finish(struct session_link *link, struct session_wakes *wakes,
				  uint32_t slot, enum error status, uint32_t count)
{
	session_answer(link, link->complete_tail, slot, link->generation[slot], status, count);
	session_answers_publish(link, wakes, link->complete_tail + 1);
}

/** Does a piece of the pool lie inside it? */
static inline bool session_data_inside(const struct session_link *link, uint32_t offset,
				       uint64_t size_bytes)
{
	return size_bytes <= link->pool_bytes && offset <= link->pool_bytes - size_bytes;
}

#endif
