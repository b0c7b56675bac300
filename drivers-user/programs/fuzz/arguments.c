/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a hostile thread asks for: mostly what might work, with handles that another thread closes
 * and memory that another unmaps meanwhile; now and then nonsense. Nothing here is locked on
 * purpose.
 */
#include <abi/session.h>
#include <lib/string.h>
#include <runtime/archive.h>
#include <runtime/manager.h>
#include <runtime/pattern.h>

#include "fuzz.h"

#define KNOWN    8  /* handles of a type that are remembered */
#define MAPS     12 /* mappings likewise */
#define TOKENS   4
#define SESSIONS 4

/* What an argument should be. */
enum kind {
	NIL,  /* not looked at */
	HANY, /* a handle */
	HPRO,
	HTHR,
	HMEM,
	HEND,
	HNOT,
	HTIM,
	HGRA,
	HINS,
	HSES,
	HREG,
	HMAN, /* the registry, to administer */
	OUT,  /* memory to write to */
	TEXT, /* memory with text */
	SPAW,
	ATTA,
	UNIT,
	CREA, /* memory with that structure */
	SIZE, /* bytes */
	VADD, /* of a mapping */
	RIGH,
	GRAN, /* rights of a grant */
	BITS,
	DEAD,
	PRIO,
	ENTR,
	STCK,
	BADG,
	LEVL,
	SMAL,
	FLAG,
	IDEN, /* of a device, unit, session, process */
	SPAR, /* id of the spare device */
	CONF, /* function in configuration space */
	WIDT,
	CTRL,
	PLAC,
	STAT,
	ERRO
};

#define ARGUMENTS 6

