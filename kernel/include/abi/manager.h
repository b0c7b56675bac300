/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The device manager's service protocol: what programs ask of it, as labels of messages to its
 * endpoint. Names are packed into the four words, zero-padded. The reply's label is an enum error.
 */
#ifndef ABI_MANAGER_H
#define ABI_MANAGER_H

enum manager_call {
	MANAGER_VERSION = 1, /* -> word 0: MANAGER_PROTOCOL_VERSION */
	MANAGER_OPEN, /* (device id, unit) -> handle: a grant with RIGHT_OPEN for that unit */
	MANAGER_DRIVER_START, /* (driver name in words 0-1, enum placement in word 2) every stopped
				 device of it */
	MANAGER_DRIVER_STOP,  /* (driver name in words 0-1) every device of it, quiesced */
	MANAGER_DRIVER_MOVE,  /* (driver name in words 0-1, enum placement in word 2, MOVE_* in word
				 3) -> word 0: 1, it was cold; word 1: the longest pause, ns */
	MANAGER_DRIVER_KILL,  /* (driver name in words 0-1) its processes, as if they had crashed
				 -> word 1: the longest pause, ns */
	MANAGER_RUN,          /* (program name in words 0-3) -> word 0: pid, handle: the process */
	MANAGER_SETTLED       /* answered when every device that has a driver is live or failed */
};

/* How to move: hot keeps the requests in flight in flight, cold stops the driver and starts it
 * afresh. */
enum manager_move { MOVE_HOT_ELSE_COLD, MOVE_HOT_ONLY, MOVE_COLD };

#endif
