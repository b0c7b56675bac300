/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The check of executables and the look-up of symbols (kernel/elf.h), on files built here, good and
 * bad.
 * sources: kernel/boot/elf.c
 */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/elf.h>

#define STRINGS "\0main\0helper\0data"

/* A whole executable: text at page 1 of the file, data at page 2, symbols behind. */
static struct file {
	Elf64_Ehdr head;
	Elf64_Phdr program[4];
	uint8_t padding[4096 - sizeof(Elf64_Ehdr) - 4 * sizeof(Elf64_Phdr)];
	uint8_t text[4096];
	uint8_t data[512];
	Elf64_Sym symbol[5];
	char strings[sizeof(STRINGS)];
	Elf64_Shdr section[3] __attribute__((aligned(8)));
} file;

static struct elf_image image;
static const char *reason;

static int begin(void **state)
{
	(void)state;
	file = (struct file){
		.head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			  .e_type = ET_EXEC,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_entry = 0x400010,
			  .e_phoff = offsetof(struct file, program),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 2,
			  .e_shoff = offsetof(struct file, section),
			  .e_shentsize = sizeof(Elf64_Shdr),
			  .e_shnum = 3 },
		.program = { { .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_offset = 4096,
			       .p_vaddr = 0x400000,
			       .p_filesz = 4096,
			       .p_memsz = 4096 },
			     { .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_W,
			       .p_offset = 8192 + 16,
			       .p_vaddr = 0x402010,
			       .p_filesz = 100,
			       .p_memsz = 9000 } },
		.symbol = { { 0 },
			    { .st_name = 1,
			      .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			      .st_shndx = 1,
			      .st_value = 0x400010,
			      .st_size = 32 },
			    { .st_name = 6,
			      .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
			      .st_shndx = 1,
			      .st_value = 0x400040,
			      .st_size = 16 },
			    { .st_name = 13,
			      .st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT),
			      .st_shndx = 2,
			      .st_value = 0x402010,
			      .st_size = 16 },
			    { .st_name = 5000,
			      .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
			      .st_shndx = 1,
			      .st_value = 0x400080,
			      .st_size = 16 } },
		.strings = STRINGS,
		.section = { { 0 },
			     { .sh_type = SHT_SYMTAB,
			       .sh_offset = offsetof(struct file, symbol),
			       .sh_size = sizeof(file.symbol),
			       .sh_link = 2 },
			     { .sh_type = SHT_STRTAB,
			       .sh_offset = offsetof(struct file, strings),
			       .sh_size = sizeof(STRINGS) } },
	};
	memset(&image, 0xee, sizeof(image));
	reason = NULL;
	return 0;
}

static enum error check_limited(size_t size_bytes)
{
	void *exact = malloc(size_bytes ? size_bytes : 1);
	enum error error;

	memcpy(exact, &file, size_bytes);
	error = elf_check(exact, size_bytes, &image, &reason);
	free(exact);
	return error;
}

static enum error check(void)
{
	return check_limited(sizeof(file));
}

static void a_good_file_becomes_page_sized_segments(void **state)
{
	(void)state;
	assert_int_equal(check(), OK);
	assert_int_equal(image.entry, 0x400010);
	assert_int_equal(image.segment_count, 2);
	assert_int_equal(image.segment[0].vaddr, 0x400000);
	assert_true(image.segment[0].executable && !image.segment[0].writable);
	assert_int_equal(image.segment[1].vaddr, 0x402000);
	assert_int_equal(image.segment[1].file_offset, 8192);
	assert_int_equal(image.segment[1].file_bytes, 116);
	assert_int_equal(image.segment[1].memory_bytes, 3 * 4096);
	assert_true(image.segment[1].writable && !image.segment[1].executable);
}

static void segments_come_sorted(void **state)
{
	Elf64_Phdr first;

	(void)state;
	first = file.program[0];
	file.program[0] = file.program[1];
	file.program[1] = first;
	assert_int_equal(check(), OK);
	assert_true(image.segment[0].vaddr < image.segment[1].vaddr);
}

static void a_segment_without_file_bytes_is_all_zero(void **state)
{
	(void)state;
	file.program[1].p_filesz = 0;
	assert_int_equal(check(), OK);
	assert_int_equal(image.segment[1].file_bytes, 0);
}

static void another_machine_or_kind_is_unsupported(void **state)
{
	(void)state;
	file.head.e_machine = EM_AARCH64;
	assert_int_equal(check(), ERR_UNSUPPORTED);
	begin(NULL);
	file.head.e_type = ET_DYN;
	assert_int_equal(check(), ERR_UNSUPPORTED);
	begin(NULL);
	file.head.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(check(), ERR_UNSUPPORTED);
	begin(NULL);
	file.head.e_ident[0] = 'x';
	assert_int_equal(check(), ERR_UNSUPPORTED);
	assert_non_null(reason);
}

/* Break one thing, expect the refusal, and that nothing was handed out. */
static void expect_refusal(void)
{
	struct elf_image before = image;

	assert_int_equal(check(), ERR_CORRUPT);
	assert_non_null(reason);
	assert_memory_equal(&before, &image, sizeof(image));
	begin(NULL);
}

