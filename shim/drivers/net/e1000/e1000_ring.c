/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames: the receive and the transmit ring, whose order is that of the class's queues. Sources:
 * SDM 3.2, 3.3 (descriptors), 3.4, 3.5 (offloads); 82574 §7.
 */
#include <shim/irq.h>

#include "e1000.h"

#define RECEIVE_BURSTS 8u /* a call hands over so many; the rest by another interrupt */

uint32_t e1000_causes(const struct e1000_state *state)
{
	return state->vectors == 2 ? CAUSE_RX_QUEUE | CAUSE_OTHER | CAUSE_LINK
				   : CAUSE_RX | CAUSE_RX_LOW | CAUSE_RX_OVERRUN | CAUSE_LINK;
}

uint32_t e1000_cause_sent(const struct e1000_state *state)
{
	return state->vectors == 2 ? CAUSE_TX_QUEUE : CAUSE_TX_DONE;
}

void e1000_rings_reset(struct shim_device *device, unsigned index)
{
	struct e1000_queue *queue = shim_queue_state(device, index);
	uint32_t base = index == TX ? REG_TDBAL - REG_RDBAL : 0;
	uint64_t iova = shim_dma_iova(device, index, 0).value;

	memset(queue, 0, sizeof(*queue));
	memset(ring_of(device, index), 0, RING_BYTES);
	reg_write(device, base + REG_RDBAL, (uint32_t)iova);
	reg_write(device, base + REG_RDBAH, (uint32_t)(iova >> 32));
	reg_write(device, base + REG_RDLEN, RING_BYTES);
	reg_write(device, base + REG_RDH, 0);
	reg_write(device, base + REG_RDT, 0);
}

/* --- Receive --- */

/* What a descriptor says of its buffer, for the class. */
static inline uint32_t receive_count(uint64_t word)
{
	uint32_t count = RX_LENGTH(word);

	if ((word & (RX_ERRORS | RX_END | RX_TCP_SUM | RX_IP_SUM)) == RX_END &&
	    count <= NET_BUFFER_BYTES)
		return count;
	if (word & RX_DAMAGED || count > NET_BUFFER_BYTES)
		return NET_DAMAGED;
	if (!(word & RX_END))
		return count | NET_MORE;
	if (!(word & RX_NO_SUM)) {
		count |= (word & (RX_TCP_SUM | RX_TCP_ERROR)) == RX_TCP_SUM ? NET_SUM_OK : 0;
		count |= (word & (RX_IP_SUM | RX_IP_ERROR)) == RX_IP_SUM ? NET_IP_OK : 0;
	}
	return count;
}

/* Hand over up to a burst of frames. Returns how many. */
static inline unsigned receive_burst(struct shim_device *device, struct e1000_queue *queue,
				     const struct e1000_descriptor *ring)
{
	uint32_t counts[BURST_MAX], at = queue->clean, next = queue->next;
	unsigned count = 0;

	for (; count < BURST_MAX && at != next; at = (at + 1) & RING_MASK) {
		uint64_t word = __atomic_load_n(&ring[at].word, __ATOMIC_RELAXED);

		if (!(word & RX_DONE))
			break;
		counts[count++] = receive_count(word);
	}
	shim_read_barrier();
	queue->clean = at;
	shim_net_complete_many(device, RX, counts, count);
	return count;
}

/* Give the device the buffers that wait. */
static void receive_fill(struct shim_device *device, struct e1000_queue *queue,
			 struct e1000_descriptor *ring)
{
	uint32_t at = queue->next, room = RING_DEPTH - ring_used(queue);
	struct shim_net_request request[BURST_MAX];

	while (room) {
		unsigned most = room < BURST_MAX ? room : BURST_MAX;
		unsigned count = shim_net_take(device, RX, request, most);

		for (unsigned i = 0; i < count; i++, at = (at + 1) & RING_MASK) {
			ring[at].address = request[i].data.value;
			ring[at].word = 0;
		}
		room -= count;
		if (count < most)
			break;
	}
	if (at == queue->next)
		return;
	queue->next = at;
	shim_write_barrier();
	reg_write(device, REG_RDT, at);
}

void e1000_receive(struct shim_device *device)
{
	struct e1000_queue *queue = shim_queue_state(device, RX);
	const struct e1000_state *state = shim_state(device);
	struct e1000_descriptor *ring = ring_of(device, RX);
	unsigned bursts = 0, count;

	do {
		count = receive_burst(device, queue, ring);
	} while (count == BURST_MAX && ++bursts < RECEIVE_BURSTS);
	if (state->phase != PHASE_LIVE || queue->stopped)
		return;
	if (bursts || count)
		receive_fill(device, queue, ring);
	if (bursts == RECEIVE_BURSTS)
		reg_write(device, REG_ICS, state->vectors == 2 ? CAUSE_RX_QUEUE : CAUSE_RX);
}

