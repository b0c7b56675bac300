/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the parts of the e1000 driver share: its state, and who calls whom.
 *   e1000.c       the controller: probe, link, filters, statistics, quiesce, check
 *   e1000_ring.c  frames: the two rings, offloads, interrupts
 */
#ifndef E1000_H
#define E1000_H

#include <shim/class/net.h>
#include <shim/dma.h>
#include <shim/io.h>
#include <shim/log.h>
#include <shim/time.h>

#include "e1000_regs.h"

#define STATE_VERSION    1
#define RING_DESCRIPTORS 256u
#define RING_BYTES       (RING_DESCRIPTORS * (uint32_t)sizeof(struct e1000_descriptor))
#define RING_MASK        (RING_DESCRIPTORS - 1)
#define RING_DEPTH       (RING_DESCRIPTORS - 1) /* head equal tail is an empty ring [SDM 3.2.6] */
#define BURST_MAX        32u
#define MULTICAST_WORDS  128u
#define MTU_MAX          9000u
#define MTU_USUAL        1500u

/* A frame is a descriptor for its offloads, and one for each piece. Any burst finds room in an
 * empty ring. */
#define PIECE_BYTES 4096u
#define PIECES_MAX  6u
#define FRAME_PARTS (1 + PIECES_MAX)
_Static_assert(BURST_MAX *FRAME_PARTS <= RING_DEPTH, "a burst finds room");

enum { RX, TX }; /* buffers and queues */
enum { TIMER_CONTROL, TIMER_TX, TIMER_RX, E1000_TIMERS };

#define RESET_NS  (5 * SHIM_MS)  /* at least 1 us, and the EEPROM is read [SDM 4.6.3] */
#define RESET_MAX 20u            /* looks, each after RESET_NS */
#define STOP_NS   (10 * SHIM_MS) /* a ring that was disabled is idle: a jumbo frame at 10 Mb/s */
#define DRAIN_NS  (100 * SHIM_MS)
#define STUCK_NS  (2 * SHIM_S) /* nothing was sent in so long */
#define MODERATE  195u         /* 256 ns each: at most 20,000 interrupts a second */

enum e1000_phase {
	PHASE_OFF,
	PHASE_RESET, /* probing */
	PHASE_LIVE,
	PHASE_DRAIN, /* quiescing: frames are sent */
	PHASE_STOP,  /* quiescing: the rings come to rest */
	PHASE_LAST,  /* quiescing: reset, so that nothing is left running */
	PHASES
};

struct e1000_state {
	uint32_t phase;   /* enum e1000_phase */
	uint32_t tries;   /* of the phase */
	uint32_t vectors; /* 2: MSI-X, queues and others apart */
	uint32_t filter;  /* NET_PROMISCUOUS ... */
	uint32_t mtu;
	uint32_t linked;     /* UNIT_LINK or 0, as announced */
	uint32_t speed_mbps; /* so */
	uint8_t mac[6];
	uint16_t reserved;
	uint32_t multicast[MULTICAST_WORDS]; /* as in the device */
	uint64_t counter[NET_COUNTERS];      /* read and cleared in the device */
};

/* Descriptors that are reported as one: the last says when. */
struct e1000_batch {
	uint8_t descriptors, frames;
};

struct e1000_queue {
	uint32_t next;   /* the next descriptor to fill */
	uint32_t clean;  /* the oldest that the device has */
	uint32_t frames; /* transmit: in flight */
	uint8_t armed;   /* transmit: interrupt and timer are on */
	uint8_t stopped; /* receive: cancelling */
	uint16_t reserved;
	uint32_t seen;                              /* transmit: `clean` when the timer was set */
	struct e1000_batch batch[RING_DESCRIPTORS]; /* transmit: by its first descriptor */
};

static inline uint32_t reg_read(const struct shim_device *device, uint32_t reg)
{
	return shim_mmio_read32(shim_mmio(device, E1000_WINDOW), reg);
}

static inline void reg_write(const struct shim_device *device, uint32_t reg, uint32_t value)
{
	shim_mmio_write32(shim_mmio(device, E1000_WINDOW), reg, value);
}

static inline struct e1000_descriptor *ring_of(const struct shim_device *device, unsigned queue)
{
	return shim_dma_cpu(device, queue, 0);
}

static inline uint32_t ring_used(const struct e1000_queue *queue)
{
	return (queue->next - queue->clean) & RING_MASK;
}

/* --- e1000.c --- */

/** Tell what the device says of its link. */
void e1000_link(struct shim_device *device);

/** What RCTL shall be. */
uint32_t e1000_receive_control(const struct e1000_state *state);

/* --- e1000_ring.c --- */

/** The causes that interrupt: always, and while frames are in flight. */
uint32_t e1000_causes(const struct e1000_state *state);
uint32_t e1000_cause_sent(const struct e1000_state *state);

/** Empty rings, and the device pointed at them; it is disabled. */
void e1000_rings_reset(struct shim_device *device, unsigned queue);

/** Hand over received frames; give the device new buffers, unless it is stopping. */
void e1000_receive(struct shim_device *device);

/** Complete what was sent. */
void e1000_sent(struct shim_device *device);

/** The class's methods. */
void e1000_submit(struct shim_device *device, unsigned queue);
void e1000_cancel(struct shim_device *device, unsigned queue);

/** The driver's interrupt method. */
bool e1000_interrupt(struct shim_device *device, unsigned index);

/** Frames are in flight for long: does the device still send? */
void e1000_sent_timer(struct shim_device *device);

/** The receive ring is at rest: give its buffers back, and go on. */
void e1000_cancel_timer(struct shim_device *device);

/** Give everything back that was taken. */
void e1000_fail_all(struct shim_device *device, enum error error);

#endif
