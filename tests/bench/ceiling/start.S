/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Entry of the ceiling image: from GRUB's 32-bit protected mode to 64-bit C, with the first 4 GiB
 * mapped one to one. Source: Multiboot2 Specification 2.0 §3.
 */
	.set MAGIC, 0xe85250d6

	.section .multiboot, "a"
	.align 8
header:
	.long MAGIC, 0, header_end - header, -(MAGIC + (header_end - header))
	.short 0, 0
	.long 8
header_end:

	.text
	.code32
	.globl start
start:
	cli
	mov $stack_top, %esp
	mov $page_level3 + 3, %eax
	mov %eax, page_level4
	mov $page_level2 + 3, %eax
	mov $page_level3, %edi
1:	mov %eax, (%edi)
	add $0x1000, %eax
	add $8, %edi
	cmp $page_level3 + 32, %edi
	jb 1b
	mov $0x83, %eax
	mov $page_level2, %edi
	mov $2048, %ecx
2:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	dec %ecx
	jnz 2b
	mov %cr4, %eax
	or $0x20, %eax
	mov %eax, %cr4
	mov $page_level4, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x100, %eax
	wrmsr
	mov %cr0, %eax
	or $0x80000001, %eax
	mov %eax, %cr0
	lgdt descriptor_table
	ljmp $8, $long_mode

	.code64
long_mode:
	mov $16, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	call ceiling_main
3:	cli
	hlt
	jmp 3b

	.section .rodata
	.align 8
descriptors:
	.quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
descriptor_table:
	.short 23
	.quad descriptors

	.bss
	.align 4096
page_level4:
	.skip 4096
page_level3:
	.skip 4096
page_level2:
	.skip 4 * 4096
	.skip 16384
stack_top:

	.section .note.GNU-stack, "", @progbits
