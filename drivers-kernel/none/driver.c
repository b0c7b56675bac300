/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Instead of backend/ and class/, in an image that carries no driver: there is none to find, so
 * there is no ring-0 instance either. The last step of a migration.
 */
#include <kernel/device.h>

const struct shim_driver *kernel_driver_find(const char *name)
{
	(void)name;
	return NULL;
}

const struct shim_driver *kernel_driver_match(const struct device_info *info)
{
	(void)info;
	return NULL;
}

bool driver_matches(const struct shim_driver *driver, const struct device_info *info)
{
	(void)driver, (void)info;
	return false;
}

enum error kernel_instance_start(struct device *device, const struct shim_driver *driver)
{
	(void)device, (void)driver;
	return ERR_UNSUPPORTED;
}

enum error kernel_instance_prepare(struct device *device, const struct shim_driver *driver,
				   struct kernel_instance **instance)
{
	(void)device, (void)driver, (void)instance;
	return ERR_UNSUPPORTED;
}

enum error kernel_instance_adopt(struct kernel_instance *instance)
{
	(void)instance;
	return ERR_UNSUPPORTED;
}

void kernel_instance_post(struct kernel_instance *instance, uint64_t bits)
{
	(void)instance, (void)bits;
}

void kernel_instance_interrupt(struct kernel_instance *instance, unsigned index)
{
	(void)instance, (void)index;
}

void kernel_instance_doorbell(struct kernel_instance *instance, unsigned queue)
{
	(void)instance, (void)queue;
}

void kernel_instance_hand_over(struct kernel_instance *instance)
{
	(void)instance;
}

void kernel_instance_end(struct kernel_instance *instance)
{
	(void)instance;
}
