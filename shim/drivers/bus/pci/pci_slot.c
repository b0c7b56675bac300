/* SPDX-License-Identifier: BSD-2-Clause
 *
 * PCI bus driver: native hot-plug. A slot is polled, since the interrupt of its port belongs to the
 * port's function, which the bus driver was not granted. Source: PCI Express Base 3.0 §6.7, §7.8.9
 * to .11.
 *
 *   EMPTY --card--> RISING --link--> ON --button--> CLOSING --5 s--> LEAVING --drivers gone--> OFF
 *                                     \---------card or link gone------/
 */
#include <shim/time.h>

#include "pci.h"

#define MILLISECOND UINT64_C(1000000)

#define POLL_NS    (1000 * MILLISECOND)
#define STEP_NS    (20 * MILLISECOND)   /* while something is under way */
#define LINK_NS    (1000 * MILLISECOND) /* for the link to come up */
#define SETTLE_NS  (100 * MILLISECOND)  /* from the link to the first access [§6.6.1] */
#define ANSWER_NS  (1000 * MILLISECOND) /* for the card to answer it [§6.6.1] */
#define ABORT_NS   (5000 * MILLISECOND) /* to press the button again [§6.7.1.5] */
#define OFF_NS     (1000 * MILLISECOND) /* without power [§6.7.1.8] */
#define COMMAND_NS (1000 * MILLISECOND) /* for a command to complete [§6.7.3.2] */

static uint32_t slot_read(struct shim_device *device, const struct pci_bridge *bridge,
			  unsigned offset, unsigned width)
{
	return pci_read(device, bridge->routing, bridge->express_offset + offset, width);
}

/* A port that does not take it is on its way out itself. */
static void slot_write(struct shim_device *device, const struct pci_bridge *bridge, unsigned offset,
		       uint32_t value)
{
	(void)!pci_write(device, bridge->routing, bridge->express_offset + offset, 2, value);
}

static void slot_log(struct shim_device *device, const struct pci_bridge *bridge,
		     enum log_level level, const char *text)
{
	shim_log(device, level, "%02x:%02x.%u: slot: %s", pci_bus_of(bridge->routing),
		 bridge->routing >> 3 & 31, bridge->routing & 7, text);
}

static void slot_enter(struct pci_bridge *bridge, enum pci_slot slot, uint64_t until_ns)
{
	bridge->slot = (uint8_t)slot;
	bridge->slot_ns = until_ns;
}

/* --- Commands: the next one waits until the last has completed [§6.7.3.2] --- */

static void slot_indicate(struct pci_bridge *bridge, uint32_t indicator)
{
	if (bridge->slot_capabilities & PCI_SLOT_INDICATOR)
		bridge->slot_control =
			(uint16_t)((bridge->slot_control & ~PCI_CONTROL_INDICATOR) | indicator);
}

static void slot_power(struct pci_bridge *bridge, bool on)
{
	if (bridge->slot_capabilities & PCI_SLOT_POWER)
		bridge->slot_control = (uint16_t)((bridge->slot_control & ~PCI_CONTROL_POWER_OFF) |
						  (on ? 0 : PCI_CONTROL_POWER_OFF));
}

static void slot_command(struct shim_device *device, struct pci_bridge *bridge, uint32_t status,
			 uint64_t now_ns)
{
	if (status & PCI_STATUS_COMPLETED || now_ns >= bridge->slot_command_ns)
		bridge->slot_flags &= ~SLOT_COMMAND;
	if (bridge->slot_control == bridge->slot_written || bridge->slot_flags & SLOT_COMMAND)
		return;
	if (!(bridge->slot_capabilities & PCI_SLOT_NO_COMPLETED)) {
		slot_write(device, bridge, PCI_SLOT_STATUS, PCI_STATUS_COMPLETED);
		bridge->slot_flags |= SLOT_COMMAND;
		bridge->slot_command_ns = now_ns + COMMAND_NS;
	}
	slot_write(device, bridge, PCI_SLOT_CONTROL, bridge->slot_control);
	bridge->slot_written = bridge->slot_control;
}

/* --- Cards --- */

static bool slot_link(struct shim_device *device, const struct pci_bridge *bridge)
{
	return !(slot_read(device, bridge, PCI_LINK_CAPABILITIES, 4) & PCI_LINK_REPORTS) ||
	       slot_read(device, bridge, PCI_LINK_STATUS, 2) & PCI_LINK_ACTIVE;
}

/* A card that is not ready yet has vendor 1 [§2.3.2]. */
static bool slot_answers(struct shim_device *device, const struct pci_bridge *bridge)
{
	uint32_t vendor = pci_read(device, (uint16_t)(bridge->secondary << 8), PCI_VENDOR_ID, 2);

	return vendor != 0xffff && vendor > 1;
}

