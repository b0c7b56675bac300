/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The simulated AHCI controller. Numbers are the specifications' own, not the driver's header's:
 * a wrong constant there must be seen here.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_ahci.h"

enum { CAP = 0x00, GHC = 0x04, IS = 0x08, PI = 0x0c, VS = 0x10, CAP2 = 0x24, BOHC = 0x28 };
enum { GHC_HR = 1 << 0, GHC_IE = 1 << 1 };
enum {
	CLB = 0x00,
	CLBU = 0x04,
	FB = 0x08,
	FBU = 0x0c,
	PXIS = 0x10,
	PXIE = 0x14,
	CMD = 0x18,
	TFD = 0x20,
	SIG = 0x24,
	SSTS = 0x28,
	SCTL = 0x2c,
	SERR = 0x30,
	SACT = 0x34,
	CI = 0x38
};
enum {
	CMD_ST = 1 << 0,
	CMD_SUD = 1 << 1,
	CMD_POD = 1 << 2,
	CMD_FRE = 1 << 4,
	CMD_FR = 1 << 14,
	CMD_CR = 1 << 15
};
enum { IS_DHRS = 1 << 0, IS_PSS = 1 << 1, IS_SDBS = 1 << 3, IS_PCS = 1 << 6, IS_PRCS = 1 << 22 };
enum { IS_IFS = 1 << 27, IS_TFES = 1 << 30 };
enum { SERR_N = 1 << 16, SERR_X = 1 << 26 };
#define GHC_AE   (1u << 31)
#define CAP_SAM  (1u << 18)
#define CAP_SSS  (1u << 27)
#define SSTS_UP  0x113u
#define TFD_BUSY 0x80u
#define TFD_IDLE 0x50u

/* --- Interrupts --- */

static void interrupt_update(struct fake_ahci *model)
{
	uint32_t before = model->status;

	for (unsigned i = 0; i < MODEL_PORTS_MAX; i++) {
		const struct model_port *port = &model->port[i];

		if (model->ports & 1u << i && port->status & port->enable)
			model->status |= 1u << i;
	}
	if (!(model->control & GHC_IE) || !(model->status & ~before))
		return;
	if (model->drop_interrupts) {
		model->drop_interrupts--;
		return;
	}
	model->messages++;
	fake_interrupt(model->fake, 0);
}

static void port_raise(struct fake_ahci *model, struct model_port *port, uint32_t bits)
{
	port->status |= bits;
	interrupt_update(model);
}

/* --- The received FIS --- */

static void fis_write(struct fake_ahci *model, struct model_port *port, unsigned offset,
		      const void *fis, unsigned bytes)
{
	uint64_t base = port->fis[0] | (uint64_t)port->fis[1] << 32;
	uint8_t *memory;

	if (!(port->command & CMD_FRE))
		return;
	if (base & 0xff)
		fake_violate(model->fake, "the received FIS area is not aligned");
	memory = fake_dma(model->fake, base, 256);
	if (memory)
		memcpy(memory + offset, fis, bytes);
}

static void fis_register(struct fake_ahci *model, struct model_port *port, bool interrupt)
{
	uint8_t fis[20] = { 0x34, interrupt ? 0x40 : 0, (uint8_t)port->task,
			    (uint8_t)(port->task >> 8) };

	fis_write(model, port, 0x40, fis, sizeof(fis));
	if (interrupt)
		port_raise(model, port, IS_DHRS);
}

static void fis_device_bits(struct fake_ahci *model, struct model_port *port, uint32_t done)
{
	uint8_t fis[8] = { 0xa1, 0x40, (uint8_t)(port->task & 0x77), (uint8_t)(port->task >> 8) };

	if (port->disk.foreign_tags)
		done = ~0u;
	memcpy(fis + 4, &done, 4);
	port->active &= ~done;
	fis_write(model, port, 0x58, fis, sizeof(fis));
	port_raise(model, port, IS_SDBS);
}

/* --- Link --- */

