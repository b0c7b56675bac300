/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The end of the system: the other processors stop, the report goes to every console, and QEMU is
 * told by isa-debug-exit, so that a test run ends at once.
 */
#include <kernel/apic.h>
#include <kernel/layout.h>
#include <kernel/panic.h>
#include <kernel/port.h>
#include <kernel/power.h>
#include <kernel/process.h>
#include <kernel/symbols.h>

#define PANIC_EXIT_PORT 0xf4
#define PANIC_EXIT_CODE 0x7f

/* The processor that panics, as its APIC id + 1; 0: nobody. Everybody else stops. */
static unsigned panic_owner;
static unsigned panic_depth;

extern uint64_t __stack_chk_guard;               /* known to the compiler */
uint64_t __stack_chk_guard = 0x5afe57ac6ba4d000; /* boot.S mixes time into it */

__attribute__((noreturn)) void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
	panic("a function overran its stack frame");
}

static void begin(void)
{
	unsigned self = lapic_id() + 1u, owner = 0;

	__asm__ volatile("cli");
	if (!__atomic_compare_exchange_n(&panic_owner, &owner, self, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST) &&
	    owner != self)
		power_halt();
	/* A panic inside of a panic gets one try to report, then silence. */
	if (++panic_depth > 2)
		power_halt();
	lapic_nmi_others();
	log_panic_begin();
}

__attribute__((noreturn)) static void end(void)
{
	thread_report_current();
	log_write(LOG_PANIC, "panic: the system is stopped");
	port_write32(PANIC_EXIT_PORT, PANIC_EXIT_CODE);
	power_halt();
}

void panic_interrupt(void)
{
	unsigned owner = __atomic_load_n(&panic_owner, __ATOMIC_SEQ_CST);

	if (owner && owner != lapic_id() + 1u)
		power_halt();
}

static void write_reason(const char *format, va_list arguments)
{
	log_write(LOG_PANIC, "panic:");
	log_write_arguments(LOG_PANIC, format, arguments);
}

void panic(const char *format, ...)
{
	va_list arguments;

	begin();
	va_start(arguments, format);
	write_reason(format, arguments);
	va_end(arguments);
	/* From the call itself: what follows a call that does not return may be another function's.
	 */
	report_backtrace((uint64_t)__builtin_return_address(0) - 1,
			 *(uint64_t *)__builtin_frame_address(0), report_read_kernel,
			 report_symbol_kernel, NULL);
	end();
}

void panic_frame(const struct trap_frame *frame, const char *format, ...)
{
	va_list arguments;

	begin();
	va_start(arguments, format);
	write_reason(format, arguments);
	va_end(arguments);
	report_registers(frame);
	report_backtrace(frame->rip, frame->rbp, report_read_kernel, report_symbol_kernel, NULL);
	end();
}
