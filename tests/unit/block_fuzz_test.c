/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class block with clients that write what they like, and after instances that did: what reaches
 * the driver lies in the session's range and pool, under a tag that is free.
 */
/* sources: shim/session/server.c shim/session/client.c shim/session/block.c */
#include <session/block.h>
#include <shim/log.h>

#include "fuzz.h"
#include "session_fixture.h"

#define SESSIONS   2u
#define SLOTS      8u
#define POOL_BYTES 16384u
#define DEPTH      4u
#define TAGS       8u
#define START      100u
#define COUNT      50u

static struct block_class class;
static struct block_queue queue[1];
static uint8_t *port;
static struct shim_device device;
static struct session_host *host[SESSIONS];
static bool attached[SESSIONS];
static bool in_flight[TAGS]; /* the driver of this instance has taken it */

struct block_class *block_class_of(struct shim_device *unused)
{
	(void)unused;
	return &class;
}

void shim_log(const struct shim_device *unused, enum log_level level, const char *format, ...)
{
	(void)unused;
	(void)level;
	(void)format;
}

static void check_request(const struct shim_block_request *request)
{
	uint64_t iova = request->data.value;

	FUZZ_CHECK(request->tag < DEPTH && !in_flight[request->tag] && request->unit == 0);
	in_flight[request->tag] = true;
	FUZZ_CHECK(request->operation >= BLOCK_READ && request->operation <= BLOCK_DISCARD);
	if (request->operation == BLOCK_FLUSH)
		return;
	FUZZ_CHECK(request->count && request->position >= START && request->count <= COUNT &&
		   request->position - START <= COUNT - request->count);
	if (request->operation == BLOCK_DISCARD)
		return;
	FUZZ_CHECK(request->data_bytes == request->count * 512);
	FUZZ_CHECK(iova >= POOL_IOVA && iova - POOL_IOVA <= POOL_BYTES - request->data_bytes);
	FUZZ_CHECK(request->flags == 0 ||
		   (request->flags == BLOCK_FUA && request->operation == BLOCK_WRITE));
}

static void driver_submit(struct shim_device *unused, unsigned index)
{
	static struct shim_block_request table[TAGS];
	uint16_t tags[TAGS];
	unsigned count = shim_block_take(unused, index, table, tags, TAGS);

	FUZZ_CHECK(count <= DEPTH);
	for (unsigned i = 0; i < count; i++)
		check_request(&table[tags[i]]);
}

static const struct shim_block_ops ops = { .submit = driver_submit, .depth_max = TAGS };
static const struct shim_driver driver = { .name = "test", .queue_count = 1, .ops.block = &ops };

static const struct unit_info unit = { .class_id = CLASS_BLOCK,
				       .flags = UNIT_FLUSH | UNIT_DISCARD | UNIT_FUA,
				       .block_count = 1000,
				       .block_bytes = 512,
				       .transfer_bytes_max = 4096,
				       .depth = DEPTH };

/* A new instance: of a hot one the hardware still has what was in flight; not so after a death. */
static void instance_start(bool hot)
{
	memset(&class, 0, sizeof(class));
	memset(queue, 0, sizeof(queue));
	if (block_class_init(&class, &device, queue, port, hot) != OK)
		abort();
	if (!hot)
		memset(in_flight, 0, sizeof(in_flight));
	/* What ring 3 says is in flight, or free, binds nobody: in the hardware it may be
	 * otherwise. */
	for (unsigned tag = 0; hot && tag < DEPTH; tag++)
		in_flight[tag] = !(queue[0].journal->free[0] >> tag & 1);
	for (unsigned i = 0; i < SESSIONS; i++) {
		host[i]->info.epoch++;
		FUZZ_CHECK(session_link_init(&host[i]->link, &host[i]->info, host[i]->client_area,
					     host[i]->server_area, host[i]->pool, POOL_IOVA,
					     host[i]) == OK);
		attached[i] = block_class_attach(&class, &host[i]->link) == OK;
		FUZZ_CHECK(attached[i]);
	}
	if (!hot && shim_block_unit_add(&device, &unit) != OK)
		abort();
}

static size_t area_bytes(unsigned area)
{
	return area == 0 ? sizeof(struct session_client) +
				   SLOTS * (sizeof(struct session_slot) + sizeof(uint16_t))
	       : area == 1
		       ? sizeof(struct session_server) + SLOTS * sizeof(struct session_completion)
		       : block_port_bytes(&driver);
}

