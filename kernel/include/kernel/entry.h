/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Offsets that entry.S shares with C; kernel/cpu/cpu.c asserts them.
 */
#ifndef KERNEL_ENTRY_H
#define KERNEL_ENTRY_H

#define CPU_USER_RSP   8
#define CPU_STACK_TOP  16
#define CPU_CURRENT    24
#define CPU_RESCHEDULE 32

#define THREAD_FRAME      32 /* struct trap_frame in struct thread */
#define THREAD_FULL_FRAME (THREAD_FRAME + 22 * 8)
#define FRAME_R15         0
#define FRAME_R14         8
#define FRAME_R13         16
#define FRAME_R12         24
#define FRAME_R11         32
#define FRAME_R10         40
#define FRAME_R9          48
#define FRAME_R8          56
#define FRAME_RBP         64
#define FRAME_RDI         72
#define FRAME_RSI         80
#define FRAME_RDX         88
#define FRAME_RCX         96
#define FRAME_RBX         104
#define FRAME_RAX         112
#define FRAME_VECTOR      120
#define FRAME_RIP         136
#define FRAME_CS          144
#define FRAME_RFLAGS      152
#define FRAME_RSP         160
#define FRAME_SS          168

#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA   0x1b /* sysret wants data before code */
#define SELECTOR_USER_CODE   0x23
#define SELECTOR_TSS         0x28

#endif
