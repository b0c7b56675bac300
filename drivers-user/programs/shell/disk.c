/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command disk: list, read, write, verify, flush, discard.
 */
#include <lib/format.h>
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/disk.h>
#include <runtime/partition.h>
#include <runtime/pattern.h>
#include <runtime/time.h>

#include "shell.h"

#define DISK_SLOTS       8u
#define DISK_CHUNK_BYTES (128u << 10)
#define DISK_POOL_BYTES  (DISK_SLOTS * DISK_CHUNK_BYTES)
#define PROGRESS_NS      (SECOND_NS / 4)

static struct disk disk;

static bool open_disk(const char *name)
{
	enum error error = disk_open(name, DISK_SLOTS, DISK_POOL_BYTES, &disk);

	if (error == ERR_NOT_FOUND)
		print("disk: there is no '%s'; `disk list` shows what there is\n", name);
	else if (error != OK)
		print("disk: %s cannot be opened: %s; `devices` shows its driver\n", name,
		      error_text(error));
	return error == OK;
}

static void print_failure(const char *verb, enum error error)
{
	print("disk %s: %s: %s; `log` has the details\n", verb, disk.entry.name, error_text(error));
}

/* Whole blocks that lie on the disk; says what is wrong. */
static bool range_arguments(const char *verb, const char *start_text, const char *count_text,
			    uint64_t *start, uint64_t *count)
{
	*count = 1;
	if (!number_argument("disk: block", start_text, start) ||
	    (count_text && !number_argument("disk: count", count_text, count)))
		return false;
	if (*start<disk.block_count && * count <= disk.block_count - *start && * count> 0)
		return true;
	print("disk %s: blocks %llu + %llu lie outside of %s, which has %llu blocks of %u bytes\n",
	      verb, (unsigned long long)*start, (unsigned long long)*count, disk.entry.name,
	      (unsigned long long)disk.block_count, disk.block_bytes);
	return false;
}

/* --- list --- */

static enum error read_block(void *context, uint64_t block, void *data)
{
	return disk_read(context, block, 1, data);
}

static void print_partitions(void)
{
	static struct partition_table table;
	struct partition_source source = { read_block, &disk, disk.block_count, disk.block_bytes };
	enum error error = partition_table_read(&source, &table);

	if (error != OK) {
		print("  partitions: %s\n", error_text(error));
		return;
	}
	if (table.from_backup)
		print("  (the first copy of its GPT is damaged; this is the backup)\n");
	for (uint32_t i = 0; i < table.count; i++) {
		const struct partition *partition = &table.partition[i];
		char size[24];

		print("  %sp%-3u %10s  block %-12llu %s%s%s\n", disk.entry.name, partition->number,
		      size_text(partition->block_count * disk.block_bytes, size),
		      (unsigned long long)partition->first_block, partition_type_text(&table, i),
		      partition->name[0] ? "  " : "", partition->name);
	}
}

static void run_list(int argc, char **argv)
{
	static struct disk_entry entry;
	bool any = false;

	(void)argc, (void)argv;
	for (uint32_t index = 0; disk_next(&index, &entry); any = true) {
		char size[24];

		print("%-6s %10s  %llu blocks of %u  %s  serial %s  [%s, %s]%s\n", entry.name,
		      size_text(entry.unit.block_count * entry.unit.block_bytes, size),
		      (unsigned long long)entry.unit.block_count, entry.unit.block_bytes,
		      entry.unit.model, entry.unit.serial, entry.device.driver,
		      placement_text(entry.device.placement),
		      entry.unit.flags & UNIT_READ_ONLY ? " read-only" : "");
		if (!open_disk(entry.name))
			continue;
		print_partitions();
		disk_close(&disk);
	}
	if (!any)
		print("no disks; `devices` shows what was found, and what has no driver\n");
}

/* --- read --- */

