/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory: physical frames (buddy), the kernel heap (slabs), memory objects, address spaces.
 * All under the kernel lock. Frames are named by physical address.
 */
#ifndef KERNEL_MM_H
#define KERNEL_MM_H

#include <abi/space.h>
#include <kernel/init.h>
#include <kernel/object.h>
#include <kernel/timer.h>
#include <kernel/types.h>

struct process;

/* Frames */
#define FRAME_ORDER_MAX 10 /* blocks of up to 4 MiB */
#define FRAME_LOW       1u /* below 4 GiB */

struct frame_stats {
	uint64_t total_pages, free_pages;
};

/** Allocate 2^order frames, aligned to their size, content undefined. 0: there are none. */
paddr_t frame_allocate(unsigned order, unsigned flags);
void frame_free(paddr_t paddr, unsigned order);
/** Free a page-aligned range, in as few blocks as there are. */
void frame_free_range(paddr_t start, paddr_t end);
/** Hand a range of RAM to the allocator (boot). Page-aligned. */
void frame_add_range(paddr_t start, paddr_t end);
/** Bytes of bookkeeping for frames up to `top`; the caller provides them, zeroed. */
uint64_t frame_table_bytes(paddr_t top);
void frame_table_set(void *table, paddr_t top);
struct frame_stats frame_stats(void);
/** Smallest order whose block holds `bytes`. */
unsigned frame_order(uint64_t bytes);

/* Heap */
/** Zero-filled kernel memory of up to 4 MiB, 16-byte aligned; NULL: none. kfree needs the same
 * size. */
void *kzalloc(size_t size_bytes);
void kfree(void *pointer, size_t size_bytes);
uint64_t heap_bytes(void);
/** Frames that kzalloc takes for this size alone; 0: it shares one. */
uint64_t heap_frames(size_t size_bytes);

/* Boot */
/** Map device registers into the kernel, uncached. NULL: no memory. */
void __iomem *mmio_map(paddr_t paddr, uint64_t size_bytes);
/** Take down what mmio_map gave. */
void mmio_unmap(volatile void __iomem *pointer, uint64_t size_bytes);
/** Is any byte of the range RAM, according to the firmware? */
bool memory_is_ram(paddr_t paddr, uint64_t size_bytes);
/** Where the last range that firmware describes below `limit` ends. */
uint64_t memory_low_end(uint64_t limit);
/** True if all of the range is inside the physical map (RAM or below 4 GiB). */
bool physmap_covers(paddr_t paddr, uint64_t size_bytes);

/* Memory objects */
struct memory {
	struct object object;
	uint64_t page_count;
	uint32_t flags; /* MEMORY_* */
	bool borrowed;  /* frames are not the object's to free (the initial archive) */
	paddr_t base;   /* contiguous: first frame */
	paddr_t *page;  /* else: [page_count], 0 not committed yet */
	uint64_t next;  /* page that memory_commit() or the destruction looks at next */
	struct ktask destroyer;
};

/** Create zero-filled memory charged to `owner`. */
enum error memory_create(struct process *owner, uint64_t size_bytes, unsigned flags,
			 unsigned frame_flags, struct memory **memory);
/** Wrap existing frames; they are never freed. */
enum error memory_wrap(struct process *owner, paddr_t base, uint64_t size_bytes,
		       struct memory **memory);
/** Commit some of the pages that are left; true: more are. */
enum error memory_commit(struct memory *memory, bool *more);
/** The frame behind a page, committing it if need be. */
enum error memory_page(struct memory *memory, uint64_t index, paddr_t *paddr);
void memory_destroy(struct object *object);
/** Copy out of or into a memory object; the range must lie inside. */
enum error memory_read(struct memory *memory, uint64_t offset, void *to, size_t size_bytes);
enum error memory_write(struct memory *memory, uint64_t offset, const void *from,
			size_t size_bytes);

/* Address spaces */
struct mapping {
	vaddr_t start, end;
	struct memory *memory; /* NULL: device registers */
	uint64_t offset;       /* into memory; device registers: physical address */
	uint32_t rights;       /* RIGHT_READ | WRITE | EXECUTE */
};

/* What a driver process borrows with a device's grant lies behind one entry of the top-level table:
 * it is mapped ahead while the area is closed, and opening or closing it is one store. */
#define GRANT_START 0x400000000000ul
#define GRANT_END   0x408000000000ul

struct space {
	paddr_t root; /* top-level table */
	struct mapping *mapping;
	uint32_t mapping_count, mapping_capacity;
	bool grant_open;       /* the process reaches what is mapped in the grant area */
	struct process *owner; /* charged for tables */
	uint64_t switches;     /* times that a CPU loaded it */
};

enum error space_create(struct process *owner, struct space *space);
/** Free some of it; true: all is gone. No CPU has it loaded with a thread on it. */
bool space_destroy(struct space *space);
/** Map `size_bytes` of memory at `*vaddr` (0: where there is room; GRANT_START: where there is room
 * in the grant area; result stored). Populates nothing. */
enum error space_map(struct space *space, struct memory *memory, uint64_t offset,
		     uint64_t size_bytes, unsigned rights, vaddr_t *vaddr);
enum error space_map_device(struct space *space, paddr_t paddr, uint64_t size_bytes,
			    vaddr_t *vaddr);
/** Remove every mapping inside the range; partial overlaps are refused. */
enum error space_unmap(struct space *space, vaddr_t vaddr, uint64_t size_bytes);
/** Let the process reach its grant area; or take it away, at once and on every CPU, and leave it
 * mapped. */
void space_grant_open(struct space *space);
void space_grant_close(struct space *space);
/** Resolve a page fault at vaddr; `write`, `execute`: what was tried. */
enum error space_fault(struct space *space, vaddr_t vaddr, bool write, bool execute);
/** Enter all pages of a mapping at once. */
enum error space_populate(struct space *space, vaddr_t vaddr, uint64_t size_bytes);

/** Copy between kernel and the memory of a process, by its mappings; never faults. */
enum error copy_from_user(struct space *space, void *to, const void __user *from,
			  size_t size_bytes);
enum error copy_to_user(struct space *space, void __user *to, const void *from, size_t size_bytes);

#endif
