/* SPDX-License-Identifier: BSD-2-Clause
 *
 * First instruction of every ring-3 program and of every thread it makes. The kernel enters a
 * program with rdi = struct startup *, a thread with rdi = its argument; see abi/syscall.h.
 */
	.cfi_sections .debug_frame
	.section .text.start, "ax"
	.globl _start
	.type _start, @function
_start:
	.cfi_startproc
	.cfi_undefined rip	/* nobody called it: a backtrace ends here */
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	runtime_start
	ud2
	.cfi_endproc
	.size _start, . - _start

	.globl thread_start
	.type thread_start, @function
thread_start:
	.cfi_startproc
	.cfi_undefined rip	/* nobody called it: a backtrace ends here */
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	thread_main
	ud2
	.cfi_endproc
	.size thread_start, . - thread_start

	.section .note.GNU-stack, "", @progbits
