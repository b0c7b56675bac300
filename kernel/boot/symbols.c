/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's own symbols, for reports.
 */
#include <kernel/boot.h>
#include <kernel/layout.h>
#include <kernel/symbols.h>

static struct elf_symbols symbols;

void symbols_init(void)
{
	const struct boot_area *table = &boot_info.symbols, *strings = &boot_info.strings;

	if (!table->size_bytes || table->paddr + table->size_bytes > KERNEL_EARLY_BYTES ||
	    strings->paddr + strings->size_bytes > KERNEL_EARLY_BYTES)
		return;
	symbols = (struct elf_symbols){ phys_pointer(table->paddr), table->size_bytes,
					phys_pointer(strings->paddr), strings->size_bytes };
}

bool symbols_at(uint64_t vaddr, const char **name, uint64_t *offset)
{
	return vaddr >= (uint64_t)__text_start && vaddr < (uint64_t)__text_end &&
	       elf_symbol_at(&symbols, vaddr, name, offset);
}
