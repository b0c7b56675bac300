/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of the AHCI driver share: its state, and who calls whom.
 *   ahci.c           the controller: probe, interrupts, quiesce, check
 *   ahci_port.c      a port: link, identification, errors, hot-plug
 *   ahci_request.c   requests: commands, NCQ, flush, TRIM
 *   ahci_identify.c  what a disk says of itself
 */
#ifndef AHCI_H
#define AHCI_H

#include <shim/class/block.h>
#include <shim/dma.h>
#include <shim/io.h>
#include <shim/log.h>
#include <shim/time.h>

#include "ahci_regs.h"

#define STATE_VERSION    2
#define CONTROLLER_TIMER AHCI_PORTS_MAX
#define TRANSFER_MAX     (1u << 20)
#define RETRIES_MAX      3 /* of one request, or of port resets that nothing good follows */
#define EVERYTHING       UINT32_MAX

#define POLL_NS      (1 * SHIM_MS)
#define POLL_LONG_NS (10 * SHIM_MS)
#define HANDOFF_NS   (2 * SHIM_S)    /* [AHCI 10.6.3] */
#define RESET_NS     (1 * SHIM_S)    /* [AHCI 10.4.3] */
#define STOP_NS      (500 * SHIM_MS) /* [AHCI 10.1.2] */
#define COMRESET_NS  (2 * SHIM_MS)   /* at least 1 ms [AHCI 10.4.2] */
#define LINK_NS      (1 * SHIM_S)
#define READY_NS     (10 * SHIM_S)
#define INTERNAL_NS  (10 * SHIM_S)
#define REQUEST_NS   (20 * SHIM_S) /* a request is given up after one to two of these */
#define DRAIN_NS     (5 * SHIM_S)

enum controller_phase {
	CONTROLLER_OFF,
	CONTROLLER_HANDOFF, /* the firmware lets go */
	CONTROLLER_SILENCE, /* COMRESET is on the wire: an earlier instance left commands running */
	CONTROLLER_RESET,
	CONTROLLER_LIVE,
	CONTROLLER_DRAIN, /* quiescing: requests in flight end */
	CONTROLLER_STOP,  /* quiescing: ports stop */
	CONTROLLER_PHASES
};

enum probing { PROBING_NOT, PROBING_INSIDE, PROBING_LATER };

enum port_phase {
	PORT_OFF,
	PORT_EMPTY,
	PORT_LINK,  /* the link comes up */
	PORT_READY, /* the device comes to rest and says what it is */
	PORT_IDENTIFY,
	PORT_LIVE,
	PORT_STOPPING, /* after an error: the command engine stops */
	PORT_LOG,      /* the error log is read */
	PORT_RESET,    /* COMRESET is on the wire */
	PORT_REFUSED,  /* no disk */
	PORT_FAILED,   /* gave up until it is plugged again */
	PORT_PHASES
};

enum after_stop { AFTER_STOP_IDENTIFY, AFTER_STOP_LOG, AFTER_STOP_RESET, AFTER_STOPS };

#define DISK_NCQ       1u
#define DISK_48BIT     2u
#define DISK_FLUSH     4u
#define DISK_FLUSH_EXT 8u
#define DISK_FUA       16u
#define DISK_LOG       32u
#define DISK_TRIM      64u
#define DISK_FEATURES  127u

/* Actors: the control actor has struct ahci_state and the controller's registers; each port's queue
 * actor has its struct ahci_queue, the port's registers and its bit in HOST_STATUS. What crosses
 * over:
 *   - ports read `phase`, and what probe found out (capabilities, ports, linked);
 *   - a port that changes its phase posts its bit in `posted`; the control actor looks at it then;
 *   - the one vector arrives at the control actor, which runs the ports that it is for: today the
 *     shim runs all actors of a device one after the other, so that this is a call;
 *   - when the controller is gone or has stopped, ports are at rest, and the control actor ends
 *     them. */
struct ahci_state {
	uint32_t phase;        /* enum controller_phase */
	uint32_t probing;      /* enum probing */
	uint32_t probe_error;  /* enum error */
	uint32_t capabilities; /* HOST_CAP */
	uint32_t ports;        /* implemented, a bit a port; so the next four */
	uint32_t linked;       /* had a link before the reset */
	uint32_t unstarted;    /* not begun yet (staggered spin-up) */
	uint32_t unsettled;    /* probe waits for them */
	uint32_t live;         /* in PORT_LIVE, when the control actor last looked */
	uint32_t posted;       /* have changed their phase since */
	uint64_t deadline_ns;  /* of the phase */
};

/* What else is known of a request that was taken and not completed; its tag is its slot. */
struct ahci_work {
	uint8_t flush; /* a write without native FUA: written, its flush is left */
	uint8_t retries;
	uint16_t reserved;
	uint32_t error; /* enum error, when it is in `failed` */
};