/* The ring is disabled now, and will be at rest after a while: then its buffers are given back. */
void e1000_cancel(struct shim_device *device, unsigned index)
{
	const struct e1000_state *state = shim_state(device);
	struct e1000_queue *queue = shim_queue_state(device, RX);

	if (index != RX || state->phase != PHASE_LIVE || queue->stopped)
		return;
	queue->stopped = true;
	reg_write(device, REG_RCTL, e1000_receive_control(state) & ~RCTL_ENABLE);
	shim_timer_set(device, TIMER_RX, shim_now_ns(device) + STOP_NS);
}

void e1000_cancel_timer(struct shim_device *device)
{
	const struct e1000_state *state = shim_state(device);
	struct e1000_queue *queue = shim_queue_state(device, RX);

	if (!queue->stopped || state->phase != PHASE_LIVE)
		return;
	shim_net_fail(device, RX, ring_used(queue), ERR_CANCELLED);
	e1000_rings_reset(device, RX);
	receive_fill(device, queue, ring_of(device, RX)); /* first: frames may wait */
	reg_write(device, REG_RCTL, e1000_receive_control(state));
}

/* --- Transmit --- */

/* A frame with offloads: what is to be done, then its pieces. Returns the next free descriptor. */
__attribute__((noinline)) static uint32_t offload_fill(struct e1000_descriptor *ring, uint32_t at,
						       const struct shim_net_request *request)
{
	uint64_t offload = request->offload, data, sums = 0;
	uint64_t ip = NET_OFFLOAD_IP(offload), tcp = NET_OFFLOAD_TCP(offload);
	bool segment = request->flags & NET_SEGMENT;
	uint32_t left = request->bytes;

	ring[at].address = ip | (ip + 10) << 8 | (tcp - 1) << 16 | tcp << 32 |
			   (uint64_t)NET_OFFLOAD_SUM(offload) << 40;
	ring[at].word = TX_EXTENDED | (request->flags & NET_SUM_IP ? CONTEXT_IPV4 : 0);
	if (segment)
		ring[at].word |= CONTEXT_TCP | TX_SEGMENT | (left - NET_OFFLOAD_HEADER(offload)) |
				 (uint64_t)NET_OFFLOAD_HEADER(offload) << 40 |
				 (uint64_t)NET_OFFLOAD_MSS(offload) << 48;
	else if (NET_OFFLOAD_SUM(offload) - tcp == 16)
		ring[at].word |= CONTEXT_TCP;
	sums |= request->flags & NET_SUM ? TX_SUM_TCP : 0;
	sums |= request->flags & NET_SUM_IP ? TX_SUM_IP : 0;
	data = request->data.value;
	do {
		uint32_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;

		at = (at + 1) & RING_MASK;
		left -= piece;
		ring[at].address = data;
		ring[at].word = piece | TX_DATA | TX_EXTENDED | TX_INSERT_CRC | sums |
				(segment ? TX_SEGMENT : 0) | (left ? 0 : TX_END);
		data += piece;
	} while (left);
	return (at + 1) & RING_MASK;
}

/* Take a burst of frames into the ring; its last descriptor reports. Returns how many. */
static inline unsigned send_burst(struct shim_device *device, struct e1000_queue *queue,
				  struct e1000_descriptor *ring)
{
	uint32_t at = queue->next, most = (RING_DEPTH - ring_used(queue)) / FRAME_PARTS;
	struct shim_net_request request[BURST_MAX];
	unsigned count;

	if (!most)
		return 0;
	count = shim_net_take(device, TX, request, most < BURST_MAX ? most : BURST_MAX);
	if (!count)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		if (__builtin_expect(request[i].flags, 0)) {
			at = offload_fill(ring, at, &request[i]);
			continue;
		}
		ring[at].address = request[i].data.value;
		ring[at].word = request[i].bytes | TX_END | TX_INSERT_CRC;
		at = (at + 1) & RING_MASK;
	}
	ring[(at - 1) & RING_MASK].word |= TX_REPORT;
	queue->batch[queue->next] =
		(struct e1000_batch){ (uint8_t)((at - queue->next) & RING_MASK), (uint8_t)count };
	queue->next = at;
	queue->frames += count;
	shim_write_barrier();
	reg_write(device, REG_TDT, at);
	return count;
}

