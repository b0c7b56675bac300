/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The shell's small helpers: numbers, sizes, durations, completions of what exists.
 */
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/disk.h>

#include "shell.h"

bool number_argument(const char *what, const char *text, uint64_t *value)
{
	const char *end = string_to_u64(text, value);

	if (end && *end == 0)
		return true;
	print("%s: expected a number (decimal, or 0x...), got '%s'\n", what, text);
	return false;
}

/* Three digits or so: value / unit with one decimal. */
static const char *scaled(char text[24], uint64_t value, uint64_t unit, const char *name)
{
	uint64_t whole = value / unit, tenth = (value % unit) * 10 / unit;

	if (unit == 1)
		snprintf(text, 24, "%llu %s", (unsigned long long)whole, name);
	else
		snprintf(text, 24, "%llu.%llu %s", (unsigned long long)whole,
			 (unsigned long long)tenth, name);
	return text;
}

const char *size_text(uint64_t bytes, char text[24])
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	unsigned step = 0;

	while (step < 5 && bytes >> (10 * step) >= 1024)
		step++;
	return scaled(text, bytes, (uint64_t)1 << (10 * step), names[step]);
}

const char *duration_text(uint64_t ns, char text[24])
{
	if (ns < 1000)
		return scaled(text, ns, 1, "ns");
	if (ns < 1000000)
		return scaled(text, ns, 1000, "us");
	if (ns < SECOND_NS)
		return scaled(text, ns, 1000000, "ms");
	return scaled(text, ns, SECOND_NS, "s");
}

const char *complete_from(const char *const *list, unsigned index)
{
	for (unsigned i = 0; list[i]; i++)
		if (i == index)
			return list[i];
	return NULL;
}

const char *complete_disk(unsigned index)
{
	static char names[32][DISK_NAME_BYTES];
	static struct disk_entry entry;
	uint32_t at = index;

	if (index >= 32 || !disk_next(&at, &entry))
		return NULL;
	string_copy(names[index], DISK_NAME_BYTES, entry.name);
	return names[index];
}

const char *complete_driver(unsigned index)
{
	static char names[32][DRIVER_NAME_BYTES + 1];
	struct driver_info driver;
	uint32_t at = index;

	if (index >= 32 || !driver_next(&at, &driver))
		return NULL;
	memcpy(names[index], driver.name, DRIVER_NAME_BYTES);
	return names[index];
}
