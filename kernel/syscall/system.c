/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls about the log, time, power and the system as a whole.
 */
#include <lib/string.h>

#include <generated/autoconf.h>
#include <generated/version.h>
#include <kernel/boot.h>
#include <kernel/cmdline.h>
#include <kernel/layout.h>
#include <kernel/log.h>
#include <kernel/power.h>
#include <kernel/time.h>

#include "syscall.h"

#define DEBUG_BYTES_MAX 4096

static enum error registry_check(uint64_t handle, uint32_t rights)
{
	struct handle_entry *entry;

	return handle_lookup(caller(), (handle_t)handle, OBJECT_REGISTRY, rights, &entry);
}

HANDLER(sys_log_write)
{
	char text[LOG_LINE_BYTES];
	size_t length = c < sizeof(text) ? c : sizeof(text) - 1;
	enum error error = user_read(text, user(b), length);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (a <= LOG_PANIC || a >= LOG_LEVEL_COUNT)
		return failed(ERR_INVALID);
	if (!process_may_log(caller(), 1))
		return failed(ERR_BUDGET);
	log_write_pid((enum log_level)a, caller()->pid, text, length);
	return done(0);
}

HANDLER(sys_log_read)
{
	struct log_record record;
	enum error error = registry_check(a, RIGHT_READ);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error)
		error = log_read(b, &record);
	if (!error)
		error = user_write(user(c), &record, sizeof(record));
	return failed(error);
}

HANDLER(sys_debug_write)
{
	char text[256];
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (!error && c > DEBUG_BYTES_MAX)
		error = ERR_RANGE;
	while (!error && c) {
		size_t chunk = c < sizeof(text) ? c : sizeof(text);

		error = user_read(text, user(b), chunk);
		if (!error)
			console_debug_write(text, chunk);
		b += chunk;
		c -= chunk;
	}
	return failed(error);
}

HANDLER(sys_time_now)
{
	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return done(time_now_ns());
}

HANDLER(sys_system_info)
{
	struct frame_stats frames = frame_stats();
	struct system_info info = {
		.memory_bytes = boot_info.usable_bytes,
		.memory_free_bytes = frames.free_pages * PAGE_SIZE,
		.kernel_code_bytes = (uint64_t)(__text_end - __text_start),
		.kernel_data_bytes = (uint64_t)(__bss_end - __rodata_start),
		.heap_bytes = heap_bytes(),
		.cpu_count = cpu_count,
		.process_count = process_count(),
		.thread_count = thread_total(),
		.object_count = object_count(),
		.uptime_ns = time_now_ns(),
		.tsc_hz = tsc_hz,
		.switches = process_switches(),
		.version = EFT_VERSION,
		.configuration = EFT_CONFIGURATION,
	};

	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	string_copy(info.cmdline, sizeof(info.cmdline), boot_info.cmdline);
	return failed(user_write(user(a), &info, sizeof(info)));
}

HANDLER(sys_power)
{
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (b == POWER_OFF)
		power_off();
	if (b == POWER_REBOOT)
		power_reboot();
	return failed(ERR_INVALID);
}

HANDLER(sys_test_exit)
{
	enum error error = registry_check(a, RIGHT_MANAGE);

	UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	power_test_exit((uint32_t)b);
}
