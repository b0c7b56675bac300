/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory objects: zero-filled pages, committed at first touch, at once, or physically contiguous.
 */
#include <lib/string.h>

#include <abi/syscall.h>
#include <kernel/mm.h>
#include <kernel/process.h>

#define MEMORY_PAGES_MAX (1ul << 18) /* 1 GiB an object: its table is one contiguous block */
#define COMMIT_AT_ONCE   256         /* pages */
#define FREE_AT_ONCE     1024        /* pages */
#define CONTIGUOUS_MAX   (PAGE_SIZE << FRAME_ORDER_MAX)

static uint64_t table_bytes(const struct memory *memory)
{
	return memory->page_count * sizeof(paddr_t);
}

static paddr_t frame_zeroed(unsigned order, unsigned flags)
{
	paddr_t paddr = frame_allocate(order, flags);

	if (paddr)
		memset(phys_to_virt(paddr), 0, PAGE_SIZE << order);
	return paddr;
}

/* A block of 2^order frames holds the object; what is beyond it goes back at once. */
static enum error contiguous_allocate(struct memory *memory, unsigned frame_flags)
{
	unsigned order = frame_order(memory->page_count * PAGE_SIZE);

	memory->base = frame_zeroed(order, frame_flags);
	if (!memory->base)
		return ERR_NO_MEMORY;
	frame_free_range(memory->base + memory->page_count * PAGE_SIZE,
			 memory->base + (PAGE_SIZE << order));
	return OK;
}

enum error memory_create(struct process *owner, uint64_t size_bytes, unsigned flags,
			 unsigned frame_flags, struct memory **result)
{
	uint64_t page_count = page_round_up(size_bytes) >> PAGE_SHIFT;
	struct memory *memory;
	enum error error;

	if (!size_bytes || size_bytes > MEMORY_PAGES_MAX * PAGE_SIZE ||
	    ((flags & MEMORY_CONTIGUOUS) && size_bytes > CONTIGUOUS_MAX))
		return ERR_RANGE;
	if (flags & ~(MEMORY_CONTIGUOUS | MEMORY_COMMITTED))
		return ERR_INVALID;
	error = object_create(owner, OBJECT_MEMORY, sizeof(*memory), (void **)&memory);
	if (error)
		return error;
	memory->flags = flags;
	if (flags & MEMORY_CONTIGUOUS) {
		error = account_charge_pages(owner, page_count);
		if (!error) {
			memory->page_count = page_count;
			error = contiguous_allocate(memory, frame_flags);
			if (error) {
				account_release_pages(owner, page_count);
				memory->page_count = 0;
			}
		}
	} else {
		memory->page_count = page_count;
		error = account_allocate(owner, table_bytes(memory), (void **)&memory->page);
	}
	if (error) {
		object_release(&memory->object);
		return error;
	}
	*result = memory;
	return OK;
}

enum error memory_wrap(struct process *owner, paddr_t base, uint64_t size_bytes,
		       struct memory **result)
{
	struct memory *memory;
	enum error error = object_create(owner, OBJECT_MEMORY, sizeof(*memory), (void **)&memory);

	if (error)
		return error;
	memory->base = base;
	memory->page_count = page_round_up(size_bytes) >> PAGE_SHIFT;
	memory->flags = MEMORY_CONTIGUOUS;
	memory->borrowed = true;
	*result = memory;
	return OK;
}

enum error memory_page(struct memory *memory, uint64_t index, paddr_t *paddr)
{
	enum error error;

	if (index >= memory->page_count)
		return ERR_RANGE;
	if (memory->flags & MEMORY_CONTIGUOUS) {
		*paddr = memory->base + index * PAGE_SIZE;
		return OK;
	}
	if (!memory->page[index]) {
		error = account_charge_pages(memory->object.owner, 1);
		if (error)
			return error;
		memory->page[index] = frame_zeroed(0, 0);
		if (!memory->page[index]) {
			account_release_pages(memory->object.owner, 1);
			return ERR_NO_MEMORY;
		}
	}
	*paddr = memory->page[index];
	return OK;
}

enum error memory_commit(struct memory *memory, bool *more)
{
	uint64_t end = memory->next + COMMIT_AT_ONCE;
	enum error error = OK;
	paddr_t ignored;

	if (end > memory->page_count)
		end = memory->page_count;
	while (!error && memory->next < end) {
		error = memory_page(memory, memory->next, &ignored);
		if (!error)
			memory->next++;
	}
	*more = memory->next < memory->page_count;
	return error;
}

/* Pages from `next` on, a piece at a time. */
static void pages_free(struct ktask *task)
{
	struct memory *memory = container_of(task, struct memory, destroyer);
	uint64_t end = memory->next + FREE_AT_ONCE, freed = 0;

	if (end > memory->page_count)
		end = memory->page_count;
	for (; memory->next < end; memory->next++) {
		if (!memory->page[memory->next])
			continue;
		frame_free(memory->page[memory->next], 0);
		freed++;
	}
	account_release_pages(memory->object.owner, freed);
	if (end < memory->page_count) {
		task_post(task);
		return;
	}
	account_free(memory->object.owner, memory->page, table_bytes(memory));
	object_free(&memory->object);
}

void memory_destroy(struct object *object)
{
	struct memory *memory = container_of(object, struct memory, object);
	uint64_t freed = 0;

	if (memory->page) {
		memory->destroyer.function = pages_free;
		memory->next = 0;
		pages_free(&memory->destroyer);
		return;
	}
	if (memory->borrowed) {
		/* not ours */
	} else if (memory->flags & MEMORY_CONTIGUOUS) {
		if (memory->base)
			frame_free_range(memory->base,
					 memory->base + memory->page_count * PAGE_SIZE);
		freed = memory->page_count;
	}
	account_release_pages(object->owner, freed);
	object_free(object);
}

static enum error memory_copy(struct memory *memory, uint64_t offset, void *buffer,
			      size_t size_bytes, bool write)
{
	while (size_bytes) {
		uint64_t in_page = offset & PAGE_MASK;
		size_t chunk = PAGE_SIZE - in_page < size_bytes ? PAGE_SIZE - in_page : size_bytes;
		paddr_t paddr;
		enum error error = memory_page(memory, offset >> PAGE_SHIFT, &paddr);

		if (error)
			return error;
		if (write)
			memcpy((char *)phys_to_virt(paddr) + in_page, buffer, chunk);
		else
			memcpy(buffer, (char *)phys_to_virt(paddr) + in_page, chunk);
		buffer = (char *)buffer + chunk;
		offset += chunk;
		size_bytes -= chunk;
	}
	return OK;
}

enum error memory_read(struct memory *memory, uint64_t offset, void *to, size_t size_bytes)
{
	return memory_copy(memory, offset, to, size_bytes, false);
}

enum error memory_write(struct memory *memory, uint64_t offset, const void *from, size_t size_bytes)
{
	return memory_copy(memory, offset, (void *)(uintptr_t)from, size_bytes, true);
}
