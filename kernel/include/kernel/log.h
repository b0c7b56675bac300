/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's log: a ring of records, and consoles that new lines go to as well: the debug console
 * port 0xe9 always, COM1 while the kernel owns it. Usable from the first instruction of C on, on
 * every processor, in traps.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/error.h>
#include <abi/log.h>

#define LOG_RECORD_COUNT 1024

/** Find the consoles and start to log. Context: boot, first. */
void log_init(void);

/** Write one line: to the ring, and to the consoles.
 *
 * @param level   enum log_level
 * @param format  as format() of lib/format.h, without a newline
 */
__attribute__((format(printf, 2, 3))) void log_write(enum log_level level, const char *format, ...);
void log_write_arguments(enum log_level level, const char *format, va_list arguments);

/** Write one line for a process, from text of any content: control characters become dots, what is
 * longer than a record is cut. */
void log_write_pid(enum log_level level, unsigned pid, const char *text, size_t size_bytes);

/* What one process may write: so many lines at once, and so many a second for ever. A child begins
 * with a part of what its parent has left. */
#define LOG_LINES_AT_ONCE    128u
#define LOG_LINES_OF_CHILD   32u
#define LOG_LINES_PER_SECOND 16u

struct log_share {
	uint64_t free_at_ns; /* when all that was written is paid for; zero: nothing was */
	uint64_t dropped;    /* lines that were too many, and that no line told of yet */
};

/** May these lines be written, which are one report? If a line is left, all of them may; they are
 * paid for. If not, they count as dropped. */
bool log_share_take(struct log_share *share, unsigned lines, uint64_t now_ns);

/** The share of a new child, taken out of its parent's. */
void log_share_split(struct log_share *from, struct log_share *child, uint64_t now_ns);

/** Read the first record at or after a sequence number.
 *
 * @retval OK
 * @retval ERR_AGAIN  nothing that new
 */
MUST_CHECK enum error log_read(uint64_t sequence, struct log_record *record);

/** The level up to which lines reach COM1 (`loglevel=`); the ring takes all. */
void log_set_console_level(enum log_level level);

/** Which processor speaks: the function gives its index. Before, lines say processor 0. */
void log_set_cpu_index(unsigned (*cpu_index)(void));

/** The UART driver went live: lines no longer go to COM1. */
void console_release(void);

/** The UART driver is gone: COM1 is the kernel's again, and set up anew. */
void console_seize(void);

/** Whether the kernel owns COM1 now. */
bool console_owned(void);

/** Bytes for the debug console port alone, raw (test output). Nothing happens without one. */
void console_debug_write(const char *text, size_t size_bytes);

/** For a panic: break the lock, seize COM1, let every level through. */
void log_panic_begin(void);

#define log_error(...)   log_write(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_DEBUG, __VA_ARGS__)

#endif
