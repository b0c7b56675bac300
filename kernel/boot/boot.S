/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From GRUB's 32-bit world to kernel_main(): multiboot2 header, boot page tables, long mode.
 * Source: Multiboot2 2.0 §3.1 to §3.3; Intel SDM 3A §9.8.5.
 */
#include <abi/marker.h>
#include <kernel/layout.h>

#define MULTIBOOT_MAGIC 0xe85250d6
#define BOOT_STACK      16384

#define CR0_BITS  0x80010033 /* PG WP NE ET MP PE */
#define CR4_BITS  0x000000a0 /* PGE PAE */
#define MSR_EFER  0xc0000080
#define EFER_BITS 0x00000900 /* NXE LME */

#define LOW(symbol) ((symbol) - KERNEL_IMAGE_BASE)

	.section .text.boot, "ax"
	.balign 8
multiboot_header:
	.long MULTIBOOT_MAGIC, 0, multiboot_end - multiboot_header
	.long -(MULTIBOOT_MAGIC + (multiboot_end - multiboot_header))
	.short 6, 0 /* modules on page boundaries */
	.long 8
	.short 0, 0
	.long 8
multiboot_end:

	.code32
	.globl boot_entry
boot_entry:
	.byte 0x0f, 0x1f, 0x84, 0x00 /* the marker NOP; the same bytes are one in 32-bit mode */
	.long MARKER_MAGIC | MARKER_POINT_KERNEL_ENTRY
	cli
	cld
	movl $LOW(boot_stack_top), %esp
	movl %eax, %ebp
	movl %ebx, %esi

	/* Long mode and NX are what everything else stands on. */
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb refuse
	movl $0x80000001, %eax
	cpuid
	andl $(1 << 29 | 1 << 20), %edx
	cmpl $(1 << 29 | 1 << 20), %edx
	jne refuse

	/* 4 GiB of physical memory by 2 MiB pages: at 0, in the physical map (never executable), and
	 * its first GiB at the image's base. */
	movl $LOW(boot_pd), %edi
	movl $0x83, %eax
	movl $2048, %ecx
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b
	movl $LOW(boot_pd) + 3, %eax
	movl %eax, LOW(boot_pdpt_image) + 510 * 8
	movl $LOW(boot_pdpt), %edi
	movl $4, %ecx
2:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $8, %edi
	loop 2b
	movl $LOW(boot_pdpt) + 3, %eax
	movl %eax, LOW(boot_pml4)
	movl %eax, LOW(boot_pml4) + 256 * 8
	movl $0x80000000, LOW(boot_pml4) + 256 * 8 + 4
	movl $LOW(boot_pdpt_image) + 3, LOW(boot_pml4) + 511 * 8

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
	lgdt LOW(boot_gdt_low)
	ljmp $8, $LOW(boot_long)

refuse:	movl $LOW(refusal), %esi
	movl $0x3f8, %edx
3:	lodsb
	outb %al, %dx
	outb %al, $0xe9
	testb %al, %al
	jnz 3b
	movb $0x7f, %al /* tell QEMU, as panic() does */
	outb %al, $0xf4
4:	hlt
	jmp 4b

	.code64
boot_long:
	movabsq $boot_high, %rax
	jmp *%rax

	.text
	.cfi_sections .debug_frame
boot_high:
	.cfi_startproc
	.cfi_undefined rip	/* a backtrace ends here */
	lgdt boot_gdt_high(%rip)
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_top, %rsp
	rdtsc /* the stack guard: not known beforehand; its lowest byte is 0, and stays it */
	shlq $32, %rdx
	orq %rdx, %rax
	movabsq $0x9e3779b97f4a7c15, %rcx
	imulq %rcx, %rax
	xorb %al, %al
	xorq %rax, __stack_chk_guard(%rip)
	movl %ebp, %edi
	movl %esi, %esi
	xorl %ebp, %ebp
	call kernel_main	/* does not return */
	ud2
	.cfi_endproc

	.section .rodata
refusal:
	.asciz "Eft needs a processor with long mode and execute-disable (QEMU: -cpu qemu64).\r\n"
	.balign 8
	.globl boot_gdt
boot_gdt: /* null, code, data */
	.quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
boot_gdt_low:
	.short 23
	.long LOW(boot_gdt)
	.balign 8
boot_gdt_high:
	.short 23
	.quad boot_gdt

	.bss
	.balign 4096
	.globl boot_pml4
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_image:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.globl boot_stack, boot_stack_top
boot_stack:
	.skip BOOT_STACK
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
