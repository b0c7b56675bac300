/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls about endpoints, notifications and timers.
 */
#include <kernel/ipc.h>
#include <kernel/time.h>

#include "syscall.h"

#define ENDPOINT_RIGHTS \
	(RIGHT_READ | RIGHT_WAIT | RIGHT_CALL | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_REVOKE)
#define NOTIFICATION_RIGHTS \
	(RIGHT_READ | RIGHT_WAIT | RIGHT_WRITE | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_REVOKE)

/* A handle to a new object: from now on the table holds it, and if there is no room, nobody. */
static struct result handle_for(struct object *object, uint32_t rights)
{
	handle_t handle;
	enum error error = handle_insert(caller(), object, rights, 0, &handle);

	object_release(object);
	return error ? failed(error) : done(handle);
}

HANDLER(sys_endpoint_create)
{
	struct endpoint *endpoint;
	enum error error =
		object_create(caller(), OBJECT_ENDPOINT, sizeof(*endpoint), (void **)&endpoint);

	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	list_init(&endpoint->senders); /* before it can end */
	list_init(&endpoint->receivers);
	return handle_for(&endpoint->object, ENDPOINT_RIGHTS);
}

/* The frame's rdx is word 0 of a message, in or out: it must survive the return path. */
static struct result message_result(enum error error)
{
	return (struct result){ error, current_thread()->frame.rdx };
}

/* A message that cannot be handed over at once waits in its sender's frame. */
static void message_keep(struct thread *from, uint64_t label, uint64_t word0, uint64_t word1,
			 uint64_t word2, uint64_t word3)
{
	from->frame.rsi = label;
	from->frame.rdx = word0;
	from->frame.r10 = word1;
	from->frame.r8 = word2;
	from->frame.r9 = word3;
}

/* Any call: a handle travels, nobody waits, or somebody else is to run. */
static __attribute__((noinline)) HANDLER(call_slow)
{
	struct thread *thread = current_thread();
	struct handle_entry *entry;
	enum error error =
		handle_lookup(thread->process, (handle_t)a, OBJECT_ENDPOINT, RIGHT_CALL, &entry);

	if (error)
		return failed(error);
	message_keep(thread, b, c, d, e, f);
	return message_result(
		endpoint_call(container_of(entry->object, struct endpoint, object), entry->badge));
}

/* The plain case: the message stays in registers, and the CPU goes to the server with it. */
HANDLER(sys_call)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current, *server;
	struct handle_entry *entry;
	struct endpoint *endpoint;

	if (handle_lookup(thread->process, (handle_t)a, OBJECT_ENDPOINT, RIGHT_CALL, &entry))
		return call_slow(a, b, c, d, e, f);
	endpoint = container_of(entry->object, struct endpoint, object);
	server = endpoint->receiver;
	if (__builtin_expect(
		    !server || (handle_t)thread->frame.r12 != HANDLE_NONE || !sched_calm(cpu), 0))
		return call_slow(a, b, c, d, e, f);
	endpoint->receiver = NULL;
	if (server->notification)
		server->notification->waiter = NULL;
	thread->token += TOKEN_STEP;
	thread->server = server->process;
	thread->state = THREAD_CALLING;
	sched_switch(cpu, thread->process, server);
	{
		register uint64_t word2 __asm__("r8") = e, word3 __asm__("r9") = f;
		register uint64_t token __asm__("r10") = thread->token;

		__asm__ volatile("jmp thread_return_message"
				 :
				 : "a"(server), "D"(entry->badge), "S"(b), "d"(c), "c"(d),
				   "r"(word2), "r"(word3), "r"(token)
				 : "memory");
		__builtin_unreachable();
	}
}

HANDLER(sys_receive)
{
	struct notification *notification = NULL;
	struct endpoint *endpoint;
	enum error error =
		handle_object(caller(), (handle_t)a, OBJECT_ENDPOINT, RIGHT_WAIT, &endpoint);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error && b)
		error = handle_object(caller(), (handle_t)b, OBJECT_NOTIFICATION, RIGHT_WAIT,
				      &notification);
	if (!error)
		error = endpoint_receive(endpoint, notification, c);
	return message_result(error);
}

HANDLER(sys_reply)
{
	UNUSED(a);
	message_keep(current_thread(), b, c, d, e, f);
	return failed(endpoint_reply(current_thread()->frame.r13));
}

/* Any reply: something other than the plain case, or an error. */
static __attribute__((noinline)) HANDLER(reply_receive_slow)
{
	struct thread *thread = current_thread();
	struct notification *notification = NULL;
	handle_t waiter = (handle_t)thread->frame.r14;
	struct endpoint *endpoint;
	enum error error =
		handle_object(thread->process, (handle_t)a, OBJECT_ENDPOINT, RIGHT_WAIT, &endpoint);

	if (!error && waiter)
		error = handle_object(thread->process, waiter, OBJECT_NOTIFICATION, RIGHT_WAIT,
				      &notification);
	if (!error && notification && notification->waiter)
		error = ERR_BUSY;
	if (error)
		return failed(error);
	this_cpu()->reschedule = 1; /* a whole message may come back */
	message_keep(thread, b, c, d, e, f);
	error = endpoint_reply(thread->frame.r13);
	if (!error)
		error = endpoint_receive(endpoint, notification, DEADLINE_NEVER);
	return message_result(error);
}

