/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions, the client's side, for both rings. Layout: abi/session.h.
 *
 * How to use: session_client_init() over the mapped areas; session_queue() as many requests as
 * there are, session_publish() once, then the doorbell if session_needs_doorbell(). Take answers
 * with session_reap(); when there are none and session_client_sleep() agrees, wait on the
 * session's notification, then session_client_awake().
 */
#ifndef SESSION_CLIENT_H
#define SESSION_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <abi/error.h>
#include <abi/session.h>

/* The private half of a client; the shared half is the areas. A slot's generation is the running
 * count of submissions, and its operation is 0 while it is free: that makes the slot table a
 * journal that the next driver instance can read. */
struct session_client_side {
	const struct session_info *info;
	struct session_client *client;
	const struct session_server *server;
	uint8_t *pool;
	struct session_slot *slots;
	uint16_t *submit_ring;
	const struct session_completion *complete_ring;
	uint32_t slot_count;
	uint32_t mask;        /* slot_count - 1 */
	uint32_t submit_tail; /* queued; published by session_publish() */
	uint32_t complete_head;
	uint32_t epoch;      /* of the last completion */
	uint32_t violations; /* times that the driver broke the protocol */
	uint32_t free_count;
	uint16_t free[SESSION_SLOTS_MAX]; /* slot ids, a stack */
};

/* What became of a request. */
struct session_result {
	uint32_t slot;
	enum error status;
	uint32_t count; /* done: blocks or bytes */
	uint64_t cookie;
};

/** Begin to use a new session; all slots are free.
 *
 * @param[out] side  filled
 * @param info, client, server, pool  the areas as mapped
 * @retval OK
 * @retval ERR_PROTOCOL  not a session of this version
 */
MUST_CHECK enum error session_client_init(struct session_client_side *side,
					  const struct session_info *info,
					  struct session_client *client,
					  const struct session_server *server, void *pool);

/** Take one answer the long way: skips what is wrong. Part of session_reap(). */
bool session_reap_any(struct session_client_side *side, struct session_result *result);

/* What says that the slot is in use, and its place in the order, is one word and comes last: an
 * instance that comes now must not replay what is half filled. */
static inline void session_slot_fill(struct session_slot *slot, const struct session_slot *fill,
				     uint32_t generation)
{
	const uint64_t *from = (const uint64_t *)(const void *)fill;
	uint64_t *to = (uint64_t *)(void *)slot;

	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
	__atomic_store_n(&to[0], (uint32_t)from[0] | (uint64_t)generation << 32, __ATOMIC_RELEASE);
}

/** Queue one request; the driver sees it after session_publish().
 *
 * @param fill  operation (not 0), flags, position, count, data_offset, cookie
 * @param[out] slot  its id, or NULL if nobody cares; unchanged on error
 * @retval OK
 * @retval ERR_AGAIN  all slots are in use: reap first
 */
MUST_CHECK static inline enum error session_queue(struct session_client_side *side,
						  const struct session_slot *fill, uint32_t *slot)
{
	uint32_t tail = side->submit_tail, id;

	if (side->free_count == 0)
		return ERR_AGAIN;
	id = side->free[--side->free_count];
	session_slot_fill(&side->slots[id], fill, tail);
	side->submit_ring[tail & side->mask] = (uint16_t)id;
	side->submit_tail = tail + 1;
	if (slot)
		*slot = id;
	return OK;
}

/** Let the driver see what was queued: one store for all. */
static inline void session_publish(struct session_client_side *side)
{
	__atomic_store_n(&side->client->submit_tail, side->submit_tail, __ATOMIC_RELEASE);
}

/** Queue and publish one request; as session_queue(). */
MUST_CHECK static inline enum error session_submit(struct session_client_side *side,
						   const struct session_slot *fill, uint32_t *slot)
{
	enum error error = session_queue(side, fill, slot);

	session_publish(side);
	return error;
}

/** Queue `count` requests and publish them at once.
 *
 * @return how many found a slot, from the first on
 */
static inline unsigned session_submit_many(struct session_client_side *side,
					   const struct session_slot *fill, unsigned count)
{
	unsigned done = 0;

	while (done < count && session_queue(side, &fill[done], NULL) == OK)
		done++;
	session_publish(side);
	return done;
}

