/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Archives by chance: each file lies in the archive, and the walk ends.
 */
/* sources: shim/lib/archive.c shim/lib/text.c */
#include <lib/archive.h>

#include "fuzz.h"

static size_t add(uint8_t *bytes, size_t at, const char *name, const char *data)
{
	at += (size_t)sprintf((char *)bytes + at,
			      "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1,
			      0100755, 0, 0, 1, 0, (unsigned)strlen(data), 0, 0, 0, 0,
			      (unsigned)strlen(name) + 1, 0);
	at += (size_t)sprintf((char *)bytes + at, "%s", name) + 1;
	while (at % 4)
		bytes[at++] = 0;
	at += (size_t)sprintf((char *)bytes + at, "%s", data);
	while (at % 4)
		bytes[at++] = 0;
	return at;
}

static size_t fuzz_seed(unsigned number, uint8_t *bytes)
{
	size_t at = 0;

	if (number)
		return 0;
	at = add(bytes, at, "bin", "");
	at = add(bytes, at, "./bin/manager", "hello");
	at = add(bytes, at, "drivers.manifest", "block ahci");
	return add(bytes, at, "TRAILER!!!", "");
}

static void check_file(const struct archive *archive, const struct archive_file *file)
{
	FUZZ_CHECK(file->offset <= archive->size_bytes &&
		   file->size_bytes <= archive->size_bytes - file->offset);
	FUZZ_CHECK(file->data == archive->data + file->offset);
	FUZZ_CHECK((const uint8_t *)file->name >= archive->data &&
		   (const uint8_t *)file->name + strlen(file->name) <
			   archive->data + archive->size_bytes);
}

static void fuzz_one(const uint8_t *bytes, size_t size_bytes)
{
	uint8_t *exact = fuzz_exact(bytes, size_bytes);
	struct archive archive = { exact, size_bytes };
	struct archive_file file;
	uint64_t position = 0;

	for (unsigned files = 0; archive_next(&archive, &position, &file) == OK; files++) {
		FUZZ_CHECK(files <= size_bytes / 110);
		check_file(&archive, &file);
	}
	if (archive_find(&archive, "bin/manager", &file) == OK)
		check_file(&archive, &file);
	free(exact);
}
