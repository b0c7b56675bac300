/* SPDX-License-Identifier: BSD-2-Clause
 *
 * State of the PCI bus driver, shared by its files: what a scan has found.
 */
#ifndef PCI_H
#define PCI_H

#include <shim/class/bus.h>
#include <shim/driver.h>
#include <shim/io.h>
#include <shim/log.h>

#include "pci_regs.h"

#define PCI_FUNCTIONS_MAX    256u
#define PCI_BRIDGES_MAX      64u
#define PCI_RANGES_MAX       512u
#define PCI_REQUESTS_MAX     256u
#define PCI_BUSES            256u
#define PCI_NO_BRIDGE        0xffffu
#define PCI_BARS_ENDPOINT    6u
#define PCI_BARS_BRIDGE      2u
#define PCI_CAPABILITIES_MAX 48u /* 192 bytes of four at least */

/* A range of bus addresses; limit below base: none. */
struct pci_range {
	uint64_t base, limit; /* first and last address */
	uint8_t bus;          /* that it lies on */
	uint8_t kind;         /* enum window_kind */
	uint8_t reserved[6];
};

/* A base address register without an address. */
struct pci_request {
	uint64_t size_bytes;
	uint16_t routing;
	uint8_t bar, kind, flags;
	uint8_t reserved[3];
};

/* One function that answers. */
struct pci_function {
	uint16_t routing; /* bus << 8 | device << 3 | function */
	uint16_t bridge;  /* index, PCI_NO_BRIDGE for an endpoint */
	uint8_t layout;   /* of its header */
	uint8_t reserved[3];
};

/* One bridge, and what it forwards. */
struct pci_bridge {
	uint16_t routing;
	uint8_t secondary, subordinate;      /* 0: no bus numbers (yet) */
	uint8_t hopeless;                    /* 1: there is no number for it */
	uint8_t express_type;                /* 0 if it is none */
	uint8_t express_offset;              /* of the capability: where its slot registers are */
	uint8_t slot;                        /* enum pci_slot */
	uint16_t slot_control, slot_written; /* as it shall be, and as it was written last */
	uint32_t slot_capabilities;
	uint32_t slot_flags;      /* SLOT_* */
	uint64_t slot_ns;         /* end of what its state waits for */
	uint64_t slot_command_ns; /* until then the last command may take */
	struct pci_range memory, prefetch, io;
};

/* A slot that cards come to and go from [PCIe 3.0 §6.7]. */
enum pci_slot {
	SLOT_NONE,    /* nothing comes or goes behind this bridge */
	SLOT_EMPTY,   /* waits for a card */
	SLOT_RISING,  /* power is on; waits for the link, then for the card to settle */
	SLOT_ON,      /* what is behind it was announced */
	SLOT_CLOSING, /* the button was pressed: blinks a while, then leaves */
	SLOT_LEAVING, /* waits until drivers have let go */
	SLOT_OFF,     /* power is off */
	SLOT_STATES
};
#define SLOT_SETTLES 1u /* rising: the link is there */
#define SLOT_ORDERED                                                                              \
	2u              /* off although a card is there: until it is pulled or the button pressed \
			 */
#define SLOT_COMMAND 4u /* the last command has not completed */

struct pci_state {
	uint32_t function_count, bridge_count, range_count, bus_count;
	uint32_t placed, unplaced; /* base address registers */
	uint16_t segment;
	uint8_t bus_first, bus_last; /* below the host bridge */
	uint32_t request_count;
	uint64_t scanned[PCI_BUSES / 64]; /* a bit a bus */
	struct pci_function function[PCI_FUNCTIONS_MAX];
	struct pci_bridge bridge[PCI_BRIDGES_MAX];
	struct pci_range range[PCI_RANGES_MAX]; /* in use */
	struct pci_request request[PCI_REQUESTS_MAX];
};

static inline unsigned pci_bus_of(uint16_t routing)
{
	return routing >> 8;
}

/** The name of a function in configuration space calls. */
uint64_t pci_name(const struct pci_state *state, uint16_t routing);

/** Read 8, 16 or 32 bits; all ones where that fails. */
uint32_t pci_read(struct shim_device *device, uint16_t routing, unsigned offset, unsigned width);

/** Write 8, 16 or 32 bits. */
MUST_CHECK enum error pci_write(struct shim_device *device, uint16_t routing, unsigned offset,
				unsigned width, uint32_t value);

/** Scan a bus and all below it. The functions and bridges found are added to the state. */
void pci_scan(struct shim_device *device, unsigned bus);

/** Announce the functions from `first` on. */
void pci_announce(struct shim_device *device, uint32_t first);

/** Functions, bridges and ranges on buses first .. last are no more. */
void pci_forget(struct pci_state *state, unsigned first, unsigned last);

/** Serve the slots of the bridges from `first` on. pci_slot.c */
void pci_slots_open(struct shim_device *device, uint32_t first);

/** Look at all slots; the timer's method. pci_slot.c */
void pci_slots_poll(struct shim_device *device, unsigned timer);

/** The bridge whose secondary bus this is; NULL for the root. */
struct pci_bridge *pci_bus_parent(struct pci_state *state, unsigned bus);

/** Learn what a bridge forwards. pci_place.c */
void pci_bridge_read_windows(struct shim_device *device, struct pci_bridge *bridge);

/** Size the base address registers of functions and bridges from these indices on, and place those
 * that have no address. pci_place.c */
void pci_place_from(struct shim_device *device, uint32_t function, uint32_t bridge);

#endif
