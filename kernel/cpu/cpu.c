/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Processors: descriptor tables, control registers, the kernel lock, TLB flushes.
 * Source: Intel SDM 3A §2, §5.8.8 (fast system calls), §7.7 (64-bit TSS).
 */
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/entry.h>
#include <kernel/mm.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/smp.h>

#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_SFMASK         0xc0000084
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFER_SCE           1u
#define RFLAGS_MASKED      0x47700u /* AC, NT, IOPL, DF, IF, TF off at system calls */
#define CR0_EM             (1ul << 2)
#define CR0_WP             (1ul << 16)
#define CR4_PGE            (1ul << 7)
#define CR4_UMIP           (1ul << 11)
#define CR4_SMEP           (1ul << 20)
#define CR4_SMAP           (1ul << 21)

#define POLLS_A_PAUSE 1024

#define STACK_BYTES 16384ul
#define STACK_HEAD  16ul /* at the top of each: whose stack it is, for a debugger; see entry.S */
#define IST_BYTES   4096ul

_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "entry.h");
_Static_assert(offsetof(struct cpu, stack_top) == CPU_STACK_TOP, "entry.h");
_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT, "entry.h");
_Static_assert(offsetof(struct cpu, reschedule) == CPU_RESCHEDULE, "entry.h");
_Static_assert(offsetof(struct thread, frame) == THREAD_FRAME, "entry.h");
_Static_assert(offsetof(struct thread, full_frame) == THREAD_FULL_FRAME, "entry.h");
_Static_assert((THREAD_FRAME + sizeof(struct trap_frame)) % 16 == 0, "rsp0 is aligned");
_Static_assert(offsetof(struct trap_frame, rip) == FRAME_RIP, "entry.h");
_Static_assert(offsetof(struct trap_frame, rsp) == FRAME_RSP, "entry.h");

uint32_t kernel_lock __attribute__((aligned(64)));
struct cpu *cpu_table[CPU_MAX];
unsigned cpu_count = 1;
bool cpu_has_smap;

struct idt_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "idt_gate is 16 bytes");

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static struct idt_gate idt[256] __attribute__((aligned(16)));
static struct cpu boot_cpu;
static uint8_t boot_stack[STACK_BYTES] __attribute__((aligned(16)));
static uint8_t boot_ist[3][IST_BYTES] __attribute__((aligned(16)));

extern char vector_stubs[], syscall_entry[], trap_paranoid_nmi[], trap_paranoid_double[],
	trap_paranoid_check[];

/* Waiting for another CPU. Seldom with PAUSE: in a virtual machine that may leave the guest, and
 * then costs the CPU that is waited for more than it saves. */
static void spin(unsigned polls)
{
	if (polls % POLLS_A_PAUSE == 0)
		cpu_pause();
}

void kernel_lock_contended(void)
{
	struct cpu *cpu = this_cpu();

	for (unsigned polls = 1; __atomic_load_n(&kernel_lock, __ATOMIC_RELAXED) ||
				 __atomic_exchange_n(&kernel_lock, 1, __ATOMIC_ACQUIRE);
	     polls++) {
		cpu_flush_answer(cpu);
		spin(polls);
	}
}

static void gate_set(unsigned vector, const char *target, unsigned ist)
{
	uint64_t offset = (uint64_t)target;

	idt[vector] = (struct idt_gate){ (uint16_t)offset,
					 SELECTOR_KERNEL_CODE,
					 (uint8_t)ist,
					 0x8e,
					 (uint16_t)(offset >> 16),
					 (uint32_t)(offset >> 32),
					 0 };
}

static void idt_build(void)
{
	for (unsigned vector = 0; vector < 256; vector++)
		gate_set(vector, vector_stubs + 16 * vector, 0);
	gate_set(2, trap_paranoid_nmi, 1);
	gate_set(8, trap_paranoid_double, 2);
	gate_set(18, trap_paranoid_check, 3);
}

static void gdt_load(struct cpu *cpu)
{
	uint64_t tss = (uint64_t)&cpu->tss;
	uint64_t limit = sizeof(cpu->tss) + IOPB_BYTES;
	struct table_pointer gdt = { sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt };
	struct table_pointer idt_pointer = { sizeof(idt) - 1, (uint64_t)idt };

	cpu->gdt[1] = 0x00af9a000000ffff; /* kernel code */
	cpu->gdt[2] = 0x00cf92000000ffff; /* kernel data */
	cpu->gdt[3] = 0x00cff2000000ffff; /* user data */
	cpu->gdt[4] = 0x00affa000000ffff; /* user code */
	cpu->gdt[5] = (limit & 0xffff) | (tss & 0xffffff) << 16 | 0x89ul << 40 |
		      (limit >> 16 & 0xf) << 48 | (tss >> 24 & 0xff) << 56;
	cpu->gdt[6] = tss >> 32;
	__asm__ volatile("lgdt %0\n\t"
			 "lidt %1\n\t"
			 "pushq %2\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmov %3, %%ds\n\t"
			 "mov %3, %%es\n\t"
			 "mov %3, %%ss\n\t"
			 "mov %4, %%fs\n\t"
			 "mov %4, %%gs\n\t"
			 "ltr %5"
			 :
			 : "m"(gdt), "m"(idt_pointer), "i"(SELECTOR_KERNEL_CODE),
			   "r"(SELECTOR_KERNEL_DATA), "r"(0), "r"((uint16_t)SELECTOR_TSS)
			 : "rax", "memory");
}

