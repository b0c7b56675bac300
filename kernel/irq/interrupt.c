/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Device interrupts. A level line stays masked from its arrival until every owner has acknowledged
 * it; an owner that does not within a deadline loses the line, so that it cannot take its
 * neighbours along.
 */
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/device.h>
#include <kernel/interrupt.h>
#include <kernel/log.h>
#include <kernel/time.h>
#include <kernel/timer.h>

#define LINE_DEADLINE_NS (1000 * NS_PER_MILLISECOND)

struct interrupt *interrupt_owner[256];
static bool taken[256];

/* What a shared line waits for. */
struct line {
	struct ktimer timer;
	uint8_t vector;
	bool masked;
};

static struct line line_of[256];

uint8_t interrupt_vectors_allocate(unsigned count)
{
	unsigned first = (VECTOR_DEVICE_FIRST + count - 1) & ~(count - 1);

	for (; first + count - 1 <= VECTOR_DEVICE_LAST; first += count) {
		unsigned used = 0;

		for (unsigned i = 0; i < count; i++)
			used += taken[first + i];
		if (used)
			continue;
		for (unsigned i = 0; i < count; i++)
			taken[first + i] = true;
		return (uint8_t)first;
	}
	return 0;
}

void interrupt_bind_message(struct interrupt *interrupt, uint8_t vector, struct device *device,
			    unsigned index)
{
	*interrupt = (struct interrupt){ .device = device,
					 .signal = 1ul << SIGNAL_INTERRUPT(index),
					 .index = index,
					 .vector = vector };
	interrupt_owner[vector] = interrupt;
}

static void line_evict(struct ktimer *timer)
{
	struct line *line = container_of(timer, struct line, timer);

	for (struct interrupt *item = interrupt_owner[line->vector], *next; item; item = next) {
		next = item->next;
		if (!item->pending)
			continue;
		log_error("interrupt: %s left its line unacknowledged for a second and loses it",
			  item->device->info.name);
		interrupt_release(item);
	}
}

static uint8_t line_vector(uint32_t gsi)
{
	for (unsigned vector = VECTOR_DEVICE_FIRST; vector <= VECTOR_DEVICE_LAST; vector++)
		if (interrupt_owner[vector] && interrupt_owner[vector]->is_line &&
		    interrupt_owner[vector]->gsi == gsi)
			return (uint8_t)vector;
	return 0;
}

enum error interrupt_bind_line(struct interrupt *interrupt, uint32_t gsi, unsigned flags,
			       struct device *device, unsigned index)
{
	uint8_t vector = line_vector(gsi);

	if (!vector) {
		enum error error;

		vector = interrupt_vectors_allocate(1);
		if (!vector)
			return ERR_NO_MEMORY;
		error = timer_reserve(&line_of[vector].timer);
		if (!error)
			error = ioapic_route(gsi, vector, (uint8_t)cpu_table[0]->apic_id, flags);
		if (error) {
			timer_unreserve(&line_of[vector].timer);
			taken[vector] = false;
			return error;
		}
		line_of[vector].timer.function = line_evict;
		line_of[vector].vector = vector;
		line_of[vector].masked = false;
	}
	*interrupt = (struct interrupt){ .next = interrupt_owner[vector],
					 .device = device,
					 .signal = 1ul << SIGNAL_INTERRUPT(index),
					 .index = index,
					 .gsi = gsi,
					 .vector = vector,
					 .is_line = true,
					 .is_level = (flags & IOAPIC_LEVEL) != 0 };
	interrupt_owner[vector] = interrupt;
	if (!line_of[vector].masked)
		ioapic_unmask(gsi);
	return OK;
}

static void line_settle(uint8_t vector)
{
	struct line *line = &line_of[vector];

	for (struct interrupt *item = interrupt_owner[vector]; item; item = item->next)
		if (item->pending)
			return;
	timer_cancel(&line->timer);
	if (line->masked && interrupt_owner[vector])
		ioapic_unmask(interrupt_owner[vector]->gsi);
	line->masked = false;
}

void interrupt_release(struct interrupt *interrupt)
{
	uint8_t vector = interrupt->vector;
	struct interrupt **link = &interrupt_owner[vector];

	if (!vector)
		return;
	while (*link && *link != interrupt)
		link = &(*link)->next;
	if (*link)
		*link = interrupt->next;
	interrupt->vector = 0;
	interrupt->pending = false;
	if (interrupt->is_line) {
		if (!interrupt_owner[vector])
			ioapic_mask(interrupt->gsi);
		line_settle(vector);
		if (!interrupt_owner[vector])
			timer_unreserve(&line_of[vector].timer);
	}
	taken[vector] = interrupt_owner[vector] != NULL;
}

void interrupt_acknowledge(struct interrupt *interrupt)
{
	if (!interrupt->pending)
		return;
	interrupt->pending = false;
	line_settle(interrupt->vector);
}

static void line_mask(unsigned vector)
{
	struct line *line = &line_of[vector];

	ioapic_mask(interrupt_owner[vector]->gsi);
	line->masked = true;
	for (struct interrupt *item = interrupt_owner[vector]; item; item = item->next)
		item->pending = true;
	timer_arm(&line->timer, time_now_ns() + LINE_DEADLINE_NS);
}

static void line_arrived(unsigned vector)
{
	if (interrupt_owner[vector]->is_level)
		line_mask(vector);
	lapic_eoi();
	for (struct interrupt *item = interrupt_owner[vector], *next; item; item = next) {
		next = item->next;
		device_interrupt(item->device, item);
	}
}

void interrupt_arrived(unsigned vector)
{
	struct interrupt *interrupt = interrupt_owner[vector];

	if (!interrupt) {
		lapic_eoi();
		log_debug("interrupt: vector %u belongs to nobody", vector); /* a late message */
		return;
	}
	if (interrupt->is_line) {
		line_arrived(vector);
		return;
	}
	lapic_eoi();
	device_interrupt(interrupt->device, interrupt);
}
