/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Traps and interrupts, from ring 3 and from idle. All of them end in schedule().
 */
#include <abi/marker.h>
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/device.h>
#include <kernel/interrupt.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/timer.h>

__attribute__((noreturn)) void trap_user(struct trap_frame *frame);
__attribute__((noreturn)) void trap_idle(unsigned vector);
__attribute__((noreturn)) void trap_kernel(struct trap_frame *frame);
void trap_paranoid(struct trap_frame *frame);

#define VECTOR_PAGE_FAULT 14
#define FAULT_PRESENT     1u
#define FAULT_WRITE       2u
#define FAULT_RESERVED    8u
#define FAULT_EXECUTE     16u

static const char *const exception_name[32] = {
	[0] = "divide error",
	[1] = "debug trap",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound range exceeded",
	[6] = "invalid instruction",
	[7] = "floating-point instruction (not available in ring 3)",
	[8] = "double fault",
	[10] = "invalid task state",
	[11] = "segment not present",
	[12] = "stack fault",
	[13] = "protection violation (privileged instruction, port or non-canonical address)",
	[14] = "page fault",
	[16] = "floating-point error",
	[17] = "misaligned access",
	[18] = "machine check",
	[19] = "vector floating-point error",
};

static const char *trap_name(uint64_t vector)
{
	return vector < 32 && exception_name[vector] ? exception_name[vector] : "unknown trap";
}

static void interrupt_dispatch(uint64_t vector)
{
	if (__builtin_expect(vector <= VECTOR_DEVICE_LAST, 1)) {
		interrupt_arrived((unsigned)vector);
		return;
	}
	switch (vector) {
	case VECTOR_TIMER:
		lapic_eoi();
		timer_interrupt();
		break;
	case VECTOR_RESCHEDULE:
		lapic_eoi();
		break;
	case VECTOR_FLUSH:
		cpu_flush_answer(this_cpu());
		lapic_eoi();
		break;
	default: /* spurious */
		break;
	}
}

/* Bring the page in, or say why not. */
static bool page_fault_resolve(struct thread *thread, const struct trap_frame *frame)
{
	enum error error;

	if (frame->error & FAULT_RESERVED)
		return false;
	error = space_fault(&thread->process->space, read_cr2(), frame->error & FAULT_WRITE,
			    frame->error & FAULT_EXECUTE);
	if ((error == ERR_BUDGET || error == ERR_NO_MEMORY) && process_may_log(thread->process, 1))
		log_error("%s (pid %u): no page to touch: %s", thread->process->name,
			  thread->process->pid, error_text(error));
	return error == OK;
}

void trap_user(struct trap_frame *frame)
{
	struct thread *thread = current_thread();
	uint64_t vector = frame->vector;

	cpu_forbid_user_access();
	kernel_lock_acquire();
	if (vector >= 32)
		interrupt_dispatch(vector);
	else if (thread->process->dying || thread->dying)
		; /* it will not run again */
	else if (vector != VECTOR_PAGE_FAULT || !page_fault_resolve(thread, frame))
		process_fault(thread, trap_name(vector));
	schedule();
}

static __attribute__((noinline, noreturn)) void trap_idle_any(unsigned vector)
{
	struct interrupt *interrupt = interrupt_owner[vector];

	if (interrupt && !interrupt->is_line) {
		struct cpu *cpu = this_cpu();

		lapic_eoi();
		cpu->raises = true;
		device_interrupt(interrupt->device, interrupt);
		sched_next_listener(cpu);
	}
	interrupt_dispatch(vector);
	sched_next();
}

/* An interrupt found the CPU idle, and has taken the kernel lock. A message for a process that
 * listens: the CPU is its own. */
void trap_idle(unsigned vector)
{
	struct cpu *cpu = this_cpu();
	struct interrupt *interrupt = interrupt_owner[vector];
	struct notification *signal;
	struct device *device;
	struct process *process;
	struct thread *driver;

	MARKER(MARKER_IDLE_LEAVE);
	cpu->idle = false;
	if (!interrupt || interrupt->is_line)
		trap_idle_any(vector);
	device = interrupt->device;
	signal = device->signal;
	if (!signal)
		trap_idle_any(vector);
	driver = notification_listener(cpu, signal);
	if (!driver)
		trap_idle_any(vector);
	lapic_eoi();
	device->info.interrupt_count++;
	process = driver->process;
	sched_account_in(process, tsc_read());
	notification_enter(cpu, signal, driver, process, signal->bits | interrupt->signal);
}

void trap_kernel(struct trap_frame *frame)
{
	panic_frame(frame, "%s in the kernel, error code %#lx", trap_name(frame->vector),
		    (unsigned long)frame->error);
}

void trap_paranoid(struct trap_frame *frame)
{
	if (frame->vector == 2) {
		panic_interrupt();
		return; /* nobody panics: a stray one */
	}
	panic_frame(frame, "%s", trap_name(frame->vector));
}
