/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The last part of the boot order: processors, the devices of ring 0, the first process.
 */
#include <kernel/acpi.h>
#include <kernel/cmdline.h>
#include <kernel/cpu.h>
#include <kernel/device.h>
#include <kernel/init.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/process.h>
#include <kernel/sched.h>
#include <kernel/smp.h>

void core_init(void)
{
	unsigned found = acpi.cpu_count ? acpi.cpu_count : 1;
	unsigned wanted = found > cmdline.cpu_max ? cmdline.cpu_max : found;

	sched_idle_poll = cmdline.idle_poll;
	if (cpu_prepare_secondaries(wanted))
		panic("boot: no memory for %u processors", wanted);
	timer_cpu_start(this_cpu());
	sched_cpu_start(this_cpu());
	cpu_count = wanted;
	device_init();
	process_start_manager();
	cpu_count = smp_start();
	log_info("cpu: %u of %u processors run", cpu_count, found);
}
