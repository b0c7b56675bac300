/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The sessions that a ring-0 instance serves, for any class: taken when the registry has a new one,
 * left when its client is gone and the device has drained.
 */
#include <backend/backend.h>
#include <kernel/log.h>
#include <kernel/session.h>

struct attached {
	struct session_link link; /* first: hooks cast back */
	struct attached *next;
	struct session *session;
	struct kernel_instance *instance;
	bool closing;
};

const struct class_ops *class_find(uint32_t class_id)
{
	const struct class_ops *const all[] = { &block_class_ops, &net_class_ops, &serial_class_ops,
						&watchdog_class_ops };

	for (unsigned i = 0; i < ARRAY_COUNT(all); i++)
		if (all[i]->class_id == class_id)
			return all[i];
	return NULL;
}

static struct attached *find(struct kernel_instance *instance, uint32_t id)
{
	struct attached *attached = instance->sessions;

	while (attached && attached->link.id != id)
		attached = attached->next;
	return attached;
}

static void attach_session(struct kernel_instance *instance, struct session *session)
{
	struct attached *attached = kzalloc(sizeof(*attached));
	void *pool =
		session->info->flags & UNIT_CPU_DATA ? phys_to_virt(session->pool->base) : NULL;
	enum error error = ERR_NO_MEMORY;

	if (attached)
		error = session_link_init(
			&attached->link, session->info, phys_to_virt(session->client_memory->base),
			phys_to_virt(session->server_memory->base), pool, session->pool_iova, NULL);
	if (!error)
		error = instance->class->attach(&instance->device, &attached->link);
	if (error) {
		log_warning("%s: session %u is not served: %s", instance->owner->info.name,
			    session->id, error_text(error));
		kfree(attached, sizeof(*attached));
		return;
	}
	attached->instance = instance;
	attached->session = session;
	session->attached = true; /* it stays until it is detached: see session_destroy() */
	attached->next = instance->sessions;
	instance->sessions = attached;
	if (instance->owner->info.state == INSTANCE_LIVE)
		instance->class->doorbell(&instance->device, session->info->queue);
}

static void attached_free(struct attached *attached)
{
	struct session *session = attached->session;
	struct attached **place = &attached->instance->sessions;

	while (*place != attached)
		place = &(*place)->next;
	*place = attached->next;
	if (!attached->instance->handed_over)
		session_detach(session);
	kfree(attached, sizeof(*attached));
}

void session_drained(struct session_link *link)
{
	attached_free((struct attached *)link);
}

void session_wake(struct session_link *link)
{
	session_wake_client(((struct attached *)link)->session);
}

void sessions_update(struct kernel_instance *instance)
{
	struct session *session;

	for (uint32_t id = 0; (session = session_next(instance->owner, id));) {
		struct attached *attached = find(instance, session->id);

		id = session->id + 1;
		/* One that closes is attached only to go on with its requests in flight. */
		if (!attached && (!session->closing || (session->attached && instance->hot))) {
			attach_session(instance, session);
			attached = find(instance, session->id);
		}
		if (attached && session->closing && !attached->closing) {
			attached->closing = true;
			if (instance->class->detach(&instance->device, &attached->link))
				attached_free(attached);
		}
	}
}

uint32_t sessions_in_flight(const struct kernel_instance *instance)
{
	uint32_t count = 0;

	for (const struct attached *attached = instance->sessions; attached;
	     attached = attached->next)
		count += attached->link.in_flight;
	return count;
}

void sessions_close(struct kernel_instance *instance)
{
	while (instance->sessions)
		attached_free(instance->sessions);
}

enum error unit_publish(struct shim_device *device, const struct unit_info *unit)
{
	return unit_add(instance_of(device)->owner, unit);
}

bool unit_restore(struct shim_device *device, uint32_t number, struct unit_info *info)
{
	struct unit *unit = unit_next(instance_of(device)->owner, number);

	if (unit)
		*info = unit->info;
	return unit;
}

void unit_withdraw(struct shim_device *device, unsigned unit)
{
	struct device *owner = instance_of(device)->owner;

	if (!unit_remove(owner, unit))
		session_unit_gone(owner, unit, true);
}
