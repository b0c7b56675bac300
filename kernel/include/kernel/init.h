/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The steps of kernel_main() in other areas, in their order, and what they may rely on.
 */
#ifndef KERNEL_INIT_H
#define KERNEL_INIT_H

#include <abi/space.h>
#include <stdint.h>

#include <kernel/boot.h>

/* Before these: log, boot_info, cmdline, symbols, acpi, time. Boot page tables are in force. */

/** Descriptor tables, traps, per-CPU data of the boot processor. Faults are reported from here on.
 */
void cpu_boot_init(void);

/** Allocators and the final page table, loaded and in kernel_cr3. */
void mm_init(const struct boot_info *info);

/** Map device registers, uncached. Never NULL: panics at boot if there is no memory. Context: after
 * mm_init(). */
void __iomem *mm_map_mmio(uint64_t paddr, uint64_t size_bytes);

extern uint64_t kernel_cr3; /* the kernel's page table, for secondary processors */

/* After mm_init(): lapic, ioapic, power. Then: */

/** Objects, registry, scheduler, drivers of ring 0, first process. */
void core_init(void);

/** A secondary processor's C entry: see smp_start(). */
__attribute__((noreturn)) void cpu_secondary_main(unsigned index, uint32_t apic_id);

/** What the boot processor does when everything is set up: scheduling, for ever. */
__attribute__((noreturn)) void cpu_boot_main(void);

/* Vectors that lapic_init() needs; the rest is the interrupt code's. */
#define VECTOR_TIMER    0xef
#define VECTOR_SPURIOUS 0xff

#endif
