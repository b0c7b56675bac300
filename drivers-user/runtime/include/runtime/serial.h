/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A serial line, from C: bytes in both directions.
 *
 * How to use: serial_open(); serial_write() returns when the driver has taken the bytes; what
 * arrives meanwhile is kept for serial_read().
 */
#ifndef RUNTIME_SERIAL_H
#define RUNTIME_SERIAL_H

#include <stdbool.h>

#include <runtime/client.h>

#define SERIAL_INPUT_BYTES 1024u
#define SERIAL_READ_BYTES  256u
#define SERIAL_WRITE_BYTES 3840u

struct serial {
	struct client client;
	bool read_waits; /* a read is in flight */
	uint32_t input_head, input_tail;
	uint8_t input[SERIAL_INPUT_BYTES]; /* arrived, not yet read */
};

/** Open the first serial line that there is.
 *
 * @retval OK
 * @retval ERR_NOT_FOUND  there is none (yet)
 * @return else as client_open()
 */
MUST_CHECK enum error serial_open(struct serial *serial);

void serial_close(struct serial *serial);

/** Send bytes; waits until the driver took them all. */
MUST_CHECK enum error serial_write(struct serial *serial, const void *bytes, size_t size_bytes);

/** Wait for one byte.
 *
 * @param deadline_ns  as client_wait(); DEADLINE_NOW polls
 * @retval OK
 * @retval ERR_TIMEOUT  none came
 * @return else the line is lost: close it
 */
MUST_CHECK enum error serial_read(struct serial *serial, uint64_t deadline_ns, uint8_t *byte);

#endif
