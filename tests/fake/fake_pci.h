/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated PCI hierarchy: configuration accesses travel through bridges as their registers say.
 * Sources: PCI Local Bus 3.0 §6, PCI-to-PCI Bridge 1.2 §3.2.5.
 *
 * How to use: fake_pci_attach() to a fake, then add functions and bridges; tests may write any
 * lie into `config` afterwards.
 */
#ifndef FAKE_PCI_H
#define FAKE_PCI_H

#include "fake.h"

#define FAKE_PCI_MAX  640u
#define FAKE_PCI_ROOT (~0u)

struct fake_pci_function {
	unsigned parent; /* index of the bridge it sits behind, or FAKE_PCI_ROOT */
	uint8_t place;   /* device << 3 | function */
	bool live;       /* a driver has it: its base addresses must not be touched */
	bool deaf;       /* ignores what is written */
	uint8_t slot;    /* offset of the capability with slot registers; 0: none */
	bool absent;     /* not plugged */
	uint8_t config[256];
	struct device_window bar[6]; /* what its base address registers say */
	unsigned assigned;           /* times that one was placed */
};

struct fake_pci {
	struct fake *fake;
	struct fake_pci_function function[FAKE_PCI_MAX];
	unsigned count;
	uint64_t accesses;
	bool dead;                    /* nobody answers any more */
	bool numbers_denied;          /* the kernel refuses to write bus numbers */
	uint64_t ram_base, ram_limit; /* the kernel refuses to place anything here */
	unsigned refusals;
	unsigned touched; /* base addresses of live functions that were to be placed */
};

/** Connect an empty hierarchy to a fake. */
void fake_pci_attach(struct fake_pci *model, struct fake *fake);

/** Add an endpoint; returns its index. `class_code` is class, subclass, interface. */
unsigned fake_pci_add(struct fake_pci *model, unsigned parent, unsigned device, unsigned function,
		      uint32_t class_code);

/** Add a bridge with the numbers that firmware gave it; its windows are closed. */
unsigned fake_pci_bridge(struct fake_pci *model, unsigned parent, unsigned device,
			 unsigned secondary, unsigned subordinate);

/** Open a bridge's window for plain memory: base and limit in MiB, the limit included. */
void fake_pci_aperture(struct fake_pci *model, unsigned bridge, unsigned base_mib,
		       unsigned limit_mib);

/** Give a function a base address register. Base 0: not placed. */
void fake_pci_bar(struct fake_pci *model, unsigned index, unsigned bar, enum window_kind kind,
		  uint64_t base, uint64_t size_bytes, unsigned flags);

/** Put a capability at an offset, and let it point to the next. */
void fake_pci_capability(struct fake_pci *model, unsigned index, unsigned offset, unsigned id,
			 unsigned next);

/** Make a bridge a root port with an empty slot, its PCI Express capability at an offset. */
void fake_pci_slot(struct fake_pci *model, unsigned index, unsigned offset);

/** A card comes to or goes from a slot, or its button is pressed: bits of the slot status. The
 * card's own function is `absent` or not. */
void fake_pci_slot_event(struct fake_pci *model, unsigned index, bool present, unsigned events);

/** Was the function announced, and not removed, under these numbers? */
bool fake_pci_announced(const struct fake_pci *model, unsigned bus, unsigned device,
			unsigned function);

#endif
