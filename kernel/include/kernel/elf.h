/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ELF-64 static executables: what a process image must be, and the look-up of symbols in it.
 * Source: System V ABI, AMD64 supplement; ELF-64 Object File Format 1.5.
 */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/error.h>

#define ELF_SEGMENT_MAX 8
#define ELF_USER_START  0x10000ull
#define ELF_USER_END    0x7fffffff0000ull

struct elf_segment {
	uint64_t vaddr;        /* page-aligned */
	uint64_t memory_bytes; /* whole pages; zero beyond file_bytes */
	uint64_t file_offset;  /* of the first byte at vaddr; page-aligned */
	uint64_t file_bytes;   /* at most memory_bytes */
	bool readable, writable, executable;
};

struct elf_image {
	uint64_t entry;
	struct elf_segment segment[ELF_SEGMENT_MAX];
	unsigned segment_count;
};

/* A symbol table and its strings, in memory. */
struct elf_symbols {
	const void *symbols;
	uint64_t symbols_bytes;
	const char *strings;
	uint64_t strings_bytes;
};

/** Check an executable and list its loadable segments, sorted by address.
 *
 * A segment's file range is widened to whole pages in front, as its alignment demands: the bytes
 * before it belong to the same file.
 *
 * @param data, size_bytes  the file
 * @param[out] image        unchanged on error
 * @param[out] reason       on error, what is wrong with it, a sentence; may be NULL
 * @retval OK
 * @retval ERR_CORRUPT      truncated, lying, overlapping, outside of the user's range, writable and
 *                          executable at once, entry not in executable memory
 * @retval ERR_UNSUPPORTED  not a static x86-64 executable
 */
MUST_CHECK enum error elf_check(const void *data, uint64_t size_bytes, struct elf_image *image,
				const char **reason);

/** Find .symtab and its strings in a file. False: it has none, or they do not lie inside. */
bool elf_symbols_find(const void *data, uint64_t size_bytes, struct elf_symbols *symbols);

/** The function that holds an address.
 *
 * @param[out] name    inside the string table, zero-terminated
 * @param[out] offset  of vaddr in it
 * @return false: no function is known there
 */
bool elf_symbol_at(const struct elf_symbols *symbols, uint64_t vaddr, const char **name,
		   uint64_t *offset);

#endif
