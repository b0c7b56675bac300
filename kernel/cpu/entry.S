/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ways into the kernel and back: traps and interrupts, system calls, return to ring 3. From ring 3 the
 * registers go straight into the thread's trap frame; the kernel stack of the CPU is used from its top.
 * Source: Intel SDM 3A §6.14 (64-bit interrupts), 2B SYSCALL, SYSRET.
 */
#include <kernel/entry.h>
#include <abi/marker.h>

	.cfi_sections .debug_frame
	.text

/* For debuggers, how to get on from here: the canonical frame address is always the end of a trap frame, and
 * what the frame holds lies at fixed distances below it. */
#define FRAME_BYTES (THREAD_FULL_FRAME - THREAD_FRAME)

	.macro cfi_begin
	.cfi_startproc simple
	.cfi_signal_frame
	.endm

	.macro cfi_saved_by_processor
	.cfi_offset rip, FRAME_RIP - FRAME_BYTES
	.cfi_offset rsp, FRAME_RSP - FRAME_BYTES
	.endm

	.macro cfi_saved_by_call
	.cfi_offset rbx, FRAME_RBX - FRAME_BYTES
	.cfi_offset rbp, FRAME_RBP - FRAME_BYTES
	.cfi_offset r12, FRAME_R12 - FRAME_BYTES
	.cfi_offset r13, FRAME_R13 - FRAME_BYTES
	.cfi_offset r14, FRAME_R14 - FRAME_BYTES
	.cfi_offset r15, FRAME_R15 - FRAME_BYTES
	.endm

	.macro cfi_saved_by_syscall	/* what callers keep themselves is gone */
	cfi_saved_by_processor
	cfi_saved_by_call
	.irp register, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
	.cfi_undefined \register
	.endr
	.endm

	.macro cfi_saved_by_trap
	cfi_saved_by_call
	.cfi_offset rax, FRAME_RAX - FRAME_BYTES
	.cfi_offset rcx, FRAME_RCX - FRAME_BYTES
	.cfi_offset rdx, FRAME_RDX - FRAME_BYTES
	.cfi_offset rsi, FRAME_RSI - FRAME_BYTES
	.cfi_offset rdi, FRAME_RDI - FRAME_BYTES
	.cfi_offset r8, FRAME_R8 - FRAME_BYTES
	.cfi_offset r9, FRAME_R9 - FRAME_BYTES
	.cfi_offset r10, FRAME_R10 - FRAME_BYTES
	.cfi_offset r11, FRAME_R11 - FRAME_BYTES
	.endm

	/* On the kernel stack of this CPU, \pushed bytes below its top, where struct cpu is named:
	 * the frame is that of its current thread. DW_CFA_def_cfa_expression [DWARF 5 §6.4.2.2, §2.5.1]. */
	.macro cfi_frame_of_current pushed=0
	.cfi_escape 0x0f, 10, 0x77, (\pushed) & 0x7f | 0x80, (\pushed) >> 7	/* breg7 (rsp), pushed */
	.cfi_escape 0x06, 0x23, CPU_CURRENT, 0x06			/* deref, plus_uconst, deref */
	.cfi_escape 0x23, THREAD_FULL_FRAME & 0x7f | 0x80, THREAD_FULL_FRAME >> 7
	.endm

	.macro cfi_nowhere	/* the last frame, or one that a debugger cannot follow */
	.cfi_undefined rip
	.endm

/* 256 stubs of 16 bytes: exceptions push a zero where the processor pushes no error code, and the vector;
 * interrupts just the vector. */
	.globl vector_stubs
	.balign 16
vector_stubs:
	.set vector, 0
	.rept 32
	.balign 16
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
	.else
	push $0
	.endif
	push $vector
	jmp trap_entry
	.set vector, vector + 1
	.endr
	.rept 224
	.balign 16
	push $vector
	jmp interrupt_entry
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

/* An interrupt of ring 3, or of the idle loop: the kernel else runs with interrupts off. Idle has nothing
 * to keep. */
interrupt_entry:
	cfi_begin
	.cfi_def_cfa rsp, FRAME_BYTES - FRAME_VECTOR - 8
	cfi_saved_by_processor
	.byte 0x0f, 0x1f, 0x84, 0x00
	.long MARKER_MAGIC | MARKER_POINT_INTERRUPT
	testb $3, 16(%rsp)
	jnz 1f
	.cfi_remember_state
	mov (%rsp), %edi
	mov %gs:CPU_STACK_TOP, %rsp
	cfi_nowhere
	lock btsl $0, kernel_lock(%rip)	/* kernel_lock_acquire() */
	jc 9f
8:	call trap_idle		/* does not return */
	ud2
9:	call kernel_lock_contended
	jmp 8b
	.cfi_restore_state
