/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The debug console of Bochs and QEMU (-debugcon, isa-debugcon): one port that takes bytes, and
 * reads back its own number where it exists. Source: QEMU docs, hw/char/debugcon.c.
 */
#include <kernel/early.h>
#include <kernel/port.h>

#define DEBUGCON_PORT 0xe9

static bool present;

bool debugcon_init(void)
{
	present = port_read8(DEBUGCON_PORT) == DEBUGCON_PORT;
	return present;
}

void debugcon_write(const char *text, size_t size_bytes)
{
	if (!present)
		return;
	__asm__ volatile("rep outsb"
			 : "+S"(text), "+c"(size_bytes)
			 : "d"((uint16_t)DEBUGCON_PORT)
			 : "memory");
}
