/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial with clients that write what they like, and after instances that did: nothing but
 * the session's pool is read and written, and the driver gets no more than it asked for.
 */
/* sources: shim/session/server.c shim/session/client.c shim/session/serial.c */
#include <session/serial.h>

#include "fuzz.h"
#include "session_fixture.h"

#define SESSIONS   2u
#define SLOTS      8u
#define POOL_BYTES 256u

static struct serial_class class;
static struct serial_port *port;
static struct shim_device device;
static struct session_host *host[SESSIONS];

struct serial_class *serial_class_of(struct shim_device *unused)
{
	(void)unused;
	return &class;
}

static void driver_transmit(struct shim_device *unused, unsigned unit)
{
	uint8_t *bytes = malloc(16);

	FUZZ_CHECK(unit == 0);
	FUZZ_CHECK(shim_serial_next(unused, unit, bytes, 16) <= 16);
	free(bytes);
}

static const struct shim_serial_ops ops = { .transmit = driver_transmit };
static const struct shim_driver driver = { .name = "test", .ops.serial = &ops };
static const struct unit_info line = { .class_id = CLASS_SERIAL, .depth = 1 };

static void instance_start(bool hot)
{
	if (serial_class_init(&class, &device, port, hot) != OK)
		abort();
	for (unsigned i = 0; i < SESSIONS; i++) {
		host[i]->info.epoch++;
		FUZZ_CHECK(session_link_init(&host[i]->link, &host[i]->info, host[i]->client_area,
					     host[i]->server_area, host[i]->pool, POOL_IOVA,
					     host[i]) == OK);
		FUZZ_CHECK(serial_class_attach(&class, &host[i]->link) == OK);
	}
	if (!hot && shim_serial_unit_add(&device, &line) != OK)
		abort();
}

static void submit(struct session_host *to, struct fuzz_input *input)
{
	struct session_client *client = to->client_area;
	uint32_t tail = client->submit_tail, id = (uint32_t)fuzz_take(input, 1) % SLOTS;

	session_slots(client)[id] = (struct session_slot){
		.operation = (uint8_t)(fuzz_take(input, 1) % 4),
		.generation = tail,
		.count = (uint32_t)fuzz_take(input, 1),
		.data_offset = (uint32_t)fuzz_take(input, 1),
	};
	session_submit_ring(client, SLOTS)[tail % SLOTS] = (uint16_t)id;
	client->submit_tail = tail + 1;
}

static void scribble(struct session_host *to, struct fuzz_input *input, bool between)
{
	const size_t size[] = { sizeof(struct session_client) +
					SLOTS * (sizeof(struct session_slot) + sizeof(uint16_t)),
				sizeof(struct session_server) +
					SLOTS * sizeof(struct session_completion),
				sizeof(*port) };
	uint8_t *const area[] = { (uint8_t *)to->client_area, (uint8_t *)to->server_area,
				  (uint8_t *)port };
	unsigned which = between ? (unsigned)fuzz_take(input, 1) % 3 : 0;
	size_t at = fuzz_take(input, 2) % (which == 2 ? 32 : size[which]);

	area[which][at] = (uint8_t)fuzz_take(input, 1);
}

static void happen(struct fuzz_input *input)
{
	static const uint8_t bytes[64] = "what comes in on the line, and is longer than a read";
	struct session_host *to = host[fuzz_take(input, 1) % SESSIONS];
	size_t count;
	bool hot;

	switch (fuzz_take(input, 1) % 8) {
	case 0:
	case 1:
		submit(to, input);
		break;
	case 2:
		serial_class_doorbell(&class);
		break;
	case 3:
		count = fuzz_take(input, 1) % sizeof(bytes);
		FUZZ_CHECK(shim_serial_received(&device, 0, bytes, count) <= count);
		break;
	case 4:
		scribble(to, input, false);
		break;
	case 5:
		hot = fuzz_take(input, 1) & 1;
		for (unsigned i = fuzz_take(input, 1) % 8; i; i--)
			scribble(to, input, true);
		instance_start(hot);
		break;
	case 6:
		(void)serial_class_sleep(&class);
		serial_class_awake(&class);
		break;
	default:
		session_flush(&class.wakes);
	}
}

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	static const uint8_t seed[] = {
		0, 0, 1, 1, 20, 0, 1, 0, 2, 2, 30, 64, 0,  2, 0, 3, 40, 0, 7, /* read, write */
		0, 5, 1, 1, 2,  1, 0, 9, 0, 2, 0,  3,  60,                    /* hot */
		1, 5, 0, 2, 0,  3, 0, 8, 1, 4, 0,  2,  0,  2, 0, 6,           /* afresh */
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
	port = calloc(1, sizeof(*port));
	for (unsigned i = 0; i < SESSIONS; i++) {
		host[i] = session_host_make(SLOTS, POOL_BYTES, 0);
		host[i]->info.id = 7 + i;
		host[i]->info.unit = 0;
	}
	instance_start(false);
	for (unsigned i = 0; input.left && i < 300; i++)
		happen(&input);
	session_flush(&class.wakes);
	for (unsigned i = 0; i < SESSIONS; i++)
		session_host_free(host[i]);
	free(port);
}
