/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the driver process's backend asks of a class. Only classes that the driver calls are linked:
 * each puts its struct into the section shim_classes.
 */
#ifndef USER_CLASS_H
#define USER_CLASS_H

#include <session/session.h>
#include <shim/driver.h>

struct class_ops {
	uint32_t class_id;
	uint32_t reserved;
	/* Bytes of class state that outlives the instance. */
	uint32_t (*port_bytes)(const struct shim_driver *driver);
	/* Get memory. */
	enum error (*open)(struct shim_device *device);
	/* Before probe, or, hot, to go on with what `port` tells of requests in flight. */
	enum error (*start)(struct shim_device *device, void *port, bool hot);
	enum error (*attach)(struct session_link *link);
	bool (*detach)(
		struct session_link *link); /* true: drained, session_drained() is not called */
	void (*doorbell)(unsigned queue);
	struct session_wakes *(*wakes)(void); /* flushed at the end of each turn of the loop */
	/* For a class whose queues are polled; NULL: the client rings for every request. */
	bool (*pending)(void);
	void (*awake)(void); /* clients need not ring */
	bool (*sleep)(void); /* they do; false: requests came in meanwhile */
};

#define SHIM_CLASS(name)                              \
	__attribute__((section("shim_classes"), used, \
		       aligned(8))) static const struct class_ops name

/** Requests that the driver has taken and not completed. */
uint32_t sessions_in_flight(void);

/** Attach sessions that are new, detach those whose client is gone. */
void sessions_update(void);

/** Let the kernel map ahead the sessions of the device that this process stands by for. */
void sessions_prepare(void);

#endif