/* The device's first FIS, accepted only while DIAG.X is clear and reception is on. */
static void signature_deliver(struct fake_ahci *model, struct model_port *port)
{
	if (!port->signature_due || port->disk.silent || !(port->command & CMD_FRE) ||
	    port->error & SERR_X)
		return;
	port->signature_due = false;
	port->signature = port->disk.signature;
	port->task = port->disk.first_task ? port->disk.first_task : TFD_IDLE;
	fis_register(model, port, model->eager_first_fis);
}

/* QEMU's ports report a first FIS even where nothing is plugged in. */
static void empty_port_speaks(struct fake_ahci *model, struct model_port *port)
{
	if (!model->eager_first_fis || port->disk.present || port->has_spoken)
		return;
	port->has_spoken = true;
	port_raise(model, port, IS_DHRS);
}

static void link_update(struct fake_ahci *model, struct model_port *port)
{
	bool spun = !(model->cap & CAP_SSS) || port->command & CMD_SUD;

	port->task = 0x7f;
	port->signature = 0xffffffff;
	port->issue = port->active = port->accepted = 0;
	port->disk.halted = false;
	port->signature_due = false;
	if (!port->disk.present || !spun) {
		port->link_status = 0;
		return;
	}
	port->disk.resets++;
	port->link_status = SSTS_UP;
	port->error |= SERR_X;
	port->task = TFD_BUSY | 0x7f;
	port->signature_due = true;
	port_raise(model, port, IS_PCS);
	signature_deliver(model, port);
}

struct model_disk *fake_ahci_plug(struct fake_ahci *model, unsigned index)
{
	struct model_port *port = &model->port[index];
	struct model_disk *disk = &port->disk;

	free(disk->block);
	*disk = (struct model_disk){ .present = true,
				     .signature = 0x00000101,
				     .block_count = (1u << 30) / 512,
				     .block_bytes = 512,
				     .depth = 32,
				     .trim_blocks = 1,
				     .serial = "MODEL-1",
				     .fail_error = 0x04 };
	disk->block = calloc(MODEL_BLOCKS_MAX, sizeof(*disk->block));
	if (!disk->block)
		abort();
	link_update(model, port);
	return disk;
}

void fake_ahci_unplug(struct fake_ahci *model, unsigned index)
{
	struct model_port *port = &model->port[index];

	port->disk.present = false;
	port->link_status = 0;
	port->issue = port->active = port->accepted = 0;
	port->error |= SERR_N;
	port_raise(model, port, IS_PRCS);
}

/* --- Blocks --- */

static struct model_block *block_find(const struct model_disk *disk, uint64_t lba)
{
	for (unsigned i = 0; i < disk->block_count_used; i++) {
		if (disk->block[i].lba == lba)
			return &disk->block[i];
	}
	return NULL;
}

const uint8_t *fake_ahci_block(const struct model_disk *disk, uint64_t lba)
{
	const struct model_block *block = block_find(disk, lba);

	return block ? block->data : NULL;
}

void fake_ahci_store(struct model_disk *disk, uint64_t lba, const uint8_t *data)
{
	struct model_block *block = block_find(disk, lba);

	if (!block) {
		if (disk->block_count_used == MODEL_BLOCKS_MAX)
			abort();
		block = &disk->block[disk->block_count_used++];
		block->lba = lba;
	}
	memcpy(block->data, data, disk->block_bytes);
}

unsigned fake_ahci_count(const struct model_disk *disk, uint8_t command)
{
	unsigned count = 0;

	for (unsigned i = 0; i < disk->command_count; i++)
		count += disk->command[i].command == command;
	return count;
}

/* --- Commands --- */

/* One command as the controller fetches it. */
struct job {
	struct model_command command;
	bool write, queued;
	unsigned ranges;
	uint32_t *done_bytes;
	const uint8_t *table;
};

static bool job_fetch(struct fake_ahci *model, struct model_port *port, unsigned slot,
		      struct job *job)
{
	uint64_t base = port->list[0] | (uint64_t)port->list[1] << 32;
	uint8_t *header = fake_dma(model->fake, base + slot * 32, 32);
	const uint8_t *fis;
	uint64_t table;
	uint32_t word;

