/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions, the client's side: beginning, and completions across a change of instance. The fast
 * paths are in client.h.
 */
#include <session/client.h>

enum error session_client_init(struct session_client_side *side, const struct session_info *info,
			       struct session_client *client, const struct session_server *server,
			       void *pool)
{
	uint32_t count = info->slot_count;

	if (info->magic != SESSION_MAGIC || info->version != SESSION_VERSION || count == 0 ||
	    count > SESSION_SLOTS_MAX || (count & (count - 1)) != 0)
		return ERR_PROTOCOL;
	side->info = info;
	side->client = client;
	side->server = server;
	side->pool = pool;
	side->slots = session_slots(client);
	side->submit_ring = session_submit_ring(client, count);
	side->complete_ring = session_complete_ring(server);
	side->slot_count = count;
	side->mask = count - 1;
	side->submit_tail = client->submit_tail;
	side->complete_head = client->complete_head;
	side->epoch = info->epoch;
	side->violations = 0;
	side->free_count = count;
	for (uint32_t i = 0; i < count; i++) {
		side->slots[i].operation = 0;
		side->free[i] = (uint16_t)(count - 1 - i);
	}
	return OK;
}

/* Completions of an earlier instance stay valid, but none is of an epoch to come. An instance that
 * is over cannot write any more when the next epoch begins, and the next one cuts off what this
 * rule refuses: so both sides agree which requests are answered. */
static bool session_epoch_accept(struct session_client_side *side, uint32_t epoch)
{
	uint32_t now = __atomic_load_n(&side->info->epoch, __ATOMIC_ACQUIRE);

	if ((int32_t)(now - epoch) < 0)
		return false;
	side->epoch = epoch;
	return true;
}

bool session_reap_any(struct session_client_side *side, struct session_result *result)
{
	uint32_t tail = __atomic_load_n(&side->server->complete_tail, __ATOMIC_ACQUIRE);

	if (tail - side->complete_head > side->slot_count) {
		side->violations++;
		return false;
	}
	while (side->complete_head != tail) {
		const uint64_t *words = session_completion_words(side, side->complete_head);
		uint64_t low = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
		uint64_t high = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
		uint32_t id = (uint16_t)low, epoch = (uint32_t)high;

		if (session_answers(side, id, low) &&
		    (epoch == side->epoch || session_epoch_accept(side, epoch))) {
			session_reap_slot(side, id, low, high, result);
			return true;
		}
		session_consume(side, side->complete_head + 1);
		side->violations++;
	}
	return false;
}
