/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions that this driver process serves, for any class: mapped when the kernel has a new
 * one, left when its client is gone and the device has drained.
 */
#include <runtime/heap.h>
#include <runtime/print.h>
#include <runtime/syscall.h>

#include "../backend/backend.h"

struct attached {
	struct session_link link; /* first: hooks cast back */
	struct attached *next;
	bool closing;
};

static struct attached *sessions;

static struct attached *find(uint32_t id)
{
	struct attached *session = sessions;

	while (session && session->link.id != id)
		session = session->next;
	return session;
}

static struct attached *attach_session(const struct session_view *view)
{
	struct attached *session = calloc(1, sizeof(*session));
	enum error error = ERR_BUDGET;

	if (session)
		error = session_link_init(&session->link,
					  (const struct session_info *)view->info_vaddr,
					  (const struct session_client *)view->client_vaddr,
					  (struct session_server *)view->server_vaddr,
					  (void *)view->pool_vaddr, view->pool_iova, NULL);
	if (error == OK)
		error = instance.class->attach(&session->link);
	if (error) {
		log_line(LOG_WARNING, "%s: session %u is not served: %s", instance.attach.info.name,
			 view->id, error_text(error));
		free(session);
		return NULL;
	}
	session->next = sessions;
	sessions = session;
	if (instance.state == INSTANCE_LIVE)
		instance.class->doorbell(view->queue);
	return session;
}

void session_drained(struct session_link *link)
{
	struct attached *session = (struct attached *)link, **place = &sessions;

	while (*place != session)
		place = &(*place)->next;
	*place = session->next;
	SYS2(SYS_SESSION_DETACH, instance.grant, link->id);
	free(session);
}

static void detach_session(struct attached *session)
{
	if (session->closing)
		return;
	session->closing = true;
	if (instance.class->detach(&session->link))
		session_drained(&session->link);
}

void sessions_update(void)
{
	struct session_view view;
	struct attached *session;

	for (uint64_t id = 0;
	     SYS3(SYS_SESSION_NEXT, instance.grant, id, (uintptr_t)&view).error == OK;
	     id = (uint64_t)view.id + 1) {
		session = find(view.id);
		/* One that closes is mapped only to go on with its requests in flight. */
		if (!session && view.info_vaddr)
			session = attach_session(&view);
		if (view.closing && session)
			detach_session(session);
		else if (view.closing)
			SYS2(SYS_SESSION_DETACH, instance.grant, view.id);
	}
}

void sessions_prepare(void)
{
	struct session_view view = { 0 };

	for (uint64_t id = 0;
	     SYS3(SYS_SESSION_NEXT, instance.grant, id, (uintptr_t)&view).error == OK;)
		id = (uint64_t)view.id + 1;
}

uint32_t sessions_in_flight(void)
{
	uint32_t count = 0;

	for (const struct attached *session = sessions; session; session = session->next)
		count += session->link.in_flight;
	return count;
}

/* The next wait for signals wakes one client in the same system call. */
void session_wake(struct session_link *link)
{
	if (instance.wake == 0)
		instance.wake = link->id;
	else if (instance.wake != link->id)
		SYS2(SYS_SESSION_WAKE, instance.grant, link->id);
}

enum error unit_publish(struct shim_device *device, const struct unit_info *unit)
{
	(void)device;
	return SYS2(SYS_UNIT_ADD, instance.grant, (uintptr_t)unit).error;
}

bool unit_restore(struct shim_device *device, uint32_t number, struct unit_info *unit)
{
	(void)device;
	return SYS3(SYS_UNIT_NEXT, instance.grant, number, (uintptr_t)unit).error == OK;
}

void unit_withdraw(struct shim_device *device, unsigned unit)
{
	(void)device;
	SYS2(SYS_UNIT_REMOVE, instance.grant, unit);
}