/* The plain case: the answer stays in registers, the CPU goes to the caller with it, and the server
 * waits, also for a notification that has no bits and no other waiter. */
__attribute__((always_inline)) static inline struct result
reply_switch(struct notification *notification, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
	     uint64_t e, uint64_t f)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current, *client;
	struct endpoint *endpoint;

	if (handle_object(thread->process, (handle_t)a, OBJECT_ENDPOINT, RIGHT_WAIT, &endpoint))
		return reply_receive_slow(a, b, c, d, e, f);
	client = endpoint_caller(thread, thread->frame.r13);
	if (__builtin_expect(!client || (handle_t)thread->frame.r12 != HANDLE_NONE ||
				     !list_empty(&endpoint->senders) || endpoint->receiver ||
				     !sched_may_listen(client->process) || !sched_calm(cpu),
			     0))
		return reply_receive_slow(a, b, c, d, e, f);
	client->server = NULL;
	if (notification)
		notification->waiter = thread;
	endpoint->receiver = thread;
	thread->endpoint = endpoint;
	thread->notification = notification;
	thread->deadline_ns = DEADLINE_NEVER;
	thread->state = THREAD_WAITING;
	sched_switch(cpu, thread->process, client);
	{
		register uint64_t word2 __asm__("r8") = e, word3 __asm__("r9") = f;

		__asm__ volatile("jmp thread_return_reply"
				 :
				 : "a"(client), "S"(b), "d"(c), "c"(d), "r"(word2), "r"(word3)
				 : "memory");
		__builtin_unreachable();
	}
}

static __attribute__((noinline)) HANDLER(reply_receive_notified)
{
	struct notification *notification;

	if (handle_object(caller(), (handle_t)current_thread()->frame.r14, OBJECT_NOTIFICATION,
			  RIGHT_WAIT, &notification) ||
	    notification->bits | (uintptr_t)notification->waiter)
		return reply_receive_slow(a, b, c, d, e, f);
	return reply_switch(notification, a, b, c, d, e, f);
}

HANDLER(sys_reply_receive)
{
	if ((handle_t)current_thread()->frame.r14 != HANDLE_NONE)
		return reply_receive_notified(a, b, c, d, e, f);
	return reply_switch(NULL, a, b, c, d, e, f);
}

HANDLER(sys_notification_create)
{
	struct notification *notification;
	enum error error = object_create(caller(), OBJECT_NOTIFICATION, sizeof(*notification),
					 (void **)&notification);

	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return error ? failed(error) : handle_for(&notification->object, NOTIFICATION_RIGHTS);
}

HANDLER(sys_signal)
{
	struct notification *notification;
	enum error error = handle_object(caller(), (handle_t)a, OBJECT_NOTIFICATION, RIGHT_WRITE,
					 &notification);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		notification_signal(notification, b);
	return failed(error);
}

HANDLER(sys_wait)
{
	struct notification *notification;
	enum error error = handle_object(caller(), (handle_t)a, OBJECT_NOTIFICATION, RIGHT_WAIT,
					 &notification);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return error ? failed(error) : wait_for(notification, b);
}

static void timer_object_fired(struct ktimer *timer)
{
	struct timer_object *object = container_of(timer, struct timer_object, timer);

	notification_signal(object->notification, object->bits);
}

HANDLER(sys_timer_create)
{
	struct notification *notification;
	struct timer_object *timer;
	enum error error = handle_object(caller(), (handle_t)a, OBJECT_NOTIFICATION, RIGHT_WRITE,
					 &notification);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = object_create(caller(), OBJECT_TIMER, sizeof(*timer), (void **)&timer);
	if (error)
		return failed(error);
	error = timer_reserve(&timer->timer);
	if (error) {
		object_release(&timer->object);
		return failed(error);
	}
	timer->timer.function = timer_object_fired;
	timer->notification = notification;
	timer->bits = b;
	object_reference(&notification->object);
	return handle_for(&timer->object, RIGHT_WRITE | RIGHT_DUPLICATE);
}

HANDLER(sys_timer_set)
{
	struct timer_object *timer;
	enum error error = handle_object(caller(), (handle_t)a, OBJECT_TIMER, RIGHT_WRITE, &timer);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (b)
		timer_arm(&timer->timer, b);
	else
		timer_cancel(&timer->timer);
	return done(0);
}

HANDLER(sys_sleep_until)
{
	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (a <= time_now_ns())
		return done(0);
	ipc_attach(current_thread(), NULL, NULL, a);
	sched_block(this_cpu(), current_thread(), THREAD_WAITING);
	return done(0);
}
