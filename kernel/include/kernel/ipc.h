/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints (call and reply), notifications (signal bits), and timer objects. Under the kernel
 * lock.
 */
#ifndef KERNEL_IPC_H
#define KERNEL_IPC_H

#include <kernel/object.h>
#include <kernel/process.h>
#include <kernel/sched.h>

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

/** A thread begins to wait for one or both, until a deadline; whatever ends that calls
 * ipc_detach(). */
static inline void ipc_attach(struct thread *thread, struct endpoint *endpoint,
			      struct notification *notification, uint64_t deadline_ns)
{
	thread->endpoint = endpoint;
	thread->notification = notification;
	thread->deadline_ns = deadline_ns;
	if (notification)
		notification->waiter = thread;
	/* An earlier deadline that is still armed looks again when it comes: see thread_timeout().
	 */
	if (deadline_ns > DEADLINE_NOW &&
	    (!thread->timer.heap_index || thread->timer.deadline_ns > deadline_ns))
		timer_arm(&thread->timer, deadline_ns);
}

static inline void ipc_detach(struct thread *thread)
{
	struct notification *notification = thread->notification;

	thread->endpoint = NULL;
	thread->notification = NULL;
	thread->deadline_ns = 0;
	if (thread->queue) {
		list_remove(&thread->queue_link);
		thread->queue = NULL;
	}
	if (notification)
		notification->waiter = NULL;
}

/** Give the waiter all bits; there is a waiter. */
static inline void notification_wake(struct notification *notification)
{
	struct thread *thread = notification->waiter;

	thread->frame.rax = OK;
	thread->frame.rdx = notification->bits;
	notification->bits = 0;
	if (thread->endpoint) { /* SYS_RECEIVE */
		thread->frame.rsi = MESSAGE_SIGNAL;
		thread->frame.rdi = 0;
		thread->frame.r12 = HANDLE_NONE;
		thread->frame.r13 = 0;
	}
	ipc_detach(thread);
	sched_ready(thread);
}

/** Raise bits; wakes the waiter. */
static inline void notification_signal(struct notification *notification, uint64_t bits)
{
	notification->bits |= bits;
	if (notification->waiter && notification->bits)
		notification_wake(notification);
}

/** Wait on behalf of the current thread. OK with *bits, or the thread blocks and *bits is 0. */
static inline enum error notification_wait(struct notification *notification, uint64_t deadline_ns,
					   uint64_t *bits)
{
	*bits = notification->bits;
	if (*bits) {
		notification->bits = 0;
		return OK;
	}
	if (deadline_ns == DEADLINE_NOW)
		return ERR_TIMEOUT;
	if (notification->waiter)
		return ERR_BUSY;
	ipc_attach(current_thread(), NULL, notification, deadline_ns);
	sched_block(THREAD_WAITING);
	return OK;
}

/** Call, receive and reply on behalf of the current thread, whose frame holds the message. */
enum error endpoint_call(struct endpoint *endpoint, uint64_t badge);
enum error endpoint_receive(struct endpoint *endpoint, struct notification *notification,
			    uint64_t deadline_ns);
enum error endpoint_reply(uint64_t token);
#define TOKEN_STEP (1ul << 32) /* the low half of a token is the thread's id */

/** The caller whom a token names and the server's process owes; NULL: nobody (any more). */
static inline struct thread *endpoint_caller(const struct thread *server, uint64_t token)
{
	struct thread *caller = thread_by_id((uint32_t)token);

	return caller && caller->state == THREAD_CALLING && caller->server == server->process &&
			       caller->token == token
		       ? caller
		       : NULL;
}

/** A server begins to wait for messages. */
static inline void endpoint_wait(struct endpoint *endpoint, struct notification *notification,
				 uint64_t deadline_ns, struct thread *server)
{
	ipc_attach(server, endpoint, notification, deadline_ns);
	list_append(&endpoint->receivers, &server->queue_link);
	server->queue = &endpoint->receivers;
	server->state = THREAD_WAITING;
}

/** A thread's timer: what it waited for did not come. */
void thread_timeout(struct ktimer *timer);
/** Whatever the thread waits for, it no longer does; its call returns `error`. */
void ipc_cancel(struct thread *thread, enum error error);
/** A server process is gone: fail everybody who waits for its reply, or for it to receive. */
void ipc_server_gone(struct process *process);

void endpoint_destroy(struct object *object);
void notification_destroy(struct object *object);
void timer_object_destroy(struct object *object);

#endif
