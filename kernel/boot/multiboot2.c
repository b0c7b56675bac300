/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The boot loader's tags, checked and copied out, and the memory map made sane. Touches nothing but
 * its arguments: tests/unit runs it on the host.
 * Source: Multiboot2 Specification 2.0 §3.4, §3.6.
 */
#include <kernel/boot.h>

#include <lib/string.h>

#define PAGE_BYTES 4096ull

enum tag_type {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_ELF_SECTIONS = 9,
	TAG_EFI32 = 11,
	TAG_EFI64 = 12,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15
};

struct tag {
	uint32_t type;
	uint32_t size_bytes; /* with this head, without padding to 8 */
	uint8_t data[];
};

struct tag_module {
	uint32_t start, end; /* physical; then the module's command line */
};

struct tag_memory_map {
	uint32_t entry_bytes, entry_version;
	uint8_t entries[];
};

struct map_entry {
	uint64_t paddr, size_bytes;
	uint32_t kind, reserved;
};
_Static_assert(sizeof(struct map_entry) == 24, "map_entry is 24 bytes");

struct tag_framebuffer {
	uint64_t paddr;
	uint32_t pitch_bytes, width, height;
	uint8_t bits_per_pixel, type;
	uint16_t reserved;
	uint8_t red_shift, red_bits, green_shift, green_bits, blue_shift, blue_bits;
} __attribute__((packed));
_Static_assert(sizeof(struct tag_framebuffer) == 30, "tag_framebuffer is 30 bytes");
#define FRAMEBUFFER_RGB 1

struct tag_elf_sections {
	uint32_t count, entry_bytes, names_index;
	uint8_t headers[];
};

struct section_header {
	uint32_t name, type;
	uint64_t flags, vaddr, file_offset, size_bytes;
	uint32_t link, info;
	uint64_t alignment, entry_bytes;
};
_Static_assert(sizeof(struct section_header) == 64, "section_header is 64 bytes");
#define SECTION_SYMTAB 2
#define SECTION_STRTAB 3