struct ahci_queue {
	uint32_t phase; /* enum port_phase */
	/* Slots, a bit each. The first three are disjoint. */
	uint32_t active;    /* in the hardware */
	uint32_t waiting;   /* taken, to be issued (again) */
	uint32_t failed;    /* to be completed when the port has stopped */
	uint32_t aged;      /* active since the last tick */
	uint32_t alone;     /* waiting or active, not to be queued: one of them failed */
	uint32_t special;   /* taken; when its command has ended well, more may have to be done */
	uint8_t queued;     /* `active` are NCQ commands */
	uint8_t armed;      /* the request timer runs */
	uint8_t starved;    /* requests may wait in the sessions */
	uint8_t announced;  /* the unit is known */
	uint8_t after_stop; /* enum after_stop */
	uint8_t resets;     /* COMRESETs since something good happened */
	uint8_t block_shift;
	uint8_t trim_blocks; /* of 512 bytes, in one range list */
	uint32_t features;   /* DISK_* */
	uint32_t depth;
	uint32_t slots;       /* that may be used: `depth` bits */
	uint64_t deadline_ns; /* of the phase */
	uint64_t block_count;
	char serial[24];
	struct shim_block_request request[AHCI_SLOTS_MAX]; /* by slot; so is the next */
	struct ahci_work work[AHCI_SLOTS_MAX];
};

static inline uint32_t host_read(const struct shim_device *device, uint32_t reg)
{
	return shim_mmio_read32(shim_mmio(device, AHCI_WINDOW), reg);
}

static inline void host_write(const struct shim_device *device, uint32_t reg, uint32_t value)
{
	shim_mmio_write32(shim_mmio(device, AHCI_WINDOW), reg, value);
}

static inline uint32_t port_read(const struct shim_device *device, unsigned port, uint32_t reg)
{
	return host_read(device, PORT_BASE(port) + reg);
}

static inline void port_write(const struct shim_device *device, unsigned port, uint32_t reg,
			      uint32_t value)
{
	host_write(device, PORT_BASE(port) + reg, value);
}

static inline struct ahci_queue *port_queue(const struct shim_device *device, unsigned port)
{
	return shim_queue_state(device, port);
}

static inline struct ahci_memory *port_memory(const struct shim_device *device, unsigned port)
{
	return shim_dma_cpu(device, port, 0);
}

/* First word of a received FIS: type, flags, status, error. */
static inline volatile uint32_t *port_fis(const struct shim_device *device, unsigned port,
					  bool queued)
{
	return &port_memory(device, port)->fis[queued ? MEMORY_SDB : MEMORY_D2H];
}

/* Does this received FIS say that commands ended well? A failed one? It may be none at all. */
static inline bool fis_is_good(uint32_t fis, bool queued)
{
	return (fis & (FIS_TYPE | FIS_FAILED)) == (queued ? FIS_SDB : FIS_D2H);
}

static inline bool fis_is_bad(uint32_t fis, bool queued)
{
	return (fis & FIS_TYPE) == (queued ? FIS_SDB : FIS_D2H) && fis & FIS_FAILED;
}

/* Requests are in flight: see that they end. The timer is not set again for each. */
static inline void request_arm(struct shim_device *device, unsigned port, struct ahci_queue *queue)
{
	if (queue->armed)
		return;
	queue->armed = true;
	shim_timer_set(device, port, shim_now_ns(device) + REQUEST_NS);
}

/* --- ahci.c --- */

/** Look what the controller's interrupt was for, and see to it. @return it was the controller's */
bool ahci_service(struct shim_device *device);

/* --- ahci_request.c --- */

/** Start what waits, as far as the hardware takes it: transfers of an NCQ disk together, all else
 * alone, after what is in flight has drained. */
void ahci_issue(struct shim_device *device, unsigned port);

/** Complete what the hardware has done, and start what waits for it.
 * @return what was done, a bit a slot */
uint32_t ahci_reap(struct shim_device *device, unsigned port);

/** The driver's interrupt method: what the received FIS tell is done at once, all else by
 * ahci_service(). */
bool ahci_interrupt(struct shim_device *device, unsigned index);

/** Complete every request that was taken and is not completed. */
void ahci_requests_fail(struct shim_device *device, unsigned port, enum error error);

/** Issue a command of the driver's own, which reads one page; nothing else is in the hardware.
 * @param phase  that the port is in until it ends */
void ahci_command_internal(struct shim_device *device, unsigned port, enum port_phase phase,
			   uint32_t command, uint64_t lba, uint32_t count);

/* --- ahci_identify.c --- */

/** Read the IDENTIFY page in the port's buffer: everything that the disk says of itself.
 * @param[out] unit      for the registry
 * @param[out] features  DISK_*
 * @return false: it cannot be used */
bool ahci_identify_read(struct shim_device *device, unsigned port, struct unit_info *unit,
			uint32_t *features);

/* --- ahci_port.c --- */

/** Change a port's phase; its timer is stopped. @param timeout_ns  0: it has no deadline */
void ahci_port_enter(struct shim_device *device, unsigned port, enum port_phase phase,
		     uint64_t timeout_ns);

/** Give a port its memory and look what is there [AHCI 10.1.2]. */
void ahci_port_begin(struct shim_device *device, unsigned port);

/** Go on after a port's timer. */
void ahci_port_timer(struct shim_device *device, unsigned port);

/** A port says, or may say, that something happened. */
void ahci_port_service(struct shim_device *device, unsigned port);

/** The disk is lost: nothing that it was given can end any more. */
void ahci_port_abandon(struct shim_device *device, unsigned port, enum port_phase phase,
		       enum error error);

#endif
