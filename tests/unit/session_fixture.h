/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A session in host memory: the areas as the kernel lays them out, both sides, and the hooks a
 * backend provides. Included by the tests of shim/session.
 */
#ifndef SESSION_FIXTURE_H
#define SESSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <session/client.h>
#include <session/session.h>
#include <shim/driver.h>

#define POOL_IOVA UINT64_C(0x80000000)

struct session_host {
	struct session_info info;
	struct session_client *client_area;
	struct session_server *server_area;
	uint8_t *pool;
	struct session_client_side client;
	struct session_link link;
	unsigned wakes;
	unsigned drained;
};

static unsigned units_published, units_withdrawn;
static enum error publish_error;
static struct unit_info unit_registered; /* published last; its class_id 0: none */

void session_wake(struct session_link *link)
{
	((struct session_host *)link->backend)->wakes++;
}

void session_drained(struct session_link *link)
{
	((struct session_host *)link->backend)->drained++;
}

enum error unit_publish(struct shim_device *device, const struct unit_info *unit)
{
	(void)device;
	unit_registered = *unit;
	units_published++;
	return publish_error;
}

bool unit_restore(struct shim_device *device, uint32_t number, struct unit_info *unit)
{
	(void)device;
	if (unit_registered.class_id == CLASS_NONE || unit_registered.unit < number)
		return false;
	*unit = unit_registered;
	return true;
}

void unit_withdraw(struct shim_device *device, unsigned unit)
{
	(void)device;
	(void)unit;
	units_withdrawn++;
}

/* Exactly as large as the layout says, so that the sanitizer sees a step beyond. */
static inline void *fixture_area(size_t size_bytes)
{
	void *area = calloc(1, size_bytes);

	assert_non_null(area);
	return area;
}

/* A fresh session whose counters stand at `start`; the link is not made yet. */
static inline struct session_host *session_host_make(uint32_t slots, uint32_t pool_bytes,
						     uint32_t start)
{
	struct session_host *host = fixture_area(sizeof(*host));

	host->info = (struct session_info){
		.magic = SESSION_MAGIC,
		.version = SESSION_VERSION,
		.epoch = 1,
		.id = 7,
		.slot_count = slots,
		.pool_bytes = pool_bytes,
	};
	host->client_area = fixture_area(sizeof(struct session_client) +
					 slots * (sizeof(struct session_slot) + sizeof(uint16_t)));
	host->server_area = fixture_area(sizeof(struct session_server) +
					 slots * sizeof(struct session_completion));
	host->pool = fixture_area(pool_bytes);
	host->client_area->submit_tail = host->client_area->complete_head = start;
	host->server_area->submit_head = host->server_area->complete_tail = start;
	assert_int_equal(session_client_init(&host->client, &host->info, host->client_area,
					     host->server_area, host->pool),
			 OK);
	return host;
}

/* A new instance takes over: for a class, which then takes what is in the hardware. */
static inline void session_host_link(struct session_host *host)
{
	assert_int_equal(session_link_init(&host->link, &host->info, host->client_area,
					   host->server_area, host->pool, POOL_IOVA, host),
			 OK);
}

/* The same without one: all that was left is replayed. */
static inline void session_host_serve(struct session_host *host)
{
	session_host_link(host);
	session_find_unfinished(&host->link);
}

static inline void session_host_free(struct session_host *host)
{
	free(host->client_area);
	free(host->server_area);
	free(host->pool);
	free(host);
}

/* The hostile client: put an id into the ring without asking the client's code. */
static inline void session_host_forge(struct session_host *host, uint16_t id)
{
	uint32_t tail = host->client_area->submit_tail;

	session_submit_ring(host->client_area,
			    host->info.slot_count)[tail % host->info.slot_count] = id;
	host->client_area->submit_tail = tail + 1;
}

/* The hostile driver: write a completion without asking the server's code. */
static inline void session_host_lie(struct session_host *host, uint16_t slot, uint32_t generation,
				    uint32_t epoch)
{
	uint32_t tail = host->server_area->complete_tail;

	session_complete_ring(host->server_area)[tail % host->info.slot_count] =
		(struct session_completion){
			.slot = slot, .status = OK, .generation = generation, .epoch = epoch
		};
	host->server_area->complete_tail = tail + 1;
}

#endif
