/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated serial port, 8250 to 16550A, with controls. Source: National Semiconductor PC16550D.
 *
 * How to use: fake_uart_attach() to a fake without windows; then fake_uart_receive() is the other
 * end of the line typing, and `out` is what it got.
 */
#ifndef FAKE_UART_H
#define FAKE_UART_H

#include "fake.h"

#define FAKE_UART_OUT_MAX 4096u

enum fake_uart_kind {
	FAKE_UART_8250,  /* no scratch register, no FIFO */
	FAKE_UART_16450, /* no FIFO */
	FAKE_UART_16550, /* a FIFO that does not work */
	FAKE_UART_16550A
};

struct fake_uart {
	struct fake *fake;
	enum fake_uart_kind kind;

	/* Controls. */
	bool absent;      /* nobody answers: reads are all ones */
	bool no_loopback; /* modem lines do not come back */
	bool held;        /* nothing leaves the shift register */
	bool silent;      /* never raises its interrupt */
	bool shouting;    /* always says that it interrupts */
	bool endless;     /* always has one more byte */

	uint8_t ier, lcr, mcr, scr, dll, dlm;
	bool fifo, empty_pending, raised, overrun;
	struct {
		uint8_t byte, errors;
	} rx[16];
	uint8_t tx[16];
	unsigned rx_count, tx_count;
	uint8_t out[FAKE_UART_OUT_MAX];
	unsigned out_count;
	unsigned tx_lost; /* written into a full transmitter */
	unsigned tx_most; /* bytes that were in the transmitter at once */
	unsigned cleared; /* bytes that a FIFO clear threw away */
	unsigned looped;  /* bytes that loopback swallowed */
};

/** Connect a fresh port to window 0, vector 0 and the work of a fake. */
void fake_uart_attach(struct fake_uart *model, struct fake *fake, enum fake_uart_kind kind);
/** The other end sends a byte; `errors` as in the line status, UART_LSR_*. */
void fake_uart_receive(struct fake_uart *model, uint8_t byte, uint8_t errors);
/** Something the last owner wrote is still in the transmitter. */
void fake_uart_leftover(struct fake_uart *model, uint8_t byte);

#endif
