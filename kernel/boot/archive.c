/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reading the initial archive. Touches nothing but its arguments: tests/unit runs it on the host.
 */
#include <kernel/archive.h>

#include <lib/string.h>

/* A newc head is a magic and thirteen fields of eight hexadecimal digits; head and name together,
 * and the data, are each padded to four bytes. */
#define CPIO_MAGIC      "070701"
#define CPIO_HEAD_BYTES 110
#define CPIO_TRAILER    "TRAILER!!!"
#define CPIO_MODE_TYPE  0170000
#define CPIO_MODE_FILE  0100000

enum cpio_field { CPIO_MODE = 1, CPIO_FILE_BYTES = 6, CPIO_NAME_BYTES = 11 };

static bool read_field(const uint8_t *head, enum cpio_field field, uint32_t *value)
{
	const uint8_t *digits = head + 6 + (unsigned)field * 8;
	uint32_t sum = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint8_t digit = digits[i] | 0x20;

		if (digits[i] >= '0' && digits[i] <= '9')
			sum = sum << 4 | (digits[i] - '0');
		else if (digit >= 'a' && digit <= 'f')
			sum = sum << 4 | (digit - 'a' + 10);
		else
			return false;
	}
	*value = sum;
	return true;
}

static uint64_t pad(uint64_t value)
{
	return (value + 3) & ~3ull;
}

enum error archive_next(const struct archive *archive, uint64_t *position,
			struct archive_file *file)
{
	uint64_t left, data_offset;
	uint32_t mode, file_bytes, name_bytes;
	const uint8_t *head;
	const char *name;

	if (*position >= archive->size_bytes)
		return ERR_NOT_FOUND;
	left = archive->size_bytes - *position;
	head = archive->data + *position;
	if (left < CPIO_HEAD_BYTES || memcmp(head, CPIO_MAGIC, 6) ||
	    !read_field(head, CPIO_MODE, &mode) ||
	    !read_field(head, CPIO_FILE_BYTES, &file_bytes) ||
	    !read_field(head, CPIO_NAME_BYTES, &name_bytes))
		return ERR_CORRUPT;
	name = (const char *)head + CPIO_HEAD_BYTES;
	if (!name_bytes || name_bytes > left - CPIO_HEAD_BYTES || name[name_bytes - 1])
		return ERR_CORRUPT;
	if (!strcmp(name, CPIO_TRAILER))
		return ERR_NOT_FOUND;
	data_offset = pad(CPIO_HEAD_BYTES + (uint64_t)name_bytes);
	if (data_offset > left || file_bytes > left - data_offset)
		return ERR_CORRUPT;
	*file = (struct archive_file){
		.name = string_starts(name, "./") ? name + 2 : name,
		.data = head + data_offset,
		.offset = *position + data_offset,
		.size_bytes = file_bytes,
		.mode = mode,
	};
	*position += pad(data_offset + file_bytes);
	return OK;
}

enum error archive_find(const struct archive *archive, const char *name, struct archive_file *file)
{
	uint64_t position = 0;
	struct archive_file found;

	for (;;) {
		enum error error = archive_next(archive, &position, &found);

		if (error)
			return error;
		if ((found.mode & CPIO_MODE_TYPE) == CPIO_MODE_FILE && !strcmp(found.name, name)) {
			*file = found;
			return OK;
		}
	}
}
