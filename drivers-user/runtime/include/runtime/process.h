/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting programs out of the initial archive, and threads.
 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include <abi/syscall.h>
#include <abi/error.h>

#define PRIORITY_PROGRAM 8  /* what people start */
#define PRIORITY_SERVICE 16 /* the device manager, and what others wait for */
#define PRIORITY_DRIVER  24 /* driver processes */

/* A program to start. What is zero gets the system's default. */
struct program {
	const char *path;         /* in the archive; its last part names the process */
	const char *const *words; /* arguments after the name, up to a NULL; may be NULL */
	const struct startup_handle *handle;
	uint32_t handle_count;
	uint32_t priority; /* 0: PRIORITY_PROGRAM */
	uint64_t budget_pages;
	uint64_t budget_objects;
};

/** Start a program.
 *
 * @param program        what, with which handles, which are copied into its table
 * @param[out] process   its process handle, the caller's to close; unchanged on error
 * @retval OK
 * @retval ERR_NOT_FOUND  no such file, or no archive
 * @retval ERR_RANGE      more arguments or handles than struct spawn holds
 * @retval ERR_CORRUPT    the file is no program
 * @retval ERR_BUDGET, ERR_NO_MEMORY
 *
 * Context: any thread, one at a time.
 */
MUST_CHECK enum error program_start(const struct program *program, handle_t *process);

/** Start a thread in this process. It ends when entry returns.
 *
 * @param entry     runs with `argument`
 * @param priority  1 .. 31, at most the caller's own
 * @retval OK, ERR_BUDGET, ERR_NO_MEMORY
 */
MUST_CHECK enum error thread_create(void (*entry)(void *argument), void *argument,
				    uint32_t priority);

#endif
