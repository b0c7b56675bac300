/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command line of this boot, on top of what the configuration says.
 */
#include <generated/autoconf.h>
#include <generated/placement.h>

#include <kernel/boot.h>
#include <kernel/cmdline.h>
#include <kernel/log.h>

#include <shim/driver.h>

#include <lib/string.h>

struct cmdline cmdline;

extern const struct shim_driver __start_shim_drivers[], __stop_shim_drivers[];

/* The build knows a driver's class by its folder. */
enum {
#define CLASS_OF(name, folder) CLASS_OF_##folder = CLASS_##name,
	DEVICE_CLASSES(CLASS_OF)
#undef CLASS_OF
};

static const struct {
	const char *name;
	enum placement placement;
	uint8_t class_id;
} placements[] = {
#define PLACEMENT_ROW(name, placement, folder) { name, placement, CLASS_OF_##folder },
	PLACEMENT_TABLE(PLACEMENT_ROW)
#undef PLACEMENT_ROW
};

static bool is_in_image(const char *name)
{
	for (const struct shim_driver *d = __start_shim_drivers; d < __stop_shim_drivers; d++)
		if (!strncmp(d->name, name, DRIVER_NAME_BYTES))
			return true;
	return false;
}

static void warn(const char *line)
{
	log_warning("%s", line);
}

void cmdline_init(void)
{
	cmdline.log_level = CONFIG_LOG_LEVEL;
	cmdline.cpu_max = CONFIG_MAX_CPUS;
	for (unsigned i = 0; i < sizeof(placements) / sizeof(placements[0]); i++) {
		struct cmdline_driver *driver = &cmdline.driver[cmdline.driver_count++];

		string_copy(driver->name, sizeof(driver->name), placements[i].name);
		driver->placement_default = (uint8_t)placements[i].placement;
		driver->placement = (uint8_t)placements[i].placement;
		driver->class_id = (uint8_t)placements[i].class_id;
		driver->in_kernel = is_in_image(placements[i].name);
	}
	cmdline_parse(boot_info.cmdline, &cmdline, warn);
	if (cmdline.cpu_max > CONFIG_MAX_CPUS) {
		log_warning("command line: maxcpus=%u: this configuration starts at most %u",
			    cmdline.cpu_max, CONFIG_MAX_CPUS);
		cmdline.cpu_max = CONFIG_MAX_CPUS;
	}
	log_set_console_level(cmdline.log_level);
}
