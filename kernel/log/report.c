/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a fault report consists of, for both rings: registers, and the frame-pointer backtrace.
 */
#include <kernel/layout.h>
#include <kernel/panic.h>
#include <kernel/symbols.h>

#define BACKTRACE_DEPTH 32

/* Page-table entries [SDM 3A §4.5]. */
#define PAGE_PRESENT 1ull
#define PAGE_LARGE   0x80ull
#define PAGE_FRAME   0x000ffffffffff000ull

#define VECTOR_PAGE_FAULT 14

static uint64_t read_cr2(void)
{
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	return cr2;
}

void report_registers(const struct trap_frame *f)
{
	log_error("  rip %016lx  rsp %016lx  rflags %08lx", f->rip, f->rsp, f->rflags);
	log_error("  rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx", f->rax, f->rbx, f->rcx,
		  f->rdx);
	log_error("  rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx", f->rsi, f->rdi, f->rbp,
		  f->r8);
	log_error("  r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx", f->r9, f->r10, f->r11,
		  f->r12);
	log_error("  r13 %016lx  r14 %016lx  r15 %016lx", f->r13, f->r14, f->r15);
	log_error("  cs %02lx  ss %02lx  vector %lu  error %lx", f->cs, f->ss, f->vector, f->error);
	if (f->vector == VECTOR_PAGE_FAULT)
		log_error("  cr2 %016lx", read_cr2());
}

static void report_level(unsigned level, uint64_t rip, uint64_t lookup, report_symbol_fn symbol,
			 void *context)
{
	const char *name;
	uint64_t offset;

	if (symbol && symbol(context, lookup, &name, &offset))
		log_error("  #%-2u %016lx %.80s+0x%lx", level, rip, name, offset + (rip - lookup));
	else
		log_error("  #%-2u %016lx", level, rip);
}

void report_backtrace(uint64_t rip, uint64_t rbp, report_read_fn read, report_symbol_fn symbol,
		      void *context)
{
	uint64_t next;

	report_level(0, rip, rip, symbol, context);
	for (unsigned level = 1; level < BACKTRACE_DEPTH; level++) {
		if (!rbp || rbp % 8 || rbp > UINT64_MAX - 16 || !read(context, rbp, &next) ||
		    !read(context, rbp + 8, &rip) || !rip)
			return;
		/* A return address may lie behind its function's last byte. */
		report_level(level, rip, rip - 1, symbol, context);
		if (next <= rbp)
			return;
		rbp = next;
	}
	log_error("  ...");
}

bool report_read_kernel(void *context, uint64_t vaddr, uint64_t *word)
{
	uint64_t table;

	(void)context;
	if (vaddr % 8 || vaddr < KERNEL_PHYSICAL_MAP)
		return false;
	__asm__ volatile("mov %%cr3, %0" : "=r"(table));
	for (unsigned shift = 39;; shift -= 9) {
		const uint64_t *entries = phys_pointer(table & PAGE_FRAME);
		uint64_t entry = entries[vaddr >> shift & 511];

		if (!(entry & PAGE_PRESENT))
			return false;
		if (shift == 12 || (shift < 39 && entry & PAGE_LARGE))
			break;
		table = entry;
	}
	*word = *(const uint64_t *)vaddr;
	return true;
}

bool report_symbol_kernel(void *context, uint64_t vaddr, const char **name, uint64_t *offset)
{
	(void)context;
	return symbols_at(vaddr, name, offset);
}
