/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints (call and reply), notifications (signal bits), and timer objects. Under the kernel
 * lock.
 */
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include <kernel/object.h>
#include <kernel/process.h>

struct endpoint {
	struct object object;
	struct list senders;
	struct list receivers;
};

struct notification {
	struct object object;
	uint64_t bits;
	struct thread *waiter;
};

struct timer_object {
	struct object object;
	struct ktimer timer;
	struct notification *notification; /* referenced */
	uint64_t bits;
};

/** Raise bits; wakes the waiter. */
void notification_signal(struct notification *notification, uint64_t bits);
/** Wait on behalf of the current thread. OK with *bits, or the thread blocks and *blocked is set.
 */
enum error notification_wait(struct notification *notification, uint64_t deadline_ns,
			     uint64_t *bits, bool *blocked);
/** Call, receive and reply on behalf of the current thread, whose frame holds the message. */
enum error endpoint_call(struct endpoint *endpoint, uint64_t badge);
enum error endpoint_receive(struct endpoint *endpoint, struct notification *notification,
			    uint64_t deadline_ns);
enum error endpoint_reply(uint64_t token);
/** A thread begins to wait for one or both, until a deadline; ipc_detach() ends it. */
void ipc_attach(struct thread *thread, struct endpoint *endpoint, struct notification *notification,
		uint64_t deadline_ns);
void ipc_detach(struct thread *thread);
/** A thread's timer: what it waited for did not come. */
void thread_timeout(struct ktimer *timer);
/** Whatever the thread waits for, it no longer does; its call returns `error`. */
void ipc_cancel(struct thread *thread, enum error error);
/** A server process is gone: fail everybody who waits for its reply. */
void ipc_server_gone(struct process *process);

void endpoint_destroy(struct object *object);
void notification_destroy(struct object *object);
void timer_object_destroy(struct object *object);

#endif
