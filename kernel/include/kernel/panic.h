/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of the system, and the reports of faults in either ring.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <stdbool.h>
#include <stdint.h>

#include <kernel/log.h>
#include <kernel/trap.h>

/** Stop the machine with a report. Callable anywhere, from any processor, also from a fault in it.
 */
__attribute__((noreturn, format(printf, 1, 2))) void panic(const char *format, ...);

/** The same, for a trap: the report is about the interrupted code. */
__attribute__((noreturn, format(printf, 2, 3))) void panic_frame(const struct trap_frame *frame,
								 const char *format, ...);

/** For the handler of non-maskable interrupts, to be called first: does not return while another
 * processor panics. */
void panic_interrupt(void);

/** For our own bugs: panics with place and expression. */
#define assert(condition)      \
	((condition) ? (void)0 \
		     : panic("%s:%d: %s: expected %s", __FILE__, __LINE__, __func__, #condition))

/** Read one word of the memory of a report's subject. False where nothing is mapped. */
typedef bool (*report_read_fn)(void *context, uint64_t vaddr, uint64_t *word);

/** Name the function that holds `vaddr`, and the offset in it. False: unknown. */
typedef bool (*report_symbol_fn)(void *context, uint64_t vaddr, const char **name,
				 uint64_t *offset);

/** Log all registers of a frame; CR2 as well if it is a page fault. */
void report_registers(const struct trap_frame *frame);

/** Log a backtrace along the frame pointers, at most 32 levels deep.
 *
 * @param rip, rbp  where it starts
 * @param read      the subject's memory
 * @param symbol    its functions, or NULL
 * @param context   for both
 */
void report_backtrace(uint64_t rip, uint64_t rbp, report_read_fn read, report_symbol_fn symbol,
		      void *context);

/** Readers for the kernel itself: a word through the page tables in force (never faults), and the
 * kernel's symbols. */
bool report_read_kernel(void *context, uint64_t vaddr, uint64_t *word);
bool report_symbol_kernel(void *context, uint64_t vaddr, const char **name, uint64_t *offset);

#endif
