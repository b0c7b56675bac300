/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device interrupts: vectors, lines that may be shared, message-signalled ones. Under the kernel
 * lock.
 */
#ifndef KERNEL_INTERRUPT_H
#define KERNEL_INTERRUPT_H

#include <abi/device.h>
#include <kernel/types.h>

struct device;

/* One vector of one device, bound to it until released. */
struct interrupt {
	struct interrupt *next; /* shares the line */
	struct device *device;
	uint64_t signal; /* the bit that says so to a ring-3 instance */
	uint32_t index;  /* the device's number for it */
	uint32_t gsi;    /* lines */
	uint8_t vector;
	bool is_line;
	bool is_level; /* else edges: masking would lose one, and is not needed */
	bool pending;  /* a line that its owner has not acknowledged */
};

extern struct interrupt *interrupt_owner[256]; /* by vector; lines: a chain */

/** Take `count` consecutive vectors, aligned to `count` (a power of two). 0: there are none. */
uint8_t interrupt_vectors_allocate(unsigned count);

/** Bind a message-signalled vector. */
void interrupt_bind_message(struct interrupt *interrupt, uint8_t vector, struct device *device,
			    unsigned index);
/** Bind a line; it is unmasked. `flags`: IOAPIC_*.
 *
 * @retval ERR_NOT_FOUND  no I/O APIC has the line
 * @retval ERR_NO_MEMORY  no vector is left
 */
enum error interrupt_bind_line(struct interrupt *interrupt, uint32_t gsi, unsigned flags,
			       struct device *device, unsigned index);
/** Unbind; a line without owners is masked, a vector given back. */
void interrupt_release(struct interrupt *interrupt);
/** The owner has looked at its device: the line may fire again once all owners have. */
void interrupt_acknowledge(struct interrupt *interrupt);
/** Vector `vector` fired on this CPU. */
void interrupt_arrived(unsigned vector);

#endif
