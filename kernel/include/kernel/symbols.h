/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's own symbols, as the boot loader left them in memory.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include <kernel/elf.h>

/** Take the tables from boot_info; they stay in reserved memory. Context: boot. */
void symbols_init(void);

/** The kernel function that holds an address. */
bool symbols_at(uint64_t vaddr, const char **name, uint64_t *offset);

#endif
