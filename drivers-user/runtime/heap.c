/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The heap: blocks with a header of their size, free ones in one list sorted by address, joined
 * with their neighbours when they are given back. It grows by memory objects of at least 256 KiB.
 */
#include <stdbool.h>
#include <stdint.h>

#include <lib/string.h>
#include <runtime/heap.h>
#include <runtime/syscall.h>

#define UNIT_BYTES ((size_t)16)
#define GROW_BYTES ((size_t)256 << 10)

/* Stands before each block; `next` holds for a free one. Sizes include it. */
struct block {
	size_t size_bytes;
	struct block *next;
};
_Static_assert(sizeof(struct block) == 16, "a block header keeps 16-byte alignment");

static struct block *free_list;

static struct block *end_of(struct block *block)
{
	return (struct block *)((uint8_t *)block + block->size_bytes);
}

static void give(struct block *block)
{
	struct block **link = &free_list, *before = NULL;

	while (*link && *link < block) {
		before = *link;
		link = &before->next;
	}
	block->next = *link;
	*link = block;
	if (block->next && end_of(block) == block->next) {
		block->size_bytes += block->next->size_bytes;
		block->next = block->next->next;
	}
	if (before && end_of(before) == block) {
		before->size_bytes += block->size_bytes;
		before->next = block->next;
	}
}

static bool grow(size_t size_bytes)
{
	size_t bytes = size_bytes < GROW_BYTES ? GROW_BYTES : (size_bytes + 4095) & ~(size_t)4095;
	struct sys_result memory = SYS2(SYS_MEMORY_CREATE, bytes, 0);
	struct sys_result map;
	struct block *block;

	if (memory.error)
		return false;
	map = SYS4(SYS_MEMORY_MAP, memory.value, 0, bytes, RIGHT_READ | RIGHT_WRITE);
	SYS1(SYS_HANDLE_CLOSE, memory.value); /* the mapping keeps it alive */
	if (map.error)
		return false;
	block = (struct block *)map.value;
	block->size_bytes = bytes;
	give(block);
	return true;
}

/* Take the first block that fits, and leave its rest in the list. */
static struct block *take(size_t size_bytes)
{
	struct block **link = &free_list, *block, *rest;

	while (*link && (*link)->size_bytes < size_bytes)
		link = &(*link)->next;
	block = *link;
	if (!block)
		return NULL;
	if (block->size_bytes - size_bytes < 2 * UNIT_BYTES) {
		*link = block->next;
		return block;
	}
	rest = (struct block *)((uint8_t *)block + size_bytes);
	rest->size_bytes = block->size_bytes - size_bytes;
	rest->next = block->next;
	*link = rest;
	block->size_bytes = size_bytes;
	return block;
}

void *malloc(size_t size_bytes)
{
	struct block *block;

	if (size_bytes > SIZE_MAX / 2)
		return NULL;
	size_bytes = (size_bytes + sizeof(*block) + UNIT_BYTES - 1) & ~(UNIT_BYTES - 1);
	block = take(size_bytes);
	if (!block && grow(size_bytes))
		block = take(size_bytes);
	return block ? block + 1 : NULL;
}

void *calloc(size_t count, size_t size_bytes)
{
	size_t bytes;
	void *block;

	if (__builtin_mul_overflow(count, size_bytes, &bytes))
		return NULL;
	block = malloc(bytes);
	return block ? memset(block, 0, bytes) : NULL;
}

void *realloc(void *block, size_t size_bytes)
{
	size_t old_bytes = block ? ((struct block *)block - 1)->size_bytes - UNIT_BYTES : 0;
	void *fresh;

	if (block && size_bytes <= old_bytes)
		return block;
	fresh = malloc(size_bytes);
	if (!fresh)
		return NULL;
	if (block)
		memcpy(fresh, block, old_bytes);
	free(block);
	return fresh;
}

void free(void *block)
{
	if (block)
		give((struct block *)block - 1);
}
