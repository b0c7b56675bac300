/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Marker NOPs (nopl imm32(%rax,%rax,1)): legal in both rings, free without the counting plugin of
 * tests/bench, which takes a snapshot at each. The immediate carries a magic in its upper half.
 */
#ifndef ABI_MARKER_H
#define ABI_MARKER_H

#define MARKER_MAGIC              0x4d4b0000
#define MARKER_BEGIN              0x0001         /* a measured segment begins */
#define MARKER_END                0x0002         /* ... ends */
#define MARKER_OPERATION          0x0003         /* one operation of the segment is complete */
#define MARKER_SWITCH             0x0004         /* the kernel changed the address space */
#define MARKER_IDLE_ENTER         0x0005         /* instructions from here ... */
#define MARKER_IDLE_LEAVE         0x0006         /* ... to here are the idle loop, counted apart */
#define MARKER_POINT(n)           (0x0100 + (n)) /* a one-off stamp, n < 256 */
#define MARKER_POINT_KERNEL_ENTRY MARKER_POINT(0)
#define MARKER_POINT_PROMPT       MARKER_POINT(1)
#define MARKER_POINT_INTERRUPT \
	MARKER_POINT(2)                     /* entry of a trap or interrupt; ends the idle loop */
#define MARKER_POINT_DRIVER MARKER_POINT(3) /* first instruction of a driver's interrupt method */
#define MARKER_POINT_PAUSE  MARKER_POINT(4) /* clients begin to wait: freeze, stop or death */
#define MARKER_POINT_LIVE   MARKER_POINT(5) /* ... the new instance serves */

#define MARKER(tag)                                               \
	__asm__ volatile(".byte 0x0f,0x1f,0x84,0x00\n\t.long %c0" \
			 :                                        \
			 : "i"(MARKER_MAGIC | (tag))              \
			 : "memory")

#endif
