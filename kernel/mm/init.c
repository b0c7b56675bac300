/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's own page tables: physical map (NX), image by section (W^X), a region for device
 * registers. The upper half is the same in every address space, so its top-level entries are all
 * made here.
 */
#include <lib/string.h>

#include <kernel/boot.h>
#include <kernel/cpu.h>
#include <kernel/layout.h>
#include <kernel/mm.h>
#include <kernel/panic.h>

#define PTE_PRESENT  (1ul << 0)
#define PTE_WRITE    (1ul << 1)
#define PTE_UNCACHED (1ul << 4 | 1ul << 3)
#define PTE_LARGE    (1ul << 7)
#define PTE_GLOBAL   (1ul << 8)
#define PTE_NX       (1ul << 63)
#define PTE_ADDRESS  0x000ffffffffff000ul
#define LARGE_BYTES  (2ul << 20)
#define EARLY_END    0x100000000ul /* what the boot tables map */

/* With less than this much usable memory the shell would not start: of a machine of 16 MiB, 15. */
#define MEMORY_LEAST_BYTES (14ul << 20)
#define MEMORY_EARLY_BYTES (2ul << 20) /* page tables, beside the frame table */

#define MMIO_BASE 0xffffc00000000000ul
#define MMIO_END  0xffffc08000000000ul /* 512 GiB: one top-level entry */

uint64_t kernel_cr3;
static paddr_t early_next, early_end; /* bump allocation before the buddy allocator owns memory */
static paddr_t physmap_end;
static vaddr_t mmio_next = MMIO_BASE;

static paddr_t table_allocate(void)
{
	paddr_t paddr;

	if (early_next) {
		assert(early_next + PAGE_SIZE <= early_end);
		paddr = early_next;
		early_next += PAGE_SIZE;
	} else {
		paddr = frame_allocate(0, 0);
		if (!paddr)
			return 0;
	}
	memset(phys_to_virt(paddr), 0, PAGE_SIZE);
	return paddr;
}

/* The entry of `level` for vaddr: 0 is a 4 KiB page, 1 a 2 MiB one. */
static uint64_t *entry_for(vaddr_t vaddr, unsigned level)
{
	uint64_t *table = phys_to_virt(kernel_cr3);

	for (unsigned depth = 3; depth > level; depth--) {
		uint64_t *entry = &table[vaddr >> (PAGE_SHIFT + 9 * depth) & 511];

		if (!*entry) {
			paddr_t frame = table_allocate();

			if (!frame)
				return NULL;
			*entry = frame | PTE_PRESENT | PTE_WRITE;
		}
		table = phys_to_virt(*entry & PTE_ADDRESS);
	}
	return &table[vaddr >> (PAGE_SHIFT + 9 * level) & 511];
}

static void map_section(const char *start, const char *end, uint64_t bits)
{
	for (vaddr_t page = (vaddr_t)start; page < (vaddr_t)end; page += PAGE_SIZE)
		*entry_for(page, 0) = (page - KERNEL_BASE) | PTE_PRESENT | bits;
}

/* The largest free area below 4 GiB: early tables and the frame table come out of it. */
static struct boot_area early_area(const struct boot_info *info)
{
	struct boot_area best = { 0, 0 };

	for (unsigned i = 0; i < info->free_count; i++) {
		struct boot_area area = info->free[i];

		if (area.paddr >= EARLY_END)
			continue;
		if (area.paddr + area.size_bytes > EARLY_END)
			area.size_bytes = EARLY_END - area.paddr;
		if (area.size_bytes > best.size_bytes)
			best = area;
	}
	return best;
}

/* Read-only where the image's code and constants are, so that no alias of them is writable. */
static void map_physical(void)
{
	paddr_t text = image_paddr(__text_start), rodata_end = image_paddr(__rodata_end);

	for (paddr_t paddr = 0; paddr < physmap_end; paddr += LARGE_BYTES) {
		if (paddr + LARGE_BYTES <= text || paddr >= rodata_end) {
			*entry_for(PHYSMAP_BASE + paddr, 1) =
				paddr | PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_NX;
			continue;
		}
		for (paddr_t page = paddr; page < paddr + LARGE_BYTES; page += PAGE_SIZE)
			*entry_for(PHYSMAP_BASE + page, 0) =
				page | PTE_PRESENT | PTE_NX |
				(page >= text && page < rodata_end ? 0 : PTE_WRITE);
	}
}

