/* SPDX-License-Identifier: BSD-2-Clause
 *
 * COM1 by polling, for the kernel's console as long as no UART driver is live.
 * Source: TI PC16550D datasheet (SNLS378C) §8.
 */
#include <kernel/early.h>
#include <kernel/port.h>

/*      register        offset     access, section */
#define SERIAL_BASE     0x3f8
#define SERIAL_THR      0 /* W  8.0  transmit holding; divisor low while LCR.DLAB */
#define SERIAL_IER      1 /* RW 8.7  interrupt enable; divisor high while LCR.DLAB */
#define SERIAL_FCR      2 /* W  8.5  FIFO control */
#define SERIAL_LCR      3 /* RW 8.1  line control */
#define SERIAL_MCR      4 /* RW 8.8  modem control */
#define SERIAL_LSR      5 /* R  8.4  line status */
#define SERIAL_SCR      7 /* RW 8.10 scratch */
#define SERIAL_LCR_8N1  0x03
#define SERIAL_LCR_DLAB 0x80
#define SERIAL_FCR_ON   0x07 /* enabled, both sides cleared */
#define SERIAL_MCR_ON   0x03 /* DTR, RTS; OUT2 off keeps the interrupt line quiet */
#define SERIAL_LSR_THRE 0x20
#define SERIAL_LSR_TEMT 0x40
#define SERIAL_DIVISOR  1 /* 115200 baud */
#define SERIAL_POLLS    100000

static bool scratch_holds(uint8_t value)
{
	port_write8(SERIAL_BASE + SERIAL_SCR, value);
	return port_read8(SERIAL_BASE + SERIAL_SCR) == value;
}

bool serial_init(void)
{
	if (!scratch_holds(0xa5) || !scratch_holds(0x5a))
		return false;
	port_write8(SERIAL_BASE + SERIAL_IER, 0);
	port_write8(SERIAL_BASE + SERIAL_LCR, SERIAL_LCR_DLAB);
	port_write8(SERIAL_BASE + SERIAL_THR, SERIAL_DIVISOR);
	port_write8(SERIAL_BASE + SERIAL_IER, 0);
	port_write8(SERIAL_BASE + SERIAL_LCR, SERIAL_LCR_8N1);
	port_write8(SERIAL_BASE + SERIAL_FCR, SERIAL_FCR_ON);
	port_write8(SERIAL_BASE + SERIAL_MCR, SERIAL_MCR_ON);
	return true;
}

static void wait_for(uint8_t status)
{
	for (unsigned i = 0; i < SERIAL_POLLS; i++)
		if (port_read8(SERIAL_BASE + SERIAL_LSR) & status)
			return;
}

static void put(char character)
{
	wait_for(SERIAL_LSR_THRE);
	port_write8(SERIAL_BASE + SERIAL_THR, (uint8_t)character);
}

void serial_write(const char *text, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++) {
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
}

void serial_drain(void)
{
	wait_for(SERIAL_LSR_TEMT);
}