static void dump_line(uint64_t position, const uint8_t *bytes)
{
	char text[17] = { 0 };

	print("%010llx ", (unsigned long long)position);
	for (unsigned i = 0; i < 16; i++) {
		print("%s%02x", i == 8 ? "  " : " ", bytes[i]);
		text[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '.';
	}
	print("  %s\n", text);
}

/* Lines that repeat the one before are shown as one '*'. */
static void dump(uint64_t position, const uint8_t *bytes, uint32_t size_bytes)
{
	bool starred = false;

	for (uint32_t at = 0; at < size_bytes; at += 16) {
		if (at >= 16 && at + 16 < size_bytes &&
		    memcmp(bytes + at, bytes + at - 16, 16) == 0) {
			if (!starred)
				print("*\n");
			starred = true;
			continue;
		}
		starred = false;
		dump_line(position + at, bytes + at);
	}
}

static void run_read(int argc, char **argv)
{
	static uint8_t block[4096];
	uint64_t start, count;

	if (argc < 4 || argc > 5)
		return print_usage("disk");
	if (!open_disk(argv[2]))
		return;
	if (range_arguments("read", argv[3], argc > 4 ? argv[4] : NULL, &start, &count))
		for (; count > 0 && !interrupted(); start++, count--) {
			enum error error = disk_read(&disk, start, 1, block);

			if (error != OK) {
				print_failure("read", error);
				break;
			}
			dump(start * disk.block_bytes, block, disk.block_bytes);
		}
	disk_close(&disk);
}

/* --- write and verify the pattern --- */

struct pattern_run {
	bool write;
	uint64_t seed, start, count; /* blocks */
	uint64_t queued, done;       /* blocks, of count */
	uint64_t bad_sectors, first_bad;
	uint64_t began_ns, shown_ns;
	enum error error;
};

static void print_progress(struct pattern_run *run, bool last)
{
	uint64_t now = now_ns(), spent = now - run->began_ns;
	uint64_t bytes = run->done * disk.block_bytes;
	char done[24], time[24];

	if (!last && now - run->shown_ns < PROGRESS_NS)
		return;
	run->shown_ns = now;
	/* Tenths of MiB a second, kept from overflowing by microseconds. */
	uint64_t rate = bytes * 10 / MIB * 1000000 / (spent / 1000 + 1);

	print("\r%3llu %%  %s %s in %s, %llu.%llu MiB/s\x1b[K",
	      (unsigned long long)(run->done * 100 / run->count), size_text(bytes, done),
	      run->write ? "written" : "read", duration_text(spent, time),
	      (unsigned long long)(rate / 10), (unsigned long long)(rate % 10));
	print_flush();
}

static uint64_t sectors_per_block(void)
{
	return disk.block_bytes / PATTERN_SECTOR_BYTES;
}

/* Slots and chunks of the pool go together: the cookie is chunk and block. */
static void queue_chunk(struct pattern_run *run, uint32_t chunk)
{
	uint64_t left = run->count - run->queued, block = run->start + run->queued;
	uint32_t most = DISK_CHUNK_BYTES / disk.block_bytes, offset = chunk * DISK_CHUNK_BYTES;
	uint32_t blocks = most < disk.transfer_blocks ? most : disk.transfer_blocks;

	if (left < blocks)
		blocks = (uint32_t)left;
	if (blocks == 0)
		return;
	if (run->write)
		pattern_fill(disk_pool(&disk, offset), run->seed, block * sectors_per_block(),
			     blocks * sectors_per_block());
	run->error = disk_queue(&disk, run->write ? BLOCK_WRITE : BLOCK_READ, block, blocks, offset,
				run->queued * DISK_SLOTS + chunk);
	run->queued += blocks;
}

static void finish_chunk(struct pattern_run *run, const struct session_result *result)
{
	uint32_t chunk = (uint32_t)(result->cookie % DISK_SLOTS);
	uint64_t lba = (run->start + result->cookie / DISK_SLOTS) * sectors_per_block(), first = 0;
	size_t bad;

	if (result->status != OK) {
		run->error = result->status;
		return;
	}
	run->done += result->count;
	if (!run->write) {
		bad = pattern_differences(disk_pool(&disk, chunk * DISK_CHUNK_BYTES), run->seed,
					  lba, result->count * sectors_per_block(), &first);
		if (bad && (run->bad_sectors == 0 || first < run->first_bad))
			run->first_bad = first;
		run->bad_sectors += bad;
	}
	queue_chunk(run, chunk);
}

static void run_pattern(struct pattern_run *run)
{
	struct session_result result;

	run->began_ns = run->shown_ns = now_ns();
	for (uint32_t chunk = 0; chunk < DISK_SLOTS; chunk++)
		queue_chunk(run, chunk);
	while (run->done < run->count && run->error == OK) {
		client_kick(&disk.client);
		run->error = client_wait(&disk.client, now_ns() + DISK_SYNC_TIMEOUT_NS, &result);
		if (run->error == OK)
			finish_chunk(run, &result);
		print_progress(run, false);
		if (run->error == OK && interrupted())
			run->error = ERR_CANCELLED;
	}
	if (run->error == OK && run->write)
		run->error = disk_flush(&disk);
	print_progress(run, true);
	print("\n");
}

static void print_outcome(const char *verb, const struct pattern_run *run)
{
	if (run->error != OK)
		print_failure(verb, run->error);
	else if (run->bad_sectors)
		print("%s: %llu of %llu sectors differ from the pattern, sector %llu first\n",
		      disk.entry.name, (unsigned long long)run->bad_sectors,
		      (unsigned long long)(run->count * sectors_per_block()),
		      (unsigned long long)run->first_bad);
	else
		print("%s: %llu blocks %s\n", disk.entry.name, (unsigned long long)run->count,
		      run->write ? "written and flushed" : "verified, all hold the pattern");
}

/* disk write|verify DISK pattern SEED START COUNT */
static void run_write_or_verify(int argc, char **argv)
{
	struct pattern_run run = { .write = strcmp(argv[1], "write") == 0 };

	if (argc != 7 || strcmp(argv[3], "pattern") != 0)
		return print_usage("disk");
	if (!number_argument("disk: seed", argv[4], &run.seed) || !open_disk(argv[2]))
		return;
	if (range_arguments(argv[1], argv[5], argv[6], &run.start, &run.count)) {
		run_pattern(&run);
		print_outcome(argv[1], &run);
	}
	disk_close(&disk);
}

/* --- flush and discard --- */

static void run_flush(int argc, char **argv)
{
	enum error error;

	if (argc != 3)
		return print_usage("disk");
	if (!open_disk(argv[2]))
		return;
	error = disk_flush(&disk);
	if (error != OK)
		print_failure("flush", error);
	disk_close(&disk);
}

static void run_discard(int argc, char **argv)
{
	uint64_t start, count;
	enum error error;

	if (argc != 5)
		return print_usage("disk");
	if (!open_disk(argv[2]))
		return;
	if (range_arguments("discard", argv[3], argv[4], &start, &count)) {
		error = disk_discard(&disk, start, count);
		if (error == ERR_UNSUPPORTED)
			print("disk discard: %s cannot discard\n", disk.entry.name);
		else if (error != OK)
			print_failure("discard", error);
	}
	disk_close(&disk);
}

static const struct {
	const char *name;
	void (*run)(int argc, char **argv);
} verbs[] = {
	{ "list", run_list },
	{ "read", run_read },
	{ "write", run_write_or_verify },
	{ "verify", run_write_or_verify },
	{ "flush", run_flush },
	{ "discard", run_discard },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void run_disk(int argc, char **argv)
{
	if (argc == 1)
		return run_list(argc, argv);
	for (unsigned i = 0; i < VERB_COUNT; i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc, argv);
	print_usage("disk");
}

static const char *complete_disk_command(int word, char **words, unsigned index)
{
	static const char *const pattern[] = { "pattern", NULL };

	if (word == 1)
		return index < VERB_COUNT ? verbs[index].name : NULL;
	if (word == 2 && strcmp(words[1], "list") != 0)
		return complete_disk(index);
	if (word == 3 && (strcmp(words[1], "write") == 0 || strcmp(words[1], "verify") == 0))
		return complete_from(pattern, index);
	return NULL;
}

const struct command disk_commands[] = {
	{ "disk",
	  "[list] | read DISK BLOCK [COUNT] | write|verify DISK pattern SEED BLOCK COUNT | "
	  "flush DISK | discard DISK BLOCK COUNT",
	  "disks: list, read, write and verify a pattern, flush, discard", run_disk,
	  complete_disk_command },
	{ 0 },
};
