/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The initial archive: files in the "newc" form of cpio, read in memory by the kernel and by
 * ring 3. Nothing in it is trusted. Source: Linux
 * Documentation/driver-api/early-userspace/buffer-format.rst; cpio(5).
 */
#ifndef LIB_ARCHIVE_H
#define LIB_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/error.h>

struct archive {
	const uint8_t *data;
	uint64_t size_bytes;
};

struct archive_file {
	const char *name; /* zero-terminated, without a leading "./" */
	const uint8_t *data;
	uint64_t offset; /* of data in the archive */
	uint64_t size_bytes;
	uint32_t mode;
};

/** The file at *position, and move *position to the next. Start with 0.
 *
 * @retval OK
 * @retval ERR_NOT_FOUND  the end; *position unchanged
 * @retval ERR_CORRUPT    malformed from here on; *position unchanged
 */
MUST_CHECK enum error archive_next(const struct archive *archive, uint64_t *position,
				   struct archive_file *file);

/** Find a regular file by its path ("bin/manager").
 *
 * @retval OK, ERR_NOT_FOUND, ERR_CORRUPT
 */
MUST_CHECK enum error archive_find(const struct archive *archive, const char *name,
				   struct archive_file *file);

#endif
