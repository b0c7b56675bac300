/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The two 8259s, switched off. They are moved away from the exceptions first, since a spurious
 * interrupt passes the mask. Source: Intel 8259A datasheet (231468).
 */
#include <kernel/apic.h>
#include <kernel/port.h>

#define PIC_MASTER        0x20
#define PIC_SLAVE         0xa0
#define PIC_DATA          1
#define PIC_ICW1          0x11 /* edge, cascade, ICW4 follows */
#define PIC_ICW4          0x01 /* 8086 mode */
#define PIC_MASTER_VECTOR 0x20
#define PIC_SLAVE_VECTOR  0x28
#define PIC_CASCADE_INPUT 2

static void set_up(uint16_t port, uint8_t vector, uint8_t cascade)
{
	port_write8(port, PIC_ICW1);
	port_write8(port + PIC_DATA, vector);
	port_write8(port + PIC_DATA, cascade);
	port_write8(port + PIC_DATA, PIC_ICW4);
	port_write8(port + PIC_DATA, 0xff);
}

void pic_disable(void)
{
	set_up(PIC_MASTER, PIC_MASTER_VECTOR, 1 << PIC_CASCADE_INPUT);
	set_up(PIC_SLAVE, PIC_SLAVE_VECTOR, PIC_CASCADE_INPUT);
}
