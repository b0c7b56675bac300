/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a secondary processor runs first: a copy at TRAMPOLINE_PADDR, from real mode to long mode on
 * the boot page tables, then up and to the kernel's own. Used by smp.c.
 * Source: Intel SDM 3A §8.4.4, §9.8.5.
 */
#include <kernel/layout.h>

#define CR0_BITS  0x80010033 /* as in boot.S */
#define CR4_BITS  0x000000a0
#define MSR_EFER  0xc0000080
#define EFER_BITS 0x00000900

#define LOW(symbol)  ((symbol) - KERNEL_IMAGE_BASE)
#define COPY(symbol) ((symbol) - trampoline_start + TRAMPOLINE_PADDR)

	.section .rodata
	.balign 8
	.globl trampoline_start, trampoline_end
	.code16
trampoline_start:
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl COPY(gdt_pointer)
	movl $0x11, %eax
	movl %eax, %cr0
	ljmpl $8, $COPY(protected)

	.code32
protected:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl $CR4_BITS, %eax
	movl %eax, %cr4
	movl $LOW(boot_pml4), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_BITS, %eax
	wrmsr
	movl $CR0_BITS, %eax
	movl %eax, %cr0
	ljmp $24, $COPY(long_mode)

	.code64
long_mode:
	movabsq $trampoline_high, %rax
	jmp *%rax

	.balign 8
gdt:	.quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff
gdt_pointer:
	.short 31
	.long COPY(gdt)
trampoline_end:

	.text
	.cfi_sections .debug_frame
trampoline_high:
	.cfi_startproc
	.cfi_undefined rip	/* a backtrace ends here */
	lgdt high_gdt(%rip) /* the copy may be gone before the kernel's own table is loaded */
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movq smp_stack_top(%rip), %rsp
	movq kernel_cr3(%rip), %rax
	movq %rax, %cr3
	xorl %ebp, %ebp
	pushq $8
	leaq 1f(%rip), %rax
	pushq %rax
	lretq
1:	call smp_arrive		/* does not return */
	ud2
	.cfi_endproc

	.section .rodata
	.balign 8
high_gdt:
	.short 23
	.quad boot_gdt

	.section .note.GNU-stack, "", @progbits