static void lying_segments_are_refused(void **state)
{
	(void)state;
	file.program[1].p_filesz = 9001; /* more than in memory */
	expect_refusal();
	file.program[1].p_offset = UINT64_MAX - 4095 + 16;
	expect_refusal();
	file.program[1].p_offset = sizeof(file) + 16;
	expect_refusal();
	file.program[1].p_offset += 1; /* not congruent */
	expect_refusal();
	file.program[1].p_memsz = UINT64_MAX;
	expect_refusal();
	file.program[1].p_vaddr = 0x7fffffff0010 - 0x1000; /* ends beyond */
	expect_refusal();
	file.program[1].p_vaddr = 0xffffffff80000010;
	expect_refusal();
	file.program[1].p_vaddr = 0x10; /* the null page */
	expect_refusal();
	file.program[1].p_vaddr = 0x400010; /* overlaps text */
	expect_refusal();
	file.program[0].p_memsz = 0x2001; /* shares a page with data */
	expect_refusal();
}

static void writable_code_is_refused(void **state)
{
	(void)state;
	file.program[1].p_flags = PF_R | PF_W | PF_X;
	expect_refusal();
}

static void an_entry_outside_of_code_is_refused(void **state)
{
	(void)state;
	file.head.e_entry = 0x402010;
	expect_refusal();
	file.head.e_entry = 0x401000;
	expect_refusal();
	file.head.e_entry = 0;
	expect_refusal();
}

static void an_interpreter_is_refused(void **state)
{
	(void)state;
	file.head.e_phnum = 3;
	file.program[2].p_type = PT_INTERP;
	expect_refusal();
}

static void program_headers_outside_of_the_file_are_refused(void **state)
{
	(void)state;
	file.head.e_phoff = sizeof(file) - 8;
	expect_refusal();
	file.head.e_phoff = UINT64_MAX - 8;
	expect_refusal();
	file.head.e_phnum = 0xffff;
	expect_refusal();
	file.head.e_phentsize = 1;
	expect_refusal();
}

static void too_many_segments_are_refused(void **state)
{
	Elf64_Phdr *many = (void *)file.text;

	(void)state;
	for (unsigned i = 0; i < ELF_SEGMENT_MAX + 1; i++)
		many[i] = (Elf64_Phdr){ .p_type = PT_LOAD,
					.p_flags = PF_R | PF_X,
					.p_vaddr = 0x400000 + i * 4096,
					.p_memsz = 4096 };
	file.head.e_phoff = offsetof(struct file, text);
	file.head.e_phnum = ELF_SEGMENT_MAX + 1;
	expect_refusal();
}

static void addresses_are_named(void **state)
{
	struct elf_symbols symbols;
	const char *name;
	uint64_t offset;

	(void)state;
	assert_true(elf_symbols_find(&file, sizeof(file), &symbols));
	assert_true(elf_symbol_at(&symbols, 0x400010, &name, &offset));
	assert_string_equal(name, "main");
	assert_int_equal(offset, 0);
	assert_true(elf_symbol_at(&symbols, 0x40004f, &name, &offset));
	assert_string_equal(name, "helper");
	assert_int_equal(offset, 15);
	assert_false(elf_symbol_at(&symbols, 0x400050, &name, &offset)); /* behind it */
	assert_false(elf_symbol_at(&symbols, 0x40000f, &name, &offset)); /* before all */
	assert_false(elf_symbol_at(&symbols, 0x402010, &name, &offset)); /* data */
	assert_false(elf_symbol_at(&symbols, 0x400080, &name, &offset)); /* its name lies outside */
}

static void symbol_tables_outside_of_the_file_are_not_used(void **state)
{
	struct elf_symbols symbols;

	(void)state;
	file.section[1].sh_size = sizeof(file);
	assert_false(elf_symbols_find(&file, sizeof(file), &symbols));
	begin(NULL);
	file.section[2].sh_offset = UINT64_MAX;
	assert_false(elf_symbols_find(&file, sizeof(file), &symbols));
	begin(NULL);
	file.section[1].sh_link = 3;
	assert_false(elf_symbols_find(&file, sizeof(file), &symbols));
	begin(NULL);
	file.head.e_shnum = 0xffff;
	assert_false(elf_symbols_find(&file, sizeof(file), &symbols));
	assert_false(elf_symbols_find(&file, 10, &symbols));
}

static void damaged_files_are_survived(void **state)
{
	(void)state;
	for (size_t size_bytes = 0; size_bytes < sizeof(file); size_bytes += 13)
		(void)!check_limited(size_bytes);
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t *bytes = (uint8_t *)&file;
		struct elf_symbols symbols;
		const char *name;
		uint64_t offset;

		for (unsigned k = 0; k < 3; k++) {
			bytes[(unsigned)rand() % 300] = (uint8_t)rand();
			bytes[sizeof(file) - 1 - (unsigned)rand() % 350] = (uint8_t)rand();
		}
		if (check() == OK)
			for (unsigned k = 0; k < image.segment_count; k++)
				assert_true(image.segment[k].file_offset +
						    image.segment[k].file_bytes <=
					    sizeof(file));
		if (elf_symbols_find(&file, sizeof(file), &symbols) &&
		    elf_symbol_at(&symbols, 0x400020, &name, &offset))
			assert_true(strlen(name) < sizeof(file));
		begin(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, begin)
		TEST(a_good_file_becomes_page_sized_segments),
		TEST(segments_come_sorted),
		TEST(a_segment_without_file_bytes_is_all_zero),
		TEST(another_machine_or_kind_is_unsupported),
		TEST(lying_segments_are_refused),
		TEST(writable_code_is_refused),
		TEST(an_entry_outside_of_code_is_refused),
		TEST(an_interpreter_is_refused),
		TEST(program_headers_outside_of_the_file_are_refused),
		TEST(too_many_segments_are_refused),
		TEST(addresses_are_named),
		TEST(symbol_tables_outside_of_the_file_are_not_used),
		TEST(damaged_files_are_survived),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
