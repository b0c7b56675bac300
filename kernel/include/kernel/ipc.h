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
	struct thread *receiver; /* waits; NULL: those in the list do, if any */
	struct list receivers;   /* more of them */
	struct list senders;
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
 * ipc_detach(). The three fields mean nothing in other states than SENDING and WAITING, but for
 * the notification when LISTENING. */
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
	if (thread->state == THREAD_LISTENING)
		thread->notification->waiter = NULL;
	if (thread->state != THREAD_SENDING && thread->state != THREAD_WAITING)
		return;
	if (thread->endpoint && thread->endpoint->receiver == thread)
		thread->endpoint->receiver = NULL;
	if (thread->queue) {
		list_remove(&thread->queue_link);
		thread->queue = NULL;
	}
	if (thread->notification)
		thread->notification->waiter = NULL;
	thread->endpoint = NULL;
	thread->notification = NULL;
}

/** Who waits for a message, longest but for the one that came last; NULL: nobody. */
static inline struct thread *endpoint_receiver(const struct endpoint *endpoint)
{
	if (endpoint->receiver)
		return endpoint->receiver;
	return list_empty(&endpoint->receivers)
		       ? NULL
		       : list_first(&endpoint->receivers, struct thread, queue_link);
}

/** Who listens to this notification and can be given the CPU at once; NULL: nobody. */
__attribute__((always_inline)) static inline struct thread *
notification_listener(const struct cpu *cpu, const struct notification *notification)
{
	struct thread *thread = notification->waiter;

	return thread && thread->state == THREAD_LISTENING && sched_calm(cpu) ? thread : NULL;
}

/** The listener gets all bits, and the CPU, which nobody has or who had it has left. */
__attribute__((noreturn, always_inline)) static inline void
notification_enter(struct cpu *cpu, struct notification *notification, struct thread *thread,
		   struct process *process, uint64_t bits)
{
	notification->bits = 0;
	notification->waiter = NULL;
	sched_enter(cpu, thread, process);
	thread_return_signal(thread, bits);
}

/** The current thread begins to listen to `mine`, and the CPU goes to the listener of `other`. */
__attribute__((noreturn, always_inline)) static inline void
notification_switch(struct cpu *cpu, struct thread *thread, struct notification *mine,
		    struct thread *listener, struct notification *other, uint64_t bits)
{
	struct process *process = listener->process;
	uint64_t now_tsc = tsc_read();

	thread->notification = mine;
	mine->waiter = thread;
	thread->state = THREAD_LISTENING;
	sched_account_out(thread->process, now_tsc);
	sched_account_in(process, now_tsc);
	notification_enter(cpu, other, listener, process, bits);
}

/** The current thread begins to listen, and the CPU idles, if that is all that there is to do; else
 * returns. */
__attribute__((always_inline)) static inline void
notification_listen(struct cpu *cpu, struct thread *thread, struct notification *mine)
{
	if (__builtin_expect(mine->bits | (uintptr_t)mine->waiter, 0) || !sched_calm(cpu) ||
	    cpu->reschedule)
		return;
	thread->notification = mine;
	mine->waiter = thread;
	thread->state = THREAD_LISTENING;
	sched_block_idle(cpu, thread->process);
}

/** Give the waiter all bits; there is a waiter. */
static inline void notification_wake(struct notification *notification)
{
	struct thread *thread = notification->waiter;

	thread->frame.rax = OK;
	thread->frame.rdx = notification->bits;
	notification->bits = 0;
	if (__builtin_expect(thread->state == THREAD_LISTENING, 1)) {
		notification->waiter = NULL;
		sched_ready_waiting(thread);
		return;
	}
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

/** notification_signal() for what is raised most while the CPU is idle, in an interrupt: its
 * listener gets the CPU as soon as the interrupt is over, by sched_next_listener(). */
static inline void notification_signal_idle(struct notification *notification, uint64_t bits)
{
	struct thread *thread = notification->waiter;
	struct cpu *cpu;

	if (!thread || thread->state != THREAD_LISTENING || !(cpu = this_cpu())->raises) {
		notification_signal(notification, bits);
		return;
	}
	notification->bits |= bits;
	cpu->raised = notification;
	cpu->raises = false;
}

/** No thread is on the CPU, and an interrupt is over: run who listened for what it raised, else
 * whoever is next. */
__attribute__((noreturn)) static inline void sched_next_listener(struct cpu *cpu)
{
	struct notification *notification = cpu->raised;

	cpu->raises = false;
	if (notification) {
		struct thread *thread = notification_listener(cpu, notification);

		cpu->raised = NULL;
		if (thread) {
			struct process *process = thread->process;

			sched_account_in(process, tsc_read());
			notification_enter(cpu, notification, thread, process, notification->bits);
		}
		notification_signal(notification, 0);
	}
	sched_next();
}

/** Wait on behalf of the current thread. OK with *bits, or the thread blocks and *bits is 0. */
static inline enum error notification_wait(struct notification *notification, uint64_t deadline_ns,
					   uint64_t *bits)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current;

	*bits = notification->bits;
	if (*bits) {
		notification->bits = 0;
		return OK;
	}
	if (deadline_ns == DEADLINE_NOW)
		return ERR_TIMEOUT;
	if (notification->waiter)
		return ERR_BUSY;
	if (__builtin_expect(deadline_ns == DEADLINE_NEVER && sched_may_listen(thread->process),
			     1)) {
		thread->notification = notification;
		notification->waiter = thread;
		sched_block(cpu, thread, THREAD_LISTENING);
	} else {
		ipc_attach(thread, NULL, notification, deadline_ns);
		sched_block(cpu, thread, THREAD_WAITING);
	}
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
	server->state = THREAD_WAITING;
	if (__builtin_expect(!endpoint->receiver && sched_may_listen(server->process), 1)) {
		endpoint->receiver = server;
		return;
	}
	list_append(&endpoint->receivers, &server->queue_link);
	server->queue = &endpoint->receivers;
}

/** A thread's timer: what it waited for did not come. */
void thread_timeout(struct ktimer *timer);
/** Whatever the thread waits for, it no longer does; its call returns `error`. */
void ipc_cancel(struct thread *thread, enum error error);
/** The process has got ports, so that its threads must be given the CPU the long way: none of them
 * is a listener or an endpoint's first receiver any more. */
void ipc_stop_listening(struct process *process);
/** A server process is gone: fail everybody who waits for its reply, or for it to receive. */
void ipc_server_gone(struct process *process);

void endpoint_destroy(struct object *object);
void notification_destroy(struct object *object);
void timer_object_destroy(struct object *object);

#endif
