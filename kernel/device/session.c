/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions: made by a client with a grant it may open, charged to it, kept until the client let go
 * and the device has drained.
 */
#include <lib/string.h>

#include <kernel/domain.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/session.h>

#define SESSIONS_MAX 512u /* of one device: more would make every look at them long */

static uint32_t next_id = 1;

/* The kernel's copy of what both sides may rely on. */
static void info_fill(struct session *session, const struct unit_info *unit,
		      const struct session_create *parameters)
{
	*session->info = (struct session_info){
		.magic = SESSION_MAGIC,
		.version = SESSION_VERSION,
		.epoch = session->device->info.epoch,
		.id = session->id,
		.class_id = unit->class_id,
		.unit = unit->unit,
		.queue = session->queue,
		.slot_count = parameters->slot_count,
		.pool_bytes = parameters->pool_bytes,
		.block_bytes = unit->block_bytes,
		.range_start = parameters->range_start,
		.range_count = parameters->range_count,
		.transfer_bytes_max = unit->transfer_bytes_max,
		.flags = unit->flags,
	};
}

static enum error parameters_check(const struct unit_info *unit, struct session_create *parameters)
{
	uint32_t slots = parameters->slot_count;

	if (!slots || slots > SESSION_SLOTS_MAX || (slots & (slots - 1)) ||
	    !parameters->pool_bytes || parameters->pool_bytes > SESSION_POOL_MAX)
		return ERR_INVALID;
	if (parameters->queue && parameters->queue >= unit->queue_count)
		return ERR_RANGE;
	parameters->pool_bytes = (uint32_t)page_round_up(parameters->pool_bytes);
	if (unit->class_id != CLASS_BLOCK)
		return OK;
	if (!parameters->range_start && !parameters->range_count)
		parameters->range_count = unit->block_count;
	return parameters->range_start >= unit->block_count || !parameters->range_count ||
			       parameters->range_count > unit->block_count - parameters->range_start
		       ? ERR_RANGE
		       : OK;
}

/* Is the queue somebody's already, and can it be but one's? One that closes only drains. */
static bool queue_taken(struct device *device, const struct unit_info *unit, uint32_t queue)
{
	if (!(unit->flags & UNIT_EXCLUSIVE))
		return false;
	list_for_each(session, &device->sessions, struct session,
		      link) if (!session->closing && session->info->unit == unit->unit &&
				session->queue == queue) return true;
	return false;
}

static enum error areas_create(struct process *client, struct session *session,
			       const struct session_create *parameters)
{
	uint32_t slots = parameters->slot_count;
	enum error error;

	error = memory_create(client, PAGE_SIZE, MEMORY_CONTIGUOUS, 0, &session->info_memory);
	if (!error)
		error = memory_create(client, session_client_bytes(slots), MEMORY_CONTIGUOUS, 0,
				      &session->client_memory);
	if (!error)
		error = memory_create(client, session_server_bytes(slots), MEMORY_CONTIGUOUS, 0,
				      &session->server_memory);
	if (!error)
		error = memory_create(client, parameters->pool_bytes, MEMORY_CONTIGUOUS, FRAME_LOW,
				      &session->pool);
	if (error)
		return error;
	session->info = phys_to_virt(session->info_memory->base);
	return domain_map(session->device->domain, session->pool->base, parameters->pool_bytes,
			  &session->pool_iova);
}

static enum error client_map_one(struct space *space, struct memory *memory, unsigned rights,
				 uint64_t *at)
{
	uint64_t bytes = memory->page_count * PAGE_SIZE;
	enum error error;

	*at = 0;
	error = space_map(space, memory, 0, bytes, rights, at);
	return error ? error : space_populate(space, *at, bytes);
}

static enum error client_map(struct process *client, struct session *session,
			     struct session_create *parameters)
{
	struct space *space = &client->space;
	enum error error =
		client_map_one(space, session->info_memory, RIGHT_READ, &parameters->info_vaddr);

