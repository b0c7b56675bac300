/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class watchdog, what both rings do alike: requests, and what of a running timer outlives an
 * instance. Used by class/watchdog.c of both rings.
 *
 * How to use: as session/serial.h.
 */
#ifndef SESSION_WATCHDOG_H
#define SESSION_WATCHDOG_H

#include <session/session.h>
#include <shim/class/watchdog.h>

#define WATCHDOG_UNITS_MAX 4u

/* In the device's class port page: it survives the instance. Plain data; what an instance that is
 * not trusted wrote there does no more than its driver's start method allows. */
struct watchdog_port {
	uint32_t timeout_ms[WATCHDOG_UNITS_MAX]; /* 0: does not run */
};

struct watchdog_class {
	struct shim_device *device;
	struct watchdog_port *port;
	struct session_link *links;
	struct session_wakes wakes;
	bool present[WATCHDOG_UNITS_MAX];
};

/** The class data of a watchdog device. Provided by the backend; by this a driver process gets the
 * class file that goes with its calls. */
struct watchdog_class *watchdog_class_of(struct shim_device *device);

/** Prepare class data.
 *
 * @param port  the device's class port memory: a struct watchdog_port
 * @param hot   go on with the units in the registry, and with what runs
 * @retval ERR_CORRUPT  a unit is none that a watchdog can have
 */
MUST_CHECK enum error watchdog_class_init(struct watchdog_class *class, struct shim_device *device,
					  void *port, bool hot);

/** Serve a session from now on.
 *
 * @retval ERR_RANGE  the session names a unit that no watchdog can have
 */
MUST_CHECK enum error watchdog_class_attach(struct watchdog_class *class,
					    struct session_link *link);

/** The client is gone; its link may be freed at once. Always true, for symmetry with
 * block_class_detach(). */
bool watchdog_class_detach(struct watchdog_class *class, struct session_link *link);

/** Requests may wait: answer them. session_flush() comes after. */
void watchdog_class_doorbell(struct watchdog_class *class);

#endif
