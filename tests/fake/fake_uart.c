/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated serial port. See fake_uart.h.
 */
#include <string.h>

#include "fake_uart.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };
enum { LSR_DATA = 1, LSR_OVERRUN = 2, LSR_ERRORS = 0x1c, LSR_EMPTY = 0x20, LSR_IDLE = 0x40 };
enum { IIR_NONE = 1, IIR_EMPTY = 2, IIR_DATA = 4, IIR_LINE = 6 };

static unsigned depth(const struct fake_uart *model)
{
	return model->fifo && model->kind == FAKE_UART_16550A ? 16 : 1;
}

/* The pending cause of the highest priority. */
static uint8_t cause(const struct fake_uart *model)
{
	bool errors = model->overrun || (model->rx_count && model->rx[0].errors);

	if (errors && model->ier & 4)
		return IIR_LINE;
	if (model->rx_count && model->ier & 1)
		return IIR_DATA;
	if (model->empty_pending && model->ier & 2)
		return IIR_EMPTY;
	return IIR_NONE;
}

/* The line to the interrupt controller is edge-triggered, and connected by OUT2. */
static void update(struct fake_uart *model)
{
	bool wants = cause(model) != IIR_NONE && model->mcr & 8;

	if (wants && !model->raised && !model->silent)
		fake_interrupt(model->fake, 0);
	model->raised = wants;
}

static uint8_t read_data(struct fake_uart *model)
{
	uint8_t byte = model->rx[0].byte;

	if (model->endless)
		return 0x55;
	if (!model->rx_count)
		return 0;
	model->rx_count--;
	memmove(&model->rx[0], &model->rx[1], model->rx_count * sizeof(model->rx[0]));
	return byte;
}

static uint8_t read_identification(struct fake_uart *model)
{
	uint8_t value = cause(model);

	if (model->shouting)
		value = IIR_DATA;
	if (value == IIR_EMPTY)
		model->empty_pending = false;
	if (model->fifo)
		value |= model->kind == FAKE_UART_16550A ? 0xc0 : 0x80;
	return value;
}

static uint8_t read_line(struct fake_uart *model)
{
	uint8_t value = model->tx_count ? 0 : LSR_EMPTY | LSR_IDLE;

	if (model->rx_count)
		value |= LSR_DATA | (model->rx[0].errors & LSR_ERRORS);
	if (model->endless)
		value |= LSR_DATA;
	if (model->overrun)
		value |= LSR_OVERRUN;
	model->overrun = false;
	if (model->rx_count)
		model->rx[0].errors = 0;
	return value;
}

static uint8_t read_modem(const struct fake_uart *model)
{
	uint8_t mcr = model->mcr;

	if (!(mcr & 0x10) || model->no_loopback)
		return 0xb0;
	return (uint8_t)((mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 | (mcr & 8) << 4);
}

static uint64_t model_read(void *context, uint32_t offset, unsigned bits)
{
	struct fake_uart *model = context;
	uint8_t value = 0xff;

	if (bits != 8)
		fake_violate(model->fake, "a serial port was read with %u bits", bits);
	if (model->absent)
		return 0xff;
	if (model->lcr & 0x80 && offset <= IER)
		return offset ? model->dlm : model->dll;
	switch (offset) {
	case RBR:
		value = read_data(model);
		break;
	case IER:
		value = model->ier;
		break;
	case IIR:
		value = read_identification(model);
		break;
	case LCR:
		value = model->lcr;
		break;
	case MCR:
		value = model->mcr;
		break;
	case LSR:
		value = read_line(model);
		break;
	case MSR:
		value = read_modem(model);
		break;
	case SCR:
		value = model->kind == FAKE_UART_8250 ? 0xff : model->scr;
		break;
	}
	update(model);
	return value;
}

static void write_data(struct fake_uart *model, uint8_t byte)
{
	model->empty_pending = false;
	if (model->tx_count == depth(model)) {
		model->tx_lost++;
		return;
	}
	model->tx[model->tx_count++] = byte;
	if (model->tx_count > model->tx_most)
		model->tx_most = model->tx_count;
}

static void write_fifo(struct fake_uart *model, uint8_t value)
{
	bool on = value & 1;

	if (model->kind < FAKE_UART_16550)
		return;
	if (on != model->fifo || value & 2) {
		model->cleared += model->rx_count;
		model->rx_count = 0;
	}
	if (on != model->fifo || value & 4) {
		model->cleared += model->tx_count;
		model->tx_count = 0;
	}
	model->fifo = on;
}

static void model_write(void *context, uint32_t offset, unsigned bits, uint64_t wide)
{
	struct fake_uart *model = context;
	uint8_t value = (uint8_t)wide;

	if (bits != 8)
		fake_violate(model->fake, "a serial port was written with %u bits", bits);
	if (model->absent)
		return;
	if (model->lcr & 0x80 && offset <= IER) {
		*(offset ? &model->dlm : &model->dll) = value;
		return;
	}
	switch (offset) {
	case RBR:
		write_data(model, value);
		break;
	case IER:
		if (value & ~model->ier & 2 && !model->tx_count)
			model->empty_pending = true;
		model->ier = value & 0x0f;
		break;
	case IIR:
		write_fifo(model, value);
		break;
	case LCR:
		model->lcr = value;
		break;
	case MCR:
		if (value & 0x10)
			model->looped += model->tx_count;
		model->mcr = value & 0x1f;
		break;
	case SCR:
		model->scr = value;
		break;
	}
	update(model);
}

/* The line takes all that is in the transmitter. */
static bool model_work(void *context)
{
	struct fake_uart *model = context;

	if (!model->tx_count || model->held)
		return false;
	for (unsigned i = 0; i < model->tx_count && model->out_count < FAKE_UART_OUT_MAX; i++)
		model->out[model->out_count++] = model->tx[i];
	model->tx_count = 0;
	model->empty_pending = true;
	update(model);
	return true;
}

void fake_uart_attach(struct fake_uart *model, struct fake *fake, enum fake_uart_kind kind)
{
	*model = (struct fake_uart){ .fake = fake, .kind = kind };
	fake_window(fake, 0, WINDOW_PORT, 8, model_read, model_write, model);
	fake->vectors_max = 1;
	fake->work = model_work;
	fake->work_context = model;
}

void fake_uart_receive(struct fake_uart *model, uint8_t byte, uint8_t errors)
{
	if (model->rx_count == depth(model)) {
		model->overrun = true;
	} else {
		model->rx[model->rx_count].byte = byte;
		model->rx[model->rx_count++].errors = errors;
	}
	update(model);
}

void fake_uart_leftover(struct fake_uart *model, uint8_t byte)
{
	model->tx[model->tx_count++] = byte;
}
