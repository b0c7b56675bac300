/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The ceiling: the same AHCI disk driven by a bare polling loop, with no system around it. What it
 * reaches is the most that any driver could reach here; run.py quotes Eft as a share of it.
 * Sources: AHCI 1.3.1, Serial ATA 3.0 §13.6 (queued commands), ATA8-ACS.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/marker.h>

#define DEBUG_PORT 0xe9
#define EXIT_PORT  0xf4

#define HBA_GHC    0x04
#define HBA_PI     0x0c
#define GHC_AE     (1u << 31)
#define PORT_BASE  0x100
#define PORT_BYTES 0x80
#define PORT_CLB   0x00
#define PORT_CLBU  0x04
#define PORT_FB    0x08
#define PORT_FBU   0x0c
#define PORT_IS    0x10
#define PORT_IE    0x14
#define PORT_CMD   0x18
#define PORT_TFD   0x20
#define PORT_SIG   0x24
#define PORT_SSTS  0x28
#define PORT_SERR  0x30
#define PORT_SACT  0x34
#define PORT_CI    0x38
#define CMD_ST     (1u << 0)
#define CMD_FRE    (1u << 4)
#define CMD_FR     (1u << 14)
#define CMD_CR     (1u << 15)
#define IS_TFES    (1u << 30)
#define TFD_BUSY   0x88 /* BSY or DRQ */
#define SIG_ATA    0x00000101

#define ATA_IDENTIFY           0xec
#define ATA_READ_FPDMA_QUEUED  0x60
#define ATA_WRITE_FPDMA_QUEUED 0x61

#define SLOTS          32
#define TRANSFER_BYTES 131072
#define SAMPLES_MAX    65536
#define STRETCH_MIN    16 /* as in drivers-user/programs/bench/segment.c */

struct command_header {
	uint32_t flags; /* length of the FIS in dwords; bit 6: write; bits 31:16: entries */
	uint32_t transferred;
	uint64_t table;
	uint32_t reserved[4];
};
_Static_assert(sizeof(struct command_header) == 32, "AHCI 1.3.1 §4.2.2");

struct command_table {
	uint8_t fis[64];
	uint8_t atapi[16];
	uint8_t reserved[48];
	uint64_t data;
	uint32_t data_reserved;
	uint32_t data_bytes; /* less one */
	uint8_t pad[112];
};
_Static_assert(sizeof(struct command_table) == 256, "AHCI 1.3.1 §4.2.3, one entry");

static struct command_header headers[SLOTS] __attribute__((aligned(1024)));
static struct command_table tables[SLOTS] __attribute__((aligned(256)));
static uint8_t received[256] __attribute__((aligned(256)));
static uint8_t buffer[TRANSFER_BYTES] __attribute__((aligned(4096))); /* a part for each slot */
static uint64_t started[SLOTS];
static uint32_t latency[SAMPLES_MAX], stretch[SAMPLES_MAX / STRETCH_MIN];
static unsigned stretches;
static volatile uint8_t *port;
static uint64_t sector_count, tsc_per_ms;
static unsigned segment;

static inline void out8(uint16_t to, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(to));
}

static inline uint8_t in8(uint16_t from)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(from));
	return value;
}

static inline void out32(uint16_t to, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(to));
}

static inline uint32_t in32(uint16_t from)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(from));
	return value;
}

static inline uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline uint32_t port_read(unsigned offset)
{
	return *(volatile uint32_t *)(port + offset);
}

static inline void port_write(unsigned offset, uint32_t value)
{
	*(volatile uint32_t *)(port + offset) = value;
}

static void print(const char *text)
{
	while (*text)
		out8(DEBUG_PORT, (uint8_t)*text++);
}

static void print_field(const char *name, uint64_t value)
{
	char digits[21];
	size_t at = sizeof digits - 1;

	digits[at] = 0;
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	print(" ");
	print(name);
	print("=");
	print(digits + at);
}

