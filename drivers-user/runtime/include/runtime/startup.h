/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a program finds when it starts: its handles by role, its arguments, its end. A program is
 * `int main(int argc, char **argv)`; argv[0] is its name, and main's result its exit code.
 */
#ifndef RUNTIME_STARTUP_H
#define RUNTIME_STARTUP_H

#include <abi/syscall.h>

#define RUNTIME_ARGUMENTS_MAX 64

/** The block that the kernel passed to _start; constant. Context: any. */
extern const struct startup *runtime_startup;

/** The handle that the program was given for a role.
 *
 * @param role  enum startup_role, or the program's own from STARTUP_USER on
 * @return the handle, or HANDLE_NONE
 *
 * Context: any.
 */
handle_t runtime_handle(uint32_t role);

/** The program's arguments, as main gets them.
 *
 * @param[out] argv  argc strings and a NULL, the runtime's own
 * @return argc
 *
 * Context: any.
 */
int runtime_args(char ***argv);

/** Touch every page of the program, so that no page fault comes when time counts. Context: any. */
void runtime_prefault(void);

/** End the process. Context: any. */
_Noreturn void runtime_exit(int64_t code);

#endif
