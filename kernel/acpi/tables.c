/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading ACPI's static tables. Touches nothing but its arguments and what `map` gives it:
 * tests/unit runs it on the host. Source: ACPI Specification 6.4 §5.2; HPET 1.0a §3.2.4; PCI
 * Firmware 3.0 §4.1.2; Intel VT-d 3.0 §8.
 */
#include <kernel/acpi.h>

#include <lib/format.h>
#include <lib/string.h>

#define TABLE_BYTES_MAX (16u << 20) /* no sound table is larger */
#define ROOT_TABLES_MAX 256

struct table_head {
	char signature[4];
	uint32_t size_bytes; /* of the whole table */
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision, creator, creator_revision;
};
_Static_assert(sizeof(struct table_head) == 36, "table_head is 36 bytes");

/* Offsets in the tables: what is read is small, and every table has its own revisions. */
#define MADT_LAPIC_PADDR    36
#define MADT_FLAGS          40
#define MADT_ENTRIES        44
#define MADT_FLAG_8259      1u
#define MADT_CPU_ENABLED    1u
#define FADT_DSDT           40
#define FADT_SMI_COMMAND    48
#define FADT_ACPI_ENABLE    52
#define FADT_PM1A_CONTROL   64
#define FADT_PM1B_CONTROL   68
#define FADT_PM_TIMER       76
#define FADT_PM_TIMER_BYTES 91
#define FADT_FLAGS          112
#define FADT_RESET          116
#define FADT_RESET_VALUE    128
#define FADT_X_DSDT         140
#define FADT_FLAG_TIMER_32  (1u << 8)
#define FADT_FLAG_RESET     (1u << 10)
#define HPET_ADDRESS        40
#define MCFG_ENTRIES        44
#define MCFG_ENTRY_BYTES    16
#define DMAR_WIDTH          36
#define DMAR_ENTRIES        48

enum madt_type {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9
};

struct reader {
	acpi_map_fn map;
	acpi_warn_fn warn;
	struct acpi_info *info;
};

__attribute__((format(printf, 2, 3))) static void warn_of(const struct reader *reader,
							  const char *format, ...)
{
	char text[160];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	reader->warn(text);
}

static uint16_t read16(const uint8_t *from)
{
	return (uint16_t)(from[0] | from[1] << 8);
}

static uint32_t read32(const uint8_t *from)
{
	return read16(from) | (uint32_t)read16(from + 2) << 16;
}

static uint64_t read64(const uint8_t *from)
{
	return read32(from) | (uint64_t)read32(from + 4) << 32;
}

static bool sum_is_zero(const uint8_t *bytes, uint32_t size_bytes)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < size_bytes; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* Map a whole table, check length and sum. NULL: it counts as absent, and was warned of. */
static const uint8_t *map_table(const struct reader *reader, uint64_t paddr, uint32_t bytes_least,
				uint32_t *size_bytes)
{
	const struct table_head *head = reader->map(paddr, sizeof(*head));
	const uint8_t *table;
	struct table_head copy;

	if (!head) {
		warn_of(reader, "acpi: the table at 0x%lx cannot be reached", (unsigned long)paddr);
		return NULL;
	}
	memcpy(&copy, head, sizeof(copy));
	if (copy.size_bytes < bytes_least || copy.size_bytes > TABLE_BYTES_MAX) {
		warn_of(reader, "acpi: %.4s has %u bytes, expected %u to %u: ignored",
			copy.signature, copy.size_bytes, bytes_least, TABLE_BYTES_MAX);
		return NULL;
	}
	table = reader->map(paddr, copy.size_bytes);
	if (!table || !sum_is_zero(table, copy.size_bytes)) {
		warn_of(reader, "acpi: %.4s has a wrong checksum: ignored", copy.signature);
		return NULL;
	}
	*size_bytes = copy.size_bytes;
	return table;
}