static _Noreturn void leave(unsigned code)
{
	out32(EXIT_PORT, code);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static _Noreturn void fail(const char *why)
{
	print("bench: error text=\"");
	print(why);
	print("\"\n");
	leave(1);
}

/* 50 ms of the interval timer's channel 2, gated by port 0x61. Source: Intel 8254. */
static void calibrate(void)
{
	const unsigned ticks = 1193182 / 20;
	uint64_t from;

	out8(0x61, (in8(0x61) & ~2) | 1);
	out8(0x43, 0xb0); /* channel 2, both bytes, mode 0 */
	out8(0x42, ticks & 0xff);
	out8(0x42, ticks >> 8);
	from = read_tsc();
	while (!(in8(0x61) & 0x20))
		;
	tsc_per_ms = (read_tsc() - from) / 50;
}

static uint64_t tsc_to_ns(uint64_t tsc)
{
	return tsc * 1000000 / tsc_per_ms; /* no overflow below an hour */
}

static uint32_t config_read(unsigned where, unsigned offset)
{
	out32(0xcf8, 0x80000000u | where << 8 | offset);
	return in32(0xcfc);
}

static void config_write(unsigned where, unsigned offset, uint32_t value)
{
	out32(0xcf8, 0x80000000u | where << 8 | offset);
	out32(0xcfc, value);
}

/* The first AHCI controller of bus 0, decoding and mastering. Source: PCI 3.0 §6.1, AHCI §2.1. */
static volatile uint8_t *find_controller(void)
{
	for (unsigned where = 0; where < 256; where++) {
		if (config_read(where, 0) == 0xffffffff || config_read(where, 8) >> 8 != 0x010601)
			continue;
		config_write(where, 4, (config_read(where, 4) & 0xffff) | 6);
		return (volatile uint8_t *)(uintptr_t)(config_read(where, 0x24) & ~0xfffu);
	}
	fail("no AHCI controller on bus 0");
}

static void stop_port(void)
{
	port_write(PORT_CMD, port_read(PORT_CMD) & ~CMD_ST);
	while (port_read(PORT_CMD) & CMD_CR)
		;
	port_write(PORT_CMD, port_read(PORT_CMD) & ~CMD_FRE);
	while (port_read(PORT_CMD) & CMD_FR)
		;
}

static void start_port(void)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		headers[slot].table = (uintptr_t)&tables[slot];
	port_write(PORT_CLB, (uint32_t)(uintptr_t)headers);
	port_write(PORT_CLBU, 0);
	port_write(PORT_FB, (uint32_t)(uintptr_t)received);
	port_write(PORT_FBU, 0);
	port_write(PORT_SERR, ~0u);
	port_write(PORT_IS, ~0u);
	port_write(PORT_IE, 0);
	port_write(PORT_CMD, port_read(PORT_CMD) | CMD_FRE);
	while (port_read(PORT_TFD) & TFD_BUSY)
		;
	port_write(PORT_CMD, port_read(PORT_CMD) | CMD_ST);
}

/* The first port with an ATA disk on it. */
static void find_disk(void)
{
	volatile uint8_t *hba = find_controller();
	uint32_t implemented;

	*(volatile uint32_t *)(hba + HBA_GHC) = GHC_AE;
	implemented = *(volatile uint32_t *)(hba + HBA_PI);
	for (unsigned index = 0; index < 32; index++) {
		port = hba + PORT_BASE + index * PORT_BYTES;
		if (!(implemented >> index & 1) || (port_read(PORT_SSTS) & 15) != 3)
			continue;
		stop_port();
		start_port();
		if (port_read(PORT_SIG) == SIG_ATA)
			return;
		stop_port();
	}
	fail("no disk on the AHCI controller");
}

static void identify(void)
{
	const uint16_t *words = (const uint16_t *)buffer;
	uint8_t *fis = tables[0].fis;

	fis[0] = 0x27;
	fis[1] = 0x80;
	fis[2] = ATA_IDENTIFY;
	tables[0].data = (uintptr_t)buffer;
	tables[0].data_bytes = 511;
	headers[0].flags = 1u << 16 | 5;
	port_write(PORT_CI, 1);
	while (port_read(PORT_CI) & 1)
		;
	if (port_read(PORT_IS) & IS_TFES)
		fail("IDENTIFY failed");
	sector_count = (uint64_t)words[103] << 48 | (uint64_t)words[102] << 32 |
		       (uint64_t)words[101] << 16 | words[100];
	if ((words[75] & 31) != SLOTS - 1)
		fail("the disk does not queue 32 commands");
}

/* One measurement: what to do, and where it is by now. */
struct run {
	bool write, random;
	unsigned depth, bytes, operations;
	uint64_t position, seed; /* sectors */
};

static uint64_t next_sector(struct run *run)
{
	uint64_t sectors = run->bytes / 512, chunk;

	run->seed ^= run->seed << 13;
	run->seed ^= run->seed >> 7;
	run->seed ^= run->seed << 17;
	chunk = run->random ? run->seed % (sector_count / sectors) : run->position++;
	return chunk % (sector_count / sectors) * sectors;
}

/* Register FIS, host to device, of a queued command. */
static void prepare(struct run *run, unsigned slot)
{
	uint64_t sector = next_sector(run);
	uint32_t *fis = (uint32_t *)tables[slot].fis;
	uint32_t command = run->write ? ATA_WRITE_FPDMA_QUEUED : ATA_READ_FPDMA_QUEUED;
	uint32_t count = run->bytes / 512;

	fis[0] = (count & 0xff) << 24 | command << 16 | 0x8027;
	fis[1] = 0x40u << 24 | (sector & 0xffffff);
	fis[2] = (count >> 8) << 24 | (sector >> 24 & 0xffffff);
	fis[3] = slot << 3;
	tables[slot].data = (uintptr_t)buffer + slot * run->bytes % TRANSFER_BYTES;
	tables[slot].data_bytes = run->bytes - 1;
	headers[slot].flags = 1u << 16 | (run->write ? 1u << 6 : 0) | 5;
	started[slot] = read_tsc();
}

