/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walking the kernel's registry. See runtime/devices.h.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

bool device_next(uint32_t *id, struct device_info *device)
{
	if (SYS3(SYS_DEVICE_LIST, runtime_handle(STARTUP_REGISTRY), *id, (uintptr_t)device).error !=
	    OK)
		return false;
	*id = device->id + 1;
	return true;
}

bool device_unit_next(uint32_t device, uint32_t *unit, struct unit_info *info)
{
	if (SYS4(SYS_DEVICE_UNIT, runtime_handle(STARTUP_REGISTRY), device, *unit, (uintptr_t)info)
		    .error != OK)
		return false;
	*unit = info->unit + 1;
	return true;
}

bool driver_next(uint32_t *index, struct driver_info *driver)
{
	if (SYS3(SYS_DRIVER_LIST, runtime_handle(STARTUP_REGISTRY), *index, (uintptr_t)driver)
		    .error != OK)
		return false;
	++*index;
	return true;
}

bool process_next(uint32_t *pid, struct process_info *process)
{
	if (SYS3(SYS_PROCESS_LIST, runtime_handle(STARTUP_REGISTRY), *pid, (uintptr_t)process)
		    .error != OK)
		return false;
	*pid = process->pid + 1;
	return true;
}

static const char *const placements[] = {
	[PLACEMENT_OFF] = "off",
	[PLACEMENT_KERNEL] = "kernel",
	[PLACEMENT_USER] = "user",
};

const char *placement_text(uint32_t placement)
{
	return placement <= PLACEMENT_USER ? placements[placement] : "?";
}

bool placement_from_text(const char *text, enum placement *placement)
{
	for (unsigned i = 0; i <= PLACEMENT_USER; i++)
		if (strcmp(text, placements[i]) == 0) {
			*placement = (enum placement)i;
			return true;
		}
	return false;
}

const char *device_class_text(uint32_t class_id)
{
	static const char *const text[CLASS_COUNT] = {
#define CLASS_TEXT(name, folder) #folder,
		DEVICE_CLASSES(CLASS_TEXT)
#undef CLASS_TEXT
	};

	return class_id < CLASS_COUNT ? text[class_id] : "?";
}

const char *instance_state_text(uint32_t state)
{
	static const char *const text[] = {
		[INSTANCE_NONE] = "stopped",  [INSTANCE_PROBING] = "probing",
		[INSTANCE_LIVE] = "live",     [INSTANCE_STOPPING] = "stopping",
		[INSTANCE_FAILED] = "failed",
	};

	return state <= INSTANCE_FAILED ? text[state] : "?";
}
