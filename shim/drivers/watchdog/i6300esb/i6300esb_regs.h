/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers of the 6300ESB's watchdog timer. Source: Intel 6300ESB I/O Controller Hub Datasheet,
 * 300641-004US, November 2007, §16.
 */
#ifndef I6300ESB_REGS_H
#define I6300ESB_REGS_H

/* Window 0, 16 bytes. Each write but the first two to RELOAD needs the unlocking sequence. */
#define I6300ESB_PRELOAD1 0x00 /* 32 bits: ticks of the first stage, bits 19:0 */
#define I6300ESB_PRELOAD2 0x04 /* 32 bits: of the second */
#define I6300ESB_RELOAD   0x0c /* 16 bits */
#define I6300ESB_WINDOW   0x10 /* bytes */

#define I6300ESB_PRELOAD_MAX    0xfffffu
#define I6300ESB_RELOAD_UNLOCK1 0x80u
#define I6300ESB_RELOAD_UNLOCK2 0x86u
#define I6300ESB_RELOAD_NOW     (1u << 8) /* load PRELOAD1, count on from there */
#define I6300ESB_RELOAD_TIMEOUT (1u << 9) /* it has reset the machine; cleared by writing 1 */

/* Configuration space. */
#define I6300ESB_CONFIG 0x60 /* 16 bits */
#define I6300ESB_CONFIG_QUIET                                              \
	3u /* first stage without interrupt; prescaler 2^15, reset enabled \
	    */

#define I6300ESB_LOCK        0x68 /* 8 bits */
#define I6300ESB_LOCK_LOCKED (1u << 0)
#define I6300ESB_LOCK_ENABLE (1u << 1)

#define I6300ESB_PCI_KHZ   33000u     /* the counter's clock, before ... */
#define I6300ESB_PRESCALER (1u << 15) /* ... this */

#endif
