/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Notifications: a word of signal bits with at most one waiter; timer objects raise them.
 */
#include <abi/syscall.h>
#include <kernel/ipc.h>
#include <kernel/sched.h>

void notification_destroy(struct object *object)
{
	struct notification *notification = container_of(object, struct notification, object);

	if (this_cpu()->raised == notification)
		this_cpu()->raised = NULL;
	if (notification->waiter)
		ipc_cancel(notification->waiter, ERR_GONE);
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
