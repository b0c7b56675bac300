/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the trap entry leaves on the stack: every general register, then what the processor pushed.
 */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include <stdint.h>

struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error; /* error 0 where the processor pushes none */
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct trap_frame) == 22 * 8, "trap_frame is 22 words");

/** Whether the trap came from ring 3. */
static inline int trap_from_user(const struct trap_frame *frame)
{
	return (frame->cs & 3) == 3;
}

#endif
