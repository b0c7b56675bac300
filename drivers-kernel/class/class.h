/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the ring-0 backend asks of a class.
 */
#ifndef KERNEL_CLASS_H
#define KERNEL_CLASS_H

#include <session/session.h>
#include <shim/driver.h>

struct kernel_instance;

struct class_ops {
	uint32_t class_id;
	/* Bytes of class state that outlives the instance. */
	uint32_t (*port_bytes)(const struct shim_driver *driver);
	/* Get memory, free it. */
	enum error (*open)(struct shim_device *device);
	void (*close)(struct shim_device *device);
	/* Before probe, or, hot, to go on with what `port` tells of requests in flight. */
	enum error (*start)(struct shim_device *device, void *port, bool hot);
	enum error (*attach)(struct shim_device *device, struct session_link *link);
	/* true: drained, session_drained() is not called */
	bool (*detach)(struct shim_device *device, struct session_link *link);
	void (*doorbell)(struct shim_device *device, unsigned queue);
	/* Clients to wake at the end of each turn of the actor. */
	struct session_wakes *(*wakes)(struct shim_device *device);
};

extern const struct class_ops block_class_ops, net_class_ops, serial_class_ops, watchdog_class_ops;

/** The class of a driver; NULL: a bus, or unknown. */
const struct class_ops *class_find(uint32_t class_id);

/** Attach sessions that are new, detach those whose client is gone. */
void sessions_update(struct kernel_instance *instance);
/** Requests that the driver has taken and not completed. */
uint32_t sessions_in_flight(const struct kernel_instance *instance);
/** Forget all of them: the instance is over. */
void sessions_close(struct kernel_instance *instance);

#endif
