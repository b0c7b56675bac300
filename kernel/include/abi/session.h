/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A session as it lies in memory: how one client and one device queue exchange requests (design
 * §5).
 *
 * Four areas, each page-aligned, each writable by exactly one side:
 *   info    written by the kernel only;   client: read, driver: read
 *   client  written by the client only;   client: read-write, driver: read
 *   server  written by the driver only;   client: read, driver: read-write
 *   pool    the data;                     client: read-write, driver: only where its class moves
 * data by CPU
 *
 * The client fills a slot, puts its id into the submission ring, advances submit_tail, and rings
 * the doorbell. The driver consumes submission ids, and answers in the completion ring. The slot
 * stays as it is until its completion is consumed: the slot table is the journal that a later
 * instance replays. Whoever reads what the other side may write reads it once, then checks the
 * copy.
 */
#ifndef ABI_SESSION_H
#define ABI_SESSION_H

#include <stdint.h>

#define SESSION_MAGIC     0x45667453u /* "EftS" */
#define SESSION_VERSION   1u
#define SESSION_SLOTS_MAX 256u
#define SESSION_PAGE      4096u
#define SESSION_POOL_MAX  (4u << 20) /* bytes; one physically contiguous chunk */

struct session_info {
	uint32_t magic;
	uint32_t version;
	uint32_t epoch; /* + 1 whenever another instance takes over */
	uint32_t id;
	uint32_t class_id; /* enum device_class */
	uint32_t unit;
	uint32_t queue;
	uint32_t slot_count; /* power of two, 1 .. SESSION_SLOTS_MAX: slots, and length of both
				rings */
	uint32_t pool_bytes;
	uint32_t block_bytes; /* block: size of one block */
	uint64_t range_start; /* block: first block that this session may touch */
	uint64_t range_count; /* block: how many */
	uint32_t transfer_bytes_max;
	uint32_t flags; /* UNIT_* of the unit */
	uint32_t gone;  /* the device is gone for good: every request fails with ERR_GONE */
	uint32_t reserved;
};

/* One request. Operations are the class's: see shim/class/NAME.h. A slot that is in use says so,
 * and its generation orders it among the others: so the table tells a later instance what to
 * replay. */
struct session_slot {
	uint8_t operation; /* 0: the slot is free; cleared when its completion is consumed */
	uint8_t flags;
	uint16_t reserved;
	uint32_t
		generation; /* the count of submissions before this one: submit_tail, at its fill */
	uint64_t position;  /* block: first block, relative to the session's range; net: offload */
	uint32_t count;     /* block: blocks; else bytes */
	uint32_t data_offset; /* bytes into the pool */
	uint64_t cookie;      /* the client's own; the driver side never looks */
};
_Static_assert(sizeof(struct session_slot) == 32, "session_slot is 32 bytes");

struct session_client {
	uint32_t submit_tail;   /* free-running count of submitted ids */
	uint32_t complete_head; /* free-running count of consumed completions */
	uint32_t asleep;        /* 1: wake me when you complete something */
	uint32_t reserved[13];
	/* struct session_slot slots[slot_count]; uint16_t ring[slot_count]; */
};
_Static_assert(sizeof(struct session_client) == 64, "session_client is 64 bytes");

struct session_completion {
	uint16_t slot;
	uint16_t status; /* enum error */
	uint32_t generation;
	uint32_t epoch;
	uint32_t count; /* done: blocks or bytes, as in the request; net: see shim/class/net.h */
};
_Static_assert(sizeof(struct session_completion) == 16, "session_completion is 16 bytes");

struct session_server {
	uint32_t submit_head;   /* free-running count of submission ids taken */
	uint32_t complete_tail; /* free-running count of completions written */
	uint32_t asleep;        /* 1: ring the doorbell when you submit something */
	uint32_t reserved;
	/* The class's; net: see shim/class/net.h. */
	uint64_t counter[6];
	/* struct session_completion ring[slot_count]; */
};
_Static_assert(sizeof(struct session_server) == 64, "session_server is 64 bytes");

static inline uint32_t session_page_round(uint32_t bytes)
{
	return (bytes + SESSION_PAGE - 1) & ~(SESSION_PAGE - 1);
}

/** Bytes of the client area, page-rounded. */
static inline uint32_t session_client_bytes(uint32_t slot_count)
{
	return session_page_round(
		(uint32_t)sizeof(struct session_client) +
		slot_count * (uint32_t)(sizeof(struct session_slot) + sizeof(uint16_t)));
}

/** Bytes of the server area, page-rounded. */
static inline uint32_t session_server_bytes(uint32_t slot_count)
{
	return session_page_round((uint32_t)sizeof(struct session_server) +
				  slot_count * (uint32_t)sizeof(struct session_completion));
}

static inline struct session_slot *session_slots(const struct session_client *client)
{
	return (struct session_slot *)(uintptr_t)(client + 1);
}

static inline uint16_t *session_submit_ring(const struct session_client *client,
					    uint32_t slot_count)
{
	return (uint16_t *)(session_slots(client) + slot_count);
}

static inline struct session_completion *session_complete_ring(const struct session_server *server)
{
	return (struct session_completion *)(uintptr_t)(server + 1);
}

#endif
