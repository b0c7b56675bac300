/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device interrupts (kernel/irq/interrupt.c): vectors, shared lines, acknowledgement, eviction,
 * with an I/O APIC made here.
 */
#include "kernel_host.h"

#include <kernel/apic.h>
#include <kernel/device.h>

#include "../../kernel/irq/interrupt.c"

#define GSI 20

struct cpu *cpu_table[CPU_MAX];
uint32_t *lapic_base;

static struct cpu cpu;
static uint32_t lapic[256];
static bool masked[32];
static struct ktimer *armed;
static struct device devices[3];
static struct notification words[3];
static struct interrupt interrupts[3];
static unsigned reserved;

enum error ioapic_route(uint32_t gsi, uint8_t vector, uint8_t apic_id, unsigned flags)
{
	(void)vector;
	(void)apic_id;
	(void)flags;
	if (gsi >= 32)
		return ERR_NOT_FOUND;
	masked[gsi] = true;
	return OK;
}

void ioapic_mask(uint32_t gsi)
{
	masked[gsi] = true;
}

void ioapic_unmask(uint32_t gsi)
{
	masked[gsi] = false;
}

enum error timer_reserve(struct ktimer *timer)
{
	assert_false(timer->reserved);
	timer->reserved = true;
	reserved++;
	return OK;
}

void timer_unreserve(struct ktimer *timer)
{
	if (!timer->reserved)
		return;
	timer_cancel(timer);
	timer->reserved = false;
	reserved--;
}

void timer_arm(struct ktimer *timer, uint64_t deadline_ns)
{
	assert_true(timer->reserved && deadline_ns > host_now_ns);
	armed = timer;
}

void timer_cancel(struct ktimer *timer)
{
	if (armed == timer)
		armed = NULL;
}