static void slot_rise(struct shim_device *device, struct pci_bridge *bridge, uint64_t now_ns)
{
	slot_log(device, bridge, LOG_INFO, "a card came");
	slot_power(bridge, true);
	slot_indicate(bridge, PCI_CONTROL_BLINK);
	bridge->slot_flags &= ~(SLOT_SETTLES | SLOT_ORDERED);
	slot_enter(bridge, SLOT_RISING, now_ns + LINK_NS);
}

static void slot_down(struct pci_bridge *bridge, uint64_t now_ns)
{
	slot_power(bridge, false);
	slot_indicate(bridge, PCI_CONTROL_OFF);
	slot_enter(bridge, SLOT_OFF, now_ns + OFF_NS);
}

static void slot_insert(struct shim_device *device, struct pci_bridge *bridge)
{
	struct pci_state *state = shim_state(device);
	uint32_t function, first;

	pci_forget(state, bridge->secondary, bridge->subordinate);
	function = state->function_count;
	first = state->bridge_count;
	pci_scan(device, bridge->secondary);
	pci_place_from(device, function, first);
	pci_announce(device, function);
	pci_slots_open(device, first);
	slot_indicate(bridge, PCI_CONTROL_ON);
	slot_enter(bridge, SLOT_ON, 0);
}

static void slot_step_rising(struct shim_device *device, struct pci_bridge *bridge, uint64_t now_ns)
{
	if (!(bridge->slot_flags & SLOT_SETTLES)) {
		if (slot_link(device, bridge)) {
			bridge->slot_flags |= SLOT_SETTLES;
			bridge->slot_ns = now_ns + SETTLE_NS;
			return;
		}
	} else if (now_ns < bridge->slot_ns) {
		return;
	} else if (bridge->secondary != 0 && slot_answers(device, bridge)) {
		slot_insert(device, bridge);
		return;
	}
	if (now_ns < bridge->slot_ns + (bridge->slot_flags & SLOT_SETTLES ? ANSWER_NS : 0))
		return;
	slot_log(device, bridge, LOG_WARNING, "the card does not answer: its power is off");
	bridge->slot_flags |= SLOT_ORDERED;
	slot_down(bridge, now_ns);
}

/* Drivers are told once, and asked until they have let go. What is farthest goes first. */
static void slot_step_leaving(struct shim_device *device, struct pci_bridge *bridge,
			      uint64_t now_ns)
{
	struct pci_state *state = shim_state(device);
	bool busy = false;

	for (uint32_t i = state->function_count; i-- > 0;) {
		uint16_t routing = state->function[i].routing;

		if (pci_bus_of(routing) >= bridge->secondary &&
		    pci_bus_of(routing) <= bridge->subordinate &&
		    shim_bus_child_remove(device, pci_name(state, routing)) == ERR_BUSY)
			busy = true;
	}
	if (busy)
		return;
	pci_forget(state, bridge->secondary, bridge->subordinate);
	slot_down(bridge, now_ns);
}

static void slot_leave(struct shim_device *device, struct pci_bridge *bridge, bool ordered,
		       uint64_t now_ns)
{
	slot_log(device, bridge, LOG_INFO, ordered ? "the card leaves" : "the card is gone");
	bridge->slot_flags &= ~SLOT_ORDERED;
	bridge->slot_flags |= ordered ? SLOT_ORDERED : 0;
	slot_indicate(bridge, PCI_CONTROL_BLINK);
	slot_enter(bridge, SLOT_LEAVING, 0);
	slot_step_leaving(device, bridge, now_ns);
}

static void slot_step_on(struct shim_device *device, struct pci_bridge *bridge, uint32_t status,
			 uint64_t now_ns)
{
	bool closing = bridge->slot == SLOT_CLOSING;

	if (!(status & PCI_STATUS_PRESENT) || status & PCI_STATUS_CHANGED ||
	    !slot_link(device, bridge)) {
		slot_leave(device, bridge, false, now_ns);
	} else if (status & PCI_STATUS_PRESSED) {
		slot_log(device, bridge, LOG_INFO,
			 closing ? "the card stays" : "its button was pressed");
		slot_indicate(bridge, closing ? PCI_CONTROL_ON : PCI_CONTROL_BLINK);
		slot_enter(bridge, closing ? SLOT_ON : SLOT_CLOSING, now_ns + ABORT_NS);
	} else if (closing && now_ns >= bridge->slot_ns) {
		slot_leave(device, bridge, true, now_ns);
	}
}

/* A card that was switched off stays so until it is pulled, or somebody presses the button. */
static void slot_step_off(struct pci_bridge *bridge, uint32_t status, uint64_t now_ns)
{
	if (!(status & PCI_STATUS_PRESENT) || status & (PCI_STATUS_CHANGED | PCI_STATUS_PRESSED))
		bridge->slot_flags &= ~SLOT_ORDERED;
	if (now_ns >= bridge->slot_ns && !(bridge->slot_flags & SLOT_ORDERED))
		slot_enter(bridge, SLOT_EMPTY, 0);
}