/* Interrupt and timer are needed only for what the device does not send at once. */
static void sent_arm(struct shim_device *device, struct e1000_queue *queue)
{
	const struct e1000_state *state = shim_state(device);
	bool wanted = queue->frames != 0;

	if (queue->armed == wanted)
		return;
	queue->armed = wanted;
	queue->seen = queue->clean;
	reg_write(device, wanted ? REG_IMS : REG_IMC, e1000_cause_sent(state));
	if (wanted)
		shim_timer_set(device, TIMER_TX, shim_now_ns(device) + STUCK_NS);
	else
		shim_timer_cancel(device, TIMER_TX);
}

static inline void sent_reap(struct shim_device *device, struct e1000_queue *queue,
			     const struct e1000_descriptor *ring)
{
	uint32_t frames = 0;

	while (queue->clean != queue->next) {
		struct e1000_batch batch = queue->batch[queue->clean];
		uint32_t last = (queue->clean + batch.descriptors - 1) & RING_MASK;

		if (!(__atomic_load_n(&ring[last].word, __ATOMIC_RELAXED) & TX_DONE))
			break;
		frames += batch.frames;
		queue->clean = (last + 1) & RING_MASK;
	}
	queue->frames -= frames;
	shim_net_complete_many(device, TX, NULL, frames);
}

/* Send what waits; what was sent meanwhile is completed at once. */
static void send(struct shim_device *device)
{
	struct e1000_queue *queue = shim_queue_state(device, TX);
	struct e1000_descriptor *ring = ring_of(device, TX);

	while (send_burst(device, queue, ring))
		sent_reap(device, queue, ring);
	sent_arm(device, queue);
}

void e1000_sent(struct shim_device *device)
{
	struct e1000_queue *queue = shim_queue_state(device, TX);
	const struct e1000_state *state = shim_state(device);

	if (!queue->frames)
		return;
	sent_reap(device, queue, ring_of(device, TX));
	if (state->phase == PHASE_LIVE)
		send(device);
}

void e1000_sent_timer(struct shim_device *device)
{
	const struct e1000_state *state = shim_state(device);
	struct e1000_queue *queue = shim_queue_state(device, TX);

	if (state->phase != PHASE_LIVE || !queue->armed)
		return;
	e1000_sent(device); /* an interrupt may have been lost */
	if (!queue->armed)
		return;
	if (queue->seen == queue->clean) {
		shim_log(device, LOG_WARNING, "%u frames were not sent in %llu s: given up",
			 queue->frames, (unsigned long long)(STUCK_NS / SHIM_S));
		reg_write(device, REG_TCTL, TCTL_PAD | TCTL_COLLISION);
		reg_write(device, REG_IMC, e1000_cause_sent(state));
		shim_net_fail(device, TX, queue->frames, ERR_TIMEOUT);
		e1000_rings_reset(device, TX);
		reg_write(device, REG_TCTL, TCTL_ENABLE | TCTL_PAD | TCTL_COLLISION);
		send(device);
		return;
	}
	queue->seen = queue->clean;
	shim_timer_set(device, TIMER_TX, shim_now_ns(device) + STUCK_NS);
}

/* --- The class's methods, interrupts --- */

void e1000_submit(struct shim_device *device, unsigned index)
{
	const struct e1000_state *state = shim_state(device);
	struct e1000_queue *queue = shim_queue_state(device, index);

	if (state->phase != PHASE_LIVE || queue->stopped)
		return;
	if (index == TX)
		send(device);
	else
		receive_fill(device, queue, ring_of(device, RX));
}

/* With MSI-X vector 0 is the rings', whose causes clear themselves: no register is touched. */
bool e1000_interrupt(struct shim_device *device, unsigned index)
{
	const struct e1000_state *state = shim_state(device);
	bool rings = state->vectors == 2 && index == 0;
	uint32_t cause = 0;

	if (!rings) {
		cause = reg_read(device, REG_ICR);
		if (!cause || cause == UINT32_MAX) /* somebody else's, or it was pulled out */
			return false;
		if (state->vectors == 2)
			reg_write(device, REG_ICR, cause & ~(CAUSE_RX_QUEUE | CAUSE_TX_QUEUE));
	}
	if (state->phase == PHASE_OFF || state->phase == PHASE_RESET)
		return true;
	if (rings || state->vectors != 2) {
		e1000_receive(device);
		e1000_sent(device);
	}
	if (__builtin_expect(cause & CAUSE_LINK, 0) && state->phase == PHASE_LIVE)
		e1000_link(device);
	return true;
}

void e1000_fail_all(struct shim_device *device, enum error error)
{
	struct e1000_queue *receive = shim_queue_state(device, RX);
	struct e1000_queue *transmit = shim_queue_state(device, TX);
	uint32_t buffers = ring_used(receive), frames = transmit->frames;

	receive->clean = receive->next;
	transmit->clean = transmit->next;
	transmit->frames = 0;
	shim_net_fail(device, RX, buffers, error);
	shim_net_fail(device, TX, frames, error);
}
