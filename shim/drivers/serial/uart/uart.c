/* SPDX-License-Identifier: BSD-2-Clause
 *
 * 16550A serial port (also 16450 and 8250), 115200 8N1, interrupts both ways. Never clears a FIFO:
 * what the last owner (early console, earlier instance) sent or received is not lost. Source:
 * National Semiconductor PC16550D, June 1995.
 */
#include <shim/class/serial.h>
#include <shim/io.h>
#include <shim/irq.h>
#include <shim/log.h>
#include <shim/time.h>

#include "uart_regs.h"

enum uart_kind { UART_NONE, UART_8250, UART_16450, UART_16550, UART_16550A, UART_KINDS };
enum uart_timer { UART_TIMER_STEP, UART_TIMER_GUARD, UART_TIMERS };
enum uart_phase { UART_PROBING, UART_LIVE, UART_DRAINING, UART_STOPPED };

#define UART_STEP_NS      (2 * SHIM_MS)  /* a full FIFO is sent in 1.4 ms */
#define UART_STEPS_MAX    20u            /* that long for a FIFO to drain */
#define UART_GUARD_NS     (20 * SHIM_MS) /* no interrupt for that long while sending: lost */
#define UART_LOG_NS       SHIM_S         /* errors are told once in this time */
#define UART_ROUNDS_MAX   16u            /* causes looked at in one interrupt */
#define UART_RECEIVES_MAX 64u            /* bytes taken in one go: four FIFOs */

struct uart_state {
	uint32_t phase;      /* enum uart_phase */
	uint32_t kind;       /* enum uart_kind */
	uint32_t fifo_bytes; /* room when the transmitter is empty */
	uint32_t sending;    /* 1: the transmit interrupt is on */
	uint32_t steps;      /* waits so far, of probing or draining */
	uint32_t overdue;    /* 1: the guard timer has seen no interrupt since it last looked */
	uint32_t overruns, parities, framings, breaks; /* line errors */
	uint32_t unread;                               /* bytes lost: nobody read */
	uint32_t lost_interrupts;
	uint32_t told; /* errors in the log */
	uint32_t reserved2;
	uint64_t tell_ns; /* not before */
};

static const char uart_name[UART_KINDS][8] = { "none", "8250", "16450", "16550", "16550A" };

/* --- Hardware --- */

static uint8_t uart_read(struct shim_device *device, unsigned offset)
{
	return shim_port_read8(shim_port(device, 0), (uint16_t)offset);
}

static void uart_write(struct shim_device *device, unsigned offset, unsigned value)
{
	shim_port_write8(shim_port(device, 0), (uint16_t)offset, (uint8_t)value);
}

static void uart_interrupts(struct shim_device *device, bool sending)
{
	struct uart_state *uart = shim_state(device);

	uart->sending = sending;
	uart_write(device, UART_IER,
		   UART_IER_RECEIVED | UART_IER_LINE | (sending ? UART_IER_EMPTY : 0));
}

/* Is anybody there? A port without a device reads all ones and keeps nothing. RTS and OUT2 must
 * come back in loopback as CTS and DCD [§8.7]. */
static bool uart_present(struct shim_device *device)
{
	uint8_t on, off, modem;

	uart_write(device, UART_IER, UART_IER_ALL);
	on = uart_read(device, UART_IER);
	uart_write(device, UART_IER, 0);
	off = uart_read(device, UART_IER);
	if (on != UART_IER_ALL || off != 0)
		return false;
	uart_write(device, UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_OUT2);
	modem = uart_read(device, UART_MSR) & UART_MSR_LINES;
	uart_write(device, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	return modem == UART_MSR_LOOPED;
}

static bool uart_has_scratch(struct shim_device *device)
{
	uart_write(device, UART_SCR, 0x55);
	if (uart_read(device, UART_SCR) != 0x55)
		return false;
	uart_write(device, UART_SCR, 0xaa);
	return uart_read(device, UART_SCR) == 0xaa;
}

/* Which chip is it? The 8250 has no scratch register, the 16450 no FIFO, and the first 16550 one
 * that does not work [§8.4, §8.5]. */
static enum uart_kind uart_identify(struct shim_device *device)
{
	unsigned fifo;

	if (!uart_present(device))
		return UART_NONE;
	uart_write(device, UART_FCR, UART_FCR_ENABLE | UART_FCR_TRIGGER8);
	fifo = uart_read(device, UART_IIR) & UART_IIR_FIFO;
	if (fifo == UART_IIR_FIFO)
		return UART_16550A;
	uart_write(device, UART_FCR, 0);
	if (fifo != 0)
		return UART_16550;
	return uart_has_scratch(device) ? UART_16450 : UART_8250;
}

static void uart_set_line(struct shim_device *device)
{
	uart_write(device, UART_LCR, UART_LCR_8N1 | UART_LCR_DLAB);
	uart_write(device, UART_DLL, UART_DIVISOR_115200);
	uart_write(device, UART_DLM, 0);
	uart_write(device, UART_LCR, UART_LCR_8N1);
}

/* --- Errors --- */

/* Reading the line status clears its errors [§8.2], so every read goes through here. */
static uint8_t uart_line_status(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);
	uint8_t status = uart_read(device, UART_LSR);

	uart->overruns += !!(status & UART_LSR_OVERRUN);
	uart->parities += !!(status & UART_LSR_PARITY);
	uart->framings += !!(status & UART_LSR_FRAMING);
	uart->breaks += !!(status & UART_LSR_BREAK);
	return status;
}

