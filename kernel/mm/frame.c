/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Physical frames: a binary buddy allocator in two zones, below 4 GiB and above. Free blocks are
 * linked through the frames themselves; one byte a frame says which block starts there. RAM that
 * nobody has needed yet stays in ranges, untouched, and is taken over a block at a time. Liftable
 * on the host.
 */
#include <kernel/mm.h>
#include <kernel/panic.h>

#define ZONE_SPLIT  0x100000000ul
#define BLOCK_BYTES (PAGE_SIZE << FRAME_ORDER_MAX)
#define HEAD_SINGLE 0x40u /* free, in `singles` */
#define HEAD_FREE   0x80u /* | order: a free block starts here */

#define RANGES_MAX 128

struct zone {
	struct list free[FRAME_ORDER_MAX + 1];
	struct range {
		paddr_t start, end;
	} range[RANGES_MAX];
	unsigned range_count;
};

static struct zone zones[2]; /* low, high */
static uint8_t *head;        /* [frame number] */
static uint64_t head_count;
static struct frame_stats stats;

/* Single frames are taken and given back all the time: some wait here, so that blocks need not be
 * split and merged for each. They are free, and counted so. */
#define SINGLES_MAX 64
static paddr_t singles[SINGLES_MAX];
static unsigned single_count;

static struct zone *zone_of(paddr_t paddr)
{
	return &zones[paddr >= ZONE_SPLIT];
}

uint64_t frame_table_bytes(paddr_t top)
{
	return page_round_up(top >> PAGE_SHIFT);
}

void frame_table_set(void *table, paddr_t top)
{
	head = table;
	head_count = top >> PAGE_SHIFT;
	stats = (struct frame_stats){ 0 };
	single_count = 0;
	for (unsigned zone = 0; zone < 2; zone++) {
		zones[zone].range_count = 0;
		for (unsigned order = 0; order <= FRAME_ORDER_MAX; order++)
			list_init(&zones[zone].free[order]);
	}
}

static void block_insert(paddr_t paddr, unsigned order)
{
	struct list *node = phys_to_virt(paddr);

	list_append(&zone_of(paddr)->free[order], node);
	head[paddr >> PAGE_SHIFT] = (uint8_t)(HEAD_FREE | order);
}

static void block_remove(paddr_t paddr)
{
	list_remove(phys_to_virt(paddr));
	head[paddr >> PAGE_SHIFT] = 0;
}

unsigned frame_order(uint64_t bytes)
{
	unsigned order = 0;

	while (order < 63 - PAGE_SHIFT && (PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

static paddr_t zone_allocate(struct zone *zone, unsigned order)
{
	for (unsigned found = order; found <= FRAME_ORDER_MAX; found++) {
		if (list_empty(&zone->free[found]))
			continue;
		paddr_t paddr = virt_to_phys(zone->free[found].next);

		block_remove(paddr);
		while (found > order) {
			found--;
			block_insert(paddr + (PAGE_SIZE << found), found);
		}
		stats.free_pages -= 1ul << order;
		return paddr;
	}
	return 0;
}

/* Take over the next block of untouched RAM. */
static bool zone_refill(struct zone *zone)
{
	while (zone->range_count) {
		struct range *range = &zone->range[zone->range_count - 1];
		paddr_t start = range->start;
		paddr_t end = (start | (BLOCK_BYTES - 1)) + 1;

		if (start == range->end) {
			zone->range_count--;
			continue;
		}
		if (end > range->end)
			end = range->end;
		range->start = end;
		stats.free_pages -= (end - start) >> PAGE_SHIFT; /* freeing counts it again */
		frame_free_range(start, end);
		return true;
	}
	return false;
}

static paddr_t zone_take(struct zone *zone, unsigned order)
{
	paddr_t paddr;

	do {
		paddr = zone_allocate(zone, order);
	} while (!paddr && zone_refill(zone));
	return paddr;
}

/* Merge a block with its free buddies, as far as that goes. */
static void block_merge(paddr_t paddr, unsigned order)
{
	while (order < FRAME_ORDER_MAX) {
		paddr_t buddy = paddr ^ (PAGE_SIZE << order);

		if (buddy >> PAGE_SHIFT >= head_count ||
		    head[buddy >> PAGE_SHIFT] != (HEAD_FREE | order) ||
		    zone_of(buddy) != zone_of(paddr))
			break;
		block_remove(buddy);
		paddr &= ~(PAGE_SIZE << order);
		order++;
	}
	block_insert(paddr, order);
}

void frame_free(paddr_t paddr, unsigned order)
{
	uint8_t *mark = &head[paddr >> PAGE_SHIFT];

	assert(!(paddr & ((PAGE_SIZE << order) - 1)) && paddr >> PAGE_SHIFT < head_count);
	assert(!(*mark & (HEAD_FREE | HEAD_SINGLE)));
	stats.free_pages += 1ul << order;
	if (!order && single_count < SINGLES_MAX) {
		*mark = HEAD_SINGLE;
		singles[single_count++] = paddr;
		return;
	}
	block_merge(paddr, order);
}

static void singles_merge(void)
{
	while (single_count) {
		paddr_t paddr = singles[--single_count];

		head[paddr >> PAGE_SHIFT] = 0;
		block_merge(paddr, 0);
	}
}

paddr_t frame_allocate(unsigned order, unsigned flags)
{
	paddr_t paddr = 0;

	if (order > FRAME_ORDER_MAX)
		return 0;
	if (!order && !flags && single_count) {
		paddr = singles[--single_count];
		head[paddr >> PAGE_SHIFT] = 0;
		stats.free_pages--;
		return paddr;
	}
	if (!(flags & FRAME_LOW))
		paddr = zone_take(&zones[1], order);
	if (!paddr)
		paddr = zone_take(&zones[0], order);
	if (!paddr && single_count) {
		singles_merge();
		return frame_allocate(order, flags);
	}
	return paddr;
}

void frame_free_range(paddr_t start, paddr_t end)
{
	while (start < end) {
		unsigned order = 0;

		while (order < FRAME_ORDER_MAX && !(start & (PAGE_SIZE << order)) &&
		       start + (PAGE_SIZE << (order + 1)) <= end)
			order++;
		frame_free(start, order);
		start += PAGE_SIZE << order;
	}
}

void frame_add_range(paddr_t start, paddr_t end)
{
	if (start < ZONE_SPLIT && end > ZONE_SPLIT) {
		frame_add_range(start, ZONE_SPLIT);
		start = ZONE_SPLIT;
	}
	if (start >= end || zone_of(start)->range_count == RANGES_MAX)
		return;
	zone_of(start)->range[zone_of(start)->range_count++] = (struct range){ start, end };
	stats.total_pages += (end - start) >> PAGE_SHIFT;
	stats.free_pages += (end - start) >> PAGE_SHIFT;
}

struct frame_stats frame_stats(void)
{
	return stats;
}
