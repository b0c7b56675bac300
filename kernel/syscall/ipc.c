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

static struct result object_handle(enum object_type type, size_t size_bytes, uint32_t rights,
				   struct object **result)
{
	struct object *object;
	handle_t handle;
	enum error error = object_create(caller(), type, size_bytes, (void **)&object);

	if (error)
		return failed(error);
	error = handle_insert(caller(), object, rights, 0, &handle);
	*result = object;
	object_release(object);
	return error ? failed(error) : done(handle);
}

HANDLER(sys_endpoint_create)
{
	struct object *object;
	struct result result =
		object_handle(OBJECT_ENDPOINT, sizeof(struct endpoint), ENDPOINT_RIGHTS, &object);

	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (!result.error) {
		struct endpoint *endpoint = container_of(object, struct endpoint, object);

		list_init(&endpoint->senders);
		list_init(&endpoint->receivers);
	}
	return result;
}

/* The frame's rdx is word 0 of a message, in or out: it must survive the return path. */
static struct result message_result(enum error error)
{
	return (struct result){ error, current_thread()->frame.rdx };
}

/* A message without a handle goes from registers straight into the frame of who waits for it. */
static inline void message_put(struct thread *to, uint64_t label, uint64_t word0, uint64_t word1,
			       uint64_t word2, uint64_t word3)
{
	to->frame.rax = OK;
	to->frame.rsi = label;
	to->frame.rdx = word0;
	to->frame.r10 = word1;
	to->frame.r8 = word2;
	to->frame.r9 = word3;
	to->frame.r12 = HANDLE_NONE;
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

HANDLER(sys_call)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current, *server;
	struct handle_entry *entry;
	struct endpoint *endpoint;
	enum error error =
		handle_lookup(thread->process, (handle_t)a, OBJECT_ENDPOINT, RIGHT_CALL, &entry);

	if (error)
		return failed(error);
	endpoint = container_of(entry->object, struct endpoint, object);
	server = list_first(&endpoint->receivers, struct thread, queue_link);
	if (__builtin_expect(list_empty(&endpoint->receivers) ||
				     (handle_t)thread->frame.r12 != HANDLE_NONE ||
				     !sched_may_switch_to(cpu, server),
			     0)) {
		message_keep(thread, b, c, d, e, f);
		return message_result(endpoint_call(endpoint, entry->badge));
	}
	message_put(server, b, c, d, e, f);
	server->frame.rdi = entry->badge;
	server->frame.r13 = thread->token += TOKEN_STEP;
	thread->server = server->process;
	thread->state = THREAD_CALLING;
	ipc_detach(server);
	sched_switch(cpu, thread, server);
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

/* The long way: something other than the plain case. */
static struct result reply_receive_slow(struct endpoint *endpoint,
					struct notification *notification)
{
	enum error error = endpoint_reply(current_thread()->frame.r13);

	if (!error)
		error = endpoint_receive(endpoint, notification, DEADLINE_NEVER);
	return message_result(error);
}

HANDLER(sys_reply_receive)
{
	struct cpu *cpu = this_cpu();
	struct thread *thread = cpu->current, *client;
	struct notification *notification = NULL;
	handle_t waiter = (handle_t)thread->frame.r14;
	struct endpoint *endpoint;
	enum error error =
		handle_object(thread->process, (handle_t)a, OBJECT_ENDPOINT, RIGHT_WAIT, &endpoint);

	if (!error && waiter)
		error = handle_object(thread->process, waiter, OBJECT_NOTIFICATION, RIGHT_WAIT,
				      &notification);
	if (error)
		return failed(error);
	client = endpoint_caller(thread, thread->frame.r13);
	if (!client)
		return failed(ERR_GONE);
	if (notification && notification->waiter)
		return failed(ERR_BUSY);
	if (__builtin_expect((handle_t)thread->frame.r12 != HANDLE_NONE ||
				     !list_empty(&endpoint->senders) ||
				     (notification && notification->bits) ||
				     !sched_may_switch_to(cpu, client),
			     0)) {
		cpu->reschedule = 1; /* a whole message may come back */
		message_keep(thread, b, c, d, e, f);
		return reply_receive_slow(endpoint, notification);
	}
	message_put(client, b, c, d, e, f);
	client->server = NULL;
	endpoint_wait(endpoint, notification, DEADLINE_NEVER, thread);
	sched_switch(cpu, thread, client);
}

HANDLER(sys_notification_create)
{
	struct object *object;

	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return object_handle(OBJECT_NOTIFICATION, sizeof(struct notification), NOTIFICATION_RIGHTS,
			     &object);
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
	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return wait_on((handle_t)a, b);
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
	struct object *object;
	struct result result;
	enum error error = handle_object(caller(), (handle_t)a, OBJECT_NOTIFICATION, RIGHT_WRITE,
					 &notification);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	result =
		object_handle(OBJECT_TIMER, sizeof(*timer), RIGHT_WRITE | RIGHT_DUPLICATE, &object);
	if (result.error)
		return result;
	timer = container_of(object, struct timer_object, object);
	error = timer_reserve(&timer->timer);
	if (error) {
		(void)handle_close(caller(), (handle_t)result.value);
		return failed(error);
	}
	timer->timer.function = timer_object_fired;
	timer->notification = notification;
	timer->bits = b;
	object_reference(&notification->object);
	return result;
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
	sched_block(THREAD_WAITING);
	return done(0);
}
