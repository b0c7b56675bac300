/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What every kernel file needs: address types, the physical map, lists.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/error.h>

typedef uint64_t paddr_t; /* physical address */
typedef uint64_t vaddr_t; /* virtual address */

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (PAGE_SIZE - 1)

#define PHYSMAP_BASE 0xffff800000000000ul
#define KERNEL_BASE  0xffffffff80000000ul
#define USER_END                                                                         \
	0x00007ffffffff000ul /* first address no process can map; keeps sysret canonical \
			      */

#define CPU_MAX 64

/** Kernel view of a physical address; RAM and everything below 4 GiB is mapped. */
static inline void *phys_to_virt(paddr_t paddr)
{
	return (void *)(paddr + PHYSMAP_BASE);
}

static inline paddr_t virt_to_phys(const void *pointer)
{
	return (paddr_t)pointer - PHYSMAP_BASE;
}

static inline uint64_t page_round_up(uint64_t bytes)
{
	return (bytes + PAGE_MASK) & ~PAGE_MASK;
}

#define ARRAY_COUNT(array)                  (sizeof(array) / sizeof((array)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Doubly linked lists with a sentinel. */
struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *list)
{
	list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_append(struct list *list, struct list *node)
{
	node->next = list;
	node->prev = list->prev;
	list->prev->next = node;
	list->prev = node;
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = node;
}

#define list_first(list, type, member) container_of((list)->next, type, member)
#define list_for_each(item, list, type, member)                                              \
	for (type *item = container_of((list)->next, type, member); &item->member != (list); \
	     item = container_of(item->member.next, type, member))

#endif
