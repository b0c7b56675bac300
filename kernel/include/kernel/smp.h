/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting the secondary processors. Source: Intel SDM 3A §8.4.4, Multiprocessor Spec 1.4 §B.4.
 */
#ifndef KERNEL_SMP_H
#define KERNEL_SMP_H

#include <stdint.h>

#define SMP_STACK_BYTES 4096 /* of the boot stack that a secondary processor arrives on */

/** Start every other processor of the MADT, one after another, up to cmdline.cpu_max in all. Each
 * arrives in cpu_secondary_main() in long mode, on the kernel's page table (kernel_cr3), interrupts
 * off, on a boot stack of its own that it may keep.
 *
 * @return processors that run, this one included
 *
 * Context: boot, after lapic_init() and time_init().
 */
unsigned smp_start(void);

#endif
