/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The load that proves itself. See runtime/verify.h.
 */
#include <lib/string.h>
#include <runtime/partition.h>
#include <runtime/pattern.h>
#include <runtime/syscall.h>
#include <runtime/time.h>
#include <runtime/verify.h>

#define DEPTH           32u
#define BLOCK_BYTES_MAX 4096u
#define PLACES          1024u               /* blocks that are written */
#define LOOK_NS         UINT64_C(100000000) /* how often to look whether to stop, at the least */
#define LOOK_COUNT      64
#define HUNG_NS         UINT64_C(30000000000)

enum { WORD_ADDRESS, WORD_SEQUENCE, WORD_CLIENT, WORD_DATA }; /* the last one is the checksum */
enum kind { KIND_READ, KIND_WRITE, KIND_FLUSH };

struct operation {
	enum kind kind;
	uint32_t place;
	uint64_t began_ns;
};

static struct disk disk;
static struct {
	uint32_t sequence[PLACES]; /* written last and answered; 0: never */
	bool busy[PLACES];         /* one request at a time: its outcome is known */
	struct operation operation[DEPTH];
	uint32_t next_sequence, client;
	uint64_t random, start;
	struct verify_totals totals;
} load;

static enum error read_block(void *context, uint64_t block, void *to)
{
	return disk_read(context, block, 1, to);
}

bool verify_allowed(struct disk *of)
{
	static struct partition_table table;
	struct partition_source source = { read_block, of, of->block_count, of->block_bytes };

	if (of->entry.unit.flags & UNIT_READ_ONLY ||
	    of->block_count * of->block_bytes < 2 * VERIFY_BYTES)
		return false;
	if (string_starts(of->entry.unit.serial, "scratch"))
		return true;
	return string_starts(of->entry.unit.model, "QEMU") &&
	       partition_table_read(&source, &table) == OK && table.scheme == PARTITION_SCHEME_NONE;
}

/* --- What a block holds --- */

static uint64_t block_word(uint32_t place, uint32_t sequence, unsigned index)
{
	uint64_t seed = (uint64_t)load.client << 56 ^ (uint64_t)place << 32 ^ sequence;

	return index == WORD_ADDRESS    ? place
	       : index == WORD_SEQUENCE ? sequence
	       : index == WORD_CLIENT   ? load.client
					: (seed + index) * UINT64_C(0x9e3779b97f4a7c15);
}

static unsigned last_word(void)
{
	return disk.block_bytes / 8 - 1;
}

static uint64_t checksum(const uint64_t *word)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < last_word(); i++)
		sum = (sum << 1 | sum >> 63) ^ word[i];
	return sum;
}

static void block_fill(uint64_t *word, uint32_t place, uint32_t sequence)
{
	for (unsigned i = 0; i < last_word(); i++)
		word[i] = block_word(place, sequence, i);
	word[last_word()] = checksum(word);
}

static bool block_right(const uint64_t *word, uint32_t place, uint32_t sequence)
{
	for (unsigned i = 0; i < last_word(); i++)
		if (word[i] != block_word(place, sequence, i))
			return false;
	return word[last_word()] == checksum(word);
}

/* --- Requests --- */

static uint32_t free_place(void)
{
	uint32_t place;

	do
		place = (uint32_t)(splitmix64(load.random++) % PLACES);
	while (load.busy[place]);
	load.busy[place] = true;
	return place;
}

static enum error start(uint32_t piece)
{
	struct operation *operation = &load.operation[piece];
	uint32_t offset = piece * disk.block_bytes;
	uint64_t chance = splitmix64(load.random++) % 64, block;

	operation->place = free_place();
	operation->kind = chance == 0 && load.sequence[operation->place]    ? KIND_FLUSH
			  : chance < 32 || !load.sequence[operation->place] ? KIND_WRITE
									    : KIND_READ;
	operation->began_ns = now_ns();
	block = load.start + operation->place;
	if (operation->kind == KIND_FLUSH)
		return disk_queue(&disk, BLOCK_FLUSH, 0, 0, 0, piece);
	if (operation->kind == KIND_READ) {
		memset(disk_pool(&disk, offset), 0, disk.block_bytes);
		return disk_queue(&disk, BLOCK_READ, block, 1, offset, piece);
	}
	load.sequence[operation->place] = ++load.next_sequence;
	block_fill(disk_pool(&disk, offset), operation->place, load.next_sequence);
	return disk_queue(&disk, BLOCK_WRITE, block, 1, offset, piece);
}

static void finish(const struct session_result *result)
{
	uint32_t piece = (uint32_t)result->cookie % DEPTH;
	struct operation *operation = &load.operation[piece];
	uint64_t took_ns = now_ns() - operation->began_ns;

	load.totals.operations++;
	load.busy[operation->place] = false;
	if (took_ns > load.totals.longest_ns)
		load.totals.longest_ns = took_ns;
	if (result->status != OK) {
		load.totals.failures++;
		load.totals.error = load.totals.error ? load.totals.error : result->status;
		load.sequence[operation->place] = 0;
	} else if (operation->kind == KIND_READ &&
		   !block_right(disk_pool(&disk, piece * disk.block_bytes), operation->place,
				load.sequence[operation->place])) {
		load.totals.mismatches++;
	}
}

/* Take answers until there are none; each is replaced by another request, unless it is over. */
static enum error turn(bool more)
{
	struct session_result result;
	enum error error = client_wait(&disk.client, now_ns() + LOOK_NS, &result);

	if (error)
		return error;
	do {
		finish(&result);
		if (more)
			error = start((uint32_t)result.cookie % DEPTH);
	} while (!error && session_reap(&disk.client.side, &result));
	client_kick(&disk.client);
	return error;
}

static bool stopped(handle_t stop)
{
	uint64_t bits;

	return sys_wait(stop, DEADLINE_NOW, &bits) == OK;
}

/* A wait that is over is an answer late, not missing, until it is longer than anything may take. */
static enum error run(handle_t stop)
{
	uint64_t answered_ns = now_ns();
	enum error error = OK;
	bool more = true;

	for (uint32_t piece = 0; piece < DEPTH && !error; piece++)
		error = start(piece);
	client_kick(&disk.client);
	for (uint32_t turns = 0; !error && session_in_flight(&disk.client.side); turns++) {
		if (more && (turns % LOOK_COUNT == 0 || now_ns() - answered_ns > LOOK_NS))
			more = !stopped(stop);
		error = turn(more);
		if (!error)
			answered_ns = now_ns();
		else if (error == ERR_TIMEOUT && now_ns() - answered_ns < HUNG_NS)
			error = OK;
	}
	return error;
}

bool verify_run(const char *name, uint32_t client, handle_t stop, struct verify_totals *totals)
{
	enum error error = disk_open(name, DEPTH, DEPTH * BLOCK_BYTES_MAX, &disk);

	memset(&load, 0, sizeof(load));
	load.client = client;
	load.random = now_ns();
	if (!error) {
		load.start = disk.block_count - VERIFY_BYTES / disk.block_bytes;
		error = run(stop);
		load.totals.violations = disk.client.side.violations;
		disk_close(&disk);
	}
	if (error)
		load.totals.error = error;
	*totals = load.totals;
	return !error && !totals->failures && !totals->mismatches && !totals->violations;
}