static void uart_tell_errors(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);
	uint32_t count = uart->overruns + uart->parities + uart->framings + uart->breaks +
			 uart->unread + uart->lost_interrupts;
	uint64_t now;

	if (count == uart->told)
		return;
	now = shim_now_ns(device);
	if (now < uart->tell_ns)
		return;
	uart->told = count;
	uart->tell_ns = now + UART_LOG_NS;
	shim_log(device, LOG_WARNING,
		 "errors so far: %u overruns, %u parity, %u framing, %u breaks, %u bytes nobody "
		 "read, %u lost interrupts",
		 uart->overruns, uart->parities, uart->framings, uart->breaks, uart->unread,
		 uart->lost_interrupts);
}

/* --- Bytes --- */

/* Take what was received. Bytes with a line error are left out: no flag can travel with them. */
static void uart_receive(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);
	uint8_t bytes[UART_RECEIVES_MAX];
	size_t count = 0, accepted;

	for (unsigned i = 0; i < UART_RECEIVES_MAX; i++) {
		uint8_t status = uart_line_status(device), byte;

		if (!(status & UART_LSR_DATA))
			break;
		byte = uart_read(device, UART_RBR);
		if (!(status & (UART_LSR_PARITY | UART_LSR_FRAMING | UART_LSR_BREAK)))
			bytes[count++] = byte;
	}
	if (count == 0)
		return;
	accepted = shim_serial_received(device, 0, bytes, count);
	uart->unread += (uint32_t)(count - accepted);
}

/* Fill the transmitter if it is empty; its interrupt is on while there is something to send. */
static void uart_send(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);
	uint8_t bytes[UART_FIFO_BYTES];
	size_t count = 0;

	if (!(uart_line_status(device) & UART_LSR_EMPTY)) {
		if (!uart->sending)
			uart_interrupts(device, true);
		shim_timer_set(device, UART_TIMER_GUARD, shim_now_ns(device) + UART_GUARD_NS);
		return;
	}
	count = shim_serial_next(device, 0, bytes, uart->fifo_bytes);
	for (size_t i = 0; i < count; i++)
		uart_write(device, UART_THR, bytes[i]);
	if (count != 0)
		shim_timer_set(device, UART_TIMER_GUARD, shim_now_ns(device) + UART_GUARD_NS);
	else
		shim_timer_cancel(device, UART_TIMER_GUARD);
	if (uart->sending != (count != 0))
		uart_interrupts(device, count != 0);
}

static bool uart_interrupt(struct shim_device *device, unsigned index)
{
	struct uart_state *uart = shim_state(device);
	bool mine = false;

	(void)index;
	if (uart->phase != UART_LIVE)
		return false;
	uart->overdue = 0;
	for (unsigned i = 0; i < UART_ROUNDS_MAX; i++) {
		if (uart_read(device, UART_IIR) & UART_IIR_NONE)
			break;
		mine = true;
		uart_receive(device);
		if (uart->sending)
			uart_send(device);
		(void)uart_read(device, UART_MSR);
	}
	uart_tell_errors(device);
	return mine;
}

/* --- Coming and going --- */

static enum error uart_serve(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);
	struct unit_info unit = { .class_id = CLASS_SERIAL, .depth = 1, .flags = UNIT_CPU_DATA };
	unsigned granted;
	enum error error;

	uart->kind = uart_identify(device);
	if (uart->kind == UART_NONE) {
		shim_log(device, LOG_NOTICE, "no serial port answers at 0x%x",
			 (unsigned)device->info->window[0].base);
		return ERR_NOT_FOUND;
	}
	uart->fifo_bytes = uart->kind == UART_16550A ? UART_FIFO_BYTES : 1;
	uart_set_line(device);
	error = shim_interrupt_enable(device, 1, &granted);
	if (error != OK)
		return error;
	memcpy(unit.model, uart_name[uart->kind], sizeof(uart_name[0]));
	error = shim_serial_unit_add(device, &unit);
	if (error != OK)
		return error;
	uart->phase = UART_LIVE;
	uart_interrupts(device, false);
	uart_receive(device);
	shim_log(device, LOG_INFO, "%s, 115200 8N1", unit.model);
	return OK;
}

