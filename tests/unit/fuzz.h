/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A fuzz target is a unit test: it defines fuzz_one(), which aborts where something is wrong, and
 * fuzz_seed(), which makes good inputs to begin with. Built as all tests are, it changes the seeds
 * by chance, always the same, FUZZ_RUNS times. Built with clang and -DFUZZER it is libFuzzer's
 * (`make fuzz TARGET=name`, and a bounded run in `make check`), with the seeds in its corpus.
 */
#ifndef TESTS_UNIT_FUZZ_H
#define TESTS_UNIT_FUZZ_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FUZZ_BYTES_MAX 4096u
#ifndef FUZZ_RUNS
#define FUZZ_RUNS 20000u
#endif

/** Work on one input. */
static void fuzz_one(const uint8_t *bytes, size_t size_bytes);

/** Make seed `number`; 0 bytes: there is none with this number or a higher one. */
static size_t fuzz_seed(unsigned number, uint8_t *bytes);

#define FUZZ_CHECK(condition)                                                           \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* What a target takes numbers from; zeros when it is used up. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline uint64_t fuzz_take(struct fuzz_input *input, unsigned size_bytes)
{
	uint64_t value = 0;
	size_t count = size_bytes < input->left ? size_bytes : input->left;

	memcpy(&value, input->at, count);
	input->at += count;
	input->left -= count;
	return value;
}

/* Memory of exactly these bytes, so that the sanitizer sees a step beyond. */
static inline uint8_t *fuzz_exact(const void *bytes, size_t size_bytes)
{
	uint8_t *copy = malloc(size_bytes ? size_bytes : 1);

	FUZZ_CHECK(copy);
	if (size_bytes)
		memcpy(copy, bytes, size_bytes);
	return copy;
}

#ifdef FUZZER
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

/* The last argument names the corpus: the seeds go there. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static uint8_t bytes[FUZZ_BYTES_MAX];
	const char *folder = (*argv)[*argc - 1];
	size_t size;

	for (unsigned i = 0; *argc > 1 && folder[0] != '-' && (size = fuzz_seed(i, bytes)); i++) {
		char path[512];
		FILE *file;

		snprintf(path, sizeof(path), "%s/seed-%u", folder, i);
		file = fopen(path, "wb");
		if (!file)
			break;
		fwrite(bytes, 1, size, file);
		fclose(file);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	fuzz_one(bytes, size_bytes);
	return 0;
}
#else

static uint32_t fuzz_random(void)
{
	static uint64_t state = 20260;

	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(state >> 33);
}

static size_t fuzz_change(uint8_t *bytes, size_t size)
{
	static const uint64_t odd[] = { 0,
					1,
					0x7f,
					0x80,
					0xff,
					0x7fff,
					0xffff,
					0x7fffffff,
					0x80000000,
					0xffffffff,
					~UINT64_C(0) >> 1,
					~UINT64_C(0) };
	size_t at = size ? fuzz_random() % size : 0, from;
	unsigned width = 1u << fuzz_random() % 4;
	uint64_t value = odd[fuzz_random() % 12];

	if (width > size - at)
		width = (unsigned)(size - at);
	switch (fuzz_random() % 8) {
	case 0:
	case 1:
		if (size)
			bytes[at] ^= (uint8_t)(1u << fuzz_random() % 8);
		return size;
	case 2:
		if (size)
			bytes[at] = (uint8_t)fuzz_random();
		return size;
	case 3:
		value = fuzz_random() % 64;
		/* fall through */
	case 4:
		memcpy(bytes + at, &value, width);
		return size;
	case 5: /* a piece again elsewhere */
		from = size ? fuzz_random() % size : 0;
		width = fuzz_random() % 32;
		if (from + width <= size && at + width <= size)
			memmove(bytes + at, bytes + from, width);
		return size;
	case 6:
		return fuzz_random() % 4 ? size : at;
	default:
		while (size < FUZZ_BYTES_MAX && fuzz_random() % 8)
			bytes[size++] = (uint8_t)fuzz_random();
		return size;
	}
}

static void no_input_does_harm(void **state)
{
	static uint8_t bytes[FUZZ_BYTES_MAX];
	unsigned seeds = 0;

	(void)state;
	while (fuzz_seed(seeds, bytes))
		fuzz_one(bytes, fuzz_seed(seeds++, bytes));
	assert_true(seeds > 0);
	for (unsigned run = 0; run < FUZZ_RUNS; run++) {
		size_t size = fuzz_seed(fuzz_random() % seeds, bytes);

		for (unsigned changes = 1 + fuzz_random() % 6; changes; changes--)
			size = fuzz_change(bytes, size);
		fuzz_one(bytes, size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_input_does_harm) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif

#endif
