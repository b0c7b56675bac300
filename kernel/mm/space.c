/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Address spaces: a sorted list of mappings is the truth, page tables are filled from it at page
 * faults. Source: Intel SDM 3A §4.5 (four-level paging).
 */
#include <lib/string.h>

#include <kernel/cpu.h>
#include <kernel/mm.h>
#include <kernel/panic.h>
#include <kernel/process.h>

#define PTE_PRESENT  (1ul << 0)
#define PTE_WRITE    (1ul << 1)
#define PTE_USER     (1ul << 2)
#define PTE_UNCACHED (1ul << 4 | 1ul << 3)
#define PTE_NX       (1ul << 63)
#define PTE_ADDRESS  0x000ffffffffff000ul

#define MAP_START   0x1000000000ul /* where mappings without a wish go */
#define MAPPING_MAX 4096u

#define GRANT_ENTRY (GRANT_START >> (PAGE_SHIFT + 27)) /* of the top-level table */
_Static_assert(GRANT_END - GRANT_START == PAGE_SIZE << 27, "the grant area is one entry");

#define TABLES_AT_ONCE 64 /* freed of a space that is going away */

static unsigned table_index(vaddr_t vaddr, unsigned level)
{
	return vaddr >> (PAGE_SHIFT + 9 * level) & 511;
}

static bool in_grant(vaddr_t vaddr)
{
	return vaddr - GRANT_START < GRANT_END - GRANT_START;
}

/* The entry for a page, with the tables on the way there made. An entry that is not present is 0,
 * but that of a grant area which is closed. */
static enum error entry_at(struct space *space, vaddr_t vaddr, uint64_t **found)
{
	uint64_t *table = phys_to_virt(space->root);

	for (unsigned level = 3; level; level--) {
		uint64_t *entry = &table[table_index(vaddr, level)];

		if (!*entry) {
			bool closed = level == 3 && in_grant(vaddr) && !space->grant_open;
			enum error error = account_charge_pages(space->owner, 1);
			paddr_t frame;

			if (error)
				return error;
			frame = frame_allocate(0, 0);
			if (!frame) {
				account_release_pages(space->owner, 1);
				return ERR_NO_MEMORY;
			}
			memset(phys_to_virt(frame), 0, PAGE_SIZE);
			*entry = frame | (closed ? 0 : PTE_PRESENT) | PTE_WRITE | PTE_USER;
		}
		table = phys_to_virt(*entry & PTE_ADDRESS);
	}
	*found = &table[table_index(vaddr, 0)];
	return OK;
}

enum error space_create(struct process *owner, struct space *space)
{
	enum error error = account_charge_pages(owner, 1);

	if (error)
		return error;
	*space = (struct space){ .owner = owner };
	space->root = frame_allocate(0, 0);
	if (!space->root) {
		account_release_pages(owner, 1);
		return ERR_NO_MEMORY;
	}
	memset(phys_to_virt(space->root), 0, PAGE_SIZE / 2);
	memcpy((char *)phys_to_virt(space->root) + PAGE_SIZE / 2,
	       (char *)phys_to_virt(kernel_cr3) + PAGE_SIZE / 2, PAGE_SIZE / 2);
	return OK;
}

/* Returns false when `left` is used up; what is freed already has left the table. */
static bool tables_free(struct space *space, paddr_t table, unsigned level, unsigned *left)
{
	uint64_t *entry = phys_to_virt(table);
	unsigned count = level == 3 ? 256 : 512;

	for (unsigned i = 0; level && i < count; i++) {
		if (!entry[i])
			continue;
		if (!tables_free(space, entry[i] & PTE_ADDRESS, level - 1, left))
			return false;
		entry[i] = 0;
	}
	if (!*left)
		return false;
	--*left;
	frame_free(table, 0);
	account_release_pages(space->owner, 1);
	return true;
}

