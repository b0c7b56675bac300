/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A client of a session with a driver that writes what it likes: each request is answered once at
 * most, with its own cookie, and no slot is lost or doubled.
 */
/* sources: shim/session/client.c */
#include <session/client.h>

#include "fuzz.h"

#define SLOTS        8u
#define SERVER_BYTES (sizeof(struct session_server) + SLOTS * sizeof(struct session_completion))
#define CLIENT_BYTES \
	(sizeof(struct session_client) + SLOTS * (sizeof(struct session_slot) + sizeof(uint16_t)))

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	/* Submit; answer slot 7 of generation 0 and 6 of 1; reap; a new epoch; nonsense. */
	static const uint8_t seed[] = { 0, 3, 0, 3, 1, 7, 0, 0, 0, 1, 0, 1, 6, 0, 1, 0, 1, 0, 2,
					2, 3, 0, 9, 1, 7, 0, 2, 0, 2, 0, 2, 4, 0, 1, 5, 5, 2 };

	if (number)
		return 0;
	memcpy(bytes, seed, sizeof(seed));
	return sizeof(seed);
}

struct model {
	struct session_client_side side;
	struct session_info info;
	struct session_client *client;
	struct session_server *server;
	bool busy[SLOTS];
	uint64_t cookie[SLOTS], next_cookie;
};

static void submit(struct model *model, uint8_t operation)
{
	struct session_slot fill = { .operation = (uint8_t)(1 + operation % 4),
				     .count = 1,
				     .cookie = model->next_cookie };
	uint32_t slot = 99;
	bool full = session_in_flight(&model->side) == SLOTS;

	FUZZ_CHECK((session_submit(&model->side, &fill, &slot) != OK) == full);
	if (full)
		return;
	FUZZ_CHECK(slot < SLOTS && !model->busy[slot]);
	model->busy[slot] = true;
	model->cookie[slot] = model->next_cookie++;
}

static void reap(struct model *model)
{
	struct session_result result;

	for (unsigned i = 0; session_reap(&model->side, &result); i++) {
		FUZZ_CHECK(i < SLOTS && result.slot < SLOTS && model->busy[result.slot]);
		FUZZ_CHECK(result.cookie == model->cookie[result.slot]);
		model->busy[result.slot] = false;
	}
}

static void answer(struct model *model, struct fuzz_input *input)
{
	uint32_t tail = model->server->complete_tail;

	session_complete_ring(model->server)[tail % SLOTS] = (struct session_completion){
		.slot = (uint16_t)fuzz_take(input, 1),
		.status = (uint16_t)fuzz_take(input, 1),
		.generation = (uint32_t)fuzz_take(input, 1),
		.epoch = (uint32_t)fuzz_take(input, 1),
		.count = 1,
	};
	model->server->complete_tail = tail + 1;
}

static void happen(struct model *model, struct fuzz_input *input)
{
	uint8_t *server = (uint8_t *)model->server;
	size_t at;

	switch (fuzz_take(input, 1) % 8) {
	case 0:
		submit(model, (uint8_t)fuzz_take(input, 1));
		break;
	case 1:
		answer(model, input);
		break;
	case 2:
		reap(model);
		break;
	case 3:
		model->info.epoch += (uint32_t)fuzz_take(input, 1) % 3;
		break;
	case 4: /* anything */
		at = fuzz_take(input, 2) % SERVER_BYTES;
		server[at] = (uint8_t)fuzz_take(input, 1);
		break;
	case 5:
		model->server->complete_tail = (uint32_t)fuzz_take(input, 4);
		break;
	case 6:
		if (session_client_sleep(&model->side))
			session_client_awake(&model->side);
		break;
	default:
		(void)session_needs_doorbell(&model->side);
	}
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	struct fuzz_input input = { bytes, size_bytes };
	struct model model = { .client = calloc(1, CLIENT_BYTES),
			       .server = calloc(1, SERVER_BYTES) };
	unsigned busy = 0;

	model.info = (struct session_info){ .magic = SESSION_MAGIC,
					    .version = SESSION_VERSION,
					    .epoch = 1,
					    .slot_count = SLOTS,
					    .pool_bytes = 4096 };
	FUZZ_CHECK(session_client_init(&model.side, &model.info, model.client, model.server,
				       NULL) == OK);
	while (input.left)
		happen(&model, &input);
	reap(&model);
	for (unsigned i = 0; i < SLOTS; i++)
		busy += model.busy[i];
	FUZZ_CHECK(session_in_flight(&model.side) == busy);
	free(model.client);
	free(model.server);
}
