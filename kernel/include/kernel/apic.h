/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Interrupt controllers: local APIC (xAPIC mode, 8-bit ids), I/O APICs, and the 8259s, which are
 * masked for good. Source: Intel SDM 3A §10 (325462-077), 82093AA datasheet, ACPI 6.4 §5.2.12.
 */
#ifndef KERNEL_APIC_H
#define KERNEL_APIC_H

#include <kernel/mmio.h>
#include <stdbool.h>
#include <stdint.h>

#include <abi/error.h>

#define LAPIC_EOI 0xb0

extern uint32_t __iomem *lapic_base; /* uncached; one address for every processor's own */

/** End of interrupt: one MMIO access. */
static inline void lapic_eoi(void)
{
	mmio_write32(lapic_base + LAPIC_EOI / 4, 0);
}

/** Map the local APIC and enable that of the boot processor. Context: boot, after mm_init(). */
void lapic_init(void);

/** Enable this processor's own local APIC: spurious vector, timer one-shot and masked, everything
 * accepted. lapic_init() does it for the boot processor; secondary processors call it early.
 *
 * @param spurious_vector  0x?f; its handler does nothing, not even an end of interrupt
 * @param timer_vector     delivered by lapic_timer_arm()
 */
void lapic_enable(uint8_t spurious_vector, uint8_t timer_vector);

/** The id of the local APIC of this processor; 0 before lapic_init(). */
uint8_t lapic_id(void);

/** Send a fixed interrupt to one processor, by APIC id. Context: interrupts off. */
void lapic_ipi(uint8_t apic_id, uint8_t vector);

/** Send a fixed interrupt to every other processor. */
void lapic_ipi_others(uint8_t vector);

/** Send a non-maskable interrupt to every other processor. Works before lapic_init(), as nothing.
 */
void lapic_nmi_others(void);

/** Send a start-up step to one processor, by APIC id: INIT, or the page (address >> 12) to begin at
 * in real mode. */
#define LAPIC_START_INIT 0x100u
void lapic_start(uint8_t apic_id, unsigned page);

/** Arm this processor's timer, one-shot, at a time of time_now_ns(); in the past: at once. A far
 * deadline may fire early: compare and arm again. Replaces what was armed. */
void lapic_timer_arm(uint64_t deadline_ns);

/** Disarm this processor's timer; an interrupt may be pending already. */
void lapic_timer_stop(void);

/** Mask both 8259s, after moving them to vectors 0x20 .. 0x2f. */
void pic_disable(void);

/** Map the I/O APICs of the MADT and mask all their inputs. Context: boot, after mm_init(). */
void ioapic_init(void);

#define IOAPIC_ACTIVE_LOW 1u /* as ACPI_ACTIVE_LOW */
#define IOAPIC_LEVEL      2u /* as ACPI_LEVEL */

/** Route an input to a vector of one processor; it stays masked.
 *
 * @param gsi    global system interrupt
 * @param flags  IOAPIC_*
 * @retval OK
 * @retval ERR_NOT_FOUND  no I/O APIC has this input
 */
MUST_CHECK enum error ioapic_route(uint32_t gsi, uint8_t vector, uint8_t apic_id, unsigned flags);

/** Mask or unmask a routed input: one or two MMIO accesses. Unknown inputs are ignored. Context: as
 * ioapic_route(), serialised by the caller. */
void ioapic_mask(uint32_t gsi);
void ioapic_unmask(uint32_t gsi);

/** Number of inputs: GSIs are 0 ..< count. */
uint32_t ioapic_gsi_count(void);

/** Where an ISA interrupt arrives, with the overrides of the MADT.
 *
 * @param[out] flags  IOAPIC_*
 */
uint32_t ioapic_isa_gsi(uint8_t isa_irq, unsigned *flags);

/** Address and data of a message-signalled interrupt [SDM 3A §10.11]: fixed, edge, to one
 * processor. */
static inline uint64_t msi_address(uint8_t apic_id)
{
	return 0xfee00000u | (uint32_t)apic_id << 12;
}
static inline uint32_t msi_data(uint8_t vector)
{
	return vector;
}

#endif
