/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The archive reader: a header of 110 characters in hexadecimal, the name with its zero, the
 * content, each padded to four bytes. Source: cpio(5), "New ASCII Format".
 */
#include <lib/archive.h>
#include <lib/string.h>

#define HEADER_BYTES 110
#define MODE_TYPE    0170000u
#define MODE_REGULAR 0100000u

/* Positions of the eight-digit fields in the header. */
enum { FIELD_MODE = 14, FIELD_FILE_BYTES = 54, FIELD_NAME_BYTES = 94 };

static bool read_hex(const uint8_t *digits, uint32_t *value)
{
	uint32_t result = 0;

	for (int i = 0; i < 8; i++) {
		uint8_t digit = digits[i];

		if (digit >= '0' && digit <= '9')
			digit -= '0';
		else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
			digit = (digit | 0x20) - 'a' + 10;
		else
			return false;
		result = result << 4 | digit;
	}
	*value = result;
	return true;
}

static uint64_t round_up(uint64_t bytes)
{
	return (bytes + 3) & ~(uint64_t)3;
}

enum error archive_next(const struct archive *archive, uint64_t *position,
			struct archive_file *file)
{
	const uint8_t *header;
	uint64_t left, data;
	uint32_t mode, file_bytes, name_bytes;
	const char *name;

	if (*position > archive->size_bytes || archive->size_bytes - *position < HEADER_BYTES)
		return ERR_CORRUPT;
	left = archive->size_bytes - *position;
	header = archive->data + *position;
	if (memcmp(header, "070701", 6) != 0 || !read_hex(header + FIELD_MODE, &mode) ||
	    !read_hex(header + FIELD_FILE_BYTES, &file_bytes) ||
	    !read_hex(header + FIELD_NAME_BYTES, &name_bytes))
		return ERR_CORRUPT;
	data = round_up(HEADER_BYTES + (uint64_t)name_bytes);
	if (!name_bytes || data > left || file_bytes > left - data ||
	    header[HEADER_BYTES + name_bytes - 1] != 0)
		return ERR_CORRUPT;
	name = (const char *)header + HEADER_BYTES;
	if (strcmp(name, "TRAILER!!!") == 0)
		return ERR_NOT_FOUND;
	*file = (struct archive_file){ .name = string_starts(name, "./") ? name + 2 : name,
				       .data = header + data,
				       .offset = *position + data,
				       .size_bytes = file_bytes,
				       .mode = mode };
	*position += round_up(data + file_bytes);
	return OK;
}

enum error archive_find(const struct archive *archive, const char *name, struct archive_file *file)
{
	struct archive_file found;
	uint64_t position = 0;
	enum error error;

	while ((error = archive_next(archive, &position, &found)) == OK) {
		if ((found.mode & MODE_TYPE) != MODE_REGULAR || strcmp(found.name, name) != 0)
			continue;
		*file = found;
		return OK;
	}
	return error;
}