static const struct signature {
	uint8_t kind[ARGUMENTS];
} signatures[SYSCALL_COUNT] = {
	[SYS_HANDLE_CLOSE] = { { HANY } },
	[SYS_HANDLE_DUPLICATE] = { { HANY, RIGH, BADG } },
	[SYS_HANDLE_REVOKE] = { { HANY } },
	[SYS_PROCESS_SPAWN] = { { SPAW } },
	[SYS_PROCESS_KILL] = { { HPRO } },
	[SYS_PROCESS_WATCH] = { { HPRO, HNOT, BITS } },
	[SYS_PROCESS_INFO] = { { HPRO, OUT } },
	[SYS_PROCESS_EXIT] = { { BITS } },
	[SYS_THREAD_CREATE] = { { ENTR, STCK, NIL, PRIO } },
	[SYS_MEMORY_CREATE] = { { SIZE, FLAG } },
	[SYS_MEMORY_MAP] = { { HMEM, SIZE, SIZE, RIGH } },
	[SYS_MEMORY_UNMAP] = { { VADD, SIZE } },
	[SYS_CALL] = { { HEND, BITS, BITS, BITS, BITS, BITS } },
	[SYS_RECEIVE] = { { HEND, HNOT, DEAD } },
	[SYS_REPLY] = { { NIL, BITS, BITS, BITS, BITS, BITS } },
	[SYS_REPLY_RECEIVE] = { { HEND, BITS, BITS, BITS, BITS, BITS } },
	[SYS_SIGNAL] = { { HNOT, BITS } },
	[SYS_WAIT] = { { HNOT, DEAD } },
	[SYS_TIMER_CREATE] = { { HNOT, BITS } },
	[SYS_TIMER_SET] = { { HTIM, DEAD } },
	[SYS_SLEEP_UNTIL] = { { DEAD } },
	[SYS_LOG_WRITE] = { { LEVL, TEXT, SIZE } },
	[SYS_LOG_READ] = { { HREG, BITS, OUT } },
	[SYS_DEBUG_WRITE] = { { HMAN, TEXT, SIZE } },
	[SYS_SYSTEM_INFO] = { { OUT } },
	[SYS_PROCESS_LIST] = { { HREG, IDEN, OUT } },
	[SYS_POWER] = { { HREG, SMAL, BITS } },
	[SYS_TEST_EXIT] = { { HREG, BITS } },
	[SYS_DEVICE_LIST] = { { HREG, IDEN, OUT } },
	[SYS_DEVICE_UNIT] = { { HREG, IDEN, SMAL, OUT } },
	[SYS_DEVICE_WATCH] = { { HREG, HNOT, BITS } },
	[SYS_DEVICE_EVENT] = { { HREG, OUT } },
	[SYS_DEVICE_OPEN] = { { HMAN, SPAR, GRAN, SMAL } },
	[SYS_DEVICE_START] = { { HMAN, SPAR, TEXT } },
	[SYS_DEVICE_CONTROL] = { { HMAN, SPAR, CTRL } },
	[SYS_DRIVER_LIST] = { { HREG, SMAL, OUT } },
	[SYS_INSTANCE_ATTACH] = { { HINS, HNOT, ATTA } },
	[SYS_INSTANCE_REPORT] = { { HINS, STAT, ERRO } },
	[SYS_INSTANCE_CONTROL] = { { HINS } },
	[SYS_WINDOW_MAP] = { { HINS, SMAL } },
	[SYS_INTERRUPT_ENABLE] = { { HINS, SMAL, SMAL } },
	[SYS_INTERRUPT_WAIT] = { { BITS, IDEN, DEAD } },
	[SYS_DMA_ALLOCATE] = { { HINS, SMAL, SIZE, OUT } },
	[SYS_CONFIG_READ] = { { HINS, CONF, SMAL, WIDT } },
	[SYS_CONFIG_WRITE] = { { HINS, CONF, SMAL, WIDT, BITS } },
	[SYS_BAR_SIZE] = { { HINS, CONF, SMAL, OUT } },
	[SYS_BAR_ASSIGN] = { { HINS, CONF, SMAL, SIZE } },
	[SYS_CHILD_ADD] = { { HINS, CONF } },
	[SYS_CHILD_REMOVE] = { { HINS, CONF } },
	[SYS_UNIT_ADD] = { { HINS, UNIT } },
	[SYS_UNIT_REMOVE] = { { HINS, SMAL } },
	[SYS_SESSION_NEXT] = { { HINS, IDEN, OUT } },
	[SYS_SESSION_DETACH] = { { HINS, IDEN } },
	[SYS_SESSION_WAKE] = { { HINS, IDEN } },
	[SYS_SESSION_CREATE] = { { HGRA, CREA } },
	[SYS_SESSION_KICK] = { { HSES } },
	[SYS_SESSION_KICK_WAIT] = { { HSES, DEAD } },
	[SYS_DEVICE_MOVE] = { { HMAN, SPAR, PLAC } },
	[SYS_INSTANCE_ADOPT] = { { HINS, ATTA } },
	[SYS_UNIT_NEXT] = { { HINS, SMAL, OUT } },
	[SYS_DMA_ENABLE] = { { HINS } },
	[SYS_PROCESS_OPEN] = { { HMAN, IDEN } },
};

static const struct place *place;
static struct archive_file program;
static handle_t registry_manager;

static volatile handle_t known[OBJECT_TYPE_COUNT][KNOWN];
static volatile struct {
	uint64_t vaddr, bytes;
} maps[MAPS];
static volatile uint64_t tokens[TOKENS];
static volatile uint32_t session_ids[SESSIONS];

/* Sessions whose areas may be scribbled on: their range is one that nobody else uses. */
static volatile struct {
	uint64_t client_vaddr;
	uint32_t slots;
} rings[SESSIONS];

uint64_t chance(uint64_t *stream)
{
	return splitmix64((*stream)++);
}

/* --- Handles --- */

#define RIGHTS_ENDPOINT \
	(RIGHT_READ | RIGHT_WAIT | RIGHT_CALL | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_REVOKE)
#define RIGHTS_NOTIFICATION \
	(RIGHT_READ | RIGHT_WAIT | RIGHT_WRITE | RIGHT_TRANSFER | RIGHT_DUPLICATE | RIGHT_REVOKE)
#define RIGHTS_MEMORY (RIGHT_READ | RIGHT_WRITE | RIGHT_TRANSFER | RIGHT_DUPLICATE)
#define RIGHTS_OPEN   (RIGHT_OPEN | RIGHT_TRANSFER | RIGHT_DUPLICATE)