void log_write(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

void kernel_instance_post(struct kernel_instance *instance, uint64_t bits)
{
	(void)instance;
	(void)bits;
	fail();
}

void kernel_instance_interrupt(struct kernel_instance *instance, unsigned index)
{
	(void)instance;
	(void)index;
	fail();
}

static int setup(void **state)
{
	(void)state;
	memset(interrupt_owner, 0, sizeof(interrupt_owner));
	memset(taken, 0, sizeof(taken));
	memset(line_of, 0, sizeof(line_of));
	memset(masked, 1, sizeof(masked));
	memset(interrupts, 0, sizeof(interrupts));
	memset(words, 0, sizeof(words));
	cpu_table[0] = &cpu;
	lapic_base = lapic;
	armed = NULL;
	reserved = 0;
	for (unsigned i = 0; i < 3; i++) {
		memset(&devices[i], 0, sizeof(devices[i]));
		devices[i].signal = &words[i];
	}
	return 0;
}

/* Device i on the shared line. */
static void bind(unsigned i, unsigned flags)
{
	assert_int_equal(interrupt_bind_line(&interrupts[i], GSI, flags, &devices[i], 0), OK);
}

static void fire(void)
{
	assert_false(masked[GSI]);
	interrupt_arrived(interrupts[0].vector ? interrupts[0].vector : interrupts[1].vector);
}

static bool signalled(unsigned i)
{
	bool was = words[i].bits == 1ul << SIGNAL_INTERRUPT(0);

	words[i].bits = 0;
	return was;
}

static void shared_line_waits_for_all_its_owners(void **state)
{
	(void)state;
	bind(0, IOAPIC_LEVEL);
	bind(1, IOAPIC_LEVEL);
	assert_int_equal(interrupts[0].vector, interrupts[1].vector);
	fire();
	assert_true(masked[GSI] && armed);
	assert_true(signalled(0) && signalled(1));
	interrupt_acknowledge(&interrupts[1]);
	interrupt_acknowledge(&interrupts[1]);
	assert_true(masked[GSI]);
	interrupt_acknowledge(&interrupts[0]);
	assert_false(masked[GSI]);
	assert_null(armed);
}

static void edges_are_not_masked(void **state)
{
	(void)state;
	bind(0, 0);
	fire();
	assert_false(masked[GSI]);
	assert_null(armed);
	assert_true(signalled(0));
}

static void owner_that_does_not_acknowledge_loses_the_line(void **state)
{
	(void)state;
	bind(0, IOAPIC_LEVEL);
	bind(1, IOAPIC_LEVEL);
	fire();
	interrupt_acknowledge(&interrupts[1]);
	armed->function(armed);
	assert_false(masked[GSI]);
	assert_int_equal(interrupts[0].vector, 0);
	assert_true(signalled(0) && signalled(1));
	interrupt_arrived(interrupts[1].vector);
	assert_false(signalled(0));
	assert_true(signalled(1));
	interrupt_acknowledge(&interrupts[0]); /* too late, and harmless */
	interrupt_release(&interrupts[0]);
	interrupt_acknowledge(&interrupts[1]);
	assert_false(masked[GSI]);
}

static void last_owner_that_is_evicted_leaves_the_line_masked(void **state)
{
	struct ktimer *timer;

	(void)state;
	bind(0, IOAPIC_LEVEL);
	fire();
	timer = armed;
	timer->function(timer);
	assert_true(masked[GSI]);
	assert_int_equal(reserved, 0);
	bind(1, IOAPIC_LEVEL); /* another comes */
	assert_false(masked[GSI]);
	assert_int_equal(reserved, 1);
}

static void newcomer_on_a_masked_line_does_not_unmask_it(void **state)
{
	(void)state;
	bind(0, IOAPIC_LEVEL);
	fire();
	bind(1, IOAPIC_LEVEL);
	assert_true(masked[GSI]);
	interrupt_acknowledge(&interrupts[0]);
	assert_false(masked[GSI]);
}

static void owner_that_leaves_does_not_hold_the_line(void **state)
{
	(void)state;
	bind(0, IOAPIC_LEVEL);
	bind(1, IOAPIC_LEVEL);
	fire();
	interrupt_acknowledge(&interrupts[0]);
	interrupt_release(&interrupts[1]);
	assert_false(masked[GSI]);
	assert_null(armed);
	interrupt_release(&interrupts[0]);
	interrupt_release(&interrupts[0]);
	assert_true(masked[GSI]);
	assert_int_equal(reserved, 0);
}

static void vectors_are_aligned_distinct_and_come_back(void **state)
{
	struct interrupt message[32];
	uint8_t first = interrupt_vectors_allocate(32), single = interrupt_vectors_allocate(1);
	unsigned count = 0;

	(void)state;
	assert_int_equal(first % 32, 0);
	assert_true(first >= VECTOR_DEVICE_FIRST && first + 31 <= VECTOR_DEVICE_LAST);
	assert_true(single < first || single > first + 31);
	for (unsigned i = 0; i < 32; i++)
		interrupt_bind_message(&message[i], (uint8_t)(first + i), &devices[0], i);
	interrupt_arrived(first + 7u);
	assert_int_equal(words[0].bits, 1ul << SIGNAL_INTERRUPT(7));
	while (interrupt_vectors_allocate(1))
		count++;
	assert_int_equal(count, VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1 - 33);
	for (unsigned i = 0; i < 32; i++)
		interrupt_release(&message[i]);
	assert_int_equal(interrupt_vectors_allocate(32), first);
}

static void unknown_vector_and_unknown_line_harm_nothing(void **state)
{
	(void)state;
	interrupt_arrived(VECTOR_DEVICE_FIRST + 5);
	assert_int_equal(interrupt_bind_line(&interrupts[0], 99, IOAPIC_LEVEL, &devices[0], 0),
			 ERR_NOT_FOUND);
	assert_int_equal(reserved, 0);
	for (unsigned vector = 0; vector < 256; vector++)
		assert_false(taken[vector]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(shared_line_waits_for_all_its_owners),
		TEST(edges_are_not_masked),
		TEST(owner_that_does_not_acknowledge_loses_the_line),
		TEST(last_owner_that_is_evicted_leaves_the_line_masked),
		TEST(newcomer_on_a_masked_line_does_not_unmask_it),
		TEST(owner_that_leaves_does_not_hold_the_line),
		TEST(vectors_are_aligned_distinct_and_come_back),
		TEST(unknown_vector_and_unknown_line_harm_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
