/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel heap: slabs of one page for small sizes, frames for large ones. An empty slab's page
 * goes back at once, so that a census before and after agrees. Liftable on the host.
 */
#include <lib/string.h>

#include <kernel/mm.h>
#include <kernel/panic.h>

struct slab {
	struct list link; /* in its class's list while it has a free chunk */
	void *free;
	uint32_t used;
	uint32_t class;
	uint64_t magic;
};

#define SLAB_MAGIC 0x45667448656170ul
#define SLAB_HEAD  64u
_Static_assert(sizeof(struct slab) <= SLAB_HEAD, "the slab head has its place");

static const uint16_t class_bytes[] = {
	32, 64, 96, 128, 192, 256, 384, 512, 672, 1008, 1344, 2016
};
#define SIZE_COUNT ARRAY_COUNT(class_bytes)

static struct list partial[SIZE_COUNT];
static uint64_t pages;

uint64_t heap_bytes(void)
{
	return pages * PAGE_SIZE;
}

uint64_t heap_frames(size_t size_bytes)
{
	return size_bytes <= class_bytes[SIZE_COUNT - 1] ? 0 : 1ul << frame_order(size_bytes);
}

static unsigned class_of(size_t size_bytes)
{
	unsigned class = 0;

	while (class_bytes[class] < size_bytes)
		class ++;
	return class;
}

static struct slab *slab_create(unsigned class)
{
	paddr_t paddr = frame_allocate(0, 0);
	struct slab *slab;

	if (!paddr)
		return NULL;
	slab = phys_to_virt(paddr);
	*slab = (struct slab){ .class = class, .magic = SLAB_MAGIC };
	for (unsigned offset = SLAB_HEAD; offset + class_bytes[class] <= PAGE_SIZE;
	     offset += class_bytes[class]) {
		void **chunk = (void **)((char *)slab + offset);

		*chunk = slab->free;
		slab->free = chunk;
	}
	list_append(&partial[class], &slab->link);
	pages++;
	return slab;
}

static void *slab_allocate(unsigned class)
{
	struct slab *slab;
	void **chunk;

	if (!partial[class].next)
		list_init(&partial[class]);
	slab = list_empty(&partial[class]) ? slab_create(class)
					   : list_first(&partial[class], struct slab, link);
	if (!slab)
		return NULL;
	chunk = slab->free;
	slab->free = *chunk;
	slab->used++;
	if (!slab->free)
		list_remove(&slab->link);
	return chunk;
}

static void slab_release(void *pointer, unsigned class)
{
	struct slab *slab = (struct slab *)((uintptr_t)pointer & ~PAGE_MASK);

	assert(slab->magic == SLAB_MAGIC && slab->class == class && slab->used);
	if (!slab->free)
		list_append(&partial[class], &slab->link);
	*(void **)pointer = slab->free;
	slab->free = pointer;
	if (--slab->used)
		return;
	list_remove(&slab->link);
	slab->magic = 0;
	pages--;
	frame_free(virt_to_phys(slab), 0);
}

void *kzalloc(size_t size_bytes)
{
	void *pointer;

	if (size_bytes <= class_bytes[SIZE_COUNT - 1]) {
		pointer = slab_allocate(class_of(size_bytes));
	} else {
		unsigned order = frame_order(size_bytes);
		paddr_t paddr = frame_allocate(order, 0);

		pointer = paddr ? phys_to_virt(paddr) : NULL;
		pages += paddr ? 1ul << order : 0;
	}
	return pointer ? memset(pointer, 0, size_bytes) : NULL;
}

void kfree(void *pointer, size_t size_bytes)
{
	if (!pointer)
		return;
	if (size_bytes <= class_bytes[SIZE_COUNT - 1]) {
		slab_release(pointer, class_of(size_bytes));
	} else {
		unsigned order = frame_order(size_bytes);

		pages -= 1ul << order;
		frame_free(virt_to_phys(pointer), order);
	}
}
