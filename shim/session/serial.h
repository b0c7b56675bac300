/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial, what both rings do alike: sessions, the receive buffer, whose write is next. It
 * implements the calls of shim/class/serial.h; used by class/serial.c of both rings.
 *
 * How to use: one struct serial_class a device. Attach sessions as
 * they come; on a doorbell call serial_class_doorbell(); after every call into the driver,
 * session_flush(&class->wakes).
 */
#ifndef SESSION_SERIAL_H
#define SESSION_SERIAL_H

#include <session/session.h>
#include <shim/class/serial.h>

#define SERIAL_UNITS_MAX  4u
#define SERIAL_READS_MAX  64u
#define SERIAL_FIFO_BYTES 1000u

/* Class state of one line, in the device's class port page: it survives the instance. Plain data,
 * checked when read: an instance that is not trusted may have written it. */
struct serial_fifo {
	uint32_t head, tail;    /* 0 ..< SERIAL_FIFO_BYTES; equal: empty */
	uint32_t write_session; /* the write being sent: which one, and how far it is */
	uint32_t write_slot, write_generation, write_done;
	uint8_t bytes[SERIAL_FIFO_BYTES];
};
_Static_assert(sizeof(struct serial_fifo) == 1024, "four serial_fifo fill the class port page");

struct serial_port {
	struct serial_fifo unit[SERIAL_UNITS_MAX];
};
_Static_assert(sizeof(struct serial_port) == SESSION_PAGE, "serial_port is one page");

/* A reader that waits. */
struct serial_read {
	struct session_link *link;
	uint32_t slot, data_offset, count;
};

struct serial_unit {
	bool present;
	struct unit_info info;
};

struct serial_class {
	struct shim_device *device;
	struct serial_port *port;
	struct session_link *links;
	struct session_wakes wakes;
	uint32_t read_count;
	struct serial_read read[SERIAL_READS_MAX]; /* oldest first */
	struct serial_unit unit[SERIAL_UNITS_MAX];
	struct session_link *cursor[SERIAL_UNITS_MAX]; /* whose write is being sent */
};

/** The class data of a serial device. Provided by the backend; asked for on slow paths only, and by
 * this a driver process gets the class file that goes with its calls. */
struct serial_class *serial_class_of(struct shim_device *device);

/** Prepare class data.
 *
 * @param port  the device's class port memory: a struct serial_port
 * @param hot   go on with the units in the registry; reads and writes under way are replayed, a
 *              write from where it stopped
 * @retval ERR_CORRUPT  a unit is none that a serial device can have
 */
MUST_CHECK enum error serial_class_init(struct serial_class *class, struct shim_device *device,
					void *port, bool hot);

/** Serve a session from now on; it waits until its unit is announced.
 *
 * @retval ERR_RANGE     the session names a unit that no serial device can have
 * @retval ERR_PROTOCOL  it has a pool that this side cannot see
 */
MUST_CHECK enum error serial_class_attach(struct serial_class *class, struct session_link *link);

/** The client is gone. Nothing of a serial session is ever in hardware: the link may be freed at
 * once. Always true, for symmetry with block_class_detach(). */
bool serial_class_detach(struct serial_class *class, struct session_link *link);

/** Requests may wait: take them, serve readers, run the driver's transmit method where bytes wait.
 * session_flush() comes after. */
void serial_class_doorbell(struct serial_class *class);

/** The device goes to sleep: clients ring from now on. False: requests came in, call
 * serial_class_doorbell() instead of waiting. */
bool serial_class_sleep(struct serial_class *class);

/** The device is awake: clients need not ring. */
void serial_class_awake(struct serial_class *class);

#endif
