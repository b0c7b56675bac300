/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Devices, units and driver instances as the kernel's registry describes them to ring 3, and the
 * signals, controls and reports that pass between kernel, device manager and driver instances.
 * doc/manager-protocol.md tells how they play together.
 */
#ifndef ABI_DEVICE_H
#define ABI_DEVICE_H

#include <stdint.h>

#define DEVICE_NAME_BYTES        32
#define DRIVER_NAME_BYTES        16
#define DEVICE_WINDOW_MAX        8 /* six base address registers, the ROM, one spare */
#define DEVICE_INTERRUPT_MAX     32
#define MANAGER_PROTOCOL_VERSION 1u

enum device_bus { BUS_PLATFORM, BUS_PCI };

/* What kinds of device there are: number (in this order, it stays), folder of its drivers. */
#define DEVICE_CLASSES(X)   \
	X(NONE, none)       \
	X(BUS, bus)         \
	X(BLOCK, block)     \
	X(SERIAL, serial)   \
	X(NET, net)         \
	X(WIFI, wifi)       \
	X(INPUT, input)     \
	X(DISPLAY, display) \
	X(AUDIO, audio)     \
	X(CLOCK, clock)     \
	X(ENTROPY, entropy) \
	X(I2C, i2c)         \
	X(SPI, spi)         \
	X(WATCHDOG, watchdog)

/* CLASS_NONE, CLASS_BUS, CLASS_BLOCK, ... */
enum device_class {
#define DEVICE_CLASS(name, folder) CLASS_##name,
	DEVICE_CLASSES(DEVICE_CLASS)
#undef DEVICE_CLASS
};
#define DEVICE_CLASS_ONE(name, folder) +1
#define CLASS_COUNT                    (0 DEVICE_CLASSES(DEVICE_CLASS_ONE))

/* Where a driver runs, or shall run. */
enum placement { PLACEMENT_OFF, PLACEMENT_KERNEL, PLACEMENT_USER };

enum instance_state {
	INSTANCE_NONE,     /* no driver */
	INSTANCE_PROBING,  /* attached, probe not finished */
	INSTANCE_LIVE,     /* serving */
	INSTANCE_STOPPING, /* asked to quiesce */
	INSTANCE_FAILED,   /* probe or quiesce failed; see error */
	INSTANCE_FROZEN,   /* for a hot move: it touches nothing any more */
	INSTANCE_STANDBY   /* for a hot move: it has mapped ahead what it will reach */
};

enum window_kind { WINDOW_NONE, WINDOW_MMIO, WINDOW_PORT };

struct device_window {
	uint8_t kind; /* enum window_kind */
	uint8_t flags;
	uint16_t reserved;
	uint32_t reserved2;
	uint64_t base;       /* physical address, or first port */
	uint64_t size_bytes; /* bytes, or ports */
};
#define WINDOW_PREFETCHABLE 1u
#define WINDOW_64BIT        2u
#define WINDOW_APERTURE     4u /* of a bus: other devices' windows lie in it; never mapped */

enum interrupt_kind { INTERRUPT_NONE, INTERRUPT_LINE, INTERRUPT_MSI, INTERRUPT_MSIX };

/* One function below a PCI host bridge. */
struct pci_address {
	uint16_t segment;
	uint8_t bus;
	uint8_t device;
	uint8_t function;
	uint8_t reserved[3];
};

struct device_info {
	uint32_t id;                    /* never reused while the system runs; 0 is no device */
	uint32_t parent;                /* id; 0: the root */
	uint8_t bus;                    /* enum device_bus */
	uint8_t class_id;               /* of its driver; enum device_class */
	uint8_t state;                  /* enum instance_state */
	uint8_t placement;              /* enum placement of the instance */
	uint32_t error;                 /* enum error of a failed instance */
	char name[DEVICE_NAME_BYTES];   /* "0000:00:1f.2", "uart0" */
	char driver[DRIVER_NAME_BYTES]; /* "" without an instance */
	char platform[24]; /* BUS_PLATFORM: what a driver matches, "uart16550"; else "" */
	struct pci_address pci;
	uint16_t vendor_id;
	uint16_t device_id;
	uint8_t class_code, subclass, interface, revision;
	uint8_t interrupt_kind;
	uint8_t iommu; /* 1: a translating domain confines it */
	uint16_t interrupt_vectors;
	uint32_t pid; /* of a ring-3 instance */
	uint64_t interrupt_count;
	uint32_t window_count;
	uint32_t unit_count;
	uint32_t session_count;
	uint32_t starts; /* instances that went live so far */
	uint32_t deaths;
	uint32_t moves;
	uint32_t epoch;
	uint32_t taken_over; /* requests that were in flight at the last hot move */
	uint64_t last_pause_ns;
	struct device_window window[DEVICE_WINDOW_MAX];
};