	if (!error)
		error = client_map_one(space, session->client_memory, RIGHT_READ | RIGHT_WRITE,
				       &parameters->client_vaddr);
	if (!error)
		error = client_map_one(space, session->server_memory, RIGHT_READ,
				       &parameters->server_vaddr);
	if (!error)
		error = client_map_one(space, session->pool, RIGHT_READ | RIGHT_WRITE,
				       &parameters->pool_vaddr);
	return error;
}

enum error session_create(struct process *client, struct device *device, uint32_t unit_number,
			  struct session_create *parameters, struct session **result)
{
	struct unit *unit = unit_find(device, unit_number);
	struct session *session;
	enum error error;

	if (!unit || device->gone)
		return ERR_GONE;
	if (device->info.session_count >= SESSIONS_MAX)
		return ERR_BUSY;
	error = parameters_check(&unit->info, parameters);
	if (error)
		return error;
	if (queue_taken(device, &unit->info, unit->info.queue + parameters->queue))
		return ERR_BUSY;
	error = object_create(client, OBJECT_SESSION, sizeof(*session), (void **)&session);
	if (error)
		return error;
	list_init(&session->link);
	session->device = device;
	object_reference(&device->object);
	session->id = next_id++;
	error = areas_create(client, session, parameters);
	if (!error)
		error = client_map(client, session, parameters);
	if (error) {
		object_release(&session->object);
		return error;
	}
	session->queue = unit->info.queue + parameters->queue;
	info_fill(session, &unit->info, parameters);
	session->signal = 1ul << SIGNAL_QUEUE(session->queue);
	list_append(&device->sessions, &session->link);
	device->info.session_count++;
	*result = session;
	return OK;
}

static void view_unmap(const struct session *session, struct process *process,
		       struct session_view *view)
{
	const struct {
		const struct memory *memory;
		vaddr_t vaddr;
	} area[] = { { session->info_memory, view->info_vaddr },
		     { session->client_memory, view->client_vaddr },
		     { session->server_memory, view->server_vaddr },
		     { session->pool, view->pool_vaddr } };

	for (unsigned i = 0; process && i < ARRAY_COUNT(area); i++)
		if (area[i].vaddr)
			(void)space_unmap(&process->space, area[i].vaddr,
					  area[i].memory->page_count * PAGE_SIZE);
	*view = (struct session_view){ 0 };
}

static void session_free(struct session *session)
{
	struct memory *const memories[] = { session->info_memory, session->client_memory,
					    session->server_memory, session->pool };

	view_unmap(session, session->device->process, &session->view);
	view_unmap(session, session->device->standby, &session->next_view);
	if (session->pool)
		domain_unmap(session->device->domain, session->pool_iova,
			     session->pool->page_count * PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_COUNT(memories); i++)
		if (memories[i])
			object_release(&memories[i]->object);
	if (session->notification)
		object_release(&session->notification->object);
	if (!list_empty(&session->link)) {
		list_remove(&session->link);
		session->device->info.session_count--;
	}
	object_release(&session->device->object);
	object_free(&session->object);
}

/* The client's last reference is gone. While the instance is attached its device may still write
 * into the pool: keep everything until it has drained. */
void session_destroy(struct object *object)
{
	struct session *session = container_of(object, struct session, object);

	if (!session->attached) {
		session_free(session);
		return;
	}
	object->references = 1; /* the instance's */
	session->closing = true;
	device_signal(session->device, 1ul << SIGNAL_CONTROL);
}

struct session *session_next(struct device *device, uint32_t id)
{
	list_for_each(session, &device->sessions, struct session,
		      link) if (session->id >= id) return session;
	return NULL;
}

/* The class that moves data by CPU sees the pool, others do not. */
static enum error view_map(const struct session *session, struct process *process,
			   struct session_view *view)
{
	enum error error;

