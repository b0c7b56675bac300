/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Command lines by chance: every setting stays one that there is.
 */
/* sources: kernel/boot/cmdline.c shim/lib/text.c */
#include <kernel/cmdline.h>

#include "fuzz.h"

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	static const char *const seeds[] = {
		" ahci=kernel  loglevel=debug\tidle=poll maxcpus=2 run=systest,block,a=b ",
		"loglevel=0 loglevel=5 ahci=off ahci=user idle=halt",
		"maxcpus=18446744073709551617",
		"pci=kernel uart=off uart=nowhere nonsense run= = ahci",
	};

	if (number >= sizeof(seeds) / sizeof(seeds[0]))
		return 0;
	memcpy(bytes, seeds[number], strlen(seeds[number]));
	return strlen(seeds[number]);
}

static void warn(const char *text)
{
	FUZZ_CHECK(strlen(text) < 1024);
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	char *text = (char *)fuzz_exact(bytes, size_bytes);
	struct cmdline line = {
		.log_level = LOG_INFO,
		.cpu_max = 64,
		.driver_count = 2,
		.driver = { { "pci", PLACEMENT_KERNEL, PLACEMENT_KERNEL, true },
			    { "ahci", PLACEMENT_USER, PLACEMENT_USER, true } },
	};

	if (size_bytes) {
		text[size_bytes - 1] = 0;
		cmdline_parse(text, &line, warn);
	}
	FUZZ_CHECK(line.log_level < LOG_LEVEL_COUNT && line.driver_count == 2);
	FUZZ_CHECK(line.cpu_max >= 1 && line.cpu_max <= CMDLINE_CPU_MAX);
	FUZZ_CHECK(memchr(line.run, 0, sizeof(line.run)));
	for (unsigned i = 0; i < line.driver_count; i++)
		FUZZ_CHECK(line.driver[i].placement <= PLACEMENT_USER);
	free(text);
}