/* What a driver offers on a device: a disk, a serial line, a network port. */
struct unit_info {
	uint32_t unit;
	uint32_t queue; /* the queue actor that serves it, or the first of them */
	uint8_t class_id;
	uint8_t reserved[3];
	uint32_t flags; /* UNIT_* */
	uint64_t block_count;
	uint32_t block_bytes;
	uint32_t transfer_bytes_max;
	uint32_t depth;       /* requests that the device works on at once */
	uint32_t queue_count; /* that serve it, each with sessions of its own; 0: one */
	char model[48];
	char serial[24];
	char firmware[16];
	uint8_t mac[6];      /* net */
	uint16_t mtu;        /* net: largest payload of a frame, bytes */
	uint32_t speed_mbps; /* net: of the link; 0: there is none */
};
#define UNIT_READ_ONLY 1u
#define UNIT_FLUSH     2u   /* has a volatile cache that a flush empties */
#define UNIT_FUA       4u   /* write-through of single writes without a flush of all */
#define UNIT_DISCARD   8u   /* tells the device that blocks are unused */
#define UNIT_CPU_DATA  16u  /* the driver moves data by CPU: it sees the pool */
#define UNIT_EXCLUSIVE 32u  /* one session a queue at a time */
#define UNIT_LINK      64u  /* net: the cable is in; session_info.flags follows it */
#define UNIT_CHECKSUM  128u /* net: computes checksums of frames to send */
#define UNIT_SEGMENT   256u /* net: cuts large TCP segments to size */

/* Bits of the one notification word that an instance waits on. */
#define SIGNAL_CONTROL               0 /* a control, or a session came or went */
#define SIGNAL_TIMER                 1 /* the deadline of SYS_INTERRUPT_WAIT has come */
#define SIGNAL_INTERRUPT(i)          (2 + (i) % 30)  /* vector i */
#define SIGNAL_QUEUE(q)              (32 + (q) % 32) /* a doorbell of queue q */
#define SIGNAL_VECTORS               30              /* bits that stand for vectors */
#define SIGNAL_QUEUES                32              /* bits that stand for queues */
#define SIGNAL_INTERRUPT_MASK(count)                 /* of all vectors below count */ \
	(((UINT64_C(1) << ((count) < SIGNAL_VECTORS ? (count) : SIGNAL_VECTORS)) - 1) \
	 << SIGNAL_INTERRUPT(0))

/* What the manager asks of an instance (SYS_DEVICE_CONTROL), and the instance reads
 * (SYS_INSTANCE_CONTROL). */
enum device_control {
	CONTROL_NONE,
	CONTROL_STOP,   /* quiesce, remove, report INSTANCE_NONE */
	CONTROL_FREEZE, /* a hot move: finish the event at hand, report INSTANCE_FROZEN */
	CONTROL_RESUME, /* the move is off: go on */
	CONTROL_ADOPT,  /* to the standby: take over (SYS_INSTANCE_ADOPT) */
	CONTROL_REMOVE  /* the device is gone: touch nothing of it, report INSTANCE_NONE */
};

/* Why a device is in the manager's list of news (SYS_DEVICE_EVENT). */
enum {
	EVENT_ADDED = 1u << 0,      /* found by its bus */
	EVENT_LIVE = 1u << 1,       /* its instance serves */
	EVENT_FAILED = 1u << 2,     /* its instance gave up; see error */
	EVENT_STOPPED = 1u << 3,    /* its instance quiesced and left */
	EVENT_DIED = 1u << 4,       /* its instance's process is gone without having quiesced */
	EVENT_REMOVED = 1u << 5,    /* the device is gone */
	EVENT_UNITS = 1u << 6,      /* a unit came or went */
	EVENT_STANDBY = 1u << 7,    /* a process stands by to take the device over */
	EVENT_MOVED = 1u << 8,      /* it has: the hot move is done */
	EVENT_MOVE_FAILED = 1u << 9 /* the hot move is off, the old instance goes on; see error */
};

struct device_event {
	uint32_t id;
	uint32_t events; /* EVENT_*, as many as happened since the last look */
};

#endif