/* What the process was started with is kept; copies of it are used. */
static const struct {
	uint32_t type, role, rights;
} given[] = {
	{ OBJECT_ENDPOINT, FUZZ_ENDPOINT, RIGHTS_ENDPOINT },
	{ OBJECT_ENDPOINT, STARTUP_MANAGER, RIGHT_CALL | RIGHT_DUPLICATE },
	{ OBJECT_NOTIFICATION, FUZZ_NOTIFICATION, RIGHTS_NOTIFICATION },
	{ OBJECT_MEMORY, FUZZ_MEMORY, RIGHTS_MEMORY },
	{ OBJECT_MEMORY, STARTUP_ARCHIVE, RIGHT_READ | RIGHT_TRANSFER | RIGHT_DUPLICATE },
	{ OBJECT_DEVICE, FUZZ_GRANT, RIGHT_INSTANCE | RIGHTS_OPEN },
	{ OBJECT_DEVICE, FUZZ_GRANT, RIGHT_INSTANCE | RIGHTS_OPEN },
	{ OBJECT_DEVICE, FUZZ_DISK, RIGHTS_OPEN },
	{ OBJECT_DEVICE, FUZZ_SERIAL, RIGHTS_OPEN },
	{ OBJECT_REGISTRY, STARTUP_REGISTRY, RIGHT_READ | RIGHT_DUPLICATE },
};
#define GIVEN (sizeof(given) / sizeof(given[0]))

static void know(uint64_t *stream, uint32_t type, handle_t handle)
{
	volatile handle_t *slot = &known[type][chance(stream) % KNOWN];
	handle_t old = *slot;

	*slot = handle;
	if (old && !once_in(stream, 32)) /* some are forgotten: budgets end */
		SYS1(SYS_HANDLE_CLOSE, old);
}

static void know_given(uint64_t *stream, uint32_t type)
{
	unsigned start = (unsigned)(chance(stream) % GIVEN);

	for (unsigned i = 0; i < GIVEN; i++) {
		unsigned at = (start + i) % GIVEN;
		uint64_t rights = given[at].rights;
		struct sys_result copy;

		if (given[at].type != type || runtime_handle(given[at].role) == HANDLE_NONE)
			continue;
		if (once_in(stream, 4))
			rights &= chance(stream);
		copy = SYS3(SYS_HANDLE_DUPLICATE, runtime_handle(given[at].role), rights, 0);
		if (copy.error == OK)
			know(stream, type, (handle_t)copy.value);
		return;
	}
}

static handle_t handle_of(uint64_t *stream, uint32_t type)
{
	handle_t handle;

	if (once_in(stream, 24)) /* another kind of object, or none */
		type = (uint32_t)(chance(stream) % OBJECT_TYPE_COUNT);
	if (once_in(stream, 64))
		know_given(stream, type);
	for (unsigned i = 0; i < 3; i++) {
		handle = known[type][chance(stream) % KNOWN];
		if (handle)
			return handle;
	}
	know_given(stream, type);
	return known[type][chance(stream) % KNOWN];
}

/* --- Numbers and addresses --- */

static uint64_t absurd(uint64_t *stream)
{
	static const uint64_t interesting[] = {
		0,
		1,
		2,
		7,
		63,
		64,
		255,
		4095,
		4096,
		4097,
		65535,
		65536,
		UINT64_C(0x7fffffff),
		UINT64_C(0x80000000),
		UINT64_C(0xffffffff),
		UINT64_C(0x100000000),
		UINT64_C(0x7fffffffe000),
		UINT64_C(0x7fffffffefff),
		UINT64_C(0x7ffffffff000),
		UINT64_C(0x7fffffffffff),
		UINT64_C(0x800000000000),
		UINT64_C(0xffff7fffffffffff),
		UINT64_C(0xffff800000000000),
		UINT64_C(0xffff800000100000),
		UINT64_C(0xffffffff80000000),
		UINT64_C(0xffffffff80100000),
		UINT64_C(0x7fffffffffffffff),
		UINT64_C(0x8000000000000000),
		~UINT64_C(0) - 4095,
		~UINT64_C(0) - 1,
		~UINT64_C(0),
	};
	uint64_t number = chance(stream);

	switch (number >> 60) {
	case 0:
		return chance(stream);
	case 1:
		return chance(stream) >> (number & 63);
	case 2:
		return UINT64_C(1) << (number & 63);
	default:
		return interesting[number % (sizeof(interesting) / sizeof(interesting[0]))];
	}
}