	*view = (struct session_view){ .id = session->id,
				       .unit = session->info->unit,
				       .queue = session->info->queue,
				       .pool_iova = session->pool_iova };
	error = grant_map(process, session->info_memory, RIGHT_READ, &view->info_vaddr);
	if (!error)
		error = grant_map(process, session->client_memory, RIGHT_READ, &view->client_vaddr);
	if (!error)
		error = grant_map(process, session->server_memory, RIGHT_READ | RIGHT_WRITE,
				  &view->server_vaddr);
	if (!error && session->info->flags & UNIT_CPU_DATA)
		error = grant_map(process, session->pool, RIGHT_READ | RIGHT_WRITE,
				  &view->pool_vaddr);
	if (error)
		view_unmap(session, process, view);
	return error;
}

enum error session_view(struct session *session, struct process *process, struct session_view *view)
{
	bool serves = session->device->process == process;
	struct session_view *mine = serves ? &session->view : &session->next_view;

	/* One that closes is mapped only for an heir of its requests in flight. */
	if (!mine->id && (!session->closing || session->attached)) {
		enum error error = view_map(session, process, mine);

		if (error)
			return error;
	}
	session->attached |= serves && mine->id;
	mine->closing = session->closing;
	*view = *mine;
	return OK;
}

/* The device no longer works for it. */
static void part(struct session *session)
{
	session->attached = false;
	/* The instance may have ended between a completion and the wake-up that belongs to it. */
	session_wake_client(session);
	if (session->closing)
		object_release(&session->object);
}

void session_detach(struct session *session)
{
	if (!session->attached)
		return;
	view_unmap(session, session->device->process, &session->view);
	part(session);
}

void session_detach_all(struct device *device)
{
	for (struct list *link = device->sessions.next, *next; link != &device->sessions;
	     link = next) {
		struct session *session = container_of(link, struct session, link);

		next = link->next;
		session->view = (struct session_view){ 0 };
		if (session->attached)
			part(session);
	}
}

void session_hand_over_all(struct device *device, bool to_standby)
{
	list_for_each(session, &device->sessions, struct session, link)
	{
		session->view = to_standby ? session->next_view : (struct session_view){ 0 };
		if (to_standby)
			session->next_view = (struct session_view){ 0 };
	}
}

void session_standby_gone(struct device *device)
{
	list_for_each(session, &device->sessions, struct session, link) session->next_view =
		(struct session_view){ 0 };
}

void session_epoch_all(struct device *device)
{
	device->info.epoch++;
	list_for_each(session, &device->sessions, struct session, link)
		__atomic_store_n(&session->info->epoch, device->info.epoch, __ATOMIC_RELEASE);
}

void session_link_changed(struct device *device, const struct unit_info *unit)
{
	list_for_each(session, &device->sessions, struct session, link)
	{
		uint32_t flags = (session->info->flags & ~UNIT_LINK) | (unit->flags & UNIT_LINK);

		if (session->info->unit != unit->unit || session->info->flags == flags)
			continue;
		__atomic_store_n(&session->info->flags, flags, __ATOMIC_RELAXED);
		session_wake_client(session);
	}
}

/* Never written entries are zero: slot 0, and an epoch that was. */
static bool answers_possible(const struct session *session)
{
	const struct session_completion *ring =
		session_complete_ring(phys_to_virt(session->server_memory->base));

	for (uint32_t i = 0; i < session->info->slot_count; i++)
		if (ring[i].slot >= session->info->slot_count ||
		    (int32_t)(session->device->info.epoch - ring[i].epoch) < 0)
			return false;
	return true;
}

bool session_answers_possible(struct device *device)
{
	list_for_each(session, &device->sessions, struct session, link)
	{
		if (!answers_possible(session))
			return false;
	}
	return true;
}

void session_unit_gone(struct device *device, uint32_t unit, bool gone)
{
	list_for_each(session, &device->sessions, struct session, link)
	{
		if (unit != UINT32_MAX && session->info->unit != unit)
			continue;
		session->info->gone = gone;
		session_wake_client(session);
	}
}