static uint64_t page_up(uint64_t value)
{
	return (value + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static uint64_t page_down(uint64_t value)
{
	return value & ~(PAGE_BYTES - 1);
}

/* Addresses beyond 2^52 cannot be physical; this also keeps every sum below from wrapping. */
static bool is_physical(uint64_t paddr, uint64_t size_bytes)
{
	return paddr < 1ull << 52 && size_bytes <= (1ull << 52) - paddr;
}

/* The area's whole pages are taken for good. */
static void reserve(struct boot_info *info, uint64_t paddr, uint64_t size_bytes)
{
	uint64_t start = page_down(paddr);

	if (!size_bytes || !is_physical(paddr, size_bytes) ||
	    info->reserved_count == BOOT_RESERVED_MAX)
		return;
	info->reserved[info->reserved_count++] =
		(struct boot_area){ start, page_up(paddr + size_bytes) - start };
}

static void read_cmdline(const struct tag *tag, uint32_t bytes, struct boot_info *info)
{
	size_t length = strnlen((const char *)tag->data, bytes);

	if (length >= BOOT_CMDLINE_MAX)
		length = BOOT_CMDLINE_MAX - 1;
	memcpy(info->cmdline, tag->data, length);
	info->cmdline[length] = 0;
}

static void read_module(const struct tag *tag, uint32_t bytes, struct boot_info *info)
{
	struct tag_module module;

	if (bytes < sizeof(module))
		return;
	memcpy(&module, tag->data, sizeof(module));
	if (module.end <= module.start)
		return;
	reserve(info, module.start, module.end - module.start);
	if (!info->archive.size_bytes)
		info->archive = (struct boot_area){ module.start, module.end - module.start };
}

static void read_framebuffer(const struct tag *tag, uint32_t bytes, struct boot_info *info)
{
	struct tag_framebuffer from;

	if (bytes < sizeof(from))
		return;
	memcpy(&from, tag->data, sizeof(from));
	if (from.type != FRAMEBUFFER_RGB ||
	    (from.bits_per_pixel != 32 && from.bits_per_pixel != 24) || !from.width ||
	    !from.height || !is_physical(from.paddr, 0) ||
	    from.pitch_bytes / (from.bits_per_pixel / 8) < from.width)
		return;
	info->framebuffer = (struct boot_framebuffer){
		.paddr = from.paddr,
		.pitch_bytes = from.pitch_bytes,
		.width = from.width,
		.height = from.height,
		.bits_per_pixel = from.bits_per_pixel,
		.red_shift = from.red_shift,
		.red_bits = from.red_bits,
		.green_shift = from.green_shift,
		.green_bits = from.green_bits,
		.blue_shift = from.blue_shift,
		.blue_bits = from.blue_bits,
	};
}

static struct section_header read_header(const struct tag_elf_sections *sections, uint32_t index)
{
	struct section_header header;

	memcpy(&header, sections->headers + (size_t)index * sizeof(header), sizeof(header));
	return header;
}

/* GRUB loads .symtab and .strtab somewhere and writes where into their headers. */
static void read_elf_sections(const struct tag *tag, uint32_t bytes, struct boot_info *info)
{
	const struct tag_elf_sections *sections = (const void *)tag->data;

	if (bytes < sizeof(*sections) || sections->entry_bytes != sizeof(struct section_header) ||
	    sections->count > (bytes - sizeof(*sections)) / sizeof(struct section_header))
		return;
	for (uint32_t i = 0; i < sections->count; i++) {
		struct section_header symbols = read_header(sections, i), strings;

		if (symbols.type != SECTION_SYMTAB || symbols.link >= sections->count)
			continue;
		strings = read_header(sections, symbols.link);
		if (strings.type != SECTION_STRTAB || !symbols.vaddr || !strings.vaddr ||
		    !is_physical(symbols.vaddr, symbols.size_bytes) ||
		    !is_physical(strings.vaddr, strings.size_bytes))
			continue;
		info->symbols = (struct boot_area){ symbols.vaddr, symbols.size_bytes };
		info->strings = (struct boot_area){ strings.vaddr, strings.size_bytes };
		reserve(info, symbols.vaddr, symbols.size_bytes);
		reserve(info, strings.vaddr, strings.size_bytes);
		return;
	}
}

static void read_rsdp(const struct tag *tag, uint32_t bytes, struct boot_info *info)
{
	unsigned wanted = tag->type == TAG_ACPI_NEW ? 36 : 20;

	/* The new one wins in either order. */
	if (bytes < wanted || info->rsdp_bytes >= wanted)
		return;
	memcpy(info->rsdp, tag->data, wanted);
	info->rsdp_bytes = wanted;
}

/* Where two entries overlap, the one that is less usable holds. */
static unsigned strictness(uint32_t kind)
{
	switch (kind) {
	case BOOT_MEMORY_USABLE:
		return 0;
	case BOOT_MEMORY_ACPI:
		return 1;
	case BOOT_MEMORY_NVS:
		return 2;
	case BOOT_MEMORY_BAD:
		return 4;
	default:
		return 3;
	}
}

static void insert(struct boot_info *info, unsigned at, struct boot_memory memory)
{
	if (!memory.size_bytes || info->memory_count == BOOT_MEMORY_MAX)
		return;
	memmove(&info->memory[at + 1], &info->memory[at],
		(info->memory_count - at) * sizeof(memory));
	info->memory[at] = memory;
	info->memory_count++;
}

static void remove_entry(struct boot_info *info, unsigned at)
{
	info->memory_count--;
	memmove(&info->memory[at], &info->memory[at + 1],
		(info->memory_count - at) * sizeof(info->memory[0]));
}

/* Cut [start, end) out of what is listed and less strict than `kind`. */
static void cut_out(struct boot_info *info, uint64_t start, uint64_t end, uint32_t kind)
{
	for (unsigned i = 0; i < info->memory_count;) {
		struct boot_memory old = info->memory[i];
		uint64_t old_end = old.paddr + old.size_bytes;

		if (old.paddr >= end || old_end <= start ||
		    strictness(old.kind) > strictness(kind)) {
			i++;
			continue;
		}
		remove_entry(info, i);
		if (old_end > end)
			insert(info, i, (struct boot_memory){ end, old_end - end, old.kind });
		if (old.paddr < start)
			insert(info, i,
			       (struct boot_memory){ old.paddr, start - old.paddr, old.kind });
	}
}

/* List [start, end) as `kind`, but for the parts that something stricter holds already. */
static void add_memory(struct boot_info *info, uint64_t start, uint64_t end, uint32_t kind)
{
	cut_out(info, start, end, kind);
	for (unsigned i = 0; start < end && info->memory_count < BOOT_MEMORY_MAX; i++) {
		uint64_t stop = end, next = end;

		if (i < info->memory_count) {
			next = info->memory[i].paddr + info->memory[i].size_bytes;
			if (next <= start)
				continue;
			if (info->memory[i].paddr < end)
				stop = info->memory[i].paddr;
		}
		if (stop > start) {
			insert(info, i, (struct boot_memory){ start, stop - start, kind });
			i++;
		}
		start = stop < end ? next : end;
	}
}

static void read_memory_map(const struct tag *tag, uint32_t bytes, struct boot_info *info)
{
	const struct tag_memory_map *map = (const void *)tag->data;
	uint32_t used = sizeof(*map);

	if (bytes < sizeof(*map) || map->entry_bytes < sizeof(struct map_entry))
		return;
	for (; bytes - used >= map->entry_bytes; used += map->entry_bytes) {
		struct map_entry entry;

		memcpy(&entry, tag->data + used, sizeof(entry));
		if (!is_physical(entry.paddr, entry.size_bytes))
			continue;
		if (entry.kind == BOOT_MEMORY_USABLE) {
			uint64_t start = page_up(entry.paddr);
			uint64_t end = page_down(entry.paddr + entry.size_bytes);

			if (end > start)
				add_memory(info, start, end, entry.kind);
		} else {
			uint32_t kind =
				entry.kind >= BOOT_MEMORY_ACPI && entry.kind <= BOOT_MEMORY_BAD
					? entry.kind
					: BOOT_MEMORY_RESERVED;

			add_memory(info, page_down(entry.paddr),
				   page_up(entry.paddr + entry.size_bytes), kind);
		}
	}
}

static void merge_neighbours(struct boot_info *info)
{
	for (unsigned i = 1; i < info->memory_count;) {
		struct boot_memory *left = &info->memory[i - 1], *right = &info->memory[i];

		if (left->kind == right->kind && left->paddr + left->size_bytes == right->paddr) {
			left->size_bytes += right->size_bytes;
			remove_entry(info, i);
		} else {
			i++;
		}
	}
}

/* The lowest reserved area that begins below `end` and ends above `start`. */
static const struct boot_area *first_reserved(const struct boot_info *info, uint64_t start,
					      uint64_t end)
{
	const struct boot_area *first = NULL;

	for (unsigned i = 0; i < info->reserved_count; i++) {
		const struct boot_area *area = &info->reserved[i];

		if (area->paddr < end && area->paddr + area->size_bytes > start &&
		    (!first || area->paddr < first->paddr))
			first = area;
	}
	return first;
}

static void list_free(struct boot_info *info, uint64_t start, uint64_t end)
{
	while (start < end && info->free_count < BOOT_MEMORY_MAX) {
		const struct boot_area *area = first_reserved(info, start, end);
		uint64_t stop = area ? area->paddr : end;

		if (stop > start)
			info->free[info->free_count++] = (struct boot_area){ start, stop - start };
		start = area ? area->paddr + area->size_bytes : end;
	}
}

static void sum_up(struct boot_info *info)
{
	for (unsigned i = 0; i < info->memory_count; i++) {
		const struct boot_memory *memory = &info->memory[i];
		uint64_t end = memory->paddr + memory->size_bytes;

		if (memory->kind != BOOT_MEMORY_USABLE)
			continue;
		info->usable_bytes += memory->size_bytes;
		info->usable_end = end;
		list_free(info, memory->paddr < BOOT_LOW_BYTES ? BOOT_LOW_BYTES : memory->paddr,
			  end);
	}
}

static void read_tag(const struct tag *tag, struct boot_info *info)
{
	uint32_t bytes = tag->size_bytes - sizeof(*tag);

	switch (tag->type) {
	case TAG_CMDLINE:
		read_cmdline(tag, bytes, info);
		break;
	case TAG_MODULE:
		read_module(tag, bytes, info);
		break;
	case TAG_MEMORY_MAP:
		read_memory_map(tag, bytes, info);
		break;
	case TAG_FRAMEBUFFER:
		read_framebuffer(tag, bytes, info);
		break;
	case TAG_ELF_SECTIONS:
		read_elf_sections(tag, bytes, info);
		break;
	case TAG_EFI32:
	case TAG_EFI64:
		info->efi = true;
		break;
	case TAG_ACPI_OLD:
	case TAG_ACPI_NEW:
		read_rsdp(tag, bytes, info);
		break;
	}
}

enum error multiboot2_parse(const void *data, uint64_t size_limit, struct boot_area kernel,
			    struct boot_info *info)
{
	const uint8_t *bytes = data;
	uint32_t size_bytes, offset = 8;

	memset(info, 0, sizeof(*info));
	if (size_limit < 8)
		return ERR_CORRUPT;
	memcpy(&size_bytes, bytes, 4);
	if (size_bytes < 8 || size_bytes > size_limit)
		return ERR_CORRUPT;
	reserve(info, kernel.paddr, kernel.size_bytes);
	while (size_bytes - offset >= sizeof(struct tag)) {
		const struct tag *tag = (const void *)(bytes + offset);

		if (tag->type == TAG_END)
			break;
		if (tag->size_bytes < sizeof(*tag) || tag->size_bytes > size_bytes - offset)
			return ERR_CORRUPT;
		read_tag(tag, info);
		/* Tags are padded to 8; the last one need not be. */
		if (size_bytes - offset - tag->size_bytes < (-tag->size_bytes & 7))
			break;
		offset += (tag->size_bytes + 7) & ~7u;
	}
	merge_neighbours(info);
	sum_up(info);
	return info->free_count ? OK : ERR_CORRUPT;
}