/* Memory of at least a page for the kernel to read or write: mapped for good, mapped just now, half
 * mapped, or not at all. */
static uint64_t pointer(struct thread_state *thread)
{
	uint64_t *stream = &thread->stream;
	unsigned map = (unsigned)(chance(stream) % MAPS);

	if (once_in(stream, 16))
		return absurd(stream);
	if (!once_in(stream, 3) || !maps[map].bytes)
		return (uintptr_t)thread->page;
	if (once_in(stream, 4)) /* its end, so that a structure lies half in it */
		return maps[map].vaddr + maps[map].bytes - (chance(stream) & 255);
	return maps[map].vaddr;
}

static uint64_t deadline(uint64_t *stream)
{
	switch (chance(stream) % 8) {
	case 0:
		return DEADLINE_NEVER;
	case 1:
		return now_ns() + chance(stream) % (2 * MS_NS);
	case 2:
		return absurd(stream) & UINT32_MAX;
	default:
		return DEADLINE_NOW;
	}
}

static uint64_t session_id(uint64_t *stream)
{
	return session_ids[chance(stream) % SESSIONS];
}

static uint64_t size_of_something(uint64_t *stream)
{
	return once_in(stream, 8) ? absurd(stream) : (chance(stream) % 9) * PAGE;
}

/* --- Threads that do next to nothing: they need no stack --- */

__attribute__((naked)) static void stub_exit(void)
{
	__asm__ volatile("1: mov %0, %%eax\n\tsyscall\n\tjmp 1b" : : "i"(SYS_THREAD_EXIT));
}

__attribute__((naked)) static void stub_yield(void)
{
	__asm__ volatile("mov $16, %%ebx\n"
			 "1: mov %0, %%eax\n\tsyscall\n\tdec %%ebx\n\tjnz 1b\n"
			 "2: mov %1, %%eax\n\tsyscall\n\tjmp 2b"
			 :
			 : "i"(SYS_YIELD), "i"(SYS_THREAD_EXIT));
}

/* Sleeps for ever: somebody ends it. */
__attribute__((naked)) static void stub_sleep(void)
{
	__asm__ volatile("1: mov $-1, %%rdi\n\tmov %0, %%eax\n\tsyscall\n\tjmp 1b"
			 :
			 : "i"(SYS_SLEEP_UNTIL));
}

static uint64_t entry(uint64_t *stream)
{
	switch (chance(stream) % 64) {
	case 0:
		return absurd(stream); /* that may be the end of this process */
	case 1:
		return (uintptr_t)stub_sleep;
	case 2:
	case 3:
		return absurd(stream) | UINT64_C(0x800000000000);
	default:
		return once_in(stream, 2) ? (uintptr_t)stub_yield : (uintptr_t)stub_exit;
	}
}

/* --- Structures --- */

static void make_spawn(uint64_t *stream, struct spawn *spawn)
{
	static const char words[] = "fuzz\0victim";

	memset(spawn, 0, sizeof(*spawn));
	string_copy(spawn->name, sizeof(spawn->name), "victim");
	spawn->image = runtime_handle(STARTUP_ARCHIVE);
	if (once_in(stream, 16))
		spawn->image = handle_of(stream, OBJECT_MEMORY);
	spawn->priority = 1;
	spawn->image_offset = program.offset;
	spawn->image_bytes = program.size_bytes;
	spawn->budget_pages = 40 + chance(stream) % 160;
	spawn->budget_objects = 4 + chance(stream) % 16;
	spawn->handle_count = (uint32_t)(chance(stream) % 4);
	spawn->args_bytes = sizeof(words);
	memcpy(spawn->args, words, sizeof(words));
	for (unsigned i = 0; i < spawn->handle_count; i++)
		spawn->handle[i] =
			(struct startup_handle){ STARTUP_USER,
						 handle_of(stream, OBJECT_NOTIFICATION) };
}