static void issue(uint32_t slots)
{
	port_write(PORT_SACT, slots);
	port_write(PORT_CI, slots);
}

static unsigned stretch_operations(const struct run *run)
{
	return 16 * run->depth > STRETCH_MIN ? 16 * run->depth : STRETCH_MIN;
}

/* Closed loop: whatever has completed is replaced at once, by one write of PxCI. */
static uint64_t loop(struct run *run)
{
	uint32_t flying = run->depth == 32 ? ~0u : (1u << run->depth) - 1, finished, again;
	unsigned done = 0, issued = run->depth;
	uint64_t from, since;
	volatile uint32_t *set_device_bits = (volatile uint32_t *)(received + 0x5c);

	*set_device_bits = 0;
	MARKER(MARKER_BEGIN);
	from = since = read_tsc();
	stretches = 0;
	for (unsigned slot = 0; slot < run->depth; slot++)
		prepare(run, slot);
	issue(flying);
	while (flying) {
		while (!*set_device_bits)
			;
		*set_device_bits = 0;
		finished = flying & ~port_read(PORT_SACT);
		again = 0;
		for (uint32_t left = finished; left; left &= left - 1) {
			unsigned slot = (unsigned)__builtin_ctz(left);

			latency[done++] = (uint32_t)(read_tsc() - started[slot]);
			MARKER(MARKER_OPERATION);
			if (done % stretch_operations(run) == 0) {
				stretch[stretches++] = (uint32_t)(read_tsc() - since);
				since = read_tsc();
			}
			if (issued == run->operations)
				continue;
			issued++;
			prepare(run, slot);
			again |= 1u << slot;
		}
		flying ^= finished ^ again;
		if (again)
			issue(again);
	}
	from = read_tsc() - from;
	MARKER(MARKER_END);
	if (port_read(PORT_IS) & IS_TFES)
		fail("a queued command failed");
	return from;
}

static void sort(uint32_t *value, unsigned count)
{
	for (unsigned gap = count / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (unsigned i = gap; i < count; i++) {
			uint32_t kept = value[i];
			unsigned at = i;

			for (; at >= gap && value[at - gap] > kept; at -= gap)
				value[at] = value[at - gap];
			value[at] = kept;
		}
}

static void measure(bool write, bool random, unsigned depth, unsigned bytes, unsigned operations)
{
	struct run run = { write, random, depth, bytes, operations, 0, 88172645463325252ull };
	uint64_t elapsed = loop(&run);

	sort(latency, operations);
	sort(stretch, stretches);
	print("bench: suite=block name=ceiling driver=ahci direction=");
	print(write ? "write" : "read");
	print_field("queue_depth", depth);
	print_field("block_bytes", bytes);
	print_field("samples", operations);
	print_field("total_ns", tsc_to_ns(elapsed));
	print_field("typical_ps",
		    tsc_to_ns(stretch[stretches / 2]) * 1000 / stretch_operations(&run));
	print_field("p50_ns", tsc_to_ns(latency[operations / 2]));
	print_field("p99_ns", tsc_to_ns(latency[operations * 99ull / 100]));
	print_field("p999_ns", tsc_to_ns(latency[operations * 999ull / 1000]));
	print_field("segment", segment++);
	print("\n");
}

/* A segment of known cost, by which run.py checks the plugin: 1003 instructions, the last of them
 * repeated for 64 bytes. */
static void known_segment(void)
{
	MARKER(MARKER_BEGIN);
	__asm__ volatile(".rept 1000\n\tnop\n\t.endr" ::: "memory");
	MARKER(MARKER_OPERATION);
	__asm__ volatile("lea %0, %%rdi\n\tmov $64, %%ecx\n\trep stosb"
			 : "=m"(buffer)
			 :
			 : "rdi", "rcx", "memory");
	MARKER(MARKER_END);
	segment++;
}

void ceiling_main(void)
{
	static const unsigned depths[] = { 1, 4, 32 };

	MARKER(MARKER_POINT_KERNEL_ENTRY);
	known_segment();
	calibrate();
	find_disk();
	identify();
	measure(false, true, 32, 4096, 4000); /* warms up; run.py drops the first line */
	for (unsigned round = 0; round < 5; round++)
		for (unsigned write = 0; write < 2; write++) {
			for (unsigned i = 0; i < 3; i++)
				measure(write, true, depths[i], 4096,
					depths[i] < 32 ? 3000 : 10240);
			measure(write, false, 1, TRANSFER_BYTES, 1000);
		}
	print("bench: end\n");
	leave(0);
}
