/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry's devices, units and drivers, walked from C. Needs STARTUP_REGISTRY.
 *
 * How to use: start with an id (unit, index) of 0 and call until false:
 *	for (uint32_t id = 0; device_next(&id, &device);)
 */
#ifndef RUNTIME_DEVICES_H
#define RUNTIME_DEVICES_H

#include <stdbool.h>

#include <abi/syscall.h>

/** The first device with at least id *id; *id is then the next one to ask for. */
bool device_next(uint32_t *id, struct device_info *device);

/** The first unit of a device with at least number *unit; *unit is then the next to ask for. */
bool device_unit_next(uint32_t device, uint32_t *unit, struct unit_info *info);

/** The driver at *index of the kernel's placement table; *index is then the next to ask for. */
bool driver_next(uint32_t *index, struct driver_info *driver);

/** The first process with at least pid *pid; *pid is then the next to ask for. */
bool process_next(uint32_t *pid, struct process_info *process);

/** "kernel", "user" or "off". */
const char *placement_text(uint32_t placement);

/** The other way round; false if it is none of them. */
bool placement_from_text(const char *text, enum placement *placement);

/** "none", "bus", "block", ... by enum device_class. */
const char *device_class_text(uint32_t class_id);

/** "stopped", "probing", "live", ... by enum instance_state. */
const char *instance_state_text(uint32_t state);

#endif