static void control_registers(void)
{
	uint32_t eax = 7, ebx, ecx = 0, edx;
	uint64_t cr0, cr4, highest;

	__asm__ volatile("cpuid" : "=a"(highest) : "a"(0ul) : "rbx", "rcx", "rdx");
	ebx = 0;
	if ((uint32_t)highest >= 7)
		__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	/* Nobody saves floating-point registers, so nobody may use them. */
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_WP | CR0_EM));
	cr4 |= CR4_PGE;
	if (ebx & 1u << 7)
		cr4 |= CR4_SMEP;
	if (ebx & 1u << 20) {
		cr4 |= CR4_SMAP;
		cpu_has_smap = true;
	}
	if (ecx & 1u << 2 && (uint32_t)highest >= 7)
		cr4 |= CR4_UMIP;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
}

static void cpu_setup(struct cpu *cpu, unsigned index, uint32_t apic_id, uint64_t stack_top,
		      uint8_t *ist)
{
	cpu->self = cpu;
	cpu->index = index;
	cpu->apic_id = apic_id;
	cpu->stack_top = stack_top - STACK_HEAD;
	*(struct cpu **)cpu->stack_top = cpu;
	cpu->timer_armed_ns = ~0ul;
	for (unsigned i = 0; i < 3; i++)
		cpu->tss.ist[i] = (uint64_t)ist + (i + 1) * IST_BYTES;
	cpu->tss.iopb_offset = sizeof(cpu->tss) + IOPB_BYTES; /* beyond the limit: no ports */
	for (unsigned i = 0; i <= IOPB_BYTES; i++)
		cpu->iopb[i] = 0xff;
	cpu_table[index] = cpu;
	gdt_load(cpu);
	wrmsr(MSR_GS_BASE, (uint64_t)cpu);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR,
	      (uint64_t)(SELECTOR_KERNEL_DATA | 3) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
	wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
	wrmsr(MSR_SFMASK, RFLAGS_MASKED);
	control_registers();
	cpu->online = true;
}

static unsigned current_index(void)
{
	return this_cpu()->index;
}

void cpu_boot_init(void)
{
	idt_build();
	cpu_setup(&boot_cpu, 0, 0, (uint64_t)boot_stack + STACK_BYTES, boot_ist[0]);
	log_set_cpu_index(current_index);
	kernel_lock_acquire(); /* until the scheduler runs the first thread */
}

/* A CPU's data and stacks, made by the boot CPU ahead of time. */
struct cpu_block {
	struct cpu cpu;
	uint8_t ist[3][IST_BYTES] __attribute__((aligned(16)));
	uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
};

static struct cpu_block *blocks[CPU_MAX];

enum error cpu_prepare_secondaries(unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		blocks[i] = kzalloc(sizeof(struct cpu_block));
		if (!blocks[i])
			return ERR_NO_MEMORY;
	}
	return OK;
}

static void secondary_start(void)
{
	struct cpu *cpu;

	lapic_enable(VECTOR_SPURIOUS, VECTOR_TIMER);
	kernel_lock_acquire();
	cpu = this_cpu();
	timer_cpu_start(cpu);
	sched_cpu_start(cpu);
	log_debug("cpu %u: running, APIC id %u", cpu->index, cpu->apic_id);
	schedule();
}

void cpu_secondary_main(unsigned index, uint32_t apic_id)
{
	struct cpu_block *block = index < CPU_MAX ? blocks[index] : NULL;

	if (!block)
		for (;;)
			__asm__ volatile("cli; hlt");
	cpu_setup(&block->cpu, index, apic_id, (uint64_t)block->stack + STACK_BYTES, block->ist[0]);
	stack_reset_call(block->cpu.stack_top, secondary_start);
}

void cpu_boot_main(void)
{
	stack_reset_call(boot_cpu.stack_top, schedule);
}

void cpu_flush_answer(struct cpu *cpu)
{
	if (!cpu->flush_pending)
		return;
	write_cr3(cpu->space ? cpu->space->root : kernel_cr3);
	__atomic_store_n(&cpu->flush_pending, 0, __ATOMIC_RELEASE);
}

void cpu_flush_space(struct space *space)
{
	struct cpu *self = this_cpu();

	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpu_table[i];

		if (!cpu || !cpu->online || (space && cpu->space != space))
			continue;
		/* A space that is going away must not stay loaded by an idle CPU. */
		if (space && !cpu->current)
			cpu->space = NULL;
		if (cpu == self) {
			write_cr3(cpu->space ? cpu->space->root : kernel_cr3);
			continue;
		}
		__atomic_store_n(&cpu->flush_pending, 1, __ATOMIC_RELEASE);
		lapic_ipi((uint8_t)cpu->apic_id, VECTOR_FLUSH);
	}
	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpu_table[i];

		for (unsigned polls = 1;
		     cpu && cpu != self && __atomic_load_n(&cpu->flush_pending, __ATOMIC_ACQUIRE);
		     polls++)
			spin(polls);
	}
}