1:	push (%rsp)		/* the vector; where it was is the error code's place */
	movq $0, 8(%rsp)
	.cfi_endproc
trap_entry:
	cfi_begin
	.cfi_def_cfa rsp, FRAME_BYTES - FRAME_VECTOR
	cfi_saved_by_processor
	cld
	testb $3, 24(%rsp)
	jz 2f
	swapgs
	.cfi_remember_state
	push_registers
	.cfi_def_cfa rsp, FRAME_BYTES
	cfi_saved_by_trap
	mov %rsp, %rdi
	movb $1, (THREAD_FULL_FRAME - THREAD_FRAME)(%rsp)
	mov %gs:CPU_STACK_TOP, %rsp
	cfi_frame_of_current
	xor %ebp, %ebp
	call trap_user		/* does not return */
	ud2
	.cfi_restore_state
2:	push_registers
	.cfi_def_cfa rsp, FRAME_BYTES
	cfi_saved_by_trap
	mov %rsp, %rdi
	xor %ebp, %ebp
	call trap_kernel	/* does not return */
	ud2
	.cfi_endproc

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
2:	cfi_begin
	.cfi_def_cfa rsp, FRAME_BYTES - FRAME_VECTOR
	cfi_saved_by_processor
	cld
	push_registers
	.cfi_def_cfa rsp, FRAME_BYTES
	cfi_saved_by_trap
	mov %rsp, %rdi
	call trap_paranoid
	cfi_nowhere
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
	.cfi_endproc

/* System call: number in rax, arguments rdi rsi rdx r10 r8 r9; handlers return two words in rax, rdx.
 * Arguments are not kept: a handler that needs them in the frame (a message that waits) puts them there.
 * What a C function preserves goes into the frame too: the thread may come back by another way. */
	.globl syscall_entry
	.balign 16
syscall_entry:
	cfi_begin
	.cfi_def_cfa rsp, 0
	.cfi_register rip, rcx
	swapgs
	mov %rsp, %gs:CPU_USER_RSP
	cfi_nowhere
	mov %gs:CPU_CURRENT, %rsp
	add $THREAD_FRAME + FRAME_SS, %rsp
	push %gs:CPU_USER_RSP
	push %r11			/* the flags */
	mov %rcx, FRAME_RIP - FRAME_RFLAGS(%rsp)
	mov %rbx, FRAME_RBX - FRAME_RFLAGS(%rsp)
	mov %rbp, FRAME_RBP - FRAME_RFLAGS(%rsp)
	mov %r12, FRAME_R12 - FRAME_RFLAGS(%rsp)
	mov %r13, FRAME_R13 - FRAME_RFLAGS(%rsp)
	mov %r14, FRAME_R14 - FRAME_RFLAGS(%rsp)
	mov %r15, FRAME_R15 - FRAME_RFLAGS(%rsp)
	mov %gs:CPU_STACK_TOP, %rsp
	cfi_frame_of_current
	cfi_saved_by_syscall
	.cfi_remember_state
	lock btsl $0, kernel_lock(%rip)	/* kernel_lock_acquire() */
	jc 3f
4:	cmp syscall_limit(%rip), %rax
	jae 5f
	mov %r10, %rcx
	call *syscall_table(, %rax, 8)
6:	cmpl $0, %gs:CPU_RESCHEDULE
	jne 7f
	movl $0, kernel_lock(%rip)	/* kernel_lock_release() */
	cfi_nowhere
	mov %gs:CPU_CURRENT, %rsp
	mov THREAD_FRAME + FRAME_RIP(%rsp), %rcx
	mov THREAD_FRAME + FRAME_RFLAGS(%rsp), %r11
	mov THREAD_FRAME + FRAME_RSP(%rsp), %rsp
	xor %edi, %edi			/* nothing of the kernel leaks through scratch registers */
	xor %esi, %esi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	swapgs
	sysretq
	.cfi_restore_state

	.cfi_remember_state
3:	push %rax			/* the lock is taken: wait with the arguments kept */
	push %rdi
	push %rsi
	push %rdx
	push %r10
	push %r8
	push %r9
	sub $8, %rsp
	cfi_frame_of_current 64
	call kernel_lock_contended
	cfi_nowhere
	add $8, %rsp
	pop %r9
	pop %r8
	pop %r10
	pop %rdx
	pop %rsi
	pop %rdi
	pop %rax
	jmp 4b
	.cfi_restore_state
5:	call syscall_unknown
	jmp 6b
7:	mov %gs:CPU_CURRENT, %rcx
	mov %rax, THREAD_FRAME + FRAME_RAX(%rcx)
	mov %rdx, THREAD_FRAME + FRAME_RDX(%rcx)
	xor %ebp, %ebp
	call schedule			/* does not return */
	ud2
	.cfi_endproc

