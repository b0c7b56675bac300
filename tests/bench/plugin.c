/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A QEMU TCG plugin that counts what a guest does between marker NOPs
 * (kernel/include/abi/marker.h). Used by run.py; one virtual CPU only. What is counted, and how,
 * stands in README.md. Debian ships no qemu-plugin.h: the few prototypes are declared here. Source:
 * QEMU 7.2, docs/devel/tcg-plugins, plugin API version 1.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <abi/marker.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id_t;
typedef uint32_t plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { PLUGIN_NO_REGISTERS = 0, PLUGIN_READ_WRITE = 3, PLUGIN_ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id_t,
					   void (*)(plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int op, void *,
						uint64_t);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned, void *),
					    int flags, void *);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *,
				      void (*)(unsigned, plugin_meminfo_t, uint64_t, void *),
				      int flags, int rw, void *);
void qemu_plugin_register_atexit_cb(plugin_id_t, void (*)(plugin_id_t, void *), void *);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(plugin_meminfo_t, uint64_t);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const uint8_t *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

EXPORT int qemu_plugin_version = 1;

/* Everything counted, since the kernel's entry. `busy` numbers leave out the idle loop. */
struct counts {
	uint64_t user, kernel; /* instructions by half of the address space */
	uint64_t repeats;      /* further iterations of REP instructions */
	uint64_t mmio;         /* accesses to device registers */
	uint64_t controller;   /* accesses to the local and I/O APIC */
	uint64_t switches;     /* address-space switches */
	uint64_t idle;         /* instructions of the idle loop */
};

/* How often the instruction at an address ran; the profile of a segment. */
struct place {
	uint64_t vaddr, count;
	struct place *next;
};

/* Growing array of 32-bit samples. */
struct samples {
	uint32_t *value;
	size_t count, room;
};

static struct counts now, begin;
static struct samples operations, interrupts, pauses;
static uint64_t idle_since, operation_since, interrupt_since, pause_since, repeat_total;
static const void *repeat_place;
static struct place *places[1 << 16];
static bool armed, idle, measuring, interrupt_open, pause_open, count_mmio, profile, profile_pauses;
static unsigned segment;
static struct timespec linger;
static FILE *text_file, *sample_file;
static long sample_offset;

static uint64_t total(void)
{
	return now.user + now.kernel;
}

/* Instructions so far, without the idle loop: only called outside of it. */
static uint64_t busy(void)
{
	return total() - now.idle;
}

static void add_sample(struct samples *samples, uint64_t value)
{
	if (samples->count == samples->room) {
		samples->room = samples->room ? 2 * samples->room : 4096;
		samples->value = realloc(samples->value, samples->room * sizeof(uint32_t));
		if (!samples->value)
			abort();
	}
	samples->value[samples->count++] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void write_samples(struct samples *samples)
{
	fwrite(samples->value, sizeof(uint32_t), samples->count, sample_file);
	sample_offset += (long)samples->count;
	samples->count = 0;
}

static void leave_idle(void)
{
	if (idle)
		now.idle += total() - idle_since;
	idle = false;
}

/* The counter of an address; it stays where it is, since translated code adds to it. */
static struct place *place_of(uint64_t vaddr)
{
	struct place **head = &places[(vaddr ^ vaddr >> 16) & 0xffff], *place;

	for (place = *head; place; place = place->next)
		if (place->vaddr == vaddr)
			return place;
	place = calloc(1, sizeof(*place));
	if (!place)
		abort();
	*place = (struct place){ vaddr, 0, *head };
	return *head = place;
}

/* Forget the counts of all places, writing down those of segment `number` if it is not negative. */
static void flush_places(int number)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (struct place *place = places[i]; place; place = place->next) {
			if (number >= 0 && place->count)
				fprintf(text_file, "place segment=%d vaddr=%lx count=%lu\n", number,
					place->vaddr, place->count);
			place->count = 0;
		}
}

static void begin_segment(void)
{
	if (profile)
		flush_places(-1);
	begin = now;
	operations.count = interrupts.count = pauses.count = 0;
	interrupt_open = pause_open = false;
	measuring = true;
	operation_since = busy();
}

