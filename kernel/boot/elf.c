/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checking executables and finding symbols. Touches nothing but its arguments: tests/unit runs it
 * on the host. Source: ELF-64 Object File Format 1.5; System V ABI, AMD64 supplement 1.0.
 */
#include <kernel/elf.h>

#include <lib/string.h>

#define PAGE_BYTES 4096ull

struct elf_header {
	uint8_t magic[4], class, encoding, version, os_abi, abi_version, padding[7];
	uint16_t type, machine;
	uint32_t version2;
	uint64_t entry, program_offset, section_offset;
	uint32_t flags;
	uint16_t header_bytes, program_bytes, program_count;
	uint16_t section_bytes, section_count, section_names;
};
_Static_assert(sizeof(struct elf_header) == 64, "elf_header is 64 bytes");
#define ELF_CLASS_64        2
#define ELF_LITTLE_ENDIAN   1
#define ELF_TYPE_EXECUTABLE 2
#define ELF_MACHINE_X86_64  62

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, file_bytes, memory_bytes, alignment;
};
_Static_assert(sizeof(struct elf_program) == 56, "elf_program is 56 bytes");
#define ELF_PROGRAM_LOAD        1
#define ELF_PROGRAM_DYNAMIC     2
#define ELF_PROGRAM_INTERPRETER 3
#define ELF_FLAG_EXECUTE        1u
#define ELF_FLAG_WRITE          2u
#define ELF_FLAG_READ           4u

struct elf_section {
	uint32_t name, type;
	uint64_t flags, vaddr, offset, size_bytes;
	uint32_t link, info;
	uint64_t alignment, entry_bytes;
};
_Static_assert(sizeof(struct elf_section) == 64, "elf_section is 64 bytes");
#define ELF_SECTION_SYMTAB 2
#define ELF_SECTION_STRTAB 3

struct elf_symbol {
	uint32_t name;
	uint8_t info, other;
	uint16_t section;
	uint64_t value, size_bytes;
};
_Static_assert(sizeof(struct elf_symbol) == 24, "elf_symbol is 24 bytes");
#define ELF_SYMBOL_NOTYPE   0
#define ELF_SYMBOL_FUNCTION 2
#define ELF_SECTION_SPECIAL 0xff00 /* absolute, common, ... */
#define ELF_UNSIZED_BYTES   4096   /* how far a symbol without a size may reach */

static bool inside(uint64_t offset, uint64_t size_bytes, uint64_t limit)
{
	return offset <= limit && size_bytes <= limit - offset;
}

static const char *check_header(const struct elf_header *header)
{
	if (memcmp(header->magic, "\177ELF", 4))
		return "not an ELF file";
	if (header->class != ELF_CLASS_64 || header->encoding != ELF_LITTLE_ENDIAN ||
	    header->machine != ELF_MACHINE_X86_64)
		return "not for x86-64";
	if (header->type != ELF_TYPE_EXECUTABLE)
		return "not a static executable at fixed addresses";
	return NULL;
}

/* One PT_LOAD, checked alone and made of whole pages. */
static const char *check_load(const struct elf_program *program, uint64_t size_bytes,
			      struct elf_segment *segment)
{
	uint64_t lead = program->vaddr % PAGE_BYTES, end;

	if (program->file_bytes > program->memory_bytes)
		return "a segment has more bytes in the file than in memory";
	if (!inside(program->offset, program->file_bytes, size_bytes))
		return "a segment lies outside of the file";
	if (program->offset % PAGE_BYTES != lead)
		return "a segment's offset and address do not fit together";
	if (program->vaddr < ELF_USER_START ||
	    !inside(program->vaddr, program->memory_bytes, ELF_USER_END))
		return "a segment lies outside of the user's addresses";
	if (program->flags & ELF_FLAG_WRITE && program->flags & ELF_FLAG_EXECUTE)
		return "a segment is writable and executable at once";
	end = program->vaddr + program->memory_bytes;
	*segment = (struct elf_segment){
		.vaddr = program->vaddr - lead,
		.memory_bytes =
			((end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)) - (program->vaddr - lead),
		.file_offset = program->offset - lead,
		.file_bytes = program->file_bytes ? program->file_bytes + lead : 0,
		.readable = program->flags & ELF_FLAG_READ,
		.writable = program->flags & ELF_FLAG_WRITE,
		.executable = program->flags & ELF_FLAG_EXECUTE,
	};
	return NULL;
}

static const char *add_segment(struct elf_image *image, const struct elf_segment *segment)
{
	unsigned at = image->segment_count;

	if (at == ELF_SEGMENT_MAX)
		return "it has too many segments";
	while (at > 0 && image->segment[at - 1].vaddr > segment->vaddr) {
		image->segment[at] = image->segment[at - 1];
		at--;
	}
	image->segment[at] = *segment;
	image->segment_count++;
	return NULL;
}