/* A request that may be right, then whatever the input writes over it. */
static void submit(struct session_host *to, struct fuzz_input *input)
{
	struct session_client *client = to->client_area;
	uint32_t tail = client->submit_tail, id = (uint32_t)fuzz_take(input, 1) % SLOTS;

	session_slots(client)[id] = (struct session_slot){
		.operation = (uint8_t)(fuzz_take(input, 1) % 6),
		.flags = (uint8_t)(fuzz_take(input, 1) % 4),
		.generation = tail,
		.position = fuzz_take(input, 1) % (COUNT + 2),
		.count = (uint32_t)fuzz_take(input, 1) % 10,
		.data_offset = (uint32_t)fuzz_take(input, 2) & 0x7ffc,
	};
	session_submit_ring(client, SLOTS)[tail % SLOTS] = (uint16_t)id;
	client->submit_tail = tail + 1;
}

static void scribble(struct session_host *to, struct fuzz_input *input, bool between)
{
	unsigned area = between ? (unsigned)fuzz_take(input, 1) % 3 : 0;
	size_t at = fuzz_take(input, 2) % area_bytes(area);
	uint8_t *bytes = area == 0   ? (uint8_t *)to->client_area
			 : area == 1 ? (uint8_t *)to->server_area
				     : port;

	bytes[at] = (uint8_t)fuzz_take(input, 1);
}

static void complete(struct fuzz_input *input)
{
	unsigned tag = (unsigned)fuzz_take(input, 1) % (TAGS + 2);

	if (tag < TAGS)
		in_flight[tag] = false;
	shim_block_complete(&device, 0, tag, (enum error)(fuzz_take(input, 1) % 3 ? OK : ERR_IO));
}

static void happen(struct fuzz_input *input)
{
	struct session_host *to = host[fuzz_take(input, 1) % SESSIONS];
	bool hot;

	switch (fuzz_take(input, 1) % 8) {
	case 0:
	case 1:
		submit(to, input);
		break;
	case 2:
		block_class_doorbell(&class, 0);
		break;
	case 3:
		complete(input);
		break;
	case 4:
		scribble(to, input, false);
		break;
	case 5: /* the instance before wrote what it liked, into all it could */
		hot = fuzz_take(input, 1) & 1;
		for (unsigned i = fuzz_take(input, 1) % 8; i; i--)
			scribble(to, input, true);
		instance_start(hot);
		break;
	case 6:
		(void)block_class_sleep(&class, 0);
		block_class_awake(&class, 0);
		break;
	default:
		session_flush(&class.wakes);
	}
}

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	static const uint8_t seed[] = {
		0, 0, 1, 1, 0, 3, 2, 0, 0, 1, 1, 2, 2, 1, 0, 4, 4, 0, 16, 0, 2, /* submit, ring */
		0, 3, 0, 1, 0, 7, 0, 0, 5, 3, 0, 0, 0, 0, 0, 0, 2,       /* complete, a flush */
		0, 5, 1, 2, 0, 8, 0, 4, 2, 9, 0, 7, 0, 2, 0, 3, 1, 0,    /* a hot instance */
		1, 5, 0, 1, 1, 4, 0, 3, 0, 2, 1, 4, 3, 0, 5, 0, 2, 0, 6, /* a fresh one */
	};

	if (number)
		return 0;
	memcpy(bytes, seed, sizeof(seed));
	return sizeof(seed);
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	struct fuzz_input input = { bytes, size_bytes };

	device.driver = &driver;
	unit_registered = (struct unit_info){ 0 };
	port = calloc(1, block_port_bytes(&driver));
	for (unsigned i = 0; i < SESSIONS; i++) {
		host[i] = session_host_make(SLOTS, POOL_BYTES, 0);
		host[i]->info.id = 7 + i;
		host[i]->info.block_bytes = 512;
		host[i]->info.range_start = START;
		host[i]->info.range_count = COUNT;
		host[i]->info.transfer_bytes_max = 4096;
	}
	instance_start(false);
	for (unsigned i = 0; input.left && i < 300; i++)
		happen(&input);
	session_flush(&class.wakes);
	for (unsigned i = 0; i < SESSIONS; i++)
		session_host_free(host[i]);
	free(port);
}
