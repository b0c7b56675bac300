/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints: synchronous call and reply. A caller waits at the endpoint until a server receives,
 * then for the reply to the token that the server got. Messages stay in registers: they are moved
 * between the two threads' trap frames. Where the other side waits already, the CPU is handed to it
 * directly, past the scheduler.
 */
#include <abi/syscall.h>
#include <kernel/ipc.h>
#include <kernel/sched.h>
#include <kernel/time.h>

void ipc_cancel(struct thread *thread, enum error error)
{
	ipc_detach(thread);
	thread->server = NULL;
	thread->frame.rax = error;
	sched_ready(thread);
}

void ipc_stop_listening(struct process *process)
{
	list_for_each(thread, &process->threads, struct thread, process_link)
	{
		struct endpoint *endpoint = thread->endpoint;

		if (thread->state == THREAD_LISTENING) {
			thread->endpoint = NULL;
			thread->deadline_ns = DEADLINE_NEVER;
			thread->state = THREAD_WAITING;
		} else if (thread->state == THREAD_WAITING && endpoint &&
			   endpoint->receiver == thread) {
			endpoint->receiver = NULL;
			list_append(&endpoint->receivers, &thread->queue_link);
			thread->queue = &endpoint->receivers;
		}
	}
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

/* Copy the handle that travels, if the sender may give it. */
static enum error handle_move(struct thread *from, struct thread *to)
{
	struct handle_entry *entry;
	handle_t received;
	enum error error = handle_lookup(from->process, (handle_t)from->frame.r12, OBJECT_NONE,
					 RIGHT_TRANSFER, &entry);

	if (!error)
		error = handle_insert(to->process, entry->object, entry->rights, entry->badge,
				      &received);
	if (!error)
		to->frame.r12 = received;
	return error;
}

static inline enum error message_move(struct thread *from, struct thread *to)
{
	if (__builtin_expect((handle_t)from->frame.r12 != HANDLE_NONE, 0)) {
		enum error error = handle_move(from, to);

		if (error)
			return error;
	} else {
		to->frame.r12 = HANDLE_NONE;
	}
	to->frame.rsi = from->frame.rsi;
	to->frame.rdx = from->frame.rdx;
	to->frame.r10 = from->frame.r10;
	to->frame.r8 = from->frame.r8;
	to->frame.r9 = from->frame.r9;
	to->frame.rax = OK;
	return OK;
}

/* The caller's message reaches the server, who owes a reply from now on. */
static inline enum error hand_over(struct thread *caller, struct thread *server, uint64_t badge)
{
	enum error error = message_move(caller, server);

	if (error)
		return error;
	server->frame.rdi = badge;
	server->frame.r13 = caller->token += TOKEN_STEP;
	caller->server = server->process;
	return OK;
}

/* The current thread has its new state; `other` was just taken from where it waited. */
static inline void give_cpu(struct thread *current, struct thread *other)
{
	struct cpu *cpu = this_cpu();

	/* One that was ended while it waited for the lock goes through schedule(). */
	if (__builtin_expect(sched_may_switch_to(cpu, other) && !current->dying, 1)) {
		sched_account_out(current->process, tsc_read());
		sched_run(cpu, other);
	}
	cpu->reschedule = 1;
	sched_ready(other);
}

enum error endpoint_call(struct endpoint *endpoint, uint64_t badge)
{
	struct thread *caller = current_thread(), *server = endpoint_receiver(endpoint);

	if (server) {
		enum error error = hand_over(caller, server, badge);

		if (error)
			return error;
		caller->state = THREAD_CALLING;
		ipc_detach(server);
		give_cpu(caller, server);
		return OK;
	}
	if (endpoint->object.owner && endpoint->object.owner->dying)
		return ERR_GONE;
	caller->badge = badge;
	ipc_attach(caller, endpoint, NULL, DEADLINE_NEVER);
	list_append(&endpoint->senders, &caller->queue_link);
	caller->queue = &endpoint->senders;
	sched_block(this_cpu(), caller, THREAD_SENDING);
	return OK;
}

/* A message or signal that is there already. */
static bool receive_now(struct endpoint *endpoint, struct notification *notification,
			struct thread *server)
{
	if (notification && notification->bits) {
		server->frame.rax = OK;
		server->frame.rsi = MESSAGE_SIGNAL;
		server->frame.rdx = notification->bits;
		server->frame.rdi = server->frame.r12 = server->frame.r13 = 0;
		notification->bits = 0;
		return true;
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
		return true;
	}
	return false;
}

enum error endpoint_receive(struct endpoint *endpoint, struct notification *notification,
			    uint64_t deadline_ns)
{
	struct thread *server = current_thread();

	this_cpu()->reschedule = 1; /* more registers than rax and rdx come back */
	if (receive_now(endpoint, notification, server))
		return OK;
	if (deadline_ns == DEADLINE_NOW)
		return ERR_TIMEOUT;
	if (notification && notification->waiter)
		return ERR_BUSY;
	endpoint_wait(endpoint, notification, deadline_ns, server);
	return OK;
}

enum error endpoint_reply(uint64_t token)
{
	struct thread *server = current_thread();
	struct thread *caller = endpoint_caller(server, token);
	enum error error;

	if (!caller)
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

	for (uint32_t id = 0; (thread = thread_next(&id)); id++) {
		if (thread->state == THREAD_CALLING && thread->server == process) {
			thread->server = NULL;
			thread->frame.rax = ERR_GONE;
			sched_ready(thread);
		} else if (thread->state == THREAD_SENDING &&
			   thread->endpoint->object.owner == process) {
			ipc_cancel(thread, ERR_GONE);
		}
	}
}

/* The last handle is gone, so nobody can come to those who wait here. */
void endpoint_destroy(struct object *object)
{
	struct endpoint *endpoint = container_of(object, struct endpoint, object);

	while (!list_empty(&endpoint->senders))
		ipc_cancel(list_first(&endpoint->senders, struct thread, queue_link), ERR_GONE);
	for (struct thread *server; (server = endpoint_receiver(endpoint));)
		ipc_cancel(server, ERR_GONE);
	object_free(object);
}
