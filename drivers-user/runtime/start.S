/* SPDX-License-Identifier: BSD-2-Clause
 *
 * First instruction of every ring-3 program and of every thread it makes. The kernel enters a
 * program with rdi = struct startup *, a thread with rdi = its argument; see abi/syscall.h.
 */
	.section .text.start, "ax"
	.globl _start
	.type _start, @function
_start:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	runtime_start
	ud2
	.size _start, . - _start

	.globl thread_start
	.type thread_start, @function
thread_start:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	thread_main
	ud2
	.size thread_start, . - thread_start

	.section .note.GNU-stack, "", @progbits
