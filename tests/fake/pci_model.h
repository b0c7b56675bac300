/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated PCI hierarchy: configuration accesses travel through bridges as their registers say.
 * Sources: PCI Local Bus 3.0 §6, PCI-to-PCI Bridge 1.2 §3.2.5.
 *
 * How to use: pci_model_attach() to a fake, then add functions and bridges; tests may write any
 * lie into `config` afterwards.
 */
#ifndef PCI_MODEL_H
#define PCI_MODEL_H

#include "fake.h"

#define PCI_MODEL_MAX  640u
#define PCI_MODEL_ROOT (~0u)

struct pci_model_function {
	unsigned parent; /* index of the bridge it sits behind, or PCI_MODEL_ROOT */
	uint8_t place;   /* device << 3 | function */
	bool live;       /* a driver has it: its base addresses must not be touched */
	bool deaf;       /* ignores what is written */
	uint8_t config[256];
	struct device_window bar[6]; /* what its base address registers say */
	unsigned assigned;           /* times that one was placed */
};

struct pci_model {
	struct fake *fake;
	struct pci_model_function function[PCI_MODEL_MAX];
	unsigned count;
	uint64_t accesses;
	bool dead;                    /* nobody answers any more */
	bool numbers_denied;          /* the kernel refuses to write bus numbers */
	uint64_t ram_base, ram_limit; /* the kernel refuses to place anything here */
	unsigned refusals;
	unsigned touched; /* base addresses of live functions that were to be placed */
};

/** Connect an empty hierarchy to a fake. */
void pci_model_attach(struct pci_model *model, struct fake *fake);

/** Add an endpoint; returns its index. `class_code` is class, subclass, interface. */
unsigned pci_model_add(struct pci_model *model, unsigned parent, unsigned device, unsigned function,
		       uint32_t class_code);

/** Add a bridge with the numbers that firmware gave it; its windows are closed. */
unsigned pci_model_bridge(struct pci_model *model, unsigned parent, unsigned device,
			  unsigned secondary, unsigned subordinate);

/** Open a bridge's window for plain memory: base and limit in MiB, the limit included. */
void pci_model_aperture(struct pci_model *model, unsigned bridge, unsigned base_mib,
			unsigned limit_mib);

/** Give a function a base address register. Base 0: not placed. */
void pci_model_bar(struct pci_model *model, unsigned index, unsigned bar, enum window_kind kind,
		   uint64_t base, uint64_t size_bytes, unsigned flags);

/** Put a capability at an offset, and let it point to the next. */
void pci_model_capability(struct pci_model *model, unsigned index, unsigned offset, unsigned id,
			  unsigned next);

/** Was the function announced, and not removed, under these numbers? */
bool pci_model_announced(const struct pci_model *model, unsigned bus, unsigned device,
			 unsigned function);

#endif
