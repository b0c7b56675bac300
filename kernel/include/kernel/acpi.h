/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ACPI's static tables: RSDP, RSDT or XSDT, MADT, FADT, HPET, MCFG, DMAR, and _S5_ out of the DSDT
 * by a scan (no AML). A table that is damaged is one warning and counts as absent. Source: ACPI
 * Specification 6.4 §5.2.
 */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/error.h>

#define ACPI_CPU_MAX      64
#define ACPI_IOAPIC_MAX   8
#define ACPI_OVERRIDE_MAX 16
#define ACPI_MCFG_MAX     4
#define ACPI_DRHD_MAX     4

/* Interrupt flags of overrides, resolved: what "bus default" means is filled in. */
#define ACPI_ACTIVE_LOW 1u
#define ACPI_LEVEL      2u

struct acpi_ioapic {
	uint8_t id;
	uint32_t gsi_base;
	uint64_t paddr;
};

struct acpi_override {
	uint8_t isa_irq;
	uint8_t flags;
	uint32_t gsi;
};

struct acpi_mcfg {
	uint64_t paddr; /* configuration space of bus 0, also if bus_start is not 0 */
	uint16_t segment;
	uint8_t bus_start, bus_end; /* inclusive */
};

/* A register in one of the address spaces [ACPI 6.4 §5.2.3.2]. */
struct acpi_register {
	uint8_t space; /* ACPI_SPACE_* */
	uint8_t bit_width;
	uint64_t address; /* 0: absent */
};
#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_PORT   1

struct acpi_info {
	bool present;              /* a root table was found and is sound */
	uint8_t cpu[ACPI_CPU_MAX]; /* local APIC ids, enabled ones, in the table's order */
	unsigned cpu_count;
	unsigned cpu_ignored; /* beyond ACPI_CPU_MAX, or ids above 254 */
	uint64_t lapic_paddr; /* 0xfee00000 if the table does not say */
	bool has_8259;
	struct acpi_ioapic ioapic[ACPI_IOAPIC_MAX];
	unsigned ioapic_count;
	struct acpi_override override[ACPI_OVERRIDE_MAX];
	unsigned override_count;
	struct acpi_mcfg mcfg[ACPI_MCFG_MAX];
	unsigned mcfg_count;
	bool has_fadt;
	uint16_t pm_timer_port; /* 0: none */
	bool pm_timer_32bit;
	uint16_t pm1a_control_port, pm1b_control_port; /* 0: none */
	uint16_t smi_command_port;
	uint8_t acpi_enable_value;
	struct acpi_register reset;
	uint8_t reset_value;
	bool has_s5;
	uint8_t s5_type_a, s5_type_b;
	uint64_t hpet_paddr; /* 0: none */
	bool has_dmar;
	uint8_t dmar_address_bits;
	uint64_t drhd_paddr[ACPI_DRHD_MAX]; /* register sets of DMA remapping units */
	unsigned drhd_count;
};

/** Physical memory to read, or NULL if it cannot be reached. Stays mapped while acpi_parse() runs.
 */
typedef const void *(*acpi_map_fn)(uint64_t paddr, uint64_t size_bytes);

/** Where complaints go, one line each. */
typedef void (*acpi_warn_fn)(const char *line);

/** Read the tables.
 *
 * @param rsdp, rsdp_bytes  copy of the root pointer; 20 or 36 bytes are used
 * @param[out] info         all of it is written, also when there is nothing
 *
 * Touches memory through `map` alone; lengths and checksums are checked first.
 */
void acpi_parse(const void *rsdp, unsigned rsdp_bytes, acpi_map_fn map, acpi_warn_fn warn,
		struct acpi_info *info);

/** The tables of this machine; valid after acpi_init(). */
extern struct acpi_info acpi;

/** Read them from the boot information. Context: boot, on the boot page tables. */
void acpi_init(void);

#endif
