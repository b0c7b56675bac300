/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the boot loader told, checked and copied out of its memory, so that the allocator may own
 * everything that `free` lists. Source: Multiboot2 Specification 2.0 §3.
 */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/error.h>

#define BOOT_MAGIC        0x36d76289 /* in eax at entry [Multiboot2 §3.2] */
#define BOOT_CMDLINE_MAX  512
#define BOOT_MEMORY_MAX   128
#define BOOT_RESERVED_MAX 16
#define BOOT_LOW_BYTES    0x100000 /* the first MiB is never free: trampoline, firmware */

enum boot_memory_kind {
	BOOT_MEMORY_USABLE = 1,
	BOOT_MEMORY_RESERVED = 2,
	BOOT_MEMORY_ACPI = 3, /* reclaimable tables */
	BOOT_MEMORY_NVS = 4,
	BOOT_MEMORY_BAD = 5
};

struct boot_memory {
	uint64_t paddr;
	uint64_t size_bytes;
	uint32_t kind; /* enum boot_memory_kind */
};

struct boot_area {
	uint64_t paddr;
	uint64_t size_bytes; /* 0: absent */
};

struct boot_framebuffer {
	uint64_t paddr; /* 0: none */
	uint32_t pitch_bytes, width, height;
	uint8_t bits_per_pixel;
	uint8_t red_shift, red_bits, green_shift, green_bits, blue_shift, blue_bits;
};

struct boot_info {
	char cmdline[BOOT_CMDLINE_MAX];
	/* The memory map: sorted, disjoint, neighbours merged. Usable ranges are cut to whole
	 * pages. */
	struct boot_memory memory[BOOT_MEMORY_MAX];
	unsigned memory_count;
	/* Usable memory without the first MiB and all of `reserved`: what the allocator may own. */
	struct boot_area free[BOOT_MEMORY_MAX];
	unsigned free_count;
	/* In use for good, page-aligned: kernel image, archive, kernel symbols. */
	struct boot_area reserved[BOOT_RESERVED_MAX];
	unsigned reserved_count;
	uint64_t usable_bytes;             /* all usable memory */
	uint64_t usable_end;               /* end of the highest usable byte */
	struct boot_area archive;          /* the initial archive: a module */
	struct boot_area symbols, strings; /* .symtab and .strtab of the kernel */
	uint8_t rsdp[36];                  /* copy; a version-1 RSDP fills 20 bytes */
	unsigned rsdp_bytes;               /* 0: none given */
	struct boot_framebuffer framebuffer;
	bool efi;
};

/** Read the boot information.
 *
 * @param data        the structure of Multiboot2 §3.4, mapped
 * @param size_limit  bytes that may be read at `data`; the structure's own size is checked against
 * it
 * @param kernel      area of the kernel image, to be reserved
 * @param[out] info   all of it is written
 * @retval OK
 * @retval ERR_CORRUPT  sizes lie, or there is no memory map or no usable memory
 *
 * Context: boot, before the allocator. Touches `data` alone. Source: Multiboot2 2.0 §3.4, §3.6.
 */
MUST_CHECK enum error multiboot2_parse(const void *data, uint64_t size_limit,
				       struct boot_area kernel, struct boot_info *info);

/** The boot information of this machine; valid from the first call in kernel_main() on. */
extern struct boot_info boot_info;

#endif