static void add_cpu(struct acpi_info *info, uint32_t id, uint32_t flags)
{
	if (!(flags & MADT_CPU_ENABLED))
		return;
	for (unsigned i = 0; i < info->cpu_count; i++)
		if (info->cpu[i] == id)
			return;
	if (id >= 255 || info->cpu_count == ACPI_CPU_MAX)
		info->cpu_ignored++;
	else
		info->cpu[info->cpu_count++] = (uint8_t)id;
}

static void add_ioapic(struct acpi_info *info, const uint8_t *entry)
{
	if (info->ioapic_count < ACPI_IOAPIC_MAX)
		info->ioapic[info->ioapic_count++] = (struct acpi_ioapic){
			.id = entry[2], .gsi_base = read32(entry + 8), .paddr = read32(entry + 4)
		};
}

/* Flags [ACPI 6.4 table 5.29]: two bits each, 0 is what the bus does: ISA is high and edge. */
static void add_override(struct acpi_info *info, const uint8_t *entry)
{
	uint16_t flags = read16(entry + 8);

	if (entry[2] != 0 || entry[3] > 15 || info->override_count == ACPI_OVERRIDE_MAX)
		return;
	info->override[info->override_count++] = (struct acpi_override){
		.isa_irq = entry[3],
		.flags = (uint8_t)(((flags & 3) == 3 ? ACPI_ACTIVE_LOW : 0) |
				   ((flags >> 2 & 3) == 3 ? ACPI_LEVEL : 0)),
		.gsi = read32(entry + 4),
	};
}

static void read_madt_entry(struct acpi_info *info, const uint8_t *entry, uint8_t bytes)
{
	switch (entry[0]) {
	case MADT_LAPIC:
		if (bytes >= 8)
			add_cpu(info, entry[3], read32(entry + 4));
		break;
	case MADT_X2APIC:
		if (bytes >= 16)
			add_cpu(info, read32(entry + 4), read32(entry + 8));
		break;
	case MADT_IOAPIC:
		if (bytes >= 12)
			add_ioapic(info, entry);
		break;
	case MADT_OVERRIDE:
		if (bytes >= 10)
			add_override(info, entry);
		break;
	case MADT_LAPIC_ADDRESS:
		if (bytes >= 12)
			info->lapic_paddr = read64(entry + 4);
		break;
	}
}

static void read_madt(const struct reader *reader, const uint8_t *table, uint32_t size_bytes)
{
	struct acpi_info *info = reader->info;

	info->lapic_paddr = read32(table + MADT_LAPIC_PADDR);
	info->has_8259 = read32(table + MADT_FLAGS) & MADT_FLAG_8259;
	for (uint32_t at = MADT_ENTRIES; size_bytes - at >= 2;) {
		uint8_t bytes = table[at + 1];

		if (bytes < 2 || bytes > size_bytes - at) {
			warn_of(reader,
				"acpi: APIC has an entry of %u bytes at %u: the rest is ignored",
				bytes, at);
			return;
		}
		read_madt_entry(info, table + at, bytes);
		at += bytes;
	}
}

static void read_hpet(const struct reader *reader, const uint8_t *table, uint32_t size_bytes)
{
	(void)size_bytes;
	if (table[HPET_ADDRESS] == ACPI_SPACE_MEMORY)
		reader->info->hpet_paddr = read64(table + HPET_ADDRESS + 4);
}

static void read_mcfg(const struct reader *reader, const uint8_t *table, uint32_t size_bytes)
{
	struct acpi_info *info = reader->info;

	for (uint32_t at = MCFG_ENTRIES;
	     size_bytes - at >= MCFG_ENTRY_BYTES && info->mcfg_count < ACPI_MCFG_MAX;
	     at += MCFG_ENTRY_BYTES) {
		struct acpi_mcfg mcfg = { .paddr = read64(table + at),
					  .segment = read16(table + at + 8),
					  .bus_start = table[at + 10],
					  .bus_end = table[at + 11] };

		if (!mcfg.paddr || mcfg.paddr & 0xfffff || mcfg.bus_start > mcfg.bus_end)
			warn_of(reader, "acpi: MCFG has a bad entry at %u: ignored", at);
		else
			info->mcfg[info->mcfg_count++] = mcfg;
	}
}

