/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Per-CPU data, the big kernel lock, and the few privileged instructions. The kernel runs with
 * interrupts off on one stack a CPU; whoever comes from user mode or from idle takes the lock
 * first.
 */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <kernel/init.h>
#include <kernel/trap.h>
#include <kernel/types.h>

struct thread;
struct space;
struct ktimer;
struct process;

/* Interrupt vectors; the local timer's and the spurious one stand in init.h. */
#define VECTOR_DEVICE_FIRST 0x30 /* the masked 8259s have 0x20 .. 0x2f */
#define VECTOR_DEVICE_LAST  0xee
#define VECTOR_RESCHEDULE   0xf1 /* look at the ready queue */
#define VECTOR_FLUSH        0xf2 /* flush the TLB */

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iopb_offset;
} __attribute__((packed));

#define IOPB_BYTES      8192
#define PORT_RANGES_MAX 8 /* of one process: the windows of a device */

#define CPU_HAS_NEXT  1ul /* `next` is there */
#define CPU_HAS_PORTS 2ul /* the process that has it may use ports: the bitmap is in force */

struct port_range {
	uint16_t first;
	uint16_t count;
};

struct cpu {
	struct cpu *self; /* offsets known to entry.S up to here ... */
	uint64_t user_rsp;
	uint64_t stack_top;
	struct thread *current; /* NULL: idle */
	uint32_t reschedule;    /* ... here */
	bool idle;
	bool online;
	uint32_t index;
	uint32_t apic_id;
	volatile uint32_t flush_pending;
	struct space *space;        /* whose tables are loaded; NULL: the kernel's alone */
	struct process *port_owner; /* whose ports stand in the bitmap */
	uint64_t port_version;
	struct port_range ports[PORT_RANGES_MAX];
	uint32_t port_count;
	struct ktimer **timers; /* binary heap by deadline */
	uint32_t timer_count, timer_capacity;
	uint64_t timer_armed_ns;     /* what the local timer is set to; ~0: nothing */
	struct thread *next;         /* to run next, past the queues; NULL: look there */
	bool raises;                 /* in an interrupt that found the CPU idle: see `raised` */
	struct notification *raised; /* then: the first that has a listener, who gets the CPU */
	uint64_t attention;          /* CPU_*: what forbids to hand this CPU on directly */
	bool slice_runs;             /* the time slice of `current` has an end */
	uint64_t gdt[8];
	struct tss tss __attribute__((aligned(16)));
	uint8_t iopb[IOPB_BYTES + 1];
} __attribute__((aligned(64)));

extern struct cpu *cpu_table[CPU_MAX];
extern unsigned cpu_count;
extern bool cpu_has_smap;

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

static inline struct thread *current_thread(void)
{
	struct thread *thread;

	__asm__ volatile("mov %%gs:24, %0" : "=r"(thread));
	return thread;
}

/* The big kernel lock: 1 while it is held. Whoever comes first gets it, not who has waited longest:
 * under a hypervisor a CPU that waits may not be running, and handing it the lock in turn would
 * stop the others for as long. A spinning CPU answers TLB flushes. */
extern uint32_t kernel_lock;

/* Waits; keeps every register, so that those who come past it need not. */
__attribute__((no_caller_saved_registers)) void kernel_lock_contended(void);

__attribute__((always_inline)) static inline void kernel_lock_acquire(void)
{
	if (__builtin_expect(__atomic_exchange_n(&kernel_lock, 1, __ATOMIC_ACQUIRE), 0))
		kernel_lock_contended();
}

static inline void kernel_lock_release(void)
{
	__atomic_store_n(&kernel_lock, 0, __ATOMIC_RELEASE);
}

/** Allocate what the other CPUs need; called before smp_start(). */
enum error cpu_prepare_secondaries(unsigned count);
/** Use the kernel stack of this CPU from its top and call `function`, which does not return. */
__attribute__((noreturn)) void stack_reset_call(uint64_t stack_top, void (*function)(void));

/** Flush the TLBs of all CPUs that have `space` loaded (NULL: of all). Returns when done. */
void cpu_flush_space(struct space *space);
void cpu_flush_answer(struct cpu *cpu);

/* Instructions */
static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)(value & UINT32_MAX)),
			   "d"((uint32_t)(value >> 32)));
}

static inline uint64_t read_cr2(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static inline uint64_t read_cr3(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	return value;
}

static inline void write_cr3(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline void invlpg(vaddr_t vaddr)
{
	__asm__ volatile("invlpg (%0)" : : "r"(vaddr) : "memory");
}

/** Ring 3 may come in with AC set, which would switch SMAP off; gates do not clear it. */
static inline void cpu_forbid_user_access(void)
{
	if (cpu_has_smap)
		__asm__ volatile("clac");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause");
}

#endif
