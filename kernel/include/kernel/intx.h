/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where a PCI INTx pin arrives, by chipset tables, since there is no AML: PIIX3 and ICH9.
 * Source: PIIX3 datasheet (290550) §2.2; ICH9 datasheet (316972) §10.1.
 */
#ifndef KERNEL_INTX_H
#define KERNEL_INTX_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/error.h>

/** Read 32 bits of configuration space of a function of bus 0. */
typedef uint32_t (*intx_config_read_fn)(unsigned device, unsigned function, unsigned offset);

/** Read 32 bits of physical memory (the chipset's RCBA). */
typedef uint32_t (*intx_memory_read_fn)(uint64_t paddr);

struct intx_route {
	bool isa;       /* `number` is an ISA interrupt: go on with ioapic_isa_gsi() */
	uint8_t number; /* GSI or ISA interrupt */
			/* PCI lines are level, active low; ISA ones take that from here, too. */
};

/** The pin at the parent bus, of a pin behind a bridge [PCI-to-PCI Bridge 1.2 §9.1].
 *
 * @param device  device number on the bus behind the bridge
 * @param pin     1 .. 4: INTA .. INTD
 */
static inline unsigned intx_swizzle(unsigned device, unsigned pin)
{
	return (pin - 1 + device) % 4 + 1;
}

/** Look a pin of a device of bus 0 up.
 *
 * @param device  0 .. 31
 * @param pin     1 .. 4
 * @retval OK
 * @retval ERR_UNSUPPORTED  unknown chipset
 * @retval ERR_NOT_FOUND    the chipset routes this pin nowhere
 */
MUST_CHECK enum error intx_lookup(unsigned device, unsigned pin, intx_config_read_fn config,
				  intx_memory_read_fn memory, struct intx_route *route);

#endif