static void make_attach(uint64_t *stream, struct instance_attach *attach)
{
	*attach = (struct instance_attach){ .state_base_bytes = 64,
					    .state_version = 1,
					    .class_id = CLASS_BLOCK,
					    .timer_count = 1,
					    .port_bytes = 64,
					    .driver = "fuzz" };
	if (!once_in(stream, 8))
		return;
	attach->state_queue_bytes = (uint32_t)chance(stream) % 4096;
	attach->state_queues = (uint32_t)chance(stream) % 8;
	attach->class_id = (uint32_t)chance(stream) % (CLASS_COUNT + 1);
	if (once_in(stream, 4))
		attach->timer_count = (uint32_t)absurd(stream);
	if (once_in(stream, 4))
		attach->state_queues = (uint32_t)absurd(stream);
}

static void make_unit(uint64_t *stream, struct unit_info *unit)
{
	*unit = (struct unit_info){ .unit = (uint32_t)chance(stream) % 3,
				    .queue = (uint32_t)chance(stream) % 4,
				    .class_id = CLASS_BLOCK,
				    .flags = (uint32_t)chance(stream) % 32,
				    .block_count = 1000,
				    .block_bytes = 512,
				    .transfer_bytes_max = 65536,
				    .depth = 4,
				    .model = "fuzz" };
	if (once_in(stream, 8))
		unit->block_count = absurd(stream);
	if (once_in(stream, 8))
		unit->queue = (uint32_t)absurd(stream);
}

static void make_session(uint64_t *stream, struct session_create *create)
{
	*create = (struct session_create){
		.slot_count = UINT32_C(1) << chance(stream) % 9,
		.pool_bytes = (uint32_t)(1 + chance(stream) % 4) * 4096,
		.notification = handle_of(stream, OBJECT_NOTIFICATION),
		.notification_bits = chance(stream),
		.range_count = 1 + chance(stream) % 500,
	};
	if (once_in(stream, 16))
		create->pool_bytes = (uint32_t)absurd(stream);
}

/* A structure in memory that the kernel will read while others write there, or unmap it. */
static uint64_t structure(struct thread_state *thread, unsigned kind)
{
	switch (kind) {
	case SPAW:
		make_spawn(&thread->stream, (struct spawn *)(void *)thread->page);
		break;
	case ATTA:
		make_attach(&thread->stream, (struct instance_attach *)(void *)thread->page);
		break;
	case UNIT:
		make_unit(&thread->stream, (struct unit_info *)(void *)thread->page);
		break;
	case CREA:
		make_session(&thread->stream, (struct session_create *)(void *)thread->page);
		break;
	default:
		for (unsigned i = 0; i < 32; i++)
			((uint64_t *)(void *)thread->page)[i] = chance(&thread->stream);
	}
	return pointer(thread);
}

/* --- A call --- */

