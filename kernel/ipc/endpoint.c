/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints: synchronous call and reply. A caller waits at the endpoint until a server receives,
 * then for the reply to the token that the server got. Messages stay in registers: they are moved
 * between the two threads' trap frames.
 */
#include <abi/syscall.h>
#include <kernel/ipc.h>
#include <kernel/sched.h>
#include <kernel/time.h>

/* A thread begins to wait; whatever ends that calls ipc_detach(). */
void ipc_attach(struct thread *thread, struct endpoint *endpoint, struct notification *notification,
		uint64_t deadline_ns)
{
	thread->endpoint = endpoint;
	thread->notification = notification;
	thread->deadline_ns = deadline_ns;
	if (endpoint)
		object_reference(&endpoint->object);
	if (notification) {
		object_reference(&notification->object);
		notification->waiter = thread;
	}
	/* An earlier deadline that is still armed looks again when it comes: see thread_timeout().
	 */
	if (deadline_ns > DEADLINE_NOW &&
	    (!thread->timer.heap_index || thread->timer.deadline_ns > deadline_ns))
		timer_arm(&thread->timer, deadline_ns);
}

void ipc_detach(struct thread *thread)
{
	struct endpoint *endpoint = thread->endpoint;
	struct notification *notification = thread->notification;

	thread->endpoint = NULL;
	thread->notification = NULL;
	thread->deadline_ns = 0;
	sched_dequeue(thread);
	if (notification) {
		notification->waiter = NULL;
		object_release(&notification->object);
	}
	if (endpoint)
		object_release(&endpoint->object);
}

void ipc_cancel(struct thread *thread, enum error error)
{
	ipc_detach(thread);
	thread->server = NULL;
	thread->frame.rax = error;
	sched_ready(thread);
}

void thread_timeout(struct ktimer *timer)
{
	struct thread *thread = container_of(timer, struct thread, timer);

	if (thread->state != THREAD_WAITING || !thread->deadline_ns)
		return;
	if (thread->deadline_ns > time_now_ns()) {
		timer_arm(timer, thread->deadline_ns);
		return;
	}
	ipc_cancel(thread, ERR_TIMEOUT);
}

static uint64_t token_of(struct thread *thread)
{
	return (uint64_t)++thread->token_generation << 32 | thread->id;
}

/* Move the message words; copy the handle, if there is one and the sender may give it. */
static enum error message_move(struct thread *from, struct thread *to)
{
	handle_t given = (handle_t)from->frame.r12, received = HANDLE_NONE;
	struct handle_entry *entry;
	enum error error;

	if (given) {
		error = handle_lookup(from->process, given, OBJECT_NONE, RIGHT_TRANSFER, &entry);
		if (error)
			return error;
		error = handle_insert(to->process, entry->object, entry->rights, entry->badge,
				      &received);
		if (error)
			return error;
	}
	to->frame.rsi = from->frame.rsi;
	to->frame.rdx = from->frame.rdx;
	to->frame.r10 = from->frame.r10;
	to->frame.r8 = from->frame.r8;
	to->frame.r9 = from->frame.r9;
	to->frame.r12 = received;
	to->frame.rax = OK;
	return OK;
}

/* The caller's message reaches the server, who owes a reply from now on. */
static enum error hand_over(struct thread *caller, struct thread *server, uint64_t badge)
{
	enum error error = message_move(caller, server);

	if (error)
		return error;
	server->frame.rdi = badge;
	server->frame.r13 = token_of(caller);
	caller->server = server->process;
	return OK;
}

enum error endpoint_call(struct endpoint *endpoint, uint64_t badge)
{
	struct thread *caller = current_thread();

	if (!list_empty(&endpoint->receivers)) {
		struct thread *server = list_first(&endpoint->receivers, struct thread, queue_link);
		enum error error = hand_over(caller, server, badge);

		if (error)
			return error;
		sched_block(THREAD_CALLING);
		ipc_detach(server);
		sched_ready(server);
		return OK;
	}
	caller->badge = badge;
	ipc_attach(caller, endpoint, NULL, DEADLINE_NEVER);
	list_append(&endpoint->senders, &caller->queue_link);
	caller->queue = &endpoint->senders;
	sched_block(THREAD_SENDING);
	return OK;
}

enum error endpoint_receive(struct endpoint *endpoint, struct notification *notification,
			    uint64_t deadline_ns)
{
	struct thread *server = current_thread();

	this_cpu()->reschedule = 1; /* more registers than rax and rdx come back */
	if (notification && notification->bits) {
		server->frame.rsi = MESSAGE_SIGNAL;
		server->frame.rdx = notification->bits;
		server->frame.rdi = server->frame.r12 = server->frame.r13 = 0;
		notification->bits = 0;
		return OK;
	}
	while (!list_empty(&endpoint->senders)) {
		struct thread *caller = list_first(&endpoint->senders, struct thread, queue_link);
		enum error error = hand_over(caller, server, caller->badge);

		if (error) {
			ipc_cancel(caller, error);
			continue;
		}
		ipc_detach(caller);
		caller->state = THREAD_CALLING;
		return OK;
	}
	if (deadline_ns == DEADLINE_NOW)
		return ERR_TIMEOUT;
	if (notification && notification->waiter)
		return ERR_BUSY;
	ipc_attach(server, endpoint, notification, deadline_ns);
	list_append(&endpoint->receivers, &server->queue_link);
	server->queue = &endpoint->receivers;
	sched_block(THREAD_WAITING);
	return OK;
}

enum error endpoint_reply(uint64_t token)
{
	struct thread *server = current_thread();
	struct thread *caller = thread_by_id((uint32_t)token);
	enum error error;

	if (!caller || caller->state != THREAD_CALLING || caller->server != server->process ||
	    caller->token_generation != (uint32_t)(token >> 32))
		return ERR_GONE;
	error = message_move(server, caller);
	if (error)
		return error;
	caller->server = NULL;
	sched_ready(caller);
	return OK;
}

void ipc_server_gone(struct process *process)
{
	struct thread *thread;

	for (uint32_t id = 0; (thread = thread_next(&id)); id++)
		if (thread->state == THREAD_CALLING && thread->server == process) {
			thread->server = NULL;
			thread->frame.rax = ERR_GONE;
			sched_ready(thread);
		}
}

/* The last handle is gone: nobody can receive any more. Waiting threads hold references, so what
 * waits here can only be callers whose endpoint no server holds; they are woken when its handles
 * close. */
void endpoint_destroy(struct object *object)
{
	object_free(object);
}