static const char *read_programs(const uint8_t *bytes, uint64_t size_bytes,
				 const struct elf_header *header, struct elf_image *image)
{
	if (header->program_bytes != sizeof(struct elf_program) ||
	    !inside(header->program_offset,
		    header->program_count * (uint64_t)sizeof(struct elf_program), size_bytes))
		return "its program headers lie outside of the file";
	for (unsigned i = 0; i < header->program_count; i++) {
		struct elf_program program;
		struct elf_segment segment;
		const char *reason;

		memcpy(&program, bytes + header->program_offset + i * sizeof(program),
		       sizeof(program));
		if (program.type == ELF_PROGRAM_INTERPRETER || program.type == ELF_PROGRAM_DYNAMIC)
			return "it wants a dynamic linker";
		if (program.type != ELF_PROGRAM_LOAD || !program.memory_bytes)
			continue;
		reason = check_load(&program, size_bytes, &segment);
		if (!reason)
			reason = add_segment(image, &segment);
		if (reason)
			return reason;
	}
	return NULL;
}

static const char *check_image(const struct elf_image *image)
{
	bool entry_ok = false;

	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segment[i];

		if (i && segment[-1].vaddr + segment[-1].memory_bytes > segment->vaddr)
			return "two segments share a page";
		entry_ok |= segment->executable && image->entry >= segment->vaddr &&
			    image->entry - segment->vaddr < segment->memory_bytes;
	}
	return entry_ok ? NULL : "its entry is not in an executable segment";
}

enum error elf_check(const void *data, uint64_t size_bytes, struct elf_image *image,
		     const char **reason)
{
	struct elf_header header;
	struct elf_image found = { 0 };
	enum error error = ERR_CORRUPT;
	const char *why = "it is shorter than an ELF header";

	if (size_bytes < sizeof(header))
		goto refuse;
	memcpy(&header, data, sizeof(header));
	error = ERR_UNSUPPORTED;
	why = check_header(&header);
	if (why)
		goto refuse;
	error = ERR_CORRUPT;
	found.entry = header.entry;
	why = read_programs(data, size_bytes, &header, &found);
	if (!why)
		why = check_image(&found);
	if (why)
		goto refuse;
	*image = found;
	return OK;
refuse:
	if (reason)
		*reason = why;
	return error;
}

static bool read_section(const uint8_t *bytes, const struct elf_header *header, unsigned index,
			 struct elf_section *section)
{
	if (index >= header->section_count)
		return false;
	memcpy(section, bytes + header->section_offset + (uint64_t)index * sizeof(*section),
	       sizeof(*section));
	return true;
}

bool elf_symbols_find(const void *data, uint64_t size_bytes, struct elf_symbols *symbols)
{
	const uint8_t *bytes = data;
	struct elf_header header;
	struct elf_section table, strings;

	if (size_bytes < sizeof(header))
		return false;
	memcpy(&header, bytes, sizeof(header));
	if (check_header(&header) || header.section_bytes != sizeof(struct elf_section) ||
	    !inside(header.section_offset,
		    header.section_count * (uint64_t)sizeof(struct elf_section), size_bytes))
		return false;
	for (unsigned i = 0; read_section(bytes, &header, i, &table); i++) {
		if (table.type != ELF_SECTION_SYMTAB ||
		    !read_section(bytes, &header, table.link, &strings) ||
		    strings.type != ELF_SECTION_STRTAB ||
		    !inside(table.offset, table.size_bytes, size_bytes) ||
		    !inside(strings.offset, strings.size_bytes, size_bytes))
			continue;
		*symbols = (struct elf_symbols){ bytes + table.offset, table.size_bytes,
						 (const char *)bytes + strings.offset,
						 strings.size_bytes };
		return true;
	}
	return false;
}

/* Whether a symbol may name code, and its name is inside the table. */
static bool is_function(const struct elf_symbols *symbols, const struct elf_symbol *symbol)
{
	unsigned type = symbol->info & 15;

	return symbol->section && symbol->section < ELF_SECTION_SPECIAL &&
	       (type == ELF_SYMBOL_FUNCTION || type == ELF_SYMBOL_NOTYPE) &&
	       symbol->name < symbols->strings_bytes && symbols->strings[symbol->name] &&
	       memchr(symbols->strings + symbol->name, 0, symbols->strings_bytes - symbol->name);
}

bool elf_symbol_at(const struct elf_symbols *symbols, uint64_t vaddr, const char **name,
		   uint64_t *offset)
{
	uint64_t count = symbols->symbols_bytes / sizeof(struct elf_symbol);
	struct elf_symbol best = { 0 };

	for (uint64_t i = 0; i < count; i++) {
		struct elf_symbol symbol;

		memcpy(&symbol, (const uint8_t *)symbols->symbols + i * sizeof(symbol),
		       sizeof(symbol));
		if (symbol.value > vaddr || symbol.value < best.value ||
		    vaddr - symbol.value >=
			    (symbol.size_bytes ? symbol.size_bytes : ELF_UNSIZED_BYTES) ||
		    (best.size_bytes && symbol.value == best.value) ||
		    !is_function(symbols, &symbol))
			continue;
		best = symbol;
	}
	if (!best.value)
		return false;
	*name = symbols->strings + best.name;
	*offset = vaddr - best.value;
	return true;
}
