/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's first C, and the order of everything after it.
 */
#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/boot.h>
#include <kernel/cmdline.h>
#include <kernel/init.h>
#include <kernel/layout.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/power.h>
#include <kernel/symbols.h>
#include <kernel/time.h>

struct boot_info boot_info;

static void read_boot_information(uint32_t magic, uint64_t mbi_paddr)
{
	struct boot_area kernel = { KERNEL_IMAGE_PADDR, (uint64_t)(__kernel_end - __kernel_start) };

	if (magic != BOOT_MAGIC)
		panic("the boot loader is not a multiboot2 one: magic 0x%x", magic);
	if (multiboot2_parse(phys_pointer(mbi_paddr), KERNEL_EARLY_BYTES - mbi_paddr, kernel,
			     &boot_info))
		panic("the boot information is damaged, or lists no memory");
	log_info("boot: %s, %lu MiB of memory, archive of %lu KiB", boot_info.efi ? "UEFI" : "BIOS",
		 boot_info.usable_bytes >> 20, boot_info.archive.size_bytes >> 10);
	log_info("boot: command line: %s", boot_info.cmdline);
}

__attribute__((noreturn)) void kernel_main(uint32_t magic, uint64_t mbi_paddr);
void kernel_main(uint32_t magic, uint64_t mbi_paddr)
{
	tsc_base = tsc_read();
	log_init();
	log_notice("Eft starts");
	read_boot_information(magic, mbi_paddr);
	symbols_init();
	cmdline_init();
	acpi_init();
	time_init();
	cpu_boot_init();
	mm_init(&boot_info);
	pic_disable();
	lapic_init();
	ioapic_init();
	power_init();
	core_init();
	cpu_boot_main();
}
