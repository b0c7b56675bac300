/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The contract between a driver and whatever it runs in: the kernel, a process, or a host test.
 *
 * How to use: a driver is one folder with one struct shim_driver, made by SHIM_DRIVER(name). It
 * keeps everything it knows in its state block (plain data, no pointers), and reacts to calls:
 * probe first, then interrupts, timers and its class's methods, and quiesce last. No call blocks;
 * what takes time is a state machine driven by interrupts and timers, and every wait has a timer.
 * Calls of one device never overlap. Windows, interrupts, buffers, timers and queues are named by
 * index.
 */
#ifndef SHIM_DRIVER_H
#define SHIM_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/device.h>
#include <abi/space.h>
#include <shim/error.h>

#define SHIM_VERSION   1u
#define SHIM_MATCH_MAX 16
#define SHIM_ANY       0xffffu

/* What a driver can drive. */
enum shim_match_kind {
	SHIM_MATCH_NONE,
	SHIM_MATCH_PCI_CLASS,
	SHIM_MATCH_PCI_ID,
	SHIM_MATCH_PLATFORM
};

struct shim_match {
	uint16_t kind;
	uint16_t vendor_id, device_id; /* SHIM_MATCH_PCI_ID; SHIM_ANY matches all */
	uint8_t class_code, subclass, interface,
		reserved; /* SHIM_MATCH_PCI_CLASS; interface 0xff: any */
	char name[22];    /* SHIM_MATCH_PLATFORM: "uart16550" */
};
_Static_assert(sizeof(struct shim_match) == 32, "shim_match is 32 bytes");

#define SHIM_PCI_CLASS(c, s, i)                                                                    \
	{                                                                                          \
		.kind = SHIM_MATCH_PCI_CLASS, .class_code = (c), .subclass = (s), .interface = (i) \
	}
#define SHIM_PCI_ID(v, d)                                                     \
	{                                                                     \
		.kind = SHIM_MATCH_PCI_ID, .vendor_id = (v), .device_id = (d) \
	}
#define SHIM_PLATFORM(n)                               \
	{                                              \
		.kind = SHIM_MATCH_PLATFORM, .name = n \
	}

struct shim_block_ops;
struct shim_net_ops;
struct shim_serial_ops;
struct shim_watchdog_ops;

/* One device, as its driver sees it. The fields are the shim's: a driver reads them through the
 * calls of io.h and dma.h, which are inline so that a register access stays one instruction. */
struct shim_window_view {
	volatile uint8_t __iomem *mmio; /* NULL until mapped */
	uint16_t port;
	uint8_t kind; /* enum window_kind, once mapped */
	uint64_t size_bytes;
};

struct shim_buffer_view {
	uint8_t *cpu;  /* NULL until allocated */
	uint64_t iova; /* where the device sees it */
	uint64_t size_bytes;
};

struct shim_device {
	void *state;                /* base of the state block */
	void *queue_state;          /* first queue slice */
	uint32_t queue_state_bytes; /* distance between slices */
	uint32_t buffer_count;
	const struct shim_driver *driver;
	const struct device_info
		*info; /* as granted: name, ids, windows; constant for the instance */
	struct shim_buffer_view *buffer; /* [buffer_count] */
	void *class_data;                /* of shim/session's half of the class */
	struct shim_window_view window[DEVICE_WINDOW_MAX];
};

/* What a driver is. The front part, up to `probe`, is plain data: the build extracts it from the
 * object file, so that the device manager matches devices without running the driver. */
struct shim_driver {
	uint32_t shim_version;  /* SHIM_VERSION */
	uint32_t state_version; /* of the state block's layout */
	char name[DRIVER_NAME_BYTES];
	uint32_t class_id;          /* enum device_class */
	uint32_t state_base_bytes;  /* sizeof the device's state */
	uint32_t state_queue_bytes; /* sizeof one queue's state; 0: no queues beside the control
				       actor */
	uint32_t queue_count;       /* most queues the driver uses */
	uint32_t buffer_count;      /* most DMA buffers: indices 0 ..< buffer_count */
	uint32_t timer_count;       /* most timers: indices 0 ..< timer_count */
	struct shim_match match[SHIM_MATCH_MAX];

	/* Bring the device to life. OK: it serves. ERR_AGAIN: shim_probe_done() will say so later.
	 * Else: it failed. */
	enum error (*probe)(struct shim_device *device);
	/* Vector `index` was raised. Returns false if the device had not raised it (a shared line).
	 */
	bool (*interrupt)(struct shim_device *device, unsigned index);
	/* Timer `index` is over. NULL if timer_count is 0. */
	void (*timer)(struct shim_device *device, unsigned index);
	/* Stop the device: no DMA, no interrupts, nothing in flight when shim_quiesce_done() is
	 * called, which may be from here or later. Requests that the driver has taken and not
	 * completed stay in their sessions and are handed to the next instance. */
	void (*quiesce)(struct shim_device *device);
	/* Is this state block, written by an instance that is not trusted, sane? NULL: never moved
	 * hot. */
	bool (*check)(const struct shim_device *device);
	/* The device is gone from the bus: touch no register any more. NULL: nothing to do. */
	void (*remove)(struct shim_device *device);
	union {
		const void *any;
		const struct shim_block_ops *block;
		const struct shim_net_ops *net;
		const struct shim_serial_ops *serial;
		const struct shim_watchdog_ops *watchdog;
	} ops; /* of the class; bus drivers have none */
};

/* Defines the driver: the one global of its object. Read by kernel, runtime and build from the
 * section. */
#define SHIM_DRIVER(n)                                                                    \
	extern const struct shim_driver shim_driver_##n;                                  \
	__attribute__((section("shim_drivers"), used, visibility("default"), aligned(8))) \
	const struct shim_driver shim_driver_##n

/** The device's own state, zero-filled before the first probe. Context: any call of the device. */
static inline void *shim_state(const struct shim_device *device)
{
	return device->state;
}

/** The state slice of queue `queue`, 0 ..< the driver's queue_count. Context: any call of the
 * device. */
static inline void *shim_queue_state(const struct shim_device *device, unsigned queue)
{
	return (uint8_t *)device->queue_state + (size_t)queue * device->queue_state_bytes;
}

/** Probing has ended, well or not; to be called once, and only if probe returned ERR_AGAIN.
 *
 * @param device  device being probed
 * @param error   OK: it serves from now on; else it failed, and why
 *
 * Context: the device's own; does not block.
 */
void shim_probe_done(struct shim_device *device, enum error error);

/** The device is quiet: no DMA, no interrupt, nothing in flight. Answers quiesce.
 *
 * @param device  device being quiesced
 * @param error   OK, or why it could not be stopped (the grant is then quarantined by force)
 *
 * Context: the device's own; does not block.
 */
void shim_quiesce_done(struct shim_device *device, enum error error);

/* The four memory functions the compiler may call; every backend has them. */
void *memcpy(void *restrict to, const void *restrict from, size_t size_bytes);
void *memmove(void *to, const void *from, size_t size_bytes);
void *memset(void *to, int value, size_t size_bytes);
int memcmp(const void *one, const void *other, size_t size_bytes);

#endif
