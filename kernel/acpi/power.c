/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Power off and reset. Source: ACPI Specification 6.4 §4.8.3.2, §4.8.3.6, §16.1.4.
 */
#include <kernel/acpi.h>
#include <kernel/init.h>
#include <kernel/log.h>
#include <kernel/mmio.h>
#include <kernel/port.h>
#include <kernel/power.h>
#include <kernel/time.h>

#define PM1_SCI_ENABLE   1u
#define PM1_SLEEP_TYPE   10
#define PM1_SLEEP_MASK   (15u << PM1_SLEEP_TYPE) /* with SLP_EN */
#define PM1_SLEEP_ENABLE (1u << 13)
#define TEST_EXIT_PORT   0xf4 /* -device isa-debug-exit,iobase=0xf4 */
#define RESET_PORT       0xcf9
#define RESET_HARD       0x06
#define KEYBOARD_PORT    0x64
#define KEYBOARD_FULL    0x02
#define KEYBOARD_RESET   0xfe

static void __iomem *reset_memory;

void power_init(void)
{
	if (acpi.reset.address && acpi.reset.space == ACPI_SPACE_MEMORY)
		reset_memory = mm_map_mmio(acpi.reset.address, 1);
}

void power_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* In legacy mode the sleep bits do nothing [§4.8.2.5]. */
static void enter_acpi_mode(void)
{
	if (port_read16(acpi.pm1a_control_port) & PM1_SCI_ENABLE || !acpi.smi_command_port ||
	    !acpi.acpi_enable_value)
		return;
	port_write8(acpi.smi_command_port, acpi.acpi_enable_value);
	for (unsigned i = 0; i < 300; i++) {
		if (port_read16(acpi.pm1a_control_port) & PM1_SCI_ENABLE)
			return;
		time_delay_ns(NS_PER_MILLISECOND);
	}
}

static void sleep(uint16_t port, uint8_t type)
{
	uint32_t control;

	if (!port)
		return;
	control = port_read16(port) & ~(PM1_SLEEP_MASK);
	port_write16(port,
		     (uint16_t)(control | (uint32_t)type << PM1_SLEEP_TYPE | PM1_SLEEP_ENABLE));
}

void power_off(void)
{
	__asm__ volatile("cli");
	if (acpi.has_s5 && acpi.pm1a_control_port) {
		enter_acpi_mode();
		sleep(acpi.pm1a_control_port, acpi.s5_type_a);
		sleep(acpi.pm1b_control_port, acpi.s5_type_b);
		time_delay_ns(100 * NS_PER_MILLISECOND);
	}
	console_seize(); /* its driver may never run again */
	log_error("power: this machine cannot switch itself off; it is halted: switch it off by "
		  "hand");
	power_halt();
}

static void reset_by_keyboard(void)
{
	for (unsigned i = 0; i < 10000 && port_read8(KEYBOARD_PORT) & KEYBOARD_FULL; i++)
		;
	port_write8(KEYBOARD_PORT, KEYBOARD_RESET);
}

static void reset_by_triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt = { 0, 0 };

	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
}

void power_reboot(void)
{
	const uint64_t patience_ns = 20 * NS_PER_MILLISECOND;

	__asm__ volatile("cli");
	if (reset_memory)
		mmio_write8(reset_memory, acpi.reset_value);
	else if (acpi.reset.address)
		port_write8((uint16_t)acpi.reset.address, acpi.reset_value);
	time_delay_ns(patience_ns);
	port_write8(RESET_PORT, RESET_HARD);
	time_delay_ns(patience_ns);
	reset_by_keyboard();
	time_delay_ns(patience_ns);
	reset_by_triple_fault();
	power_halt();
}

void power_test_exit(uint32_t code)
{
	port_write32(TEST_EXIT_PORT, code);
	power_off();
}