static void slot_step(struct shim_device *device, struct pci_bridge *bridge, uint32_t status,
		      uint64_t now_ns)
{
	bool present = status & PCI_STATUS_PRESENT;

	switch (bridge->slot) {
	case SLOT_EMPTY:
		if (present)
			slot_rise(device, bridge, now_ns);
		break;
	case SLOT_RISING:
		if (present)
			slot_step_rising(device, bridge, now_ns);
		else
			slot_down(bridge, now_ns);
		break;
	case SLOT_ON:
	case SLOT_CLOSING:
		slot_step_on(device, bridge, status, now_ns);
		break;
	case SLOT_LEAVING:
		slot_step_leaving(device, bridge, now_ns);
		break;
	case SLOT_OFF:
		slot_step_off(bridge, status, now_ns);
		break;
	}
}

/* Is anything under way that does not wait for people? */
static bool slot_hurries(const struct pci_bridge *bridge)
{
	return bridge->slot == SLOT_RISING || bridge->slot == SLOT_LEAVING ||
	       bridge->slot == SLOT_OFF || bridge->slot_control != bridge->slot_written;
}

void pci_slots_poll(struct shim_device *device, unsigned timer)
{
	struct pci_state *state = shim_state(device);
	uint64_t now_ns = shim_now_ns(device), next_ns = POLL_NS;

	for (uint32_t i = 0; i < state->bridge_count; i++) {
		struct pci_bridge *bridge = &state->bridge[i];
		uint32_t status;

		if (bridge->slot == SLOT_NONE)
			continue;
		status = slot_read(device, bridge, PCI_SLOT_STATUS, 2);
		if (status == 0xffff)
			continue; /* the port itself is gone: the slot above it will tell */
		if (status & PCI_STATUS_EVENTS)
			slot_write(device, bridge, PCI_SLOT_STATUS, status & PCI_STATUS_EVENTS);
		slot_step(device, bridge, status, now_ns);
		slot_command(device, bridge, status, now_ns);
		if (slot_hurries(bridge))
			next_ns = STEP_NS;
	}
	shim_timer_set(device, timer, now_ns + next_ns);
}

/* --- Start --- */

static bool slot_occupied(const struct pci_state *state, const struct pci_bridge *bridge)
{
	for (uint32_t i = 0; i < state->function_count; i++)
		if (pci_bus_of(state->function[i].routing) == bridge->secondary)
			return bridge->secondary != 0;
	return false;
}

/* What left while no bus driver looked is told now. */
static void slot_vacate(struct shim_device *device, const struct pci_bridge *bridge)
{
	for (unsigned function = 0; bridge->secondary != 0 && function < 8; function++)
		(void)!shim_bus_child_remove(
			device, pci_name(shim_state(device),
					 (uint16_t)(bridge->secondary << 8 | function)));
}

static bool slot_open(struct shim_device *device, struct pci_bridge *bridge)
{
	uint32_t flags, capabilities;

	if (bridge->express_type != PCI_EXPRESS_ROOT && bridge->express_type != PCI_EXPRESS_DOWN)
		return false;
	flags = slot_read(device, bridge, PCI_EXPRESS_FLAGS, 2);
	capabilities = slot_read(device, bridge, PCI_SLOT_CAPABILITIES, 4);
	if (!(flags & PCI_EXPRESS_SLOT) || !(capabilities & PCI_SLOT_HOT_PLUG) ||
	    capabilities == UINT32_MAX)
		return false;
	bridge->slot_capabilities = capabilities;
	bridge->slot_written = (uint16_t)slot_read(device, bridge, PCI_SLOT_CONTROL, 2);
	bridge->slot_control = (uint16_t)(bridge->slot_written & ~PCI_CONTROL_INTERRUPTS);
	bridge->slot_flags = 0;
	slot_write(device, bridge, PCI_SLOT_STATUS, PCI_STATUS_EVENTS);
	if (slot_occupied(shim_state(device), bridge)) {
		if (!(slot_read(device, bridge, PCI_SLOT_STATUS, 2) & PCI_STATUS_PRESENT) ||
		    !slot_link(device, bridge))
			return false; /* firmware plugs its cards, and tells nothing here */
		slot_enter(bridge, SLOT_ON, 0);
	} else {
		slot_vacate(device, bridge);
		slot_enter(bridge, SLOT_EMPTY, 0);
	}
	return true;
}

void pci_slots_open(struct shim_device *device, uint32_t first)
{
	struct pci_state *state = shim_state(device);
	bool any = false;

	for (uint32_t i = first; i < state->bridge_count; i++)
		any |= slot_open(device, &state->bridge[i]);
	if (any)
		shim_timer_set(device, 0, shim_now_ns(device) + STEP_NS);
}
