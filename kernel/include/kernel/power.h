/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Switching the machine off, and starting it again. Neither returns.
 */
#ifndef KERNEL_POWER_H
#define KERNEL_POWER_H

#include <stdint.h>

/** Map what a reset needs. Context: boot, after mm_init(). */
void power_init(void);

/** Soft-off by ACPI; where that is impossible, says so and halts. */
__attribute__((noreturn)) void power_off(void);

/** Reset: FADT's register, port 0xcf9, keyboard controller, triple fault, whichever works first. */
__attribute__((noreturn)) void power_reboot(void);

/** End a test run by QEMU's isa-debug-exit: status (code << 1) | 1. Without it, power_off(). */
__attribute__((noreturn)) void power_test_exit(uint32_t code);

/** Halt this processor for good. */
__attribute__((noreturn)) void power_halt(void);

#endif
