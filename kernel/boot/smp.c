/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starting secondary processors, one at a time, so that one set of hand-over variables is enough.
 * One that does not arrive in time is held by another INIT, so that it cannot arrive later.
 */
#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/cmdline.h>
#include <kernel/init.h>
#include <kernel/layout.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/smp.h>
#include <kernel/time.h>

#include <lib/string.h>

#define ARRIVAL_TIMEOUT_NS   (500 * NS_PER_MILLISECOND)
#define TRAMPOLINE_BYTES_MAX 256

extern const uint8_t trampoline_start[], trampoline_end[];

extern uint8_t *smp_stack_top; /* for trampoline.S */
uint8_t *smp_stack_top;
static uint8_t stacks[ACPI_CPU_MAX - 1][SMP_STACK_BYTES] __attribute__((aligned(16)));
static unsigned starting_index;
static uint32_t starting_id;
static unsigned arrived;

/* The first C of a secondary processor, on its boot stack. */
__attribute__((noreturn)) void smp_arrive(void);
void smp_arrive(void)
{
	unsigned index = starting_index;
	uint32_t apic_id = starting_id;

	__atomic_store_n(&arrived, index, __ATOMIC_RELEASE);
	cpu_secondary_main(index, apic_id);
}

static bool wait_for_arrival(unsigned index, uint64_t timeout_ns)
{
	uint64_t end = time_now_ns() + timeout_ns;

	while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) != index) {
		if (time_now_ns() > end)
			return false;
		__builtin_ia32_pause();
	}
	return true;
}

static bool start(unsigned index, uint8_t apic_id)
{
	starting_index = index;
	starting_id = apic_id;
	smp_stack_top = stacks[index - 1] + SMP_STACK_BYTES;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);

	lapic_start(apic_id, LAPIC_START_INIT);
	time_delay_ns(200 * NS_PER_MICROSECOND);
	lapic_start(apic_id, TRAMPOLINE_PADDR >> 12);
	if (wait_for_arrival(index, 10 * NS_PER_MILLISECOND))
		return true;
	lapic_start(apic_id, TRAMPOLINE_PADDR >> 12);
	if (wait_for_arrival(index, ARRIVAL_TIMEOUT_NS))
		return true;
	lapic_start(apic_id, LAPIC_START_INIT);
	log_warning("smp: the processor with APIC id %u did not start", apic_id);
	return false;
}

/* Exchange the start-up page with `saved`: the boot loader may keep something of ours there. */
static void swap_trampoline(void)
{
	static uint8_t saved[TRAMPOLINE_BYTES_MAX];
	static bool installed;
	size_t size_bytes = (size_t)(trampoline_end - trampoline_start);

	if (!installed) {
		assert(size_bytes <= sizeof(saved));
		memcpy(saved, phys_pointer(TRAMPOLINE_PADDR), size_bytes);
	}
	memcpy(phys_pointer(TRAMPOLINE_PADDR), installed ? saved : trampoline_start, size_bytes);
	installed = !installed;
}

unsigned smp_start(void)
{
	unsigned count = 1;

	swap_trampoline();
	for (unsigned i = 0; i < acpi.cpu_count && count < cmdline.cpu_max; i++)
		if (acpi.cpu[i] != lapic_id() && start(count, acpi.cpu[i]))
			count++;
	swap_trampoline();
	log_info("smp: %u of %u processors run%s", count, acpi.cpu_count ? acpi.cpu_count : 1,
		 count == cmdline.cpu_max && count < acpi.cpu_count
			 ? ": no more than MAX_CPUS and maxcpus= allow"
			 : "");
	return count;
}
