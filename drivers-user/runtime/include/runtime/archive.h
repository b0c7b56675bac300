/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The initial archive, as a program with STARTUP_ARCHIVE sees it. See lib/archive.h.
 */
#ifndef RUNTIME_ARCHIVE_H
#define RUNTIME_ARCHIVE_H

#include <abi/error.h>
#include <lib/archive.h>

/** The archive, mapped read-only at the first call.
 *
 * @param[out] archive  unchanged on error
 * @retval OK
 * @retval ERR_NOT_FOUND  the program was not given the archive
 * @retval ERR_BUDGET, ERR_NO_MEMORY
 *
 * Context: any.
 */
MUST_CHECK enum error runtime_archive(struct archive *archive);

/** A file of the archive by its path, "bin/shell"; errors as above, and ERR_NOT_FOUND. */
MUST_CHECK enum error runtime_file(const char *path, struct archive_file *file);

#endif
