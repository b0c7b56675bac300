/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ways into the kernel and back: traps and interrupts, system calls, return to ring 3. From ring 3 the
 * registers go straight into the thread's trap frame; the kernel stack of the CPU is used from its top.
 * Source: Intel SDM 3A §6.14 (64-bit interrupts), 2B SYSCALL, SYSRET.
 */
#include <kernel/entry.h>
#include <abi/marker.h>

	.text

/* 256 stubs of 16 bytes: push a zero where the processor pushes no error code, push the vector. */
	.globl vector_stubs
	.balign 16
vector_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	.else
	push $0
	.endif
	push $vector
	jmp trap_entry
	.set vector, vector + 1
	.endr

	.macro push_registers
	push %rax
	push %rbx
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %rbp
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

trap_entry:
	.byte 0x0f, 0x1f, 0x84, 0x00
	.long MARKER_MAGIC | MARKER_POINT_INTERRUPT
	cld
	testb $3, 24(%rsp)
	jz 1f
	swapgs
	push_registers
	mov %rsp, %rdi
	movb $1, (THREAD_FULL_FRAME - THREAD_FRAME)(%rsp)
	mov %gs:CPU_STACK_TOP, %rsp
	xor %ebp, %ebp
	call trap_user		/* does not return */
1:	cmpb $0, %gs:CPU_IDLE
	je 2f
	mov (%rsp), %edi		/* idle has nothing to keep */
	cmp $32, %edi
	jb 2f
	mov %gs:CPU_STACK_TOP, %rsp
	xor %ebp, %ebp
	call trap_idle		/* does not return */
2:	push_registers
	mov %rsp, %rdi
	xor %ebp, %ebp
	call trap_kernel	/* does not return */
	ud2

/* Non-maskable interrupt, double fault, machine check: own stacks, gs may be anybody's. */
	.globl trap_paranoid_nmi, trap_paranoid_double, trap_paranoid_check
trap_paranoid_nmi:
	push $0
	push $2
	jmp 2f
trap_paranoid_double:
	push $8
	jmp 2f
trap_paranoid_check:
	push $0
	push $18
2:	cld
	push_registers
	mov %rsp, %rdi
	call trap_paranoid
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	add $16, %rsp
	iretq

/* System call: number in rax, arguments rdi rsi rdx r10 r8 r9; handlers return two words in rax, rdx.
 * Arguments are not kept: a handler that needs them in the frame (a message that waits) puts them there. */
	.globl syscall_entry
	.balign 16
syscall_entry:
	swapgs
	mov %rsp, %gs:CPU_USER_RSP
	mov %gs:CPU_CURRENT, %rsp
	mov %rcx, THREAD_FRAME + FRAME_RIP(%rsp)
	mov %r11, THREAD_FRAME + FRAME_RFLAGS(%rsp)
	mov %gs:CPU_USER_RSP, %rcx
	mov %rcx, THREAD_FRAME + FRAME_RSP(%rsp)
	mov %rbx, THREAD_FRAME + FRAME_RBX(%rsp)
	mov %rbp, THREAD_FRAME + FRAME_RBP(%rsp)
	mov %r12, THREAD_FRAME + FRAME_R12(%rsp)
	mov %r13, THREAD_FRAME + FRAME_R13(%rsp)
	mov %r14, THREAD_FRAME + FRAME_R14(%rsp)
	mov %r15, THREAD_FRAME + FRAME_R15(%rsp)
	movb $0, THREAD_FULL_FRAME(%rsp)
	mov %rsp, %rbx
	mov %gs:CPU_STACK_TOP, %rsp
	mov $1, %ecx			/* kernel_lock_acquire() */
	xchg %ecx, kernel_lock(%rip)
	test %ecx, %ecx
	jnz 3f
4:	cmp syscall_limit(%rip), %rax
	jae 5f
	mov %r10, %rcx
	call *syscall_table(, %rax, 8)
6:	cmpl $0, %gs:CPU_RESCHEDULE
	jne 7f
	movl $0, kernel_lock(%rip)	/* kernel_lock_release() */
	mov THREAD_FRAME + FRAME_RIP(%rbx), %rcx
	mov THREAD_FRAME + FRAME_RFLAGS(%rbx), %r11
	mov THREAD_FRAME + FRAME_RSP(%rbx), %rsp
	mov THREAD_FRAME + FRAME_RBX(%rbx), %rbx
	xor %edi, %edi			/* nothing of the kernel leaks through scratch registers */
	xor %esi, %esi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	swapgs
	sysretq

3:	push %rax			/* the lock is taken: wait with the arguments kept */
	push %rdi
	push %rsi
	push %rdx
	push %r10
	push %r8
	push %r9
	sub $8, %rsp
	call kernel_lock_contended
	add $8, %rsp
	pop %r9
	pop %r8
	pop %r10
	pop %rdx
	pop %rsi
	pop %rdi
	pop %rax
	jmp 4b
5:	call syscall_unknown
	jmp 6b
7:	mov %rax, THREAD_FRAME + FRAME_RAX(%rbx)
	mov %rdx, THREAD_FRAME + FRAME_RDX(%rbx)
	xor %ebp, %ebp
	call schedule			/* does not return */
	ud2

/* void thread_return(struct thread *): back to ring 3; gives the lock back. */
	.globl thread_return
	.balign 16
thread_return:
	movl $0, kernel_lock(%rip)
	cmpb $0, THREAD_FULL_FRAME(%rdi)
	jne 8f
	mov %rdi, %rbx
	mov THREAD_FRAME + FRAME_RIP(%rbx), %rcx
	mov THREAD_FRAME + FRAME_RFLAGS(%rbx), %r11
	mov THREAD_FRAME + FRAME_RSP(%rbx), %rsp
	mov THREAD_FRAME + FRAME_RBP(%rbx), %rbp
	mov THREAD_FRAME + FRAME_R12(%rbx), %r12
	mov THREAD_FRAME + FRAME_R13(%rbx), %r13
	mov THREAD_FRAME + FRAME_R14(%rbx), %r14
	mov THREAD_FRAME + FRAME_R15(%rbx), %r15
	mov THREAD_FRAME + FRAME_RAX(%rbx), %rax
	mov THREAD_FRAME + FRAME_RDX(%rbx), %rdx
	mov THREAD_FRAME + FRAME_RDI(%rbx), %rdi
	mov THREAD_FRAME + FRAME_RSI(%rbx), %rsi
	mov THREAD_FRAME + FRAME_R8(%rbx), %r8
	mov THREAD_FRAME + FRAME_R9(%rbx), %r9
	mov THREAD_FRAME + FRAME_R10(%rbx), %r10
	mov THREAD_FRAME + FRAME_RBX(%rbx), %rbx
	swapgs
	sysretq

8:	lea THREAD_FRAME(%rdi), %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	add $16, %rsp
	swapgs
	iretq

/* void idle_halt(stack_top), idle_poll(stack_top): wait for an interrupt with interrupts on; trap_kernel ends it. */
	.globl idle_halt
idle_halt:
	mov %rdi, %rsp
	sti
9:	hlt
	jmp 9b

	.globl idle_poll
idle_poll:
	mov %rdi, %rsp
	sti
10:	pause
	jmp 10b

/* void stack_reset_call(stack_top, function) */
	.globl stack_reset_call
stack_reset_call:
	mov %rdi, %rsp
	xor %ebp, %ebp
	call *%rsi
	ud2

	.section .note.GNU-stack, "", @progbits
