/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The local APIC in xAPIC mode: end of interrupt, inter-processor interrupts, one-shot timer.
 * Source: Intel SDM 3A (325462-077) §10.
 */
#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/init.h>
#include <kernel/log.h>
#include <kernel/time.h>

/*      register             offset  access, section */
#define LAPIC_ID             0x020 /* RW §10.4.6 */
#define LAPIC_TPR            0x080 /* RW §10.8.3.1 */
#define LAPIC_SVR            0x0f0 /* RW §10.9  spurious vector */
#define LAPIC_ESR            0x280 /* RW §10.5.3 */
#define LAPIC_ICR_LOW        0x300 /* RW §10.6.1 */
#define LAPIC_ICR_HIGH       0x310 /* RW §10.6.1 */
#define LAPIC_LVT_TIMER      0x320 /* RW §10.5.1 */
#define LAPIC_LVT_LINT0      0x350 /* RW §10.5.1 */
#define LAPIC_LVT_LINT1      0x360 /* RW §10.5.1 */
#define LAPIC_LVT_ERROR      0x370 /* RW §10.5.1 */
#define LAPIC_TIMER_INITIAL  0x380 /* RW §10.5.4 */
#define LAPIC_TIMER_CURRENT  0x390 /* R  §10.5.4 */
#define LAPIC_TIMER_DIVIDE   0x3e0 /* RW §10.5.4 */
#define LAPIC_SVR_ENABLE     0x100
#define LAPIC_LVT_MASKED     0x10000
#define LAPIC_LVT_NMI        0x400
#define LAPIC_DIVIDE_BY_1    0xb
#define LAPIC_ICR_PENDING    0x1000
#define LAPIC_ICR_ASSERT     0x4000
#define LAPIC_ICR_NMI        0x400
#define LAPIC_ICR_INIT       0x500
#define LAPIC_ICR_STARTUP    0x600
#define LAPIC_ICR_OTHERS     0xc0000
#define LAPIC_PENDING_POLLS  100000
#define MSR_APIC_BASE        0x1b
#define MSR_APIC_BASE_ENABLE 0x800

#define CALIBRATION_NS (500 * NS_PER_MICROSECOND)
#define SAMPLE_TRIES   5

uint32_t __iomem *lapic_base;

static uint64_t timer_mult; /* timer ticks a nanosecond, times 2^32; 0: not known yet */

/* What was left to count, and when. */
struct timer_sample {
	uint32_t left;
	uint64_t time_ns;
};

static struct timer_sample calibration_start;

static uint32_t lapic_read(unsigned offset)
{
	return mmio_read32(lapic_base + offset / 4);
}

static void lapic_write(unsigned offset, uint32_t value)
{
	mmio_write32(lapic_base + offset / 4, value);
}

/* Switch this processor's APIC on, in case the firmware did not, in xAPIC mode. */
static void enable_by_msr(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
	low |= MSR_APIC_BASE_ENABLE;
	__asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(MSR_APIC_BASE));
}

/* Read timer and clock at once, as closely as a few tries get. */
static struct timer_sample sample_timer(void)
{
	struct timer_sample best = { 0 };
	uint64_t shortest_ns = UINT64_MAX;

	for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before_ns = time_now_ns();
		uint32_t left = lapic_read(LAPIC_TIMER_CURRENT);
		uint64_t took_ns = time_now_ns() - before_ns;

		if (took_ns < shortest_ns) {
			shortest_ns = took_ns;
			best = (struct timer_sample){ left, before_ns + took_ns / 2 };
		}
	}
	return best;
}

/* Let the timer run from its highest value: what it has counted when it is needed first tells its
 * rate, and the boot waits for nothing. Not masked: another processor may need its timer first,
 * and cannot unmask this one's. Should it run out, seconds later, it interrupts for nothing. */
static void calibration_begin(void)
{
	lapic_write(LAPIC_TIMER_INITIAL, UINT32_MAX);
	calibration_start = sample_timer();
}

static void calibration_end(void)
{
	struct timer_sample end;
	uint64_t elapsed_ns = time_now_ns() - calibration_start.time_ns;

	if (elapsed_ns < CALIBRATION_NS)
		time_delay_ns(CALIBRATION_NS - elapsed_ns);
	end = sample_timer();
	if (!end.left) { /* it ran out, or this is not the processor that began */
		calibration_begin();
		time_delay_ns(CALIBRATION_NS);
		end = sample_timer();
	}
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	timer_mult = ((uint64_t)(calibration_start.left - end.left) << 32) /
		     (end.time_ns - calibration_start.time_ns);
	log_info("lapic: timer at %lu MHz", (timer_mult * 1000 + (1ul << 31)) >> 32);
}

void lapic_init(void)
{
	lapic_base = mm_map_mmio(acpi.lapic_paddr, 4096);
	lapic_enable(VECTOR_SPURIOUS, VECTOR_TIMER);
	calibration_begin();
}

void lapic_enable(uint8_t spurious_vector, uint8_t timer_vector)
{
	enable_by_msr();
	lapic_write(LAPIC_SVR, LAPIC_SVR_ENABLE | spurious_vector);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LVT_LINT0, LAPIC_LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LAPIC_LVT_NMI);
	lapic_write(LAPIC_LVT_ERROR, LAPIC_LVT_MASKED);
	lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
	lapic_write(LAPIC_TIMER_INITIAL, 0);
	lapic_write(LAPIC_LVT_TIMER, timer_vector);
	lapic_write(LAPIC_ESR, 0);
	lapic_eoi();
}

uint8_t lapic_id(void)
{
	return lapic_base ? (uint8_t)(lapic_read(LAPIC_ID) >> 24) : 0;
}

static void send(uint8_t apic_id, uint32_t command)
{
	for (unsigned i = 0;
	     i < LAPIC_PENDING_POLLS && lapic_read(LAPIC_ICR_LOW) & LAPIC_ICR_PENDING; i++)
		__builtin_ia32_pause();
	lapic_write(LAPIC_ICR_HIGH, (uint32_t)apic_id << 24);
	lapic_write(LAPIC_ICR_LOW, command);
}

void lapic_ipi(uint8_t apic_id, uint8_t vector)
{
	send(apic_id, LAPIC_ICR_ASSERT | vector);
}

void lapic_ipi_others(uint8_t vector)
{
	send(0, LAPIC_ICR_OTHERS | LAPIC_ICR_ASSERT | vector);
}

void lapic_nmi_others(void)
{
	if (lapic_base)
		send(0, LAPIC_ICR_OTHERS | LAPIC_ICR_ASSERT | LAPIC_ICR_NMI);
}

void lapic_start(uint8_t apic_id, unsigned page)
{
	send(apic_id, page == LAPIC_START_INIT
			      ? (uint32_t)(LAPIC_ICR_ASSERT | LAPIC_ICR_INIT)
			      : (LAPIC_ICR_ASSERT | LAPIC_ICR_STARTUP | (page & 0xff)));
}

void lapic_timer_arm(uint64_t deadline_ns)
{
	uint64_t now_ns = time_now_ns();
	uint64_t delta_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
	unsigned __int128 ticks;

	if (!timer_mult)
		calibration_end();
	ticks = (((unsigned __int128)delta_ns * timer_mult) >> 32) + 1;
	lapic_write(LAPIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}

void lapic_timer_stop(void)
{
	if (!timer_mult)
		return;
	lapic_write(LAPIC_TIMER_INITIAL, 0);
}
