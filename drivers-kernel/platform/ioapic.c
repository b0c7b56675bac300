/* SPDX-License-Identifier: BSD-2-Clause
 *
 * I/O APICs: from global system interrupts to vectors. Source: Intel 82093AA datasheet (290566) §3.
 */
#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/init.h>
#include <kernel/log.h>
#include <kernel/mm.h>
#include <kernel/mmio.h>

/*      register            offset  access, section */
#define IOAPIC_SELECT           0x00 /* RW 3.1.1 */
#define IOAPIC_WINDOW           0x10 /* RW 3.1.2 */
#define IOAPIC_VERSION          0x01 /* R  3.2.2, by the window; likewise below */
#define IOAPIC_TABLE            0x10 /* RW 3.2.4, two words an input */
#define IOAPIC_ENTRY_LOW_ACTIVE 0x2000
#define IOAPIC_ENTRY_LEVEL      0x8000
#define IOAPIC_ENTRY_MASKED     0x10000
#define ISA_INTERRUPTS          16

#define INPUT_MAX          240
#define IOAPIC_USUAL_PADDR 0xfec00000

/* The selected register and the entries' lower words are kept, so that masking a line costs one or
 * two accesses instead of four. */
struct ioapic {
	uint32_t __iomem *base;
	uint32_t selected;
	uint32_t gsi_base;
	uint32_t input_count;
	uint32_t entry[INPUT_MAX];
};

static struct ioapic ioapics[ACPI_IOAPIC_MAX];
static unsigned ioapic_count;

static void select_register(struct ioapic *ioapic, uint32_t index)
{
	if (ioapic->selected == index)
		return;
	mmio_write32(ioapic->base + IOAPIC_SELECT / 4, index);
	ioapic->selected = index;
}

static uint32_t ioapic_read(struct ioapic *ioapic, uint32_t index)
{
	select_register(ioapic, index);
	return mmio_read32(ioapic->base + IOAPIC_WINDOW / 4);
}

static void ioapic_write(struct ioapic *ioapic, uint32_t index, uint32_t value)
{
	select_register(ioapic, index);
	mmio_write32(ioapic->base + IOAPIC_WINDOW / 4, value);
}

static void write_entry(struct ioapic *ioapic, uint32_t input, uint32_t value)
{
	ioapic->entry[input] = value;
	ioapic_write(ioapic, IOAPIC_TABLE + input * 2, value);
}

/* The controller of an interrupt, and which of its inputs that is. */
static struct ioapic *find(uint32_t gsi, uint32_t *input)
{
	for (unsigned i = 0; i < ioapic_count; i++)
		if (gsi >= ioapics[i].gsi_base &&
		    gsi - ioapics[i].gsi_base < ioapics[i].input_count) {
			*input = gsi - ioapics[i].gsi_base;
			return &ioapics[i];
		}
	return NULL;
}

static bool set_up(struct ioapic *ioapic, const struct acpi_ioapic *from)
{
	uint32_t version;

	if (memory_is_ram(from->paddr, 4096)) {
		log_warning("ioapic: 0x%lx is memory: what it stands for has no interrupts",
			    (unsigned long)from->paddr);
		return false;
	}
	ioapic->base = mm_map_mmio(from->paddr, 4096);
	ioapic->selected = UINT32_MAX;
	ioapic->gsi_base = from->gsi_base;
	version = ioapic_read(ioapic, IOAPIC_VERSION);
	if (!version || version == UINT32_MAX) {
		log_warning("ioapic: nothing answers at 0x%lx: GSI %u and up have no interrupts",
			    (unsigned long)from->paddr, from->gsi_base);
		return false;
	}
	ioapic->input_count = (version >> 16 & 0xff) + 1;
	if (ioapic->input_count > INPUT_MAX)
		ioapic->input_count = INPUT_MAX;
	for (uint32_t input = 0; input < ioapic->input_count; input++)
		write_entry(ioapic, input, IOAPIC_ENTRY_MASKED);
	log_info("ioapic: GSI %u to %u", ioapic->gsi_base,
		 ioapic->gsi_base + ioapic->input_count - 1);
	return true;
}

void ioapic_init(void)
{
	static const struct acpi_ioapic usual = { .paddr = IOAPIC_USUAL_PADDR };

	for (unsigned i = 0; i < acpi.ioapic_count; i++)
		ioapic_count += set_up(&ioapics[ioapic_count], &acpi.ioapic[i]);
	if (ioapic_count)
		return;
	log_warning("ioapic: none is listed: trying the usual place, 0x%lx",
		    (unsigned long)usual.paddr);
	ioapic_count += set_up(&ioapics[0], &usual);
}

enum error ioapic_route(uint32_t gsi, uint8_t vector, uint8_t apic_id, unsigned flags)
{
	uint32_t input;
	struct ioapic *ioapic = find(gsi, &input);

	if (!ioapic)
		return ERR_NOT_FOUND;
	write_entry(ioapic, input, IOAPIC_ENTRY_MASKED);
	ioapic_write(ioapic, IOAPIC_TABLE + input * 2 + 1, (uint32_t)apic_id << 24);
	write_entry(ioapic, input,
		    IOAPIC_ENTRY_MASKED | vector |
			    (flags & IOAPIC_ACTIVE_LOW ? IOAPIC_ENTRY_LOW_ACTIVE : 0) |
			    (flags & IOAPIC_LEVEL ? IOAPIC_ENTRY_LEVEL : 0));
	return OK;
}

static void set_masked(uint32_t gsi, uint32_t masked)
{
	uint32_t input;
	struct ioapic *ioapic = find(gsi, &input);

	if (ioapic)
		write_entry(ioapic, input, (ioapic->entry[input] & ~IOAPIC_ENTRY_MASKED) | masked);
}

void ioapic_mask(uint32_t gsi)
{
	set_masked(gsi, IOAPIC_ENTRY_MASKED);
}

void ioapic_unmask(uint32_t gsi)
{
	set_masked(gsi, 0);
}

uint32_t ioapic_gsi_count(void)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < ioapic_count; i++)
		if (ioapics[i].gsi_base + ioapics[i].input_count > count)
			count = ioapics[i].gsi_base + ioapics[i].input_count;
	return count;
}

uint32_t ioapic_isa_gsi(uint8_t isa_irq, unsigned *flags)
{
	*flags = 0;
	for (unsigned i = 0; i < acpi.override_count; i++)
		if (acpi.override[i].isa_irq == isa_irq) {
			*flags = acpi.override[i].flags;
			return acpi.override[i].gsi;
		}
	return isa_irq;
}