static uint64_t argument(struct thread_state *thread, unsigned kind)
{
	static const uint8_t widths[] = { 1, 2, 4, 4 };
	uint64_t *stream = &thread->stream;

	switch (kind) {
	case NIL:
	case BITS:
		return once_in(stream, 2) ? chance(stream) % 16 : absurd(stream);
	case HANY:
		return handle_of(stream, (uint32_t)(chance(stream) % OBJECT_TYPE_COUNT));
	case HPRO:
		return handle_of(stream, OBJECT_PROCESS);
	case HMEM:
		return handle_of(stream, OBJECT_MEMORY);
	case HEND:
		return handle_of(stream, OBJECT_ENDPOINT);
	case HNOT:
		return handle_of(stream, OBJECT_NOTIFICATION);
	case HTIM:
		return handle_of(stream, OBJECT_TIMER);
	case HGRA:
	case HINS:
		return handle_of(stream, OBJECT_DEVICE);
	case HSES:
		return handle_of(stream, OBJECT_SESSION);
	case HREG:
		return handle_of(stream, OBJECT_REGISTRY);
	case HMAN:
		return registry_manager;
	case OUT:
		return pointer(thread);
	case TEXT:
	case SPAW:
	case ATTA:
	case UNIT:
	case CREA:
		return structure(thread, kind);
	case SIZE:
		return size_of_something(stream);
	case VADD:
		return once_in(stream, 32) ? absurd(stream) : maps[chance(stream) % MAPS].vaddr;
	case RIGH:
		return once_in(stream, 8)   ? absurd(stream)
		       : once_in(stream, 2) ? (uint64_t)(RIGHT_READ | RIGHT_WRITE)
					    : chance(stream) & chance(stream) & RIGHT_ALL;
	case GRAN:
		return once_in(stream, 8) ? absurd(stream)
					  : chance(stream) & (RIGHT_INSTANCE | RIGHTS_OPEN);
	case DEAD:
		return deadline(stream);
	case PRIO:
		return once_in(stream, 8) ? absurd(stream) : 1 + chance(stream) % 4;
	case ENTR:
		return entry(stream);
	case STCK:
		return once_in(stream, 8) ? absurd(stream) : (uintptr_t)thread->page + PAGE;
	case BADG:
		return once_in(stream, 4) ? absurd(stream) : 0;
	case LEVL:
		return once_in(stream, 8) ? absurd(stream) : 1 + chance(stream) % 5;
	case FLAG:
		return (once_in(stream, 8) ? absurd(stream) : chance(stream) % 4) |
		       (once_in(stream, 8) ? (uint64_t)handle_of(stream, OBJECT_MEMORY) << 32 : 0);
	case IDEN:
		return once_in(stream, 2)   ? session_id(stream)
		       : once_in(stream, 3) ? place->spare
					    : chance(stream) % 64;
	case SPAR:
		return once_in(stream, 8) ? UINT64_C(0x70000000) + chance(stream) % 9
					  : place->spare;
	case CONF:
		return once_in(stream, 4) ? absurd(stream) : PCI_ADDRESS_SELF;
	case WIDT:
		return once_in(stream, 8) ? absurd(stream) : widths[chance(stream) % 4];
	case CTRL:
		return once_in(stream, 4)   ? absurd(stream)
		       : once_in(stream, 8) ? CONTROL_STOP /* nothing moves until it is read */
					    : CONTROL_FREEZE;
	case PLAC:
		return once_in(stream, 4) ? absurd(stream) : PLACEMENT_USER;
	case STAT:
		return once_in(stream, 16)  ? absurd(stream)
		       : once_in(stream, 3) ? INSTANCE_LIVE
		       : once_in(stream, 2) ? INSTANCE_STANDBY
		       : once_in(stream, 4) ? chance(stream) % (INSTANCE_STANDBY + 1)
					    : INSTANCE_FROZEN;
	case ERRO:
		return chance(stream) % 25;
	default:
		return once_in(stream, 8) ? absurd(stream) : chance(stream) % 4;
	}
}

/* Who holds the registry to administer it can stop the machine, or take news from the device
 * manager. What remains for chance: the spare device, and processes that are younger than this one.
 */
static void spare_the_system(uint64_t *stream, struct registers *registers)
{
	if ((handle_t)registers->rdi != registry_manager)
		return;
	if (registers->rax == SYS_DEBUG_WRITE) { /* the report of the test goes there */
		if (once_in(stream, 2))
			registers->rdx = 0;
		else
			registers->rsi |= UINT64_C(1) << 63;
	}
	if (registers->rax == SYS_PROCESS_OPEN)
		registers->rsi = runtime_startup->pid + 1 + chance(stream) % 64;
}

/* Ends the caller, or leaves it no memory to run in: seldom. */
static bool is_too_sad(uint64_t *stream, struct registers *registers)
{
	uint64_t now = now_ns();

	switch (registers->rax) {
	case SYS_PROCESS_EXIT:
		return !once_in(stream, 64);
	case SYS_THREAD_EXIT:
		return !once_in(stream, 8);
	case SYS_PROCESS_SPAWN:
	case SYS_CALL: /* who is not received waits for a while */
		return !once_in(stream, 3);
	case SYS_MEMORY_UNMAP:
		if (!once_in(stream, 64))
			registers->rsi = PAGE;
		return false;
	case SYS_SLEEP_UNTIL:
		if (registers->rdi > now + MS_NS)
			registers->rdi = now + MS_NS;
		return false;
	default:
		return false;
	}
}

/* Some calls come to a good end only after others, of other threads or processes: a message and its
 * answer, the steps of a move. */
