/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernel objects: creation, references, destruction.
 */
#include <kernel/device.h>
#include <kernel/ipc.h>
#include <kernel/mm.h>
#include <kernel/object.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/session.h>

static uint32_t count[OBJECT_TYPE_COUNT];

enum error object_create(struct process *owner, enum object_type type, size_t size_bytes,
			 void **result)
{
	enum error error = account_charge_object(owner);
	struct object *object;

	if (error)
		return error;
	object = kzalloc(size_bytes);
	if (!object) {
		account_release_object(owner);
		return ERR_NO_MEMORY;
	}
	object->type = (uint8_t)type;
	object->references = 1;
	object->size_bytes = (uint32_t)size_bytes;
	object->owner = owner;
	if (owner)
		object_reference(&owner->object);
	count[type]++;
	*result = object;
	return OK;
}

void object_reference(struct object *object)
{
	assert(object->references && object->references < UINT32_MAX);
	object->references++;
}

static void destroy(struct object *object)
{
	switch (object->type) {
	case OBJECT_PROCESS:
		process_destroy(object);
		return;
	case OBJECT_THREAD:
		thread_destroy(object);
		return;
	case OBJECT_MEMORY:
		memory_destroy(object);
		return;
	case OBJECT_ENDPOINT:
		endpoint_destroy(object);
		return;
	case OBJECT_NOTIFICATION:
		notification_destroy(object);
		return;
	case OBJECT_TIMER:
		timer_object_destroy(object);
		return;
	case OBJECT_SESSION:
		session_destroy(object);
		return;
	case OBJECT_DEVICE:
		device_destroy(object);
		return;
	default:
		object_free(object);
	}
}

void object_release(struct object *object)
{
	assert(object->references);
	if (--object->references == 0)
		destroy(object);
}

void object_free(struct object *object)
{
	struct process *owner = object->owner;

	count[object->type]--;
	kfree(object, object->size_bytes);
	if (!owner)
		return;
	account_release_object(owner);
	object_release(&owner->object);
}

uint32_t object_count_of(enum object_type type)
{
	return count[type];
}

uint32_t object_count(void)
{
	uint32_t sum = 0;

	for (unsigned type = 0; type < OBJECT_TYPE_COUNT; type++)
		sum += count[type];
	return sum;
}
