/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Notifications: a word of signal bits with at most one waiter; timer objects raise them.
 */
#include <abi/syscall.h>
#include <kernel/ipc.h>
#include <kernel/sched.h>

/* What a woken thread finds in its registers depends on what it called. */
static void deliver_bits(struct thread *thread, uint64_t bits)
{
	thread->frame.rax = OK;
	if (thread->endpoint) { /* SYS_RECEIVE */
		thread->frame.rsi = MESSAGE_SIGNAL;
		thread->frame.rdi = 0;
		thread->frame.r12 = HANDLE_NONE;
		thread->frame.r13 = 0;
	}
	thread->frame.rdx = bits;
}

void notification_signal(struct notification *notification, uint64_t bits)
{
	struct thread *thread = notification->waiter;

	notification->bits |= bits;
	if (!thread || !notification->bits)
		return;
	bits = notification->bits;
	notification->bits = 0;
	deliver_bits(thread, bits);
	ipc_detach(thread);
	sched_ready(thread);
}

enum error notification_wait(struct notification *notification, uint64_t deadline_ns,
			     uint64_t *bits, bool *blocked)
{
	struct thread *thread = current_thread();

	*blocked = false;
	if (notification->bits) {
		*bits = notification->bits;
		notification->bits = 0;
		return OK;
	}
	if (deadline_ns == DEADLINE_NOW)
		return ERR_TIMEOUT;
	if (notification->waiter)
		return ERR_BUSY;
	ipc_attach(thread, NULL, notification, deadline_ns);
	sched_block(THREAD_WAITING);
	*blocked = true;
	return OK;
}

void notification_destroy(struct object *object)
{
	object_free(object);
}

void timer_object_destroy(struct object *object)
{
	struct timer_object *timer = container_of(object, struct timer_object, object);

	timer_unreserve(&timer->timer);
	if (timer->notification)
		object_release(&timer->notification->object);
	object_free(object);
}