/* $1 the register that points to the thread, loaded last if it is one of them */
	.macro load_preserved thread
	mov THREAD_FRAME + FRAME_RBP(\thread), %rbp
	mov THREAD_FRAME + FRAME_R12(\thread), %r12
	mov THREAD_FRAME + FRAME_R13(\thread), %r13
	mov THREAD_FRAME + FRAME_R14(\thread), %r14
	mov THREAD_FRAME + FRAME_R15(\thread), %r15
	mov THREAD_FRAME + FRAME_RBX(\thread), %rbx
	.endm
	.macro load_return thread
	mov THREAD_FRAME + FRAME_RIP(\thread), %rcx
	mov THREAD_FRAME + FRAME_RFLAGS(\thread), %r11
	mov THREAD_FRAME + FRAME_RSP(\thread), %rsp
	.endm

/* void thread_return(struct thread *): back to ring 3; gives the lock back. */
	.globl thread_return
	.balign 16
thread_return:
	.cfi_startproc
	cfi_nowhere
	movl $0, kernel_lock(%rip)
	cmpb $0, THREAD_FULL_FRAME(%rdi)
	jne 8f
	load_return %rdi
	load_preserved %rdi
	mov THREAD_FRAME + FRAME_RAX(%rdi), %rax
	mov THREAD_FRAME + FRAME_RDX(%rdi), %rdx
	mov THREAD_FRAME + FRAME_RSI(%rdi), %rsi
	mov THREAD_FRAME + FRAME_R8(%rdi), %r8
	mov THREAD_FRAME + FRAME_R9(%rdi), %r9
	mov THREAD_FRAME + FRAME_R10(%rdi), %r10
	mov THREAD_FRAME + FRAME_RDI(%rdi), %rdi
	swapgs
	sysretq

8:	movb $0, THREAD_FULL_FRAME(%rdi)
	lea THREAD_FRAME(%rdi), %rsp
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
	.cfi_endproc

/* The same for a thread that waits in a system call of these kinds, with what it gets in registers, where
 * they are already: struct thread * in rax.
 *   thread_return_signal   bits in rdx
 *   thread_return_message  a server's message: rdi badge, rsi label, rdx, rcx, r8, r9 words, r10 token
 *   thread_return_reply    a caller's answer: rsi label, rdx, rcx, r8, r9 words */
	.globl thread_return_signal
	.balign 16
thread_return_signal:
	.cfi_startproc
	cfi_nowhere
	movl $0, kernel_lock(%rip)
	load_return %rax
	load_preserved %rax
	xor %eax, %eax
	xor %edi, %edi
	xor %esi, %esi
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	swapgs
	sysretq
	.cfi_endproc

	.globl thread_return_message
	.balign 16
thread_return_message:
	.cfi_startproc
	cfi_nowhere
	movl $0, kernel_lock(%rip)
	mov %r10, %r13
	mov %rcx, %r10
	load_return %rax
	mov THREAD_FRAME + FRAME_RBP(%rax), %rbp
	mov THREAD_FRAME + FRAME_R14(%rax), %r14
	mov THREAD_FRAME + FRAME_R15(%rax), %r15
	mov THREAD_FRAME + FRAME_RBX(%rax), %rbx
	xor %r12d, %r12d		/* no handle */
	xor %eax, %eax
	swapgs
	sysretq
	.cfi_endproc

	.globl thread_return_reply
	.balign 16
thread_return_reply:
	.cfi_startproc
	cfi_nowhere
	movl $0, kernel_lock(%rip)
	mov %rcx, %r10
	load_return %rax
	load_preserved %rax
	xor %r12d, %r12d		/* no handle */
	xor %edi, %edi
	xor %eax, %eax
	swapgs
	sysretq
	.cfi_endproc

/* void idle_halt(stack_top), idle_poll(stack_top): wait for an interrupt with interrupts on; trap_kernel ends it. */
	.globl idle_halt
idle_halt:
	.cfi_startproc
	cfi_nowhere
	mov %rdi, %rsp
	xor %ebp, %ebp
	sti
9:	hlt
	jmp 9b
	.cfi_endproc

	.globl idle_poll
idle_poll:
	.cfi_startproc
	cfi_nowhere
	mov %rdi, %rsp
	xor %ebp, %ebp
	sti
10:	pause
	jmp 10b
	.cfi_endproc

/* void stack_reset_call(stack_top, function) */
	.globl stack_reset_call
stack_reset_call:
	.cfi_startproc
	cfi_nowhere
	mov %rdi, %rsp
	xor %ebp, %ebp
	call *%rsi
	ud2
	.cfi_endproc

	.section .note.GNU-stack, "", @progbits
