/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the kernel lives in virtual memory, and the symbols that kernel.ld defines.
 */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#define KERNEL_PHYSICAL_MAP \
	0xffff800000000000 /* physical address 0; boot.S maps 4 GiB, mm the rest */
#define KERNEL_IMAGE_BASE                                                                   \
	0xffffffff80000000             /* physical address 0 of the image's mapping (1 GiB) \
					*/
#define KERNEL_IMAGE_PADDR 0x100000    /* where GRUB loads the image */
#define KERNEL_EARLY_BYTES 0x100000000 /* what the boot page tables map of physical memory */
#define TRAMPOLINE_PADDR   0x8000      /* start-up page of secondary processors */

#ifndef __ASSEMBLER__
#include <stdint.h>

/* Page-aligned section bounds: text r-x, rodata r--, data and bss rw-. */
extern char __text_start[], __text_end[];
extern char __rodata_start[], __rodata_end[];
extern char __data_start[], __data_end[];
extern char __bss_start[], __bss_end[];
extern char __kernel_start[], __kernel_end[];

/* The boot page tables: identity, physical map and image. Secondary processors start on them, so
 * they stay as they are. */
extern uint64_t boot_pml4[512];

/** Physical memory through the physical map: RAM, and before mm_init() all of the first 4 GiB. */
static inline void *phys_pointer(uint64_t paddr)
{
	return (void *)(KERNEL_PHYSICAL_MAP + paddr);
}

/** Physical address of something in the kernel image (not of heap or physical map). */
static inline uint64_t image_paddr(const void *pointer)
{
	return (uint64_t)pointer - KERNEL_IMAGE_BASE;
}
#endif
#endif