static void read_dmar(const struct reader *reader, const uint8_t *table, uint32_t size_bytes)
{
	struct acpi_info *info = reader->info;

	info->has_dmar = true;
	info->dmar_address_bits = (uint8_t)(table[DMAR_WIDTH] + 1);
	for (uint32_t at = DMAR_ENTRIES; size_bytes - at >= 4;) {
		uint16_t bytes = read16(table + at + 2);

		if (bytes < 4 || bytes > size_bytes - at) {
			warn_of(reader,
				"acpi: DMAR has an entry of %u bytes at %u: the rest is ignored",
				bytes, at);
			return;
		}
		if (read16(table + at) == 0 && bytes >= 16 && info->drhd_count < ACPI_DRHD_MAX)
			info->drhd_paddr[info->drhd_count++] = read64(table + at + 8);
		at += bytes;
	}
}

/* One constant of AML, as _S5_'s package has them: ZeroOp, OneOp or BytePrefix [§20.2.3]. */
static bool read_constant(const uint8_t **at, const uint8_t *end, uint8_t *value)
{
	if (*at < end && (**at == 0x00 || **at == 0x01)) {
		*value = *(*at)++;
		return true;
	}
	if (end - *at >= 2 && **at == 0x0a) {
		*value = (*at)[1];
		*at += 2;
		return true;
	}
	return false;
}

/* "_S5_" after NameOp, then PackageOp, length, count, and the two sleep types [§7.4.2, §20.2.5]. */
static bool read_s5(const uint8_t *name, const uint8_t *end, struct acpi_info *info)
{
	const uint8_t *at = name + 4;
	uint8_t type_a, type_b;

	if (name[-1] != 0x08 && !(name[-1] == '\\' && name[-2] == 0x08))
		return false;
	if (end - at < 2 || at[0] != 0x12)
		return false;
	at += 2 + (at[1] >> 6); /* PackageOp, and the length's 1 to 4 bytes */
	if (end - at < 1 || *at++ < 2)
		return false;
	if (!read_constant(&at, end, &type_a) || !read_constant(&at, end, &type_b) || type_a > 7 ||
	    type_b > 7)
		return false;
	info->has_s5 = true;
	info->s5_type_a = type_a;
	info->s5_type_b = type_b;
	return true;
}

static void scan_dsdt(const struct reader *reader, uint64_t paddr)
{
	uint32_t size_bytes;
	const uint8_t *table = map_table(reader, paddr, sizeof(struct table_head), &size_bytes);

	if (!table)
		return;
	for (uint32_t at = sizeof(struct table_head) + 2; size_bytes - at > 4 && at < size_bytes;
	     at++)
		if (!memcmp(table + at, "_S5_", 4) &&
		    read_s5(table + at, table + size_bytes, reader->info))
			return;
}

static void read_reset(struct acpi_info *info, const uint8_t *table)
{
	struct acpi_register reset = { .space = table[FADT_RESET],
				       .bit_width = table[FADT_RESET + 1],
				       .address = read64(table + FADT_RESET + 4) };

	if (reset.bit_width == 8 && reset.address &&
	    (reset.space == ACPI_SPACE_MEMORY ||
	     (reset.space == ACPI_SPACE_PORT && reset.address < 0x10000))) {
		info->reset = reset;
		info->reset_value = table[FADT_RESET_VALUE];
	}
}

static uint16_t read_port(const uint8_t *from)
{
	uint32_t port = read32(from);

	return port < 0x10000 ? (uint16_t)port : 0;
}