static uint64_t number_of_call(uint64_t *stream)
{
	static const uint8_t favourites[] = {
		SYS_CALL,          SYS_RECEIVE,         SYS_REPLY,
		SYS_REPLY_RECEIVE, SYS_INSTANCE_ATTACH, SYS_INSTANCE_REPORT,
		SYS_DEVICE_MOVE,   SYS_INSTANCE_ADOPT,  SYS_DEVICE_UNIT,
	};

	return once_in(stream, 4) ? favourites[chance(stream) % sizeof(favourites)]
				  : chance(stream) % (SYSCALL_COUNT + 1);
}

bool arguments_make(struct thread_state *thread, struct registers *registers)
{
	uint64_t *stream = &thread->stream, value[ARGUMENTS], number = number_of_call(stream);
	const uint8_t *kind = number < SYSCALL_COUNT ? signatures[number].kind : NULL;

	if (number == SYSCALL_COUNT)
		number += absurd(stream);
	for (unsigned i = 0; i < ARGUMENTS; i++)
		value[i] = argument(thread, kind ? kind[i] : NIL);
	*registers = (struct registers){ number,   value[0], value[1],
					 value[2], value[3], value[4],
					 value[5], 0,        tokens[chance(stream) % TOKENS],
					 0 };
	if (once_in(stream, 4))
		registers->r12 = handle_of(stream, (uint32_t)(chance(stream) % OBJECT_TYPE_COUNT));
	if (once_in(stream, 16))
		registers->r13 = absurd(stream);
	if (once_in(stream, 2))
		registers->r14 = handle_of(stream, OBJECT_NOTIFICATION);
	spare_the_system(stream, registers);
	return !is_too_sad(stream, registers);
}

/* --- What came of it --- */

static uint32_t type_of(handle_t handle)
{
	for (uint32_t type = 1; type < OBJECT_TYPE_COUNT; type++)
		for (unsigned i = 0; i < KNOWN; i++)
			if (known[type][i] == handle)
				return type;
	return OBJECT_NONE;
}

static void know_map(uint64_t *stream, uint64_t vaddr, uint64_t bytes)
{
	unsigned i = (unsigned)(chance(stream) % MAPS);
	uint64_t old = maps[i].vaddr, old_bytes = maps[i].bytes;

	maps[i].bytes = 0;
	maps[i].vaddr = vaddr;
	maps[i].bytes = bytes;
	if (old_bytes)
		SYS2(SYS_MEMORY_UNMAP, old, old_bytes);
}

void arguments_learn(struct thread_state *thread, const struct registers *asked,
		     const struct registers *answer)
{
	static const uint8_t makes[SYSCALL_COUNT] = {
		[SYS_PROCESS_SPAWN] = OBJECT_PROCESS,
		[SYS_PROCESS_OPEN] = OBJECT_PROCESS,
		[SYS_THREAD_CREATE] = OBJECT_THREAD,
		[SYS_MEMORY_CREATE] = OBJECT_MEMORY,
		[SYS_ENDPOINT_CREATE] = OBJECT_ENDPOINT,
		[SYS_NOTIFICATION_CREATE] = OBJECT_NOTIFICATION,
		[SYS_TIMER_CREATE] = OBJECT_TIMER,
		[SYS_DEVICE_OPEN] = OBJECT_DEVICE,
		[SYS_SESSION_CREATE] = OBJECT_SESSION,
	};
	uint64_t *stream = &thread->stream;
	handle_t handle = (handle_t)answer->rdx;

	if (asked->rax >= SYSCALL_COUNT || answer->rax != OK)
		return;
	if (makes[asked->rax])
		know(stream, makes[asked->rax], handle);
	switch (asked->rax) {
	case SYS_HANDLE_DUPLICATE:
		know(stream, type_of((handle_t)asked->rdi), handle);
		break;
	case SYS_MEMORY_MAP:
		know_map(stream, answer->rdx, (asked->rdx + PAGE - 1) & ~(PAGE - 1));
		break;
	case SYS_SESSION_NEXT:
		if (asked->rdx == (uintptr_t)thread->page)
			session_ids[chance(stream) % SESSIONS] = *(uint32_t *)(void *)thread->page;
		break;
	case SYS_RECEIVE:
	case SYS_REPLY_RECEIVE:
		tokens[chance(stream) % TOKENS] = answer->r13;
		/* fall through */
	case SYS_CALL:
		if (answer->r12)
			know(stream, OBJECT_DEVICE, (handle_t)answer->r12);
		break;
	default:
		break;
	}
}

