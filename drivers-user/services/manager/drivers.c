/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which drivers there are: the manifest that the build put into the archive, the driver programs
 * beside it, and the kernel's list of placements in force.
 */
#include <lib/format.h>
#include <lib/match.h>
#include <lib/string.h>
#include <runtime/archive.h>
#include <runtime/print.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

#include "manager.h"

static struct driver drivers[DRIVERS_MAX];
static unsigned driver_count;

static const char *const class_folder[CLASS_COUNT] = {
#define CLASS_FOLDER(name, folder) #folder,
	DEVICE_CLASSES(CLASS_FOLDER)
#undef CLASS_FOLDER
};

static void add_driver(const struct shim_driver *manifest)
{
	struct driver *driver = &drivers[driver_count];
	struct archive_file file;

	if (manifest->shim_version != SHIM_VERSION || manifest->class_id >= CLASS_COUNT ||
	    manifest->class_id == CLASS_NONE || driver_count == DRIVERS_MAX) {
		log_line(LOG_WARNING, "manager: entry %u of drivers.manifest is none",
			 driver_count);
		return;
	}
	driver->manifest = manifest;
	driver->is_bus = manifest->class_id == CLASS_BUS;
	memcpy(driver->name, manifest->name, DRIVER_NAME_BYTES);
	snprintf(driver->path, sizeof(driver->path), "drivers/%s/%s",
		 class_folder[manifest->class_id], driver->name);
	driver->in_archive = runtime_file(driver->path, &file) == OK;
	driver->placement = PLACEMENT_OFF;
	driver_count++;
}

static void read_placements(void)
{
	handle_t registry = runtime_handle(STARTUP_REGISTRY);
	struct driver_info info;

	for (uint64_t i = 0; SYS3(SYS_DRIVER_LIST, registry, i, (uintptr_t)&info).error == OK;
	     i++) {
		char name[DRIVER_NAME_BYTES + 1] = "";
		struct driver *driver;

		memcpy(name, info.name, DRIVER_NAME_BYTES);
		driver = drivers_find(name);
		if (!driver)
			continue;
		driver->placement = info.placement;
		driver->in_kernel = info.in_kernel_image != 0;
	}
}

void drivers_read(void)
{
	struct archive_file file;
	enum error error = runtime_file("drivers.manifest", &file);

	if (error) {
		log_line(LOG_ERROR, "manager: no drivers.manifest: %s", error_text(error));
		return;
	}
	for (size_t at = 0; file.size_bytes - at >= sizeof(struct shim_driver);
	     at += sizeof(struct shim_driver)) {
		/* The archive aligns to four bytes only. */
		static struct shim_driver manifest[DRIVERS_MAX];

		if (driver_count == DRIVERS_MAX)
			break;
		memcpy(&manifest[driver_count], file.data + at, sizeof(struct shim_driver));
		add_driver(&manifest[driver_count]);
	}
	read_placements();
}

struct driver *drivers_match(const struct device_info *info)
{
	struct driver *best = NULL;
	unsigned best_fit = 0;

	for (unsigned i = 0; i < driver_count; i++) {
		unsigned fit = drivers[i].placement == PLACEMENT_OFF
				       ? 0
				       : driver_match(drivers[i].manifest, info);

		if (fit > best_fit) {
			best = &drivers[i];
			best_fit = fit;
		}
	}
	return best;
}

struct driver *drivers_find(const char *name)
{
	for (unsigned i = 0; i < driver_count; i++)
		if (strcmp(drivers[i].name, name) == 0)
			return &drivers[i];
	return NULL;
}
