/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers of the 16550A, eight ports. Source: National Semiconductor PC16550D, June 1995, §8.
 */
#ifndef UART_REGS_H
#define UART_REGS_H

/*      name          port    access, section */
#define UART_RBR       0u /* RO  received byte */
#define UART_THR       0u /* WO  byte to send */
#define UART_DLL       0u /* RW  divisor, low (LCR.DLAB = 1) §8.3 */
#define UART_IER       1u /* RW  interrupt enable §8.6 */
#define UART_DLM       1u /* RW  divisor, high (LCR.DLAB = 1) */
#define UART_IIR       2u /* RO  interrupt identification §8.5 */
#define UART_FCR       2u /* WO  FIFO control §8.4 */
#define UART_LCR       3u /* RW  line control §8.1 */
#define UART_MCR       4u /* RW  modem control §8.7 */
#define UART_LSR       5u /* RO  line status §8.2; reading clears the errors */
#define UART_MSR       6u /* RO  modem status §8.8; reading clears the changes */
#define UART_SCR       7u /* RW  scratch §8.9 */
#define UART_REGISTERS 8u

#define UART_IER_RECEIVED 0x01u
#define UART_IER_EMPTY    0x02u
#define UART_IER_LINE     0x04u
#define UART_IER_ALL      0x0fu
#define UART_IIR_NONE     0x01u
#define UART_IIR_FIFO     0xc0u /* both: 16550A; the upper alone: 16550, whose FIFO does not work */
#define UART_FCR_ENABLE   0x01u
#define UART_FCR_TRIGGER8 0x80u
#define UART_LCR_8N1      0x03u
#define UART_LCR_DLAB     0x80u
#define UART_MCR_DTR      0x01u
#define UART_MCR_RTS      0x02u
#define UART_MCR_OUT2     0x08u /* PC: connects the interrupt */
#define UART_MCR_LOOP     0x10u
#define UART_LSR_DATA     0x01u
#define UART_LSR_OVERRUN  0x02u
#define UART_LSR_PARITY   0x04u
#define UART_LSR_FRAMING  0x08u
#define UART_LSR_BREAK    0x10u
#define UART_LSR_EMPTY    0x20u /* the transmit FIFO */
#define UART_LSR_IDLE     0x40u /* and the shift register */
#define UART_MSR_LINES    0xf0u
#define UART_MSR_LOOPED   0x90u /* RTS and OUT2 come back as CTS and DCD */

#define UART_FIFO_BYTES     16u
#define UART_DIVISOR_115200 1u /* 1.8432 MHz / 16 / 115200 */

#endif
