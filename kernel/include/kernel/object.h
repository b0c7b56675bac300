/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Kernel objects, reference counts, and handle tables. Every object is charged to a process when it
 * is made, and gone when the last reference is. All under the kernel lock.
 */
#ifndef KERNEL_OBJECT_H
#define KERNEL_OBJECT_H

#include <abi/handle.h>
#include <kernel/types.h>

struct process;

struct object {
	uint8_t type; /* enum object_type */
	uint32_t references;
	uint32_t generation;   /* + 1: every handle made before is dead */
	uint32_t size_bytes;   /* of the whole structure */
	struct process *owner; /* charged, referenced; NULL: the kernel */
};

struct handle_entry {
	struct object *object; /* NULL: free */
	handle_t handle;       /* that names it; of a free entry none that could be asked for */
	union {
		uint32_t rights;
		uint32_t next_free; /* of a free entry */
	};
	uint32_t object_generation;
	uint32_t slot_generation;
	uint64_t badge;
};
_Static_assert(sizeof(struct handle_entry) == 32, "a shift finds an entry");

struct handle_table {
	struct handle_entry *entry; /* [mask + 1]; entry 0 is never used */
	uint32_t mask;              /* of an index: a look-up needs no comparison */
	uint32_t capacity;          /* 0, or a power of two: mask + 1 */
	uint32_t free; /* index of the first free entry; 0: none (entry 0 is never used) */
	uint32_t used;
	uint32_t destroyed; /* entries below are closed for good */
};

#define HANDLE_TABLE_MAX 65536u

/** Make an object of `size_bytes`, zero-filled, one reference, charged to owner (may be NULL). */
enum error object_create(struct process *owner, enum object_type type, size_t size_bytes,
			 void **object);
void object_reference(struct object *object);
/** Drop a reference; the last one destroys. */
void object_release(struct object *object);
/** Give back the memory of an object whose contents are gone (the last step of its destroy
 * function). */
void object_free(struct object *object);
uint32_t object_count(void);
uint32_t object_count_of(enum object_type type);

/** An empty table. Context: before its first use. */
void handle_table_init(struct handle_table *table);
enum error handle_insert(struct process *process, struct object *object, uint32_t rights,
			 uint64_t badge, handle_t *handle);
enum error handle_close(struct process *process, handle_t handle);
/** Close some of the handles; true: the table is gone. */
bool handle_table_destroy(struct process *process);

#endif
