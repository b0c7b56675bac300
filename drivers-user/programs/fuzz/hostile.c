/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hostile process: several threads on several processors make calls in one address space, while
 * its first thread unblocks those that wait, scribbles over what they pass, and replaces the dead.
 */
#include <lib/string.h>
#include <runtime/process.h>

#include "fuzz.h"

#define WORKERS      6
#define STARTS_MAX   128 /* workers of one process, one after the other */
#define STUCK_ROUNDS 20
#define PRIORITY     4
#define ROUND_NS     (MS_NS / 2)

static struct counts *counts;
static const struct place *place;

static struct worker {
	struct thread_state state;
	volatile uint32_t calls; /* that came back */
	uint32_t seen_calls, stuck;
} workers[STARTS_MAX];

static void raw_call(struct registers *registers)
{
	register uint64_t r10 __asm__("r10") = registers->r10;
	register uint64_t r8 __asm__("r8") = registers->r8;
	register uint64_t r9 __asm__("r9") = registers->r9;
	register uint64_t r12 __asm__("r12") = registers->r12;
	register uint64_t r13 __asm__("r13") = registers->r13;
	register uint64_t r14 __asm__("r14") = registers->r14;

	__asm__ volatile("syscall"
			 : "+a"(registers->rax), "+d"(registers->rdx), "+D"(registers->rdi),
			   "+S"(registers->rsi), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r12), "+r"(r13)
			 : "r"(r14)
			 : "rcx", "r11", "memory");
	registers->r12 = r12;
	registers->r13 = r13;
}

static void add(uint32_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static bool round_over(void)
{
	return __atomic_load_n(&counts->calls, __ATOMIC_RELAXED) >= place->calls;
}

static void call_once(struct worker *worker)
{
	struct registers asked, answer;
	uint64_t number, error;

	if (!arguments_make(&worker->state, &asked))
		return;
	number = asked.rax < SYSCALL_COUNT ? asked.rax : SYSCALL_COUNT;
	answer = asked;
	add(&counts->calls);
	add(&counts->began[number]);
	raw_call(&answer);
	worker->calls++;
	error = answer.rax < ERROR_SLOTS ? answer.rax : ERROR_SLOTS;
	add(&counts->ended[number][error]);
	arguments_learn(&worker->state, &asked, &answer);
}

static void work(void *argument)
{
	struct worker *worker = argument;

	while (!round_over())
		call_once(worker);
}

/* Words of what others pass, changed while the kernel looks at them. */
static void scribble(uint64_t *stream, uint8_t *pages)
{
	for (unsigned i = 0; i < 16; i++) {
		uint64_t *word = (uint64_t *)(void *)pages + chance(stream) % (WORKERS * PAGE / 8);

		*word = chance(stream) % 4 ? *word ^ (UINT64_C(1) << chance(stream) % 64)
					   : chance(stream);
	}
}

/* It made no call for a while: it waits for ever, or is gone. */
static bool is_stuck(struct worker *worker)
{
	worker->stuck = worker->calls == worker->seen_calls ? worker->stuck + 1 : 0;
	worker->seen_calls = worker->calls;
	return worker->stuck > STUCK_ROUNDS;
}

static uint8_t *map(handle_t memory, uint64_t bytes)
{
	struct sys_result result = SYS4(SYS_MEMORY_MAP, memory, 0, bytes, RIGHT_READ | RIGHT_WRITE);

	return result.error ? NULL : (uint8_t *)result.value;
}

int be_hostile(const struct place *here)
{
	uint8_t *pages = map(runtime_handle(FUZZ_MEMORY), (WORKERS + 1) * PAGE);
	struct worker *at[WORKERS] = { 0 };
	uint64_t stream = here->seed;
	uint32_t starts = 0;

	place = here;
	counts = (struct counts *)(void *)map(runtime_handle(FUZZ_COUNTS), COUNTS_BYTES);
	if (!pages || !counts)
		return 1;
	arguments_open(here);
	while (!round_over()) {
		for (unsigned i = 0; i < WORKERS; i++) {
			if (at[i] && !is_stuck(at[i]))
				continue;
			if (starts == STARTS_MAX)
				return 0; /* all others hang in calls: that is what was wanted */
			at[i] = &workers[starts++];
			at[i]->state = (struct thread_state){ chance(&stream), pages + i * PAGE };
			if (thread_create(work, at[i], PRIORITY) != OK)
				at[i]->stuck = STUCK_ROUNDS - 2; /* soon again */
		}
		sleep_until(now_ns() + ROUND_NS);
		arguments_stir(&stream);
		scribble(&stream, pages);
	}
	return 0;
}
