/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small heap for services, programs, and the shim around a driver (a driver itself has none):
 * first fit over memory objects that are never given back. For one thread at a time.
 */
#ifndef RUNTIME_HEAP_H
#define RUNTIME_HEAP_H

#include <stddef.h>

/** Memory, aligned to 16 bytes, content undefined. NULL: the budget is used up. */
void *malloc(size_t size_bytes);

/** Memory for an array, zero-filled; NULL also where the product overflows. */
void *calloc(size_t count, size_t size_bytes);

/** Make a block larger or smaller, moving it if need be; block may be NULL. On NULL the old block
 * stays as it is. */
void *realloc(void *block, size_t size_bytes);

/** Give a block back; NULL is none. */
void free(void *block);

#endif
