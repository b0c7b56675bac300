/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Executables by chance: what elf_check() accepts can be loaded without another look.
 */
/* sources: kernel/boot/elf.c */
#include <elf.h>

#include <kernel/elf.h>

#include "fuzz.h"

#define PAGE_MASK 4095u

struct file {
	Elf64_Ehdr head;
	Elf64_Phdr program[3];
	Elf64_Sym symbol[3];
	char strings[16];
	Elf64_Shdr section[3];
	uint8_t code[64];
};

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	static const struct file seed = {
		.head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			  .e_type = ET_EXEC,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_entry = 0x400000 + offsetof(struct file, code),
			  .e_phoff = offsetof(struct file, program),
			  .e_shoff = offsetof(struct file, section),
			  .e_ehsize = sizeof(Elf64_Ehdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 3,
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = 3 },
		.program = { { .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_vaddr = 0x400000,
			       .p_filesz = sizeof(struct file),
			       .p_memsz = sizeof(struct file) },
			     { .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_W,
			       .p_offset = 16,
			       .p_vaddr = 0x402010,
			       .p_filesz = 100,
			       .p_memsz = 9000 },
			     { .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W } },
		.symbol = { { 0 },
			    { .st_name = 1,
			      .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			      .st_shndx = 1,
			      .st_value = 0x400000 + offsetof(struct file, code),
			      .st_size = 32 } },
		.strings = "\0main",
		.section = { { 0 },
			     { .sh_type = SHT_SYMTAB,
			       .sh_offset = offsetof(struct file, symbol),
			       .sh_size = 3 * sizeof(Elf64_Sym),
			       .sh_entsize = sizeof(Elf64_Sym),
			       .sh_link = 2 },
			     { .sh_type = SHT_STRTAB,
			       .sh_offset = offsetof(struct file, strings),
			       .sh_size = 16 } },
	};

	Elf64_Phdr *program = (Elf64_Phdr *)(void *)(bytes + sizeof(seed));

	if (number > 1)
		return 0;
	memcpy(bytes, &seed, sizeof(seed));
	if (number == 0)
		return sizeof(seed);
	/* More segments than there may be. */
	for (unsigned i = 0; i <= ELF_SEGMENT_MAX; i++) {
		program[i] = seed.program[0];
		program[i].p_vaddr += i * 0x10000;
	}
	((Elf64_Ehdr *)(void *)bytes)->e_phoff = sizeof(seed);
	((Elf64_Ehdr *)(void *)bytes)->e_phnum = ELF_SEGMENT_MAX + 1;
	return sizeof(seed) + (ELF_SEGMENT_MAX + 1) * sizeof(*program);
}

static void check_image(const struct elf_image *image, size_t size_bytes)
{
	bool entered = false;

	FUZZ_CHECK(image->segment_count <= ELF_SEGMENT_MAX);
	for (unsigned i = 0; i < image->segment_count; i++) {
		const struct elf_segment *one = &image->segment[i];

		FUZZ_CHECK(!(one->vaddr & PAGE_MASK) && !(one->memory_bytes & PAGE_MASK));
		FUZZ_CHECK(one->vaddr >= ELF_USER_START && one->memory_bytes &&
			   one->vaddr < ELF_USER_END &&
			   one->memory_bytes <= ELF_USER_END - one->vaddr);
		FUZZ_CHECK(one->file_bytes <= one->memory_bytes);
		FUZZ_CHECK(one->file_offset <= size_bytes &&
			   one->file_bytes <= size_bytes - one->file_offset);
		FUZZ_CHECK(!(one->writable && one->executable));
		entered |= one->executable && image->entry >= one->vaddr &&
			   image->entry - one->vaddr < one->memory_bytes;
		for (unsigned k = 0; k < i; k++)
			FUZZ_CHECK(one->vaddr >= image->segment[k].vaddr +
							 image->segment[k].memory_bytes ||
				   image->segment[k].vaddr >= one->vaddr + one->memory_bytes);
	}
	FUZZ_CHECK(entered);
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	uint8_t *exact = fuzz_exact(bytes, size_bytes);
	struct elf_symbols symbols;
	struct elf_image image;
	const char *reason = NULL;
	const char *name;
	uint64_t offset;
	enum error error = elf_check(exact, size_bytes, &image, &reason);

	if (error == OK)
		check_image(&image, size_bytes);
	else
		FUZZ_CHECK(reason && reason[0]);
	if (elf_symbols_find(exact, size_bytes, &symbols)) {
		const uint64_t at[] = { 0, 0x400000 + offsetof(struct file, code) + 5, ~UINT64_C(0),
					bytes[size_bytes - 1] };

		for (unsigned i = 0; i < 4; i++)
			if (elf_symbol_at(&symbols, at[i], &name, &offset))
				FUZZ_CHECK(strlen(name) < size_bytes && offset <= at[i]);
	}
	free(exact);
}
