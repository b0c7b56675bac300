/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The device manager, inside. drivers.c knows which drivers there are, policy.c what shall run
 * where, act.c does it by system calls, children.c watches processes, service.c answers callers,
 * main.c ties them into the event loop. Messages: doc/manager-protocol.md.
 */
#ifndef MANAGER_MANAGER_H
#define MANAGER_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/device.h>
#include <abi/error.h>
#include <abi/handle.h>
#include <abi/manager.h>
#include <abi/message.h>
#include <shim/driver.h>

#define DEVICES_MAX    64
#define DRIVERS_MAX    32
#define ORDERS_MAX     16
#define DEATHS_MAX     3 /* restarts after deaths in a row */
#define START_LIMIT_NS (UINT64_C(10) * 1000000000)
#define STOP_LIMIT_NS  (UINT64_C(5) * 1000000000)
#define MOVE_LIMIT_NS  (UINT64_C(5) * 1000000000) /* the kernel's own limits are shorter */
#define RESTART_NS     (UINT64_C(100) * 1000000) /* the first delay; each next four times as long */
#define HEALTHY_NS     (UINT64_C(60) * 1000000000) /* lived as long: earlier deaths are forgotten */

/* --- drivers.c --- */

struct driver {
	const struct shim_driver *manifest; /* its plain front part */
	uint8_t placement;                  /* in force: enum placement */
	bool in_kernel;                     /* there is a ring-0 image */
	bool in_archive;                    /* there is a ring-3 image */
	bool is_bus;
	char name[DRIVER_NAME_BYTES + 1];
	char path[48]; /* in the archive: "drivers/block/ahci" */
};

/** Read the manifest, the archive and the kernel's list of placements. */
void drivers_read(void);

/** The driver that fits a device best; NULL: none, or it is switched off. */
struct driver *drivers_match(const struct device_info *info);

struct driver *drivers_find(const char *name);

/* --- policy.c --- */

enum step {
	STEP_NONE,     /* no instance */
	STEP_STARTING, /* from the order to start until it is live */
	STEP_LIVE,
	STEP_STANDBY, /* live; a process gets ready to take over */
	STEP_MOVING,  /* live; the kernel lets it change hands */
	STEP_STOPPING,
	STEP_WAITING, /* died; the timer starts it again */
	STEP_FAILED   /* gave up, or taken out */
};

/* A call that is answered when the last of its devices is through. */
struct order {
	uint64_t token; /* 0: free */
	unsigned waiting;
	enum error result; /* the first error */
	bool cold;         /* a move: one at least was */
	uint64_t pause_ns; /* the longest */
};

struct device {
	uint32_t id; /* 0: free */
	uint32_t parent;
	uint8_t step;    /* enum step */
	uint8_t ring;    /* enum placement: of the instance, or where to start it */
	uint8_t next;    /* ring to move to; PLACEMENT_OFF: stay stopped */
	uint8_t back;    /* ring to return to if the start there fails */
	uint8_t how;     /* enum manager_move */
	bool killed;     /* its death was ordered */
	unsigned deaths; /* in a row */
	unsigned starts; /* of processes and ring-0 instances; numbers them */
	uint64_t live_since_ns;
	struct driver *driver;
	struct order *order;
	char name[DEVICE_NAME_BYTES];
};

extern struct device devices[DEVICES_MAX];

/** A device as the registry shows it: adopt its instance, or start one if a driver fits. */
void policy_device(const struct device_info *info);

/** News of a device: EVENT_*, and how it stands now. */
void policy_event(const struct device_info *info, uint32_t events);

/** The timer of devices[index] is over. */
void policy_timer(unsigned index);

/** The process of start number `start` ended. If it never attached, nobody else says so. */
void policy_process_ended(uint32_t device_id, unsigned start);

/** Orders: each ends in act_reply() with their token, now or later. */
void policy_start(uint64_t token, struct driver *driver, uint32_t ring);
void policy_stop(uint64_t token, struct driver *driver);
void policy_move(uint64_t token, struct driver *driver, uint32_t ring, enum manager_move how);
void policy_kill(uint64_t token, struct driver *driver);

/** Stop the drivers of serial lines: the kernel's log is on its console again. */
void policy_free_console(void);

/** Every device that has a driver is live, stopped or failed. */
bool policy_settled(void);

/* --- children.c --- */

/* What a process is to the manager. */
enum child_kind { CHILD_FREE, CHILD_DRIVER, CHILD_MAIN };

/** Begin to watch processes: `bits` are raised at `notification` when one ends. */
void children_open(handle_t notification, uint64_t bits);

/** Start a device's driver process. */
MUST_CHECK enum error children_start_driver(const struct device *device, handle_t grant);

/** Kill the process that was started last for a device. */
void children_kill_driver(const struct device *device);

/** Start a program with the authority of the shell, to be watched by the manager.
 *
 * @param line      "NAME" or "NAME,ARG,ARG": bin/NAME of the archive
 * @param endpoint  the manager's, to call
 */
MUST_CHECK enum error children_start_main(const char *line, handle_t endpoint);

/** The same for a caller, who watches it.
 *
 * @param[out] process  to be closed; unchanged on error
 */
MUST_CHECK enum error children_start_program(const char *line, handle_t endpoint,
					     handle_t *process);

/** Report and forget those that have ended.
 *
 * @return true: one of kind CHILD_MAIN was among them
 */
bool children_reap(void);

/* --- service.c --- */

/** Answer a call at the manager's endpoint, now or later. */
void service_call(const struct message *message, handle_t endpoint);

/** Answer those who wait for settled devices. */
void service_settled(void);

/* --- act.c; tests have their own --- */

MUST_CHECK enum error act_start(const struct device *device);
MUST_CHECK enum error act_stop(const struct device *device);
MUST_CHECK enum error act_kill(const struct device *device);

/** Start a process that stands by to take the device over; end it. */
MUST_CHECK enum error act_standby(const struct device *device);
void act_standby_end(const struct device *device);

/** Let the device change hands, to device->next. */
MUST_CHECK enum error act_move(const struct device *device);

void act_reply(uint64_t token, enum error error);
void act_reply_order(const struct order *order);
void act_timer(unsigned index, uint64_t deadline_ns); /* 0: disarm */
uint64_t act_now_ns(void);

/** Let the manager's loop serve the policy's timers. */
struct loop;
void act_open(struct loop *loop);

__attribute__((format(printf, 2, 3))) void act_log(int level, const char *format, ...);

#endif