static void end_segment(void)
{
	uint64_t idle_delta = now.idle - begin.idle;

	measuring = false;
	fprintf(text_file,
		"segment index=%u operations=%zu interrupts=%zu pauses=%zu offset=%ld user=%lu "
		"kernel=%lu "
		"repeats=%lu mmio=%lu controller=%lu switches=%lu idle=%lu\n",
		segment++, operations.count, interrupts.count, pauses.count, sample_offset,
		now.user - begin.user, now.kernel - begin.kernel - idle_delta,
		now.repeats - begin.repeats, now.mmio - begin.mmio,
		now.controller - begin.controller, now.switches - begin.switches, idle_delta);
	write_samples(&operations);
	write_samples(&interrupts);
	write_samples(&pauses);
	if (profile && !profile_pauses)
		flush_places((int)segment - 1);
	fflush(text_file);
}

static void point(unsigned tag)
{
	fprintf(text_file,
		"point number=%u user=%lu kernel=%lu repeats=%lu mmio=%lu switches=%lu idle=%lu\n",
		tag & 0xff, now.user, now.kernel - now.idle, now.repeats, now.mmio, now.switches,
		now.idle);
	fflush(text_file);
}

static void on_marker(unsigned cpu, void *data)
{
	unsigned tag = (unsigned)(uintptr_t)data;

	(void)cpu;
	switch (tag) {
	case MARKER_BEGIN:
		begin_segment();
		break;
	case MARKER_END:
		end_segment();
		break;
	case MARKER_OPERATION:
		add_sample(&operations, busy() - operation_since);
		operation_since = busy();
		break;
	case MARKER_SWITCH:
		now.switches++;
		break;
	case MARKER_IDLE_ENTER:
		leave_idle();
		idle = true;
		idle_since = total();
		break;
	case MARKER_IDLE_LEAVE:
		leave_idle();
		break;
	case MARKER_POINT_INTERRUPT:
		leave_idle();
		interrupt_open = true;
		interrupt_since = busy();
		if (linger.tv_nsec)
			nanosleep(&linger, NULL);
		break;
	case MARKER_POINT_DRIVER:
		if (interrupt_open)
			add_sample(&interrupts, busy() - interrupt_since);
		interrupt_open = false;
		break;
	case MARKER_POINT_PAUSE: /* what it interrupts is counted from here, too */
		leave_idle();
		pause_open = measuring;
		pause_since = operation_since = busy();
		if (profile_pauses)
			flush_places(-1);
		break;
	case MARKER_POINT_LIVE:
		leave_idle();
		if (pause_open)
			add_sample(&pauses, busy() - pause_since);
		if (pause_open && profile_pauses)
			flush_places((int)segment);
		pause_open = false;
		break;
	default:
		point(tag);
	}
}

/* One iteration of a REP instruction: the first one is the instruction, later ones are repeats. */
static void on_repeat(unsigned cpu, void *place)
{
	(void)cpu;
	if (place == repeat_place && total() == repeat_total) {
		now.repeats++;
		return;
	}
	if ((uintptr_t)place >> 63)
		now.kernel++;
	else
		now.user++;
	repeat_place = place;
	repeat_total = total();
	if (profile)
		place_of((uintptr_t)place)->count++;
}

static void on_access(unsigned cpu, plugin_meminfo_t info, uint64_t vaddr, void *data)
{
	struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, vaddr);
	uint64_t page;

	(void)cpu;
	(void)data;
	if (!where || !qemu_plugin_hwaddr_is_io(where))
		return;
	page = qemu_plugin_hwaddr_phys_addr(where) & ~(uint64_t)0xfff;
	if (page == 0xfee00000 || page == 0xfec00000)
		now.controller++;
	else
		now.mmio++;
}

static bool is_marker(const uint8_t *code, size_t size, unsigned *tag)
{
	static const uint8_t head[4] = { 0x0f, 0x1f, 0x84, 0x00 };
	uint32_t immediate;

	if (size != 8 || memcmp(code, head, 4))
		return false;
	memcpy(&immediate, code + 4, 4);
	*tag = immediate & 0xffff;
	return (immediate & 0xffff0000u) == MARKER_MAGIC;
}

/* REP with a string or port-string operation, an optional REX prefix between. */
static bool is_repeat(const uint8_t *code, size_t size)
{
	size_t at = 1;
	uint8_t operation;

	if (size < 2 || (code[0] != 0xf2 && code[0] != 0xf3))
		return false;
	while (at + 1 < size && ((code[at] & 0xf0) == 0x40 || code[at] == 0x66))
		at++;
	operation = code[at];
	return (operation >= 0xa4 && operation <= 0xa7) ||
	       (operation >= 0xaa && operation <= 0xaf) || (operation >= 0x6c && operation <= 0x6f);
}

