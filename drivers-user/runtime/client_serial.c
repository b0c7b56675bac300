/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A serial line. See runtime/serial.h. One read is always in flight, at the start of the pool; one
 * write at a time, behind it.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/serial.h>
#include <shim/class/serial.h>

#define COOKIE_READ  1u
#define COOKIE_WRITE 2u
#define WRITE_OFFSET SERIAL_READ_BYTES

static enum error queue(struct serial *serial, enum serial_operation operation, uint32_t count,
			uint32_t offset, uint64_t cookie)
{
	struct session_slot fill = {
		.operation = (uint8_t)operation,
		.count = count,
		.data_offset = offset,
		.cookie = cookie,
	};

	return session_queue(&serial->client.side, &fill, NULL);
}

static uint32_t input_room(const struct serial *serial)
{
	return SERIAL_INPUT_BYTES - (serial->input_tail - serial->input_head);
}

/* Keeps one read waiting as long as its bytes would find room. */
static enum error keep_reading(struct serial *serial)
{
	enum error error;

	if (serial->read_waits || input_room(serial) < SERIAL_READ_BYTES)
		return OK;
	error = queue(serial, SERIAL_READ, SERIAL_READ_BYTES, 0, COOKIE_READ);
	if (error != OK)
		return error;
	serial->read_waits = true;
	client_kick(&serial->client);
	return OK;
}

static enum error take_input(struct serial *serial, const struct session_result *result)
{
	uint32_t count = result->count < SERIAL_READ_BYTES ? result->count : SERIAL_READ_BYTES;

	serial->read_waits = false;
	if (result->status != OK)
		return result->status;
	for (uint32_t i = 0; i < count; i++)
		serial->input[serial->input_tail++ % SERIAL_INPUT_BYTES] =
			serial->client.side.pool[i];
	return keep_reading(serial);
}

enum error serial_open(struct serial *serial)
{
	struct device_info device;
	struct unit_info unit;
	enum error error;

	memset(serial, 0, sizeof(*serial));
	for (uint32_t id = 0; device_next(&id, &device);)
		for (uint32_t number = 0; device_unit_next(device.id, &number, &unit);) {
			if (unit.class_id != CLASS_SERIAL)
				continue;
			error = client_open(device.id, unit.unit, 4,
					    WRITE_OFFSET + SERIAL_WRITE_BYTES, 0, 0,
					    &serial->client);
			return error != OK ? error : keep_reading(serial);
		}
	return ERR_NOT_FOUND;
}

void serial_close(struct serial *serial)
{
	client_close(&serial->client);
}

static enum error write_piece(struct serial *serial, const void *bytes, uint32_t count)
{
	struct session_result result;
	enum error error;

	memcpy(serial->client.side.pool + WRITE_OFFSET, bytes, count);
	error = queue(serial, SERIAL_WRITE, count, WRITE_OFFSET, COOKIE_WRITE);
	if (error != OK)
		return error;
	client_kick(&serial->client);
	for (;;) {
		error = client_wait(&serial->client, DEADLINE_NEVER, &result);
		if (error != OK)
			return error;
		if (result.cookie == COOKIE_WRITE)
			return result.status;
		error = take_input(serial, &result);
		if (error != OK)
			return error;
	}
}

enum error serial_write(struct serial *serial, const void *bytes, size_t size_bytes)
{
	const uint8_t *from = bytes;

	while (size_bytes > 0) {
		uint32_t now =
			size_bytes < SERIAL_WRITE_BYTES ? (uint32_t)size_bytes : SERIAL_WRITE_BYTES;
		enum error error = write_piece(serial, from, now);

		if (error != OK)
			return error;
		from += now;
		size_bytes -= now;
	}
	return OK;
}

enum error serial_read(struct serial *serial, uint64_t deadline_ns, uint8_t *byte)
{
	struct session_result result;
	enum error error;

	while (serial->input_head == serial->input_tail) {
		error = keep_reading(serial);
		if (error == OK)
			error = client_wait(&serial->client, deadline_ns, &result);
		if (error == OK)
			error = take_input(serial, &result);
		if (error != OK)
			return error;
	}
	*byte = serial->input[serial->input_head++ % SERIAL_INPUT_BYTES];
	return keep_reading(serial);
}
