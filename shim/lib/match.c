/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Matching of devices and drivers: an exact id beats a class with its interface, and that beats a
 * class alone. Source: PCI 3.0 §6.2.1.
 */
#include <lib/match.h>
#include <lib/string.h>

enum { FIT_NONE, FIT_CLASS, FIT_INTERFACE, FIT_VENDOR, FIT_EXACT };

static unsigned match_class(const struct shim_match *match, const struct device_info *info)
{
	if (match->class_code != info->class_code || match->subclass != info->subclass)
		return FIT_NONE;
	if (match->interface == 0xff)
		return FIT_CLASS;
	return match->interface == info->interface ? FIT_INTERFACE : FIT_NONE;
}

static unsigned match_id(const struct shim_match *match, const struct device_info *info)
{
	if (match->vendor_id != SHIM_ANY && match->vendor_id != info->vendor_id)
		return FIT_NONE;
	if (match->device_id == SHIM_ANY)
		return match->vendor_id == SHIM_ANY ? FIT_CLASS : FIT_VENDOR;
	return match->device_id == info->device_id ? FIT_EXACT : FIT_NONE;
}

static unsigned match_one(const struct shim_match *match, const struct device_info *info)
{
	if (match->kind == SHIM_MATCH_PLATFORM && info->bus == BUS_PLATFORM)
		return strncmp(match->name, info->platform, sizeof(match->name)) == 0 ? FIT_EXACT
										      : FIT_NONE;
	if (info->bus != BUS_PCI)
		return FIT_NONE;
	if (match->kind == SHIM_MATCH_PCI_CLASS)
		return match_class(match, info);
	return match->kind == SHIM_MATCH_PCI_ID ? match_id(match, info) : FIT_NONE;
}

unsigned driver_match(const struct shim_driver *driver, const struct device_info *info)
{
	unsigned best = FIT_NONE;

	for (unsigned i = 0; i < SHIM_MATCH_MAX; i++) {
		unsigned fit = match_one(&driver->match[i], info);

		if (fit > best)
			best = fit;
	}
	return best;
}
