/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial: bytes both ways between the test and the driver.
 */
#include "fake.h"

enum error shim_serial_unit_add(struct shim_device *device, const struct unit_info *unit)
{
	struct fake *fake = fake_of(device);
	enum error error = fake_unit_add(fake, unit, CLASS_SERIAL);

	if (error == OK && !fake->serial[unit->unit].in_limit)
		fake->serial[unit->unit].in_limit = FAKE_SERIAL_BYTES;
	return error;
}

size_t shim_serial_next(struct shim_device *device, unsigned unit, uint8_t *bytes,
			size_t size_bytes)
{
	struct fake_serial *serial = &fake_of(device)->serial[unit];
	size_t count = 0;

	while (count < size_bytes && serial->out_head != serial->out_tail)
		bytes[count++] = serial->out[serial->out_head++ % FAKE_SERIAL_BYTES];
	return count;
}

size_t shim_serial_received(struct shim_device *device, unsigned unit, const uint8_t *bytes,
			    size_t size_bytes)
{
	struct fake_serial *serial = &fake_of(device)->serial[unit];
	size_t count = 0;

	while (count < size_bytes && serial->in_count < serial->in_limit)
		serial->in[serial->in_count++] = bytes[count++];
	return count;
}

void fake_serial_send(struct fake *fake, unsigned unit, const void *bytes, size_t size_bytes)
{
	struct fake_serial *serial = &fake->serial[unit];
	const uint8_t *from = bytes;

	for (size_t i = 0;
	     i < size_bytes && serial->out_tail - serial->out_head < FAKE_SERIAL_BYTES; i++)
		serial->out[serial->out_tail++ % FAKE_SERIAL_BYTES] = from[i];
	fake_enter(fake);
	fake->driver->ops.serial->transmit(&fake->device, unit);
	fake_leave(fake);
}

size_t fake_serial_read(struct fake *fake, unsigned unit, void *bytes, size_t size_bytes)
{
	struct fake_serial *serial = &fake->serial[unit];
	size_t count = serial->in_count < size_bytes ? serial->in_count : size_bytes;

	memcpy(bytes, serial->in, count);
	memmove(serial->in, serial->in + count, serial->in_count - count);
	serial->in_count -= count;
	return count;
}

size_t fake_serial_waiting(const struct fake *fake, unsigned unit)
{
	return fake->serial[unit].out_tail - fake->serial[unit].out_head;
}
