/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The host's side of `make trace-diff DRIVER=ahci`: the driver, compiled for tracing, against the
 * simulated controller, which is set to what QEMU's ich9-ahci and ide-hd are: capabilities, ports,
 * geometry, features. Writes the trace.
 */
#include <stdio.h>
#include <string.h>

#include "fake_ahci.h"
#include "trace_script.h"

#define REQUEST_NS (1 * SHIM_S)

extern const struct shim_driver shim_driver_ahci;

/* q35's own controller, with a disk on port 0 and the CD on port 5, as tests/run/qemu.py makes it.
 */
static struct fake_ahci *machine(struct fake *fake)
{
	struct fake_ahci *model = fake_ahci_create(fake, 0x3f);
	struct model_disk *disk = fake_ahci_plug(model, 0);

	model->cap = 0xc0141f05;
	model->cap2 = 0;
	model->eager_first_fis = model->at_once = true;
	disk->block_count = TRACE_DISK_BYTES / 512;
	disk->trim = true;
	disk->trim_blocks = 0;
	disk->first_task = 0x130;
	disk = fake_ahci_plug(model, 5);
	disk->signature = 0xeb140101;
	disk->first_task = 0x170;
	return model;
}

static int run(struct fake *fake)
{
#define REQUEST(what, first, blocks, how) { what, first, blocks, how },
	static const struct {
		enum block_operation operation;
		uint64_t first;
		uint32_t blocks;
		uint8_t flags;
	} script[] = { TRACE_SCRIPT(REQUEST) };
#undef REQUEST

	fake_start(fake);
	for (unsigned i = 0; i < 100 && !fake->probe_done; i++)
		fake_advance(fake, 100 * SHIM_MS);
	for (unsigned i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		unsigned id = fake_block_submit(fake, 0, script[i].operation, script[i].first,
						script[i].blocks, script[i].flags);

		fake_advance(fake, REQUEST_NS);
		if (fake_block_error(fake, id) != OK) {
			fprintf(stderr, "request %u: %s\n", i,
				error_text(fake_block_error(fake, id)));
			return 1;
		}
	}
	return 0;
}

int main(void)
{
	struct fake *fake = fake_create(&shim_driver_ahci);
	struct fake_ahci *model = machine(fake);
	int status = run(fake);

	fputs(fake->log, stdout);
	fake_destroy(fake);
	fake_ahci_destroy(model);
	return status;
}