bool space_destroy(struct space *space)
{
	unsigned left = TABLES_AT_ONCE;

	if (!space->root)
		return true;
	cpu_flush_space(space);
	for (uint32_t i = 0; i < space->mapping_count; i++)
		if (space->mapping[i].memory)
			object_release(&space->mapping[i].memory->object);
	account_free(space->owner, space->mapping,
		     space->mapping_capacity * sizeof(*space->mapping));
	space->mapping = NULL;
	space->mapping_count = space->mapping_capacity = 0;
	if (!tables_free(space, space->root, 3, &left))
		return false;
	space->root = 0;
	return true;
}

/* Index of the first mapping that ends above vaddr. */
static uint32_t mapping_search(const struct space *space, vaddr_t vaddr)
{
	uint32_t low = 0, high = space->mapping_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (space->mapping[middle].end <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct mapping *mapping_at(const struct space *space, vaddr_t vaddr)
{
	uint32_t i = mapping_search(space, vaddr);

	return i < space->mapping_count && space->mapping[i].start <= vaddr ? &space->mapping[i]
									    : NULL;
}

/* The same, if the process may touch it. */
static struct mapping *mapping_of_user(const struct space *space, vaddr_t vaddr)
{
	return in_grant(vaddr) && !space->grant_open ? NULL : mapping_at(space, vaddr);
}

/* First gap of at least `bytes` from `start` on, with an unmapped page between neighbours. */
static vaddr_t gap_find(const struct space *space, vaddr_t start, vaddr_t limit, uint64_t bytes)
{
	for (uint32_t i = mapping_search(space, start); i < space->mapping_count; i++) {
		if (space->mapping[i].start >= start + bytes + PAGE_SIZE)
			break;
		start = space->mapping[i].end + PAGE_SIZE;
	}
	return start + bytes <= limit ? start : 0;
}

static enum error mapping_grow(struct space *space)
{
	uint32_t capacity = space->mapping_capacity ? space->mapping_capacity * 2 : 16;
	struct mapping *larger;
	enum error error;

	if (space->mapping_count < space->mapping_capacity)
		return OK;
	if (capacity > MAPPING_MAX)
		return ERR_BUDGET;
	error = account_allocate(space->owner, capacity * sizeof(*larger), (void **)&larger);
	if (error)
		return error;
	if (space->mapping_count)
		memcpy(larger, space->mapping, space->mapping_count * sizeof(*larger));
	account_free(space->owner, space->mapping, space->mapping_capacity * sizeof(*larger));
	space->mapping = larger;
	space->mapping_capacity = capacity;
	return OK;
}

static enum error mapping_insert(struct space *space, struct mapping mapping)
{
	uint32_t i = mapping_search(space, mapping.start);
	enum error error;

	if (i < space->mapping_count && space->mapping[i].start < mapping.end)
		return ERR_EXISTS;
	error = mapping_grow(space);
	if (error)
		return error;
	memmove(&space->mapping[i + 1], &space->mapping[i],
		(space->mapping_count - i) * sizeof(mapping));
	space->mapping[i] = mapping;
	space->mapping_count++;
	return OK;
}

static enum error place(struct space *space, uint64_t bytes, vaddr_t *vaddr)
{
	if (!bytes || bytes > USER_END)
		return ERR_RANGE;
	if (!*vaddr)
		*vaddr = gap_find(space, MAP_START, GRANT_START, bytes);
	else if (*vaddr == GRANT_START)
		*vaddr = gap_find(space, GRANT_START + PAGE_SIZE, GRANT_END, bytes);
	if (!*vaddr)
		return ERR_NO_MEMORY;
	return (*vaddr & PAGE_MASK) || *vaddr + bytes > USER_END || *vaddr + bytes < *vaddr
		       ? ERR_RANGE
		       : OK;
}

enum error space_map(struct space *space, struct memory *memory, uint64_t offset,
		     uint64_t size_bytes, unsigned rights, vaddr_t *vaddr)
{
	uint64_t limit = memory->page_count * PAGE_SIZE, bytes = page_round_up(size_bytes);
	vaddr_t at = *vaddr;
	enum error error;

	if ((offset & PAGE_MASK) || offset > limit || bytes > limit - offset || bytes < size_bytes)
		return ERR_RANGE;
	if (!(rights & RIGHT_READ) || (rights & ~(RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE)) ||
	    ((rights & RIGHT_WRITE) && (rights & RIGHT_EXECUTE)))
		return ERR_INVALID;
	error = place(space, bytes, &at);
	if (!error)
		error = mapping_insert(space,
				       (struct mapping){ at, at + bytes, memory, offset, rights });
	if (error)
		return error;
	object_reference(&memory->object);
	*vaddr = at;
	return OK;
}

enum error space_map_device(struct space *space, paddr_t paddr, uint64_t size_bytes, vaddr_t *vaddr)
{
	uint64_t bytes = page_round_up(size_bytes);
	vaddr_t at = *vaddr;
	enum error error = place(space, bytes, &at);

	if (!error)
		error = mapping_insert(space, (struct mapping){ at, at + bytes, NULL, paddr,
								RIGHT_READ | RIGHT_WRITE });
	if (error)
		return error;
	*vaddr = at;
	return OK;
}

/* The entry for a page, and how much lies in its table; NULL where tables are missing, and how much
 * they would map. */
static uint64_t *entry_look(struct space *space, vaddr_t vaddr, uint64_t *span_bytes)
{
	uint64_t *table = phys_to_virt(space->root);

	for (unsigned level = 3; level; level--) {
		uint64_t entry = table[table_index(vaddr, level)];

		*span_bytes = PAGE_SIZE << (9 * level);
		if (!entry) /* that of a closed grant area is there, if not present */
			return NULL;
		table = phys_to_virt(entry & PTE_ADDRESS);
	}
	return &table[table_index(vaddr, 0)];
}

/* A table at a time; what was never touched has none, and costs next to nothing. */
static void entries_clear(struct space *space, vaddr_t start, vaddr_t end)
{
	while (start < end) {
		uint64_t span_bytes, *entry = entry_look(space, start, &span_bytes);
		vaddr_t next = (start | (span_bytes - 1)) + 1;

		if (next > end)
			next = end;
		if (entry)
			memset(entry, 0, (next - start) / PAGE_SIZE * sizeof(*entry));
		start = next;
	}
}

enum error space_unmap(struct space *space, vaddr_t vaddr, uint64_t size_bytes)
{
	vaddr_t end = vaddr + page_round_up(size_bytes);
	uint32_t first = mapping_search(space, vaddr), last = first;

	if ((vaddr & PAGE_MASK) || end <= vaddr || end > USER_END)
		return ERR_RANGE;
	for (; last < space->mapping_count && space->mapping[last].start < end; last++)
		if (space->mapping[last].start < vaddr || space->mapping[last].end > end)
			return ERR_INVALID;
	if (first == last)
		return ERR_NOT_FOUND;
	for (uint32_t i = first; i < last; i++)
		entries_clear(space, space->mapping[i].start, space->mapping[i].end);
	cpu_flush_space(space);
	for (uint32_t i = first; i < last; i++)
		if (space->mapping[i].memory)
			object_release(&space->mapping[i].memory->object);
	memmove(&space->mapping[first], &space->mapping[last],
		(space->mapping_count - last) * sizeof(struct mapping));
	space->mapping_count -= last - first;
	return OK;
}

void space_grant_open(struct space *space)
{
	uint64_t *root;

	if (!space->root) /* the process is over */
		return;
	root = phys_to_virt(space->root);
	space->grant_open = true;
	if (root[GRANT_ENTRY])
		root[GRANT_ENTRY] |= PTE_PRESENT;
}

void space_grant_close(struct space *space)
{
	uint64_t *root;

	if (!space->root)
		return;
	root = phys_to_virt(space->root);
	space->grant_open = false;
	if (!(root[GRANT_ENTRY] & PTE_PRESENT))
		return;
	root[GRANT_ENTRY] &= ~PTE_PRESENT;
	cpu_flush_space(space);
}

static uint64_t page_bits(const struct mapping *mapping)
{
	return PTE_PRESENT | PTE_USER | (mapping->memory ? 0 : PTE_UNCACHED) |
	       (mapping->rights & RIGHT_WRITE ? PTE_WRITE : 0) |
	       (mapping->rights & RIGHT_EXECUTE ? 0 : PTE_NX);
}

/* Pages of one mapping, a table at a time. */
static enum error pages_enter(struct space *space, const struct mapping *mapping, vaddr_t start,
			      vaddr_t end)
{
	uint64_t bits = page_bits(mapping), *entry = NULL;

	for (vaddr_t vaddr = start; vaddr < end; vaddr += PAGE_SIZE, entry++) {
		paddr_t paddr = mapping->offset + (vaddr - mapping->start);
		enum error error = OK;

		if (mapping->memory)
			error = memory_page(mapping->memory, paddr >> PAGE_SHIFT, &paddr);
		if (!error && (!entry || !table_index(vaddr, 0)))
			error = entry_at(space, vaddr, &entry);
		if (error)
			return error;
		*entry = paddr | bits;
	}
	return OK;
}

enum error space_fault(struct space *space, vaddr_t vaddr, bool write, bool execute)
{
	struct mapping *mapping = mapping_of_user(space, vaddr);

	if (!mapping || (write && !(mapping->rights & RIGHT_WRITE)) ||
	    (execute && !(mapping->rights & RIGHT_EXECUTE)))
		return ERR_FAULT;
	vaddr &= ~PAGE_MASK;
	return pages_enter(space, mapping, vaddr, vaddr + PAGE_SIZE);
}

enum error space_populate(struct space *space, vaddr_t vaddr, uint64_t size_bytes)
{
	struct mapping *mapping = mapping_at(space, vaddr);
	vaddr_t end = vaddr + page_round_up(size_bytes);

	return mapping && end <= mapping->end ? pages_enter(space, mapping, vaddr, end) : ERR_FAULT;
}

static enum error user_copy(struct space *space, vaddr_t user, void *buffer, size_t size_bytes,
			    bool write)
{
	if (user >= USER_END || size_bytes > USER_END - user)
		return ERR_FAULT;
	while (size_bytes) {
		struct mapping *mapping = mapping_of_user(space, user);
		uint64_t in_page = user & PAGE_MASK;
		size_t chunk = PAGE_SIZE - in_page < size_bytes ? PAGE_SIZE - in_page : size_bytes;
		uint64_t offset;
		paddr_t paddr;
		enum error error;

		if (!mapping || !mapping->memory || (write && !(mapping->rights & RIGHT_WRITE)))
			return ERR_FAULT;
		offset = mapping->offset + (user - mapping->start);
		error = memory_page(mapping->memory, offset >> PAGE_SHIFT, &paddr);
		if (error)
			return error;
		if (write)
			memcpy((char *)phys_to_virt(paddr) + in_page, buffer, chunk);
		else
			memcpy(buffer, (char *)phys_to_virt(paddr) + in_page, chunk);
		user += chunk;
		buffer = (char *)buffer + chunk;
		size_bytes -= chunk;
	}
	return OK;
}

enum error copy_from_user(struct space *space, void *to, const void __user *from, size_t size_bytes)
{
	return user_copy(space, (vaddr_t __force)from, to, size_bytes, false);
}

enum error copy_to_user(struct space *space, void __user *to, const void *from, size_t size_bytes)
{
	return user_copy(space, (vaddr_t __force)to, (void *)(uintptr_t)from, size_bytes, true);
}
