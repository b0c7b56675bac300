/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated AHCI controller with disks, for tests of block/ahci: what the specifications ask of
 * the hardware, and controls to make it misbehave. Sources: AHCI 1.3.1, ACS-3.
 *
 * How to use: fake_ahci_create(), fake_ahci_plug() for each disk, change the disk's fields,
 * fake_start(). The disk works when the fake runs (fake_run(), fake_advance()).
 */
#ifndef FAKE_AHCI_H
#define FAKE_AHCI_H

#include "fake.h"

#define MODEL_PORTS_MAX    32
#define MODEL_COMMANDS_MAX 4096
#define MODEL_BLOCKS_MAX   512

/* One command that a disk has executed, or refused. */
struct model_command {
	uint8_t command, slot, drive, status;
	uint16_t feature;
	uint32_t count;
	uint64_t lba;
};

/* One block that was written; all others are zero. */
struct model_block {
	uint64_t lba;
	uint8_t data[4096];
};

struct model_disk {
	bool present;
	/* What it is; to be set before it is started */
	uint32_t signature, first_task; /* first_task: 0 is as usual, 0x50 */
	uint64_t block_count;
	uint32_t block_bytes;
	unsigned depth; /* of NCQ; 0: has none */
	bool no_lba48, fua, log, trim, no_flush;
	unsigned trim_blocks;
	const char *serial;
	/* Controls */
	bool silent;           /* never answers after a reset */
	bool hold;             /* takes commands and does not end them */
	bool garbage_identify; /* IDENTIFY answers with noise */
	bool foreign_tags;     /* ends commands that nobody issued, too */
	bool broken_log;       /* the error log cannot be read */
	bool lying_log;        /* the error log names another tag */
	bool backwards;        /* takes the highest slot first */
	bool one_by_one;       /* tells each queued command by an interrupt of its own */
	unsigned fail_next;    /* this many commands fail */
	uint8_t fail_error;    /* with this in the error register */
	bool bad;              /* the block below cannot be read or written */
	uint64_t bad_lba;
	unsigned corrupt_next; /* this many transfers end with an interface error */
	/* What it has done */
	struct model_command command[MODEL_COMMANDS_MAX];
	unsigned command_count;
	unsigned resets;
	uint64_t trimmed;   /* blocks */
	unsigned unflushed; /* writes since the last flush */
	uint8_t log_page[512];
	bool halted;               /* after an NCQ error: nothing but the log or a reset */
	struct model_block *block; /* [MODEL_BLOCKS_MAX] */
	unsigned block_count_used;
};

struct model_port {
	uint32_t list[2], fis[2];
	uint32_t status, enable, command, task, signature, link_status, link_control, error;
	uint32_t active, issue;
	uint32_t accepted; /* queued commands the disk holds */
	bool error_state;  /* no more commands until ST is cleared */
	bool signature_due, has_spoken;
	struct model_disk disk;
};

struct fake_ahci {
	struct fake *fake;
	uint32_t cap, cap2, ports, control, status, handoff;
	struct model_port port[MODEL_PORTS_MAX];
	/* Controls */
	unsigned drop_interrupts; /* this many messages are lost */
	unsigned handoff_reads;   /* the firmware lets go after so many looks */
	bool reset_hangs;         /* the host reset never ends */
	bool engine_hangs;        /* a command engine that was started never stops */
	bool gone;                /* pulled out: reads all ones */
	bool sloppy_errors; /* as older QEMUs: queued errors raise no task-file interrupt, SActive
			       survives a stop, an issue bit of a failed command is cleared */
	bool stale_errors;  /* as QEMU 7.2: until a command ends well, accepting a queued one raises
			       the task-file interrupt of the error before */
	bool eager_first_fis; /* as QEMU: the first FIS interrupts, and comes on empty ports too */
	bool at_once;         /* commands are executed within the write that issues them */
	uint64_t messages;    /* interrupts sent */
};

/** A controller with these ports (a bit each) in window 5 of the fake. 32 slots, NCQ, 64 bits. */
struct fake_ahci *fake_ahci_create(struct fake *fake, uint32_t ports);
void fake_ahci_destroy(struct fake_ahci *model);
/** Plug in a disk of 1 GiB with NCQ, flush and nothing else; a live link announces it. */
struct model_disk *fake_ahci_plug(struct fake_ahci *model, unsigned port);
void fake_ahci_unplug(struct fake_ahci *model, unsigned port);
/** Contents of a block; NULL if it was never written. */
const uint8_t *fake_ahci_block(const struct model_disk *disk, uint64_t lba);
/** Write a block behind the driver's back. */
void fake_ahci_store(struct model_disk *disk, uint64_t lba, const uint8_t *data);
/** How many commands of a kind were executed or refused. */
unsigned fake_ahci_count(const struct model_disk *disk, uint8_t command);

#endif
