/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Maps the initial archive once.
 */
#include <runtime/archive.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

static struct archive mapped;

enum error runtime_archive(struct archive *archive)
{
	handle_t memory = runtime_handle(STARTUP_ARCHIVE);
	struct sys_result map;

	if (!mapped.data) {
		if (!memory)
			return ERR_NOT_FOUND;
		map = SYS4(SYS_MEMORY_MAP, memory, 0, runtime_startup->archive_bytes, RIGHT_READ);
		if (map.error)
			return map.error;
		mapped.data = (const uint8_t *)map.value;
		mapped.size_bytes = runtime_startup->archive_bytes;
	}
	*archive = mapped;
	return OK;
}

enum error runtime_file(const char *path, struct archive_file *file)
{
	struct archive archive;
	enum error error = runtime_archive(&archive);

	if (error)
		return error;
	return archive_find(&archive, path, file);
}