void mm_init(const struct boot_info *info)
{
	struct boot_area area = early_area(info);
	uint64_t frame_bytes = frame_table_bytes(info->usable_end);
	paddr_t frames;

	physmap_end = info->usable_end > EARLY_END ? info->usable_end : EARLY_END;
	physmap_end = (physmap_end + LARGE_BYTES - 1) & ~(LARGE_BYTES - 1);
	early_next = area.paddr;
	early_end = area.paddr + area.size_bytes;
	if (info->usable_bytes < MEMORY_LEAST_BYTES ||
	    area.size_bytes < frame_bytes + MEMORY_EARLY_BYTES)
		panic("mm: %lu KiB of usable memory are too little: give the machine at least 32 "
		      "MiB",
		      (unsigned long)(info->usable_bytes >> 10));
	frames = early_next;
	early_next += frame_bytes;
	memset(phys_to_virt(frames), 0, frame_bytes);
	frame_table_set(phys_to_virt(frames), info->usable_end);

	kernel_cr3 = table_allocate();
	map_physical();
	map_section(__text_start, __text_end, 0);
	map_section(__rodata_start, __rodata_end, PTE_NX);
	map_section(__data_start, __data_end, PTE_WRITE | PTE_NX);
	map_section(__bss_start, __bss_end, PTE_WRITE | PTE_NX);
	(void)entry_for(MMIO_BASE, 2);
	write_cr3(kernel_cr3);

	early_end = page_round_up(early_next);
	early_next = 0;
	for (unsigned i = 0; i < info->free_count; i++) {
		paddr_t start = info->free[i].paddr, end = start + info->free[i].size_bytes;

		frame_add_range(start == area.paddr ? early_end : start, end);
	}
	log_info("mm: %lu MiB of memory, %lu KiB for the kernel's tables",
		 (unsigned long)(info->usable_bytes >> 20),
		 (unsigned long)((early_end - area.paddr) >> 10));
}

void __iomem *mmio_map(paddr_t paddr, uint64_t size_bytes)
{
	paddr_t first = paddr & ~PAGE_MASK;
	uint64_t bytes = page_round_up(paddr + size_bytes - first);
	vaddr_t start = mmio_next;

	if (!size_bytes || bytes > MMIO_END - mmio_next - PAGE_SIZE)
		return NULL;
	for (uint64_t offset = 0; offset < bytes; offset += PAGE_SIZE) {
		uint64_t *entry = entry_for(start + offset, 0);

		if (!entry)
			return NULL;
		*entry = (first + offset) | PTE_PRESENT | PTE_WRITE | PTE_UNCACHED | PTE_NX;
	}
	mmio_next += bytes + PAGE_SIZE;
	return (void __iomem *)(start + (paddr & PAGE_MASK));
}

void __iomem *mm_map_mmio(uint64_t paddr, uint64_t size_bytes)
{
	void __iomem *pointer = mmio_map(paddr, size_bytes);

	if (!pointer)
		panic("mm: no memory to map device registers at %#lx", (unsigned long)paddr);
	return pointer;
}

void mmio_unmap(volatile void __iomem *pointer, uint64_t size_bytes)
{
	vaddr_t start = (vaddr_t __force)pointer & ~PAGE_MASK,
		end = page_round_up((vaddr_t __force)pointer + size_bytes);

	for (vaddr_t page = start; page < end; page += PAGE_SIZE)
		*entry_for(page, 0) = 0;
	cpu_flush_space(NULL);
}

bool memory_is_ram(paddr_t paddr, uint64_t size_bytes)
{
	for (unsigned i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *memory = &boot_info.memory[i];

		if (memory->kind != BOOT_MEMORY_RESERVED &&
		    paddr < memory->paddr + memory->size_bytes &&
		    memory->paddr < paddr + size_bytes)
			return true;
	}
	return false;
}

uint64_t memory_low_end(uint64_t limit)
{
	uint64_t end = 0;

	for (unsigned i = 0; i < boot_info.memory_count; i++) {
		const struct boot_memory *memory = &boot_info.memory[i];

		if (memory->paddr + memory->size_bytes <= limit &&
		    memory->paddr + memory->size_bytes > end)
			end = memory->paddr + memory->size_bytes;
	}
	return end;
}

bool physmap_covers(paddr_t paddr, uint64_t size_bytes)
{
	return paddr < physmap_end && size_bytes <= physmap_end - paddr;
}
