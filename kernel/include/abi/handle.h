/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Handles: how a process names kernel objects, and what it may do with them. A handle is valid in
 * one process's table only; messages and process creation carry handles from table to table.
 */
#ifndef ABI_HANDLE_H
#define ABI_HANDLE_H

#include <stdint.h>

/** Table index in the low 20 bits, the slot's generation above: a stale handle is refused. 0 is
 * none. */
typedef uint32_t handle_t;
#define HANDLE_NONE       ((handle_t)0)
#define HANDLE_INDEX_BITS 20

/* What a handle lets its holder do. DUPLICATE keeps or drops rights, never adds. */
enum {
	RIGHT_READ = 1u << 0,      /* memory: map readable; objects: query */
	RIGHT_WRITE = 1u << 1,     /* memory: map writable; notification, session: signal, kick */
	RIGHT_EXECUTE = 1u << 2,   /* memory: map executable */
	RIGHT_WAIT = 1u << 3,      /* notification: wait; endpoint: receive */
	RIGHT_CALL = 1u << 4,      /* endpoint: call */
	RIGHT_TRANSFER = 1u << 5,  /* may travel in a message */
	RIGHT_DUPLICATE = 1u << 6, /* may be duplicated */
	RIGHT_MANAGE = 1u << 7,    /* process: kill; registry, device: administer */
	RIGHT_INSTANCE = 1u << 8,  /* device grant: be the driver instance */
	RIGHT_OPEN = 1u << 9,      /* device grant: create sessions on the badge's unit */
	RIGHT_REVOKE = 1u << 10,   /* object: revoke every handle to it */
	RIGHT_ALL = (1u << 11) - 1
};

/* What an object is. */
enum object_type {
	OBJECT_NONE,
	OBJECT_PROCESS,
	OBJECT_THREAD,
	OBJECT_MEMORY,
	OBJECT_ENDPOINT,
	OBJECT_NOTIFICATION,
	OBJECT_TIMER,
	OBJECT_DEVICE, /* a device grant */
	OBJECT_SESSION,
	OBJECT_REGISTRY, /* the root of authority: all devices, log, power */
	OBJECT_TYPE_COUNT
};

#endif