/* --- What happens besides --- */

/* A session of which it is sure that it reaches nobody else's blocks. */
static void open_ring(uint64_t *stream)
{
	static struct session_create create;
	unsigned i = (unsigned)(chance(stream) % SESSIONS);
	handle_t grant = runtime_handle(once_in(stream, 2)   ? FUZZ_DISK
					: once_in(stream, 2) ? FUZZ_SERIAL
							     : FUZZ_GRANT);
	struct sys_result session;

	if (rings[i].slots || grant == HANDLE_NONE)
		return;
	make_session(stream, &create);
	create.slot_count = 16;
	create.pool_bytes = 16384;
	create.range_count = place->blocks;
	if (grant == runtime_handle(FUZZ_GRANT))
		create.range_count = 500;
	create.notification = runtime_handle(FUZZ_NOTIFICATION);
	session = SYS2(SYS_SESSION_CREATE, grant, (uintptr_t)&create);
	if (session.error)
		return;
	rings[i].client_vaddr = create.client_vaddr;
	rings[i].slots = create.slot_count;
	session_ids[i] = ((struct session_info *)create.info_vaddr)->id;
	know(stream, OBJECT_SESSION, (handle_t)session.value);
}

/* Requests as nobody who means well makes them. */
static void scribble_ring(uint64_t *stream)
{
	unsigned i = (unsigned)(chance(stream) % SESSIONS);
	uint32_t slots = rings[i].slots;
	struct session_client *client = (struct session_client *)rings[i].client_vaddr;

	if (!slots)
		return;
	for (unsigned k = 0; k < 4; k++) {
		uint32_t slot = (uint32_t)chance(stream) % slots;
		struct session_slot *entry = &session_slots(client)[slot];

		*entry = (struct session_slot){ .operation = (uint8_t)(chance(stream) % 6),
						.flags = once_in(stream, 4),
						.generation = client->submit_tail + k,
						.position = chance(stream) % 64,
						.count = 1 + (uint32_t)chance(stream) % 8,
						.data_offset = (uint32_t)chance(stream) & 0x3ffc };
		if (once_in(stream, 4))
			((uint64_t *)(void *)entry)[chance(stream) % 4] = absurd(stream);
		session_submit_ring(client, slots)[chance(stream) % slots] =
			(uint16_t)(once_in(stream, 8) ? chance(stream) : slot);
	}
	client->submit_tail +=
		once_in(stream, 16) ? (uint32_t)absurd(stream) : (uint32_t)chance(stream) % 5;
	client->complete_head += (uint32_t)chance(stream) % 5;
	client->asleep = (uint32_t)chance(stream);
}

void arguments_stir(uint64_t *stream)
{
	for (unsigned i = 0; i < KNOWN; i++)
		SYS2(SYS_SIGNAL, known[OBJECT_NOTIFICATION][i], 1);
	SYS2(SYS_SIGNAL, runtime_handle(FUZZ_NOTIFICATION), 1);
	open_ring(stream);
	scribble_ring(stream);
	/* Who waits at an endpoint that nobody holds any more is told. */
	for (unsigned i = 0; once_in(stream, 8) && i < KNOWN; i++) {
		handle_t old = known[OBJECT_ENDPOINT][i];

		known[OBJECT_ENDPOINT][i] = HANDLE_NONE;
		if (old)
			SYS1(SYS_HANDLE_CLOSE, old);
	}
}

void arguments_open(const struct place *here)
{
	handle_t all = runtime_handle(STARTUP_REGISTRY);

	place = here;
	registry_manager =
		(handle_t)SYS3(SYS_HANDLE_DUPLICATE, all, RIGHT_READ | RIGHT_MANAGE, 0).value;
	if (runtime_file("bin/fuzz", &program) != OK)
		program = (struct archive_file){ 0 };
}