/* Stack traffic is never a device access: saves most of the callbacks. */
static bool is_stack(const uint8_t *code)
{
	uint8_t operation = (code[0] & 0xf0) == 0x40 ? code[1] : code[0];

	return (operation >= 0x50 && operation <= 0x5f) || operation == 0xc3 || operation == 0xe8 ||
	       operation == 0xc9;
}

static void instrument(struct qemu_plugin_insn *instruction, uint64_t vaddr)
{
	const uint8_t *code = qemu_plugin_insn_data(instruction);
	size_t size = qemu_plugin_insn_size(instruction);
	unsigned tag;

	if (is_marker(code, size, &tag)) {
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_marker, PLUGIN_NO_REGISTERS,
						       (void *)(uintptr_t)tag);
		return;
	}
	if (is_repeat(code, size))
		qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_repeat, PLUGIN_NO_REGISTERS,
						       (void *)(uintptr_t)vaddr);
	else
		qemu_plugin_register_vcpu_insn_exec_inline(
			instruction, PLUGIN_ADD_U64, vaddr >> 63 ? &now.kernel : &now.user, 1);
	if (profile && !is_repeat(code, size))
		qemu_plugin_register_vcpu_insn_exec_inline(instruction, PLUGIN_ADD_U64,
							   &place_of(vaddr)->count, 1);
	if (count_mmio && size && !is_stack(code))
		qemu_plugin_register_vcpu_mem_cb(instruction, on_access, PLUGIN_NO_REGISTERS,
						 PLUGIN_READ_WRITE, NULL);
}

/* Firmware and boot loader run at full speed: counting starts with the kernel's entry marker. */
static bool arms(const struct qemu_plugin_tb *block)
{
	size_t count = qemu_plugin_tb_n_insns(block);
	unsigned tag;

	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

		if (is_marker(qemu_plugin_insn_data(instruction),
			      qemu_plugin_insn_size(instruction), &tag) &&
		    tag == MARKER_POINT_KERNEL_ENTRY)
			return true;
	}
	return false;
}

static void on_translate(plugin_id_t id, struct qemu_plugin_tb *block)
{
	size_t count = qemu_plugin_tb_n_insns(block);
	uint64_t vaddr = qemu_plugin_tb_vaddr(block);

	(void)id;
	armed = armed || arms(block);
	for (size_t i = 0; armed && i < count; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);

		instrument(instruction, vaddr);
		vaddr += qemu_plugin_insn_size(instruction);
	}
}

static void at_exit(plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	leave_idle();
	fprintf(text_file, "exit user=%lu kernel=%lu idle=%lu\n", now.user, now.kernel - now.idle,
		now.idle);
	fclose(text_file);
	fclose(sample_file);
}

/* Options: out=PREFIX (PREFIX.txt and PREFIX.samples are written); mmio=on; profile=on (how often
 * each instruction ran in each segment) or profile=pauses (likewise, in the pauses of moves);
 * linger=MICROSECONDS (below a million): stop the guest so long at each interrupt, so that whatever
 * is in flight completes. */
EXPORT int qemu_plugin_install(plugin_id_t id, const void *info, int argc, char **argv)
{
	char path[4096];
	const char *prefix = "bench";

	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			prefix = argv[i] + 4;
		else if (!strcmp(argv[i], "mmio=on") || !strcmp(argv[i], "mmio=true"))
			count_mmio = true;
		else if (!strcmp(argv[i], "profile=on") || !strcmp(argv[i], "profile=true"))
			profile = true;
		else if (!strcmp(argv[i], "profile=pauses"))
			profile = profile_pauses = true;
		else if (!strncmp(argv[i], "linger=", 7))
			linger.tv_nsec = strtol(argv[i] + 7, NULL, 10) % 1000000 * 1000;
		else
			return 1;
	}
	snprintf(path, sizeof path, "%s.txt", prefix);
	text_file = fopen(path, "w");
	snprintf(path, sizeof path, "%s.samples", prefix);
	sample_file = fopen(path, "wb");
	if (!text_file || !sample_file)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