	if (base & 0x3ff || !header) {
		fake_violate(model->fake, "the command list is not aligned, or not there");
		return false;
	}
	memcpy(&word, header, 4);
	memcpy(&table, header + 8, 8);
	job->write = word & 1 << 6;
	job->ranges = word >> 16;
	job->done_bytes = (uint32_t *)(header + 4);
	fis = fake_dma(model->fake, table, 0x80 + job->ranges * 16);
	if (!fis || table & 0x7f || (word & 31) != 5 || fis[0] != 0x27 || fis[1] != 0x80) {
		fake_violate(model->fake, "slot %u: bad command table or FIS", slot);
		return false;
	}
	job->table = fis;
	job->command = (struct model_command){
		.command = fis[2],
		.slot = (uint8_t)slot,
		.drive = fis[7],
		.feature = (uint16_t)(fis[3] | fis[11] << 8),
		.count = (uint32_t)(fis[12] | fis[13] << 8),
		.lba = fis[4] | fis[5] << 8 | fis[6] << 16 | (uint64_t)fis[8] << 24 |
		       (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40,
	};
	job->queued = fis[2] == 0x60 || fis[2] == 0x61;
	return true;
}

/* Move data between the command's ranges and a buffer. False: the sizes differ, or a range is not
 * memory of the driver's. */
static bool job_move(struct fake_ahci *model, struct job *job, uint8_t *data, uint32_t bytes,
		     bool to_host)
{
	uint32_t left = bytes;

	if (job->write == to_host) {
		fake_violate(model->fake, "the header has the wrong direction");
		return false;
	}
	for (unsigned i = 0; i < job->ranges; i++) {
		const uint8_t *range = job->table + 0x80 + i * 16;
		uint64_t address;
		uint32_t length;
		uint8_t *memory;

		memcpy(&address, range, 8);
		memcpy(&length, range + 12, 4);
		length = (length & 0x3fffff) + 1;
		memory = length <= left && !(address & 1) && !(length & 1)
				 ? fake_dma(model->fake, address, length)
				 : NULL;
		if (!memory) {
			fake_violate(model->fake, "a range of %u bytes at 0x%llx, %u expected",
				     length, (unsigned long long)address, left);
			return false;
		}
		if (to_host)
			memcpy(memory, data, length);
		else
			memcpy(data, memory, length);
		data += length;
		left -= length;
	}
	*job->done_bytes = bytes - left;
	if (left)
		fake_violate(model->fake, "the ranges are %u bytes short", left);
	return left == 0;
}

static void text_put(uint16_t *word, unsigned words, const char *text)
{
	size_t length = strlen(text);

	for (unsigned i = 0; i < words * 2; i++) {
		char c = i < length ? text[i] : ' ';

		word[i / 2] = (uint16_t)(word[i / 2] | (uint8_t)c << (i % 2 ? 0 : 8));
	}
}

static void identify_fill(const struct model_disk *disk, uint16_t *word)
{
	uint64_t count28 = disk->block_count < 0xfffffff ? disk->block_count : 0xfffffff;

	word[0] = 0x0040;
	text_put(word + 10, 10, disk->serial);
	text_put(word + 23, 4, "1.0");
	text_put(word + 27, 20, "MODEL DISK");
	word[49] = 0x0300;
	word[60] = (uint16_t)count28;
	word[61] = (uint16_t)(count28 >> 16);
	if (disk->depth) {
		word[75] = (uint16_t)(disk->depth - 1);
		word[76] = 1 << 8;
	}
	word[83] = (uint16_t)(1 << 14 | (disk->no_lba48 ? 0 : 1 << 10));
	if (!disk->no_flush)
		word[83] |= (uint16_t)(1 << 12 | (disk->no_lba48 ? 0 : 1 << 13));
	word[84] = (uint16_t)(1 << 14 | disk->log << 5 | disk->fua << 6);
	for (unsigned i = 0; i < 4 && !disk->no_lba48; i++)
		word[100 + i] = (uint16_t)(disk->block_count >> (16 * i));
	word[105] = (uint16_t)disk->trim_blocks;
	word[106] = 1 << 14;
	if (disk->block_bytes != 512) {
		word[106] |= 1 << 12;
		word[117] = (uint16_t)(disk->block_bytes / 2);
		word[118] = (uint16_t)(disk->block_bytes / 2 >> 16);
	}
	word[169] = disk->trim;
}

static uint8_t run_identify(struct fake_ahci *model, struct model_disk *disk, struct job *job)
{
	uint16_t word[256] = { 0 };

	if (disk->signature != 0x00000101)
		return 0x04;
	identify_fill(disk, word);
	for (unsigned i = 0; i < 256 && disk->garbage_identify; i++)
		word[i] = (uint16_t)(i * 40503u ^ 0xa5a5u);
	return job_move(model, job, (uint8_t *)word, 512, true) ? 0 : 0x04;
}

static uint8_t run_transfer(struct fake_ahci *model, struct model_disk *disk, struct job *job,
			    bool write, uint64_t lba, uint32_t count)
{
	uint32_t bytes = count * disk->block_bytes;
	uint8_t *data, error = 0;

	if (lba + count > disk->block_count)
		return 0x10;
	if (!(job->command.drive & 0x40))
		return 0x04;
	if (disk->bad && disk->bad_lba >= lba && disk->bad_lba < lba + count)
		return 0x40;
	data = calloc(1, bytes);
	if (!data)
		abort();
	if (write && job_move(model, job, data, bytes, false)) {
		for (uint32_t i = 0; i < count; i++)
			fake_ahci_store(disk, lba + i, data + (size_t)i * disk->block_bytes);
		disk->unflushed++;
	} else if (!write) {
		for (uint32_t i = 0; i < count; i++) {
			const uint8_t *block = fake_ahci_block(disk, lba + i);

			if (block)
				memcpy(data + (size_t)i * disk->block_bytes, block,
				       disk->block_bytes);
		}
		error = job_move(model, job, data, bytes, true) ? 0 : 0x04;
	}
	free(data);
	return error;
}

static uint8_t run_trim(struct fake_ahci *model, struct model_disk *disk, struct job *job)
{
	uint32_t bytes = job->command.count * 512;
	uint64_t *range = calloc(1, bytes ? bytes : 1);
	uint8_t error = 0;

	if (!range)
		abort();
	if (!disk->trim || job->command.feature != 1 || !job->command.count ||
	    job->command.count > disk->trim_blocks ||
	    !job_move(model, job, (uint8_t *)range, bytes, false))
		error = 0x04;
	for (uint32_t i = 0; i < bytes / 8 && !error; i++) {
		uint64_t lba = range[i] & 0xffffffffffff, count = range[i] >> 48;

		if (lba + count > disk->block_count)
			error = 0x10;
		else
			disk->trimmed += count;
		for (unsigned b = 0; b < disk->block_count_used; b++) {
			if (disk->block[b].lba >= lba && disk->block[b].lba < lba + count)
				memset(disk->block[b].data, 0, sizeof(disk->block[b].data));
		}
	}
	free(range);
	return error;
}

static uint8_t run_log(struct fake_ahci *model, struct model_disk *disk, struct job *job)
{
	if (!disk->log || disk->broken_log || job->command.lba != 0x10 || job->command.count != 1)
		return 0x04;
	if (!job_move(model, job, disk->log_page, 512, true))
		return 0x04;
	disk->halted = false;
	return 0;
}

/* Execute; the error register, 0 if all is well. */
static uint8_t job_run(struct fake_ahci *model, struct model_disk *disk, struct job *job)
{
	const struct model_command *c = &job->command;
	bool wide = !disk->no_lba48;
	uint64_t lba28 = (c->lba & 0xffffff) | (uint64_t)(c->drive & 15) << 24;
	uint32_t count8 = c->count & 255 ? c->count & 255 : 256;
	uint32_t count16 = c->count ? c->count : 65536;

	if (disk->halted && c->command != 0x2f)
		return 0x04;
	if (disk->fail_next) {
		disk->fail_next--;
		return disk->fail_error;
	}
	switch (c->command) {
	case 0xec:
		return run_identify(model, disk, job);
	case 0x60:
	case 0x61:
		if (!disk->depth || c->count >> 3 != c->slot || c->slot >= disk->depth)
			return 0x04;
		return run_transfer(model, disk, job, c->command & 1, c->lba,
				    c->feature ? c->feature : 65536);
	case 0x25:
		return wide ? run_transfer(model, disk, job, false, c->lba, count16) : 0x04;
	case 0x35:
		return wide ? run_transfer(model, disk, job, true, c->lba, count16) : 0x04;
	case 0x3d:
		return wide && disk->fua ? run_transfer(model, disk, job, true, c->lba, count16)
					 : 0x04;
	case 0xc8:
		return run_transfer(model, disk, job, false, lba28, count8);
	case 0xca:
		return run_transfer(model, disk, job, true, lba28, count8);
	case 0xea:
	case 0xe7:
		if (disk->no_flush || (c->command == 0xea && !wide) || job->ranges)
			return 0x04;
		disk->unflushed = 0;
		return 0;
	case 0x2f:
		return run_log(model, disk, job);
	case 0x06:
		return run_trim(model, disk, job);
	default:
		return 0x04;
	}
}

/* A queued command failed: the others stay where they are, and the disk halts. */
static void queued_fail(struct fake_ahci *model, struct model_port *port, struct job *job,
			uint8_t error)
{
	struct model_disk *disk = &port->disk;

	memset(disk->log_page, 0, sizeof(disk->log_page));
	disk->log_page[0] = disk->lying_log ? 0x80 : job->command.slot;
	disk->log_page[2] = 0x41;
	disk->log_page[3] = error;
	disk->halted = !model->sloppy_errors;
	port->task = (uint32_t)error << 8 | 0x41;
	port->error_state = true;
	fis_device_bits(model, port, 0);
	if (!model->sloppy_errors)
		port_raise(model, port, IS_TFES);
}

static void command_end(struct fake_ahci *model, struct model_port *port, struct job *job,
			uint8_t error)
{
	uint32_t bit = 1u << job->command.slot;
	bool pio = job->command.command == 0xec || job->command.command == 0x2f;

	port->task = error ? (uint32_t)error << 8 | 0x51 : TFD_IDLE;
	if (!error || model->sloppy_errors)
		port->issue &= ~bit;
	if (pio && !error) {
		uint8_t fis[20] = { 0x5f, 0x60, 0x58, 0, [15] = 0x50 };

		fis_write(model, port, 0x20, fis, sizeof(fis));
		port_raise(model, port, IS_PSS);
		return;
	}
	port->error_state = error != 0;
	fis_register(model, port, true);
	if (error)
		port_raise(model, port, IS_TFES);
}

/* Run one command. Queued ones that ended are collected in `done`. */
static void command_run(struct fake_ahci *model, struct model_port *port, unsigned slot,
			uint32_t *done)
{
	struct model_disk *disk = &port->disk;
	struct job job;
	uint8_t error;

	if (!job_fetch(model, port, slot, &job)) {
		port->issue &= ~(1u << slot);
		return;
	}
	if (job.queued != ((port->active >> slot & 1) != 0) ||
	    (!job.queued && (port->active || port->issue & (port->issue - 1))))
		fake_violate(model->fake, "queued and other commands are mixed in slot %u", slot);
	if (job.queued && model->stale_errors && port->task & 1)
		port_raise(model, port, IS_TFES);
	if (disk->corrupt_next) {
		disk->corrupt_next--;
		port->error_state = true;
		port_raise(model, port, IS_IFS);
		return;
	}
	error = job_run(model, disk, &job);
	job.command.status = error;
	if (disk->command_count < MODEL_COMMANDS_MAX)
		disk->command[disk->command_count++] = job.command;
	if (!job.queued) {
		command_end(model, port, &job, error);
		return;
	}
	port->issue &= ~(1u << slot);
	port->accepted &= ~(1u << slot);
	if (error)
		queued_fail(model, port, &job, error);
	else
		*done |= 1u << slot;
}

static bool port_work(struct fake_ahci *model, struct model_port *port)
{
	uint32_t done = 0;
	bool worked = false;

	while (port->issue && !port->error_state && port->command & CMD_ST && !port->disk.hold &&
	       port->disk.present && !port->disk.silent) {
		unsigned slot = port->disk.backwards ? 31 - (unsigned)__builtin_clz(port->issue)
						     : (unsigned)__builtin_ctz(port->issue);

		worked = true;
		command_run(model, port, slot, &done);
		if (port->disk.one_by_one && done)
			break;
	}
	if (done) {
		uint32_t task = port->task;

		if (!port->error_state)
			port->task = TFD_IDLE;
		else
			port->task = task & ~1u; /* this FIS tells of the good ones */
		fis_device_bits(model, port, done);
		port->task = task;
		if (port->error_state)
			fis_device_bits(model, port, 0);
	}
	return worked;
}

static bool model_work(void *context)
{
	struct fake_ahci *model = context;
	bool worked = false;

	if (model->gone)
		return false;
	for (unsigned i = 0; i < MODEL_PORTS_MAX; i++) {
		if (model->ports & 1u << i)
			worked |= port_work(model, &model->port[i]);
	}
	return worked;
}

/* --- Registers --- */

static uint32_t port_register_read(const struct model_port *port, uint32_t offset)
{
	switch (offset) {
	case CLB:
	case CLBU:
		return port->list[offset / 4];
	case FB:
	case FBU:
		return port->fis[(offset - FB) / 4];
	case PXIS:
		return port->status;
	case PXIE:
		return port->enable;
	case CMD:
		return port->command;
	case TFD:
		return port->task;
	case SIG:
		return port->signature;
	case SSTS:
		return port->link_status;
	case SCTL:
		return port->link_control;
	case SERR:
		return port->error;
	case SACT:
		return port->active;
	case CI:
		return port->issue;
	default:
		return 0;
	}
}

/* Power and spin-up are on for good where the port cannot switch them [AHCI 3.3.7]. */
static uint32_t port_command_fixed(const struct fake_ahci *model)
{
	return CMD_POD | (model->cap & CAP_SSS ? 0 : CMD_SUD);
}

static void port_command_write(struct fake_ahci *model, struct model_port *port, uint32_t value)
{
	uint32_t before = port->command;

	port->command = (before & (CMD_CR | CMD_FR)) | (value & (CMD_ST | CMD_FRE)) |
			port_command_fixed(model) | (value & CMD_SUD);
	if (value & CMD_FRE) {
		port->command |= CMD_FR;
		empty_port_speaks(model, port);
	} else {
		port->command &= ~(uint32_t)CMD_FR;
	}
	if (value & CMD_ST && !(before & CMD_ST)) {
		if (!(value & CMD_FRE) || before & CMD_CR || port->task & 0x88 ||
		    (port->link_status & 15) != 3)
			fake_violate(model->fake, "a port was started too early");
		port->command |= CMD_CR;
	}
	if (!(value & CMD_ST) && before & CMD_ST) {
		port->error_state = false;
		if (!model->engine_hangs)
			port->command &= ~(uint32_t)CMD_CR;
		if (!model->sloppy_errors)
			port->issue = port->active = port->accepted = 0;
	}
	if (value & CMD_SUD && !(before & CMD_SUD) && model->cap & CAP_SSS)
		link_update(model, port);
	signature_deliver(model, port);
}

static void port_link_write(struct fake_ahci *model, struct model_port *port, uint32_t value)
{
	bool was = (port->link_control & 15) == 1, is = (value & 15) == 1;

	if (was != is && port->command & CMD_ST)
		fake_violate(model->fake, "COMRESET while the port runs");
	port->link_control = value;
	if (is)
		port->link_status = port->disk.present ? 1 : 0;
	if (was && !is) {
		port->command &= ~(uint32_t)CMD_CR;
		link_update(model, port);
	}
}

static void port_register_write(struct fake_ahci *model, struct model_port *port, uint32_t offset,
				uint32_t value)
{
	switch (offset) {
	case CLB:
	case CLBU:
	case FB:
	case FBU:
		if (port->command & (CMD_CR | CMD_FR))
			fake_violate(model->fake, "addresses changed while the port runs");
		*(offset < FB ? &port->list[offset / 4] : &port->fis[(offset - FB) / 4]) = value;
		break;
	case PXIS:
		port->status &= ~(value & ~(uint32_t)(IS_PCS | IS_PRCS));
		break;
	case PXIE:
		port->enable = value;
		interrupt_update(model);
		break;
	case CMD:
		port_command_write(model, port, value);
		break;
	case SCTL:
		port_link_write(model, port, value);
		break;
	case SERR:
		port->error &= ~value;
		if (!(port->error & SERR_X))
			port->status &= ~(uint32_t)IS_PCS;
		if (!(port->error & SERR_N))
			port->status &= ~(uint32_t)IS_PRCS;
		signature_deliver(model, port);
		break;
	case SACT:
	case CI:
		if (!(port->command & CMD_ST))
			fake_violate(model->fake, "a command was issued to a stopped port");
		else if (port->disk.present)
			*(offset == CI ? &port->issue : &port->active) |= value;
		if (offset == CI && model->at_once)
			port_work(model, port);
		break;
	default:
		fake_violate(model->fake, "write to port register 0x%x", offset);
	}
}

static void host_reset(struct fake_ahci *model)
{
	model->control = 0;
	model->status = 0;
	for (unsigned i = 0; i < MODEL_PORTS_MAX; i++) {
		struct model_port *port = &model->port[i];

		port->status = port->enable = port->error = port->link_control = 0;
		port->command = port_command_fixed(model);
		port->has_spoken = false;
		port->error_state = false;
		if (model->ports & 1u << i)
			link_update(model, port);
	}
}

static uint64_t model_read(void *context, uint32_t offset, unsigned bits)
{
	struct fake_ahci *model = context;

	if (bits != 32)
		fake_violate(model->fake, "an access of %u bits", bits);
	if (model->gone)
		return UINT32_MAX;
	if (offset >= 0x100)
		return port_register_read(&model->port[(offset - 0x100) / 0x80 % MODEL_PORTS_MAX],
					  (offset - 0x100) % 0x80);
	switch (offset) {
	case CAP:
		return model->cap;
	case GHC:
		return model->control |
		       (model->cap & CAP_SAM ? GHC_AE : 0); /* no choice [AHCI 3.1.2] */
	case IS:
		return model->status;
	case PI:
		return model->ports;
	case VS:
		return 0x00010301;
	case CAP2:
		return model->cap2;
	case BOHC:
		if (model->handoff & 2 && model->handoff_reads && !--model->handoff_reads)
			model->handoff &= ~1u;
		return model->handoff;
	default:
		return 0;
	}
}

static void model_write(void *context, uint32_t offset, unsigned bits, uint64_t wide)
{
	struct fake_ahci *model = context;
	uint32_t value = (uint32_t)wide;

	if (bits != 32)
		fake_violate(model->fake, "an access of %u bits", bits);
	if (model->gone)
		return;
	if (offset >= 0x100) {
		unsigned index = (offset - 0x100) / 0x80;

		if (index >= MODEL_PORTS_MAX || !(model->ports & 1u << index))
			fake_violate(model->fake, "port %u is not implemented", index);
		else
			port_register_write(model, &model->port[index], (offset - 0x100) % 0x80,
					    value);
	} else if (offset == GHC && value & GHC_HR) {
		host_reset(model);
		model->control |= model->reset_hangs ? GHC_HR : 0;
	} else if (offset == GHC) {
		model->control = value & (GHC_AE | GHC_IE);
		interrupt_update(model);
	} else if (offset == IS) {
		model->status &= ~value;
		/* What remains, or is still pending in a port, is told again. */
		value = model->status;
		model->status = 0;
		interrupt_update(model);
		model->status |= value;
	} else if (offset == BOHC) {
		model->handoff = (model->handoff & 1) | (value & ~1u);
	} else {
		fake_violate(model->fake, "write to host register 0x%x", offset);
	}
}

struct fake_ahci *fake_ahci_create(struct fake *fake, uint32_t ports)
{
	struct fake_ahci *model = calloc(1, sizeof(*model));

	if (!model)
		abort();
	model->fake = fake;
	model->ports = ports;
	model->cap = 1u << 31 | 1u << 30 | 1u << 18 | 31u << 8 |
		     (ports ? (unsigned)__builtin_popcount(ports) - 1 : 0);
	model->handoff = 1;
	fake_window(fake, 5, WINDOW_MMIO, 0x1100, model_read, model_write, model);
	fake->work = model_work;
	fake->work_context = model;
	return model;
}

void fake_ahci_destroy(struct fake_ahci *model)
{
	for (unsigned i = 0; i < MODEL_PORTS_MAX; i++)
		free(model->port[i].disk.block);
	free(model);
}
