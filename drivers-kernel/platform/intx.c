/* SPDX-License-Identifier: BSD-2-Clause
 *
 * INTx routing of the two chipsets that QEMU has. Touches the machine by its callbacks alone:
 * tests/unit runs it on the host.
 * Source: PIIX3 datasheet (290550) §2.2.4; ICH9 datasheet (316972) §10.1.42, §13.1; QEMU's
 * hw/isa/lpc_ich9.c and hw/pci-host/i440fx.c for how slots are wired to PIRQs.
 */
#include <kernel/intx.h>

#define ID_440FX       0x12378086u
#define ID_ICH9_VENDOR 0x8086u

#define PIIX3_DEVICE   1
#define PIIX3_ID       0x70008086u
#define PIIX3_PIRQ     0x60 /* four bytes, PIRQA to PIRQD */
#define PIIX3_DISABLED 0x80

#define ICH9_DEVICE      31
#define ICH9_RCBA        0xf0
#define ICH9_RCBA_ENABLE 1u
#define ICH9_GSI_PIRQA   16
#define ICH9_GSI_PIRQE   20
#define ICH9_FIRST_OWN   25     /* first device with a route register of its own */
#define ICH9_ROUTE_RESET 0x3210 /* INTA to PIRQA, ... */

/* Offsets of D25IR to D31IR in the chipset configuration area. D30IR is not used by QEMU: what is
 * behind that bridge goes to PIRQE to PIRQH. */
static const uint16_t ich9_route[] = { 0x3150, 0x314c, 0x3148, 0x3146, 0x3144, 0, 0x3140 };

static enum error piix3_lookup(unsigned device, unsigned pin, intx_config_read_fn config,
			       struct intx_route *route)
{
	unsigned pirq = (device - 1 + pin - 1) % 4;
	uint8_t irq = (uint8_t)(config(PIIX3_DEVICE, 0, PIIX3_PIRQ) >> pirq * 8);

	if (irq & PIIX3_DISABLED)
		return ERR_NOT_FOUND;
	*route = (struct intx_route){ .isa = true, .number = irq & 15 };
	return OK;
}

static uint16_t ich9_route_register(unsigned device, intx_config_read_fn config,
				    intx_memory_read_fn memory)
{
	uint32_t rcba = config(ICH9_DEVICE, 0, ICH9_RCBA);
	uint16_t offset = ich9_route[device - ICH9_FIRST_OWN];

	if (!(rcba & ICH9_RCBA_ENABLE))
		return ICH9_ROUTE_RESET;
	return (uint16_t)(memory((rcba & ~0x3fffu) + (offset & ~3u)) >> (offset & 2) * 8);
}

static enum error ich9_lookup(unsigned device, unsigned pin, intx_config_read_fn config,
			      intx_memory_read_fn memory, struct intx_route *route)
{
	unsigned gsi;

	if (device < ICH9_FIRST_OWN)
		gsi = ICH9_GSI_PIRQE + (device + pin - 1) % 4;
	else if (!ich9_route[device - ICH9_FIRST_OWN])
		gsi = ICH9_GSI_PIRQE + pin - 1;
	else
		gsi = ICH9_GSI_PIRQA +
		      (ich9_route_register(device, config, memory) >> (pin - 1) * 4 & 7);
	*route = (struct intx_route){ .number = (uint8_t)gsi };
	return OK;
}

enum error intx_lookup(unsigned device, unsigned pin, intx_config_read_fn config,
		       intx_memory_read_fn memory, struct intx_route *route)
{
	uint32_t lpc_id;

	if (device > 31 || pin < 1 || pin > 4)
		return ERR_NOT_FOUND;
	if (config(0, 0, 0) == ID_440FX && config(PIIX3_DEVICE, 0, 0) == PIIX3_ID)
		return piix3_lookup(device, pin, config, route);
	/* ICH9 and its variants: 0x2910 to 0x2919. */
	lpc_id = config(ICH9_DEVICE, 0, 0);
	if ((lpc_id & 0xffff) == ID_ICH9_VENDOR && (lpc_id >> 16 & 0xfff0) == 0x2910)
		return ich9_lookup(device, pin, config, memory, route);
	return ERR_UNSUPPORTED;
}
