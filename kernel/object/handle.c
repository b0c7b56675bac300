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
#define HANDLE_FREE(i)  (~(handle_t)(i)) /* of entry i: no handle that is looked for there */
#define CLOSE_AT_ONCE   64               /* handles of a process that ended */
#define GENERATION_MASK ((1u << (32 - HANDLE_INDEX_BITS)) - 1)

/* What an empty table has. */
static struct handle_entry nothing[2] = { { .handle = HANDLE_FREE(0) },
					  { .handle = HANDLE_FREE(1) } };

void handle_table_init(struct handle_table *table)
{
	*table = (struct handle_table){ .entry = nothing, .mask = ARRAY_COUNT(nothing) - 1 };
}

static enum error table_grow(struct process *process)
{
	struct handle_table *table = &process->handles;
	uint32_t capacity = table->capacity ? table->capacity * 2 : 32;
	struct handle_entry *larger;
	enum error error;

	if (capacity > HANDLE_TABLE_MAX)
		return ERR_BUDGET;
	error = account_allocate(process, capacity * sizeof(*larger), (void **)&larger);
	if (error)
		return error;
	if (table->capacity)
		memcpy(larger, table->entry, table->capacity * sizeof(*larger));
	larger[0].handle = HANDLE_FREE(0);
	/* Entry 0 is never used: handle 0 is none. The new entries join the (empty) free list. */
	for (uint32_t i = capacity - 1; i >= (table->capacity ? table->capacity : 1); i--) {
		larger[i].next_free = table->free;
		larger[i].slot_generation = 1;
		larger[i].handle = HANDLE_FREE(i);
		table->free = i;
	}
	if (table->capacity)
		account_free(process, table->entry, table->capacity * sizeof(*larger));
	table->entry = larger;
	table->capacity = capacity;
	table->mask = capacity - 1;
	return OK;
}

enum error handle_insert(struct process *process, struct object *object, uint32_t rights,
			 uint64_t badge, handle_t *handle)
{
	struct handle_table *table = &process->handles;
	struct handle_entry *entry;
	uint32_t index;

	if (!table->free) {
		enum error error = table_grow(process);

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
	entry->handle = (entry->slot_generation & GENERATION_MASK) << HANDLE_INDEX_BITS | index;
	*handle = entry->handle;
	return OK;
}

static struct handle_entry *entry_of(struct process *process, handle_t handle)
{
	uint32_t index = handle & INDEX_MASK;

	return index < process->handles.capacity && process->handles.entry[index].handle == handle
		       ? &process->handles.entry[index]
		       : NULL;
}

enum error handle_close(struct process *process, handle_t handle)
{
	struct handle_entry *entry = entry_of(process, handle);
	struct object *object;

	if (!entry)
		return ERR_HANDLE;
	object = entry->object;
	entry->object = NULL;
	entry->handle = HANDLE_FREE(handle & INDEX_MASK);
	entry->slot_generation++;
	entry->next_free = process->handles.free;
	process->handles.free = handle & INDEX_MASK;
	process->handles.used--;
	object_release(object);
	return OK;
}

bool handle_table_destroy(struct process *process)
{
	struct handle_table *table = &process->handles;

	for (unsigned closed = 0; table->destroyed < table->capacity; table->destroyed++) {
		struct handle_entry *entry = &table->entry[table->destroyed];

		if (!entry->object)
			continue;
		if (closed++ == CLOSE_AT_ONCE)
			return false;
		(void)handle_close(process, entry->handle);
	}
	if (table->capacity)
		account_free(process, table->entry, table->capacity * sizeof(*table->entry));
	handle_table_init(table);
	return true;
}
