/* SPDX-License-Identifier: BSD-2-Clause
 *
 * This machine's ACPI tables, read once at boot through the boot page tables, which hold all of the
 * first 4 GiB.
 */
#include <kernel/acpi.h>
#include <kernel/boot.h>
#include <kernel/layout.h>
#include <kernel/log.h>

struct acpi_info acpi;

static const void *map_early(uint64_t paddr, uint64_t size_bytes)
{
	if (paddr >= KERNEL_EARLY_BYTES || size_bytes > KERNEL_EARLY_BYTES - paddr)
		return NULL;
	return phys_pointer(paddr);
}

static void warn(const char *line)
{
	log_warning("%s", line);
}

void acpi_init(void)
{
	acpi_parse(boot_info.rsdp, boot_info.rsdp_bytes, map_early, warn, &acpi);
	log_info("acpi: %u processors, %u I/O APICs, %u overrides, %u ECAM areas, power-off %s, "
		 "IOMMU %s",
		 acpi.cpu_count, acpi.ioapic_count, acpi.override_count, acpi.mcfg_count,
		 acpi.has_s5 && acpi.pm1a_control_port ? "yes" : "no",
		 acpi.has_dmar ? "yes" : "no");
	if (!acpi.cpu_count)
		log_warning("acpi: no table lists the processors: only the first one runs");
	if (acpi.cpu_ignored)
		log_warning("acpi: %u processors are ignored: more than %u, or ids above 254",
			    acpi.cpu_ignored, ACPI_CPU_MAX);
}