/* Loopback would swallow what the last owner is still sending: wait until it is out. */
static enum error uart_probe_step(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);

	if (!(uart_read(device, UART_LSR) & UART_LSR_IDLE) && uart->steps++ < UART_STEPS_MAX) {
		shim_timer_set(device, UART_TIMER_STEP, shim_now_ns(device) + UART_STEP_NS);
		return ERR_AGAIN;
	}
	return uart_serve(device);
}

static enum error uart_probe(struct shim_device *device)
{
	enum error error = shim_window_map(device, 0);

	if (error != OK)
		return error;
	if (shim_port(device, 0).count < UART_REGISTERS)
		return ERR_INVALID;
	memset(shim_state(device), 0, sizeof(struct uart_state));
	return uart_probe_step(device);
}

/* Wait until the last byte is out, receiving meanwhile; bounded, for a line may be held. */
static void uart_drain_step(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);
	bool idle;

	uart_receive(device);
	idle = uart_read(device, UART_LSR) & UART_LSR_IDLE;
	if (!idle && uart->steps++ < UART_STEPS_MAX) {
		shim_timer_set(device, UART_TIMER_STEP, shim_now_ns(device) + UART_STEP_NS);
		return;
	}
	uart->phase = UART_STOPPED;
	shim_quiesce_done(device, idle ? OK : ERR_TIMEOUT);
}

static void uart_quiesce(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);

	uart_write(device, UART_IER, 0);
	shim_timer_cancel(device, UART_TIMER_GUARD);
	uart->sending = 0;
	uart->steps = 0;
	uart->phase = UART_DRAINING;
	uart_drain_step(device);
}

/* An interrupt that should have come by now did not. Once it may be late, being on its way while
 * this machine stood still; the second time its work is done without it. */
static void uart_guard(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);

	if (uart->phase != UART_LIVE || !uart->sending)
		return;
	if (!uart->overdue || !(uart_line_status(device) & UART_LSR_EMPTY)) {
		uart->overdue = 1;
		shim_timer_set(device, UART_TIMER_GUARD, shim_now_ns(device) + UART_GUARD_NS);
		return;
	}
	uart->overdue = 0;
	uart->lost_interrupts++;
	uart_receive(device);
	uart_send(device);
	uart_tell_errors(device);
}

static void uart_timer(struct shim_device *device, unsigned index)
{
	struct uart_state *uart = shim_state(device);
	enum error error;

	if (index == UART_TIMER_GUARD) {
		uart_guard(device);
	} else if (uart->phase == UART_DRAINING) {
		uart_drain_step(device);
	} else if (uart->phase == UART_PROBING) {
		error = uart_probe_step(device);
		if (error != ERR_AGAIN)
			shim_probe_done(device, error);
	}
}

static bool uart_check(const struct shim_device *device)
{
	const struct uart_state *uart = shim_state(device);

	return uart->phase == UART_LIVE && uart->kind > UART_NONE && uart->kind < UART_KINDS &&
	       uart->fifo_bytes == (uart->kind == UART_16550A ? UART_FIFO_BYTES : 1) &&
	       uart->sending <= 1;
}

static void uart_remove(struct shim_device *device)
{
	struct uart_state *uart = shim_state(device);

	uart->phase = UART_STOPPED;
	shim_timer_cancel(device, UART_TIMER_STEP);
	shim_timer_cancel(device, UART_TIMER_GUARD);
}

/* --- Class serial --- */

static void uart_transmit(struct shim_device *device, unsigned unit)
{
	struct uart_state *uart = shim_state(device);

	(void)unit;
	if (uart->phase == UART_LIVE && !uart->sending)
		uart_send(device);
}

static const struct shim_serial_ops uart_ops = {
	.transmit = uart_transmit,
};

SHIM_DRIVER(uart) = {
	.shim_version = SHIM_VERSION,
	.state_version = 1,
	.name = "uart",
	.class_id = CLASS_SERIAL,
	.state_base_bytes = sizeof(struct uart_state),
	.timer_count = UART_TIMERS,
	.match = { SHIM_PLATFORM("uart16550") },
	.probe = uart_probe,
	.interrupt = uart_interrupt,
	.timer = uart_timer,
	.quiesce = uart_quiesce,
	.check = uart_check,
	.remove = uart_remove,
	.ops.serial = &uart_ops,
};
