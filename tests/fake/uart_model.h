/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated serial port, 8250 to 16550A, with controls. Source: National Semiconductor PC16550D.
 *
 * How to use: uart_model_attach() to a fake without windows; then uart_model_receive() is the other
 * end of the line typing, and `out` is what it got.
 */
#ifndef UART_MODEL_H
#define UART_MODEL_H

#include "fake.h"

#define UART_MODEL_OUT_MAX 4096u

enum uart_model_kind {
	UART_MODEL_8250,  /* no scratch register, no FIFO */
	UART_MODEL_16450, /* no FIFO */
	UART_MODEL_16550, /* a FIFO that does not work */
	UART_MODEL_16550A
};

struct uart_model {
	struct fake *fake;
	enum uart_model_kind kind;

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
	uint8_t out[UART_MODEL_OUT_MAX];
	unsigned out_count;
	unsigned tx_lost; /* written into a full transmitter */
	unsigned tx_most; /* bytes that were in the transmitter at once */
	unsigned cleared; /* bytes that a FIFO clear threw away */
	unsigned looped;  /* bytes that loopback swallowed */
};

/** Connect a fresh port to window 0, vector 0 and the work of a fake. */
void uart_model_attach(struct uart_model *model, struct fake *fake, enum uart_model_kind kind);
/** The other end sends a byte; `errors` as in the line status, UART_LSR_*. */
void uart_model_receive(struct uart_model *model, uint8_t byte, uint8_t errors);
/** Something the last owner wrote is still in the transmitter. */
void uart_model_leftover(struct uart_model *model, uint8_t byte);

#endif
