/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Handle tables. A handle is an index and the slot's generation; an entry also remembers the
 * object's generation, so that revoking an object kills every handle to it at once. Liftable on the
 * host.
 */
#include <lib/string.h>

#include <kernel/mm.h>
#include <kernel/process.h>

#define INDEX_MASK      ((1u << HANDLE_INDEX_BITS) - 1)
#define GENERATION_MASK ((1u << (32 - HANDLE_INDEX_BITS)) - 1)

static enum error table_grow(struct handle_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : 32;
	struct handle_entry *larger;

	if (capacity > HANDLE_TABLE_MAX)
		return ERR_BUDGET;
	larger = kzalloc(capacity * sizeof(*larger));
	if (!larger)
		return ERR_NO_MEMORY;
	if (table->capacity)
		memcpy(larger, table->entry, table->capacity * sizeof(*larger));
	/* Entry 0 is never used: handle 0 is none. The new entries join the (empty) free list. */
	for (uint32_t i = capacity - 1; i >= (table->capacity ? table->capacity : 1); i--) {
		larger[i].next_free = table->free;
		larger[i].slot_generation = 1;
		table->free = i;
	}
	kfree(table->entry, table->capacity * sizeof(*larger));
	table->entry = larger;
	table->capacity = capacity;
	return OK;
}

enum error handle_insert(struct process *process, struct object *object, uint32_t rights,
			 uint64_t badge, handle_t *handle)
{
	struct handle_table *table = &process->handles;
	struct handle_entry *entry;
	uint32_t index;

	if (!table->free) {
		enum error error = table_grow(table);

		if (error)
			return error;
	}
	index = table->free;
	entry = &table->entry[index];
	table->free = entry->next_free;
	table->used++;
	object_reference(object);
	entry->object = object;
	entry->rights = rights;
	entry->object_generation = object->generation;
	entry->badge = badge;
	*handle = (entry->slot_generation & GENERATION_MASK) << HANDLE_INDEX_BITS | index;
	return OK;
}

static struct handle_entry *entry_of(struct process *process, handle_t handle)
{
	uint32_t index = handle & INDEX_MASK;
	struct handle_entry *entry;

	if (!index || index >= process->handles.capacity)
		return NULL;
	entry = &process->handles.entry[index];
	if (!entry->object ||
	    (entry->slot_generation & GENERATION_MASK) != handle >> HANDLE_INDEX_BITS)
		return NULL;
	return entry;
}

enum error handle_close(struct process *process, handle_t handle)
{
	struct handle_entry *entry = entry_of(process, handle);
	struct object *object;

	if (!entry)
		return ERR_HANDLE;
	object = entry->object;
	entry->object = NULL;
	entry->slot_generation++;
	entry->next_free = process->handles.free;
	process->handles.free = handle & INDEX_MASK;
	process->handles.used--;
	object_release(object);
	return OK;
}

enum error handle_lookup(struct process *process, handle_t handle, enum object_type type,
			 uint32_t rights, struct handle_entry **result)
{
	struct handle_entry *entry = entry_of(process, handle);

	if (!entry || entry->object_generation != entry->object->generation)
		return ERR_HANDLE;
	if (type != OBJECT_NONE && entry->object->type != type)
		return ERR_TYPE;
	if ((entry->rights & rights) != rights)
		return ERR_DENIED;
	*result = entry;
	return OK;
}

enum error handle_object(struct process *process, handle_t handle, enum object_type type,
			 uint32_t rights, void *object)
{
	struct handle_entry *entry;
	enum error error = handle_lookup(process, handle, type, rights, &entry);

	if (!error)
		*(struct object **)object = entry->object;
	return error;
}

void handle_table_destroy(struct process *process)
{
	struct handle_table *table = &process->handles;

	for (uint32_t i = 1; i < table->capacity; i++)
		if (table->entry[i].object)
			object_release(table->entry[i].object);
	kfree(table->entry, table->capacity * sizeof(*table->entry));
	*table = (struct handle_table){ 0 };
}
