/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ring-3 half of the shim, inside: the one driver instance that this process is. See
 * shim/include/shim for what drivers see, and drivers-kernel/backend for the same in ring 0.
 */
#ifndef USER_BACKEND_H
#define USER_BACKEND_H

#include <abi/syscall.h>
#include <runtime/loop.h>
#include <shim/driver.h>

#include "../class/class.h"

struct instance {
	/* For the next wait: signals of lines to acknowledge, the session whose client to wake (0:
	 * none). */
	uint64_t acknowledge, wake;
	void (*doorbell)(unsigned queue); /* the class's while it is live, else NULL */
	struct loop loop;                 /* its timers and its notification */
	handle_t grant;
	uint32_t state; /* enum instance_state, as reported last */
	uint32_t vector_count;
	bool messages;    /* message-signalled: nothing to acknowledge */
	bool one_message; /* and each signal is just one vector */
	bool one_queue;   /* each signal is just one queue */
	bool stop_wanted; /* asked for while it was probing */
	bool standby;     /* another instance has the device: wait for CONTROL_ADOPT */
	struct shim_device device;
	const struct shim_driver *driver;
	const struct class_ops *class; /* NULL: a bus */
	struct session_wakes *wakes;   /* the class's; a bus has an empty list */
	bool polls;                    /* there is another CPU for clients to run on */
	struct instance_attach attach;
};

/* The process's own. */
extern struct instance instance;

/** Call the driver's interrupt method for each vector behind these signals. */
void interrupt_dispatch(uint64_t bits);

#endif