static void read_fadt(const struct reader *reader, const uint8_t *table, uint32_t size_bytes)
{
	struct acpi_info *info = reader->info;
	uint32_t flags = read32(table + FADT_FLAGS);
	uint64_t dsdt = read32(table + FADT_DSDT);

	info->has_fadt = true;
	info->smi_command_port = read_port(table + FADT_SMI_COMMAND);
	info->acpi_enable_value = table[FADT_ACPI_ENABLE];
	info->pm1a_control_port = read_port(table + FADT_PM1A_CONTROL);
	info->pm1b_control_port = read_port(table + FADT_PM1B_CONTROL);
	if (table[FADT_PM_TIMER_BYTES] == 4)
		info->pm_timer_port = read_port(table + FADT_PM_TIMER);
	info->pm_timer_32bit = flags & FADT_FLAG_TIMER_32;
	if (size_bytes > FADT_RESET_VALUE && flags & FADT_FLAG_RESET)
		read_reset(info, table);
	if (size_bytes >= FADT_X_DSDT + 8 && read64(table + FADT_X_DSDT))
		dsdt = read64(table + FADT_X_DSDT);
	if (dsdt)
		scan_dsdt(reader, dsdt);
}

static const struct {
	char signature[5];
	uint32_t bytes_least;
	void (*read)(const struct reader *reader, const uint8_t *table, uint32_t size_bytes);
} tables[] = {
	{ "APIC", MADT_ENTRIES, read_madt }, { "FACP", FADT_RESET, read_fadt },
	{ "HPET", 56, read_hpet },           { "MCFG", MCFG_ENTRIES, read_mcfg },
	{ "DMAR", DMAR_ENTRIES, read_dmar },
};
#define TABLE_KINDS (sizeof(tables) / sizeof(tables[0]))

/* Read one table of the root's list, each kind once. */
static void read_table(const struct reader *reader, uint64_t paddr, unsigned *seen)
{
	const uint8_t *head = reader->map(paddr, sizeof(struct table_head)), *table;
	uint32_t size_bytes;

	if (!head) {
		warn_of(reader, "acpi: the table at 0x%lx cannot be reached", (unsigned long)paddr);
		return;
	}
	for (unsigned i = 0; i < TABLE_KINDS; i++) {
		if (memcmp(head, tables[i].signature, 4) || *seen & 1u << i)
			continue;
		table = map_table(reader, paddr, tables[i].bytes_least, &size_bytes);
		if (!table)
			return;
		*seen |= 1u << i;
		tables[i].read(reader, table, size_bytes);
		return;
	}
}

static void read_root(const struct reader *reader, uint64_t paddr, unsigned entry_bytes)
{
	uint32_t size_bytes, count;
	unsigned seen = 0;
	const uint8_t *root = map_table(reader, paddr, sizeof(struct table_head), &size_bytes);

	if (!root)
		return;
	if (memcmp(root, entry_bytes == 8 ? "XSDT" : "RSDT", 4)) {
		warn_of(reader, "acpi: the root table is called %.4s", (const char *)root);
		return;
	}
	reader->info->present = true;
	count = (size_bytes - (uint32_t)sizeof(struct table_head)) / entry_bytes;
	if (count > ROOT_TABLES_MAX)
		count = ROOT_TABLES_MAX;
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *entry = root + sizeof(struct table_head) + (size_t)i * entry_bytes;
		uint64_t table = entry_bytes == 8 ? read64(entry) : read32(entry);

		if (table)
			read_table(reader, table, &seen);
	}
}

void acpi_parse(const void *rsdp, unsigned rsdp_bytes, acpi_map_fn map, acpi_warn_fn warn,
		struct acpi_info *info)
{
	const uint8_t *root = rsdp;
	struct reader reader = { .map = map, .warn = warn, .info = info };

	memset(info, 0, sizeof(*info));
	info->lapic_paddr = 0xfee00000;
	if (rsdp_bytes < 20 || memcmp(root, "RSD PTR ", 8) || !sum_is_zero(root, 20)) {
		warn("acpi: there is no sound root pointer");
		return;
	}
	/* Revision 2 has the extended table, under a checksum of its own [§5.2.5.3]. */
	if (root[15] >= 2 && rsdp_bytes >= 36 && sum_is_zero(root, 36) && read64(root + 24))
		read_root(&reader, read64(root + 24), 8);
	if (!info->present && read32(root + 16))
		read_root(&reader, read32(root + 16), 4);
}