/** After publishing: does the driver sleep, so that the doorbell must ring? */
static inline bool session_needs_doorbell(const struct session_client_side *side)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&side->server->asleep, __ATOMIC_RELAXED) != 0;
}

/* The two words of a struct session_completion, each read once. */
static inline const uint64_t *session_completion_words(const struct session_client_side *side,
						       uint32_t head)
{
	return (const uint64_t *)(const void *)&side->complete_ring[head & side->mask];
}

/* Does a completion answer this slot as it was filled last? */
static inline bool session_answers(const struct session_client_side *side, uint32_t id,
				   uint64_t low)
{
	return id < side->slot_count && side->slots[id].operation != 0 &&
	       side->slots[id].generation == (uint32_t)(low >> 32);
}

/* Consume completions up to `head`. */
static inline void session_consume(struct session_client_side *side, uint32_t head)
{
	side->complete_head = head;
	__atomic_store_n(&side->client->complete_head, head, __ATOMIC_RELEASE);
}

/* Free the slot and tell what became of it. In this order: an instance that comes now must not find
 * the slot in use and its answer consumed. */
static inline void session_reap_slot(struct session_client_side *side, uint32_t id, uint64_t low,
				     uint64_t high, struct session_result *result)
{
	struct session_slot *slot = &side->slots[id];

	slot->operation = 0;
	result->slot = id;
	result->status = (enum error)(uint16_t)(low >> 16);
	result->count = (uint32_t)(high >> 32);
	result->cookie = slot->cookie;
	side->free[side->free_count++] = (uint16_t)id;
	session_consume(side, side->complete_head + 1);
}

/** Take one answer. What a faulty driver writes is counted and skipped: foreign slots, stale
 * generations or epochs, double answers.
 *
 * @param[out] result  unchanged if there is none
 * @return true: the request is done, its slot is free
 */
static inline bool session_reap(struct session_client_side *side, struct session_result *result)
{
	uint32_t tail = __atomic_load_n(&side->server->complete_tail, __ATOMIC_ACQUIRE);
	uint32_t head = side->complete_head, id;
	const uint64_t *words = session_completion_words(side, head);
	uint64_t low, high;

	if (head == tail)
		return false;
	low = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	high = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
	id = (uint16_t)low;
	if (tail - head > side->slot_count || !session_answers(side, id, low) ||
	    (uint32_t)high != side->epoch) {
		struct session_result any; /* so that the result itself can stay in registers */

		if (!session_reap_any(side, &any))
			return false;
		*result = any;
		return true;
	}
	session_reap_slot(side, id, low, high, result);
	return true;
}

/** Requests that were submitted and not yet reaped. */
static inline uint32_t session_in_flight(const struct session_client_side *side)
{
	return side->slot_count - side->free_count;
}

/** Completions wait to be reaped. */
static inline bool session_answered(const struct session_client_side *side)
{
	return __atomic_load_n(&side->server->complete_tail, __ATOMIC_ACQUIRE) !=
	       side->complete_head;
}

/** Is the device gone for good? Then nothing more is answered. */
static inline bool session_gone(const struct session_client_side *side)
{
	return __atomic_load_n(&side->info->gone, __ATOMIC_RELAXED) != 0;
}

/** The client is about to wait.
 *
 * @return true: wait; false: answers came in meanwhile, reap them
 */
static inline bool session_client_sleep(struct session_client_side *side)
{
	__atomic_store_n(&side->client->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!session_answered(side))
		return true;
	__atomic_store_n(&side->client->asleep, 0, __ATOMIC_RELAXED);
	return false;
}

/** Publish and go to sleep in one, for a client that has nothing else to do.
 *
 * @param[out] doorbell  the driver sleeps: ring it
 * @return true: wait; false: answers came in meanwhile, reap them
 */
static inline bool session_publish_and_sleep(struct session_client_side *side, bool *doorbell)
{
	session_publish(side);
	__atomic_store_n(&side->client->asleep, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*doorbell = __atomic_load_n(&side->server->asleep, __ATOMIC_RELAXED) != 0;
	return !session_answered(side);
}

/** The client is back: wake-ups are needless. */
static inline void session_client_awake(struct session_client_side *side)
{
	__atomic_store_n(&side->client->asleep, 0, __ATOMIC_RELAXED);
}

#endif
