/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system-call fuzzer: what its files share. main.c starts hostile processes and counts what is
 * left; hostile.c is one of them; arguments.c makes up what it asks for.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/syscall.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>
#include <runtime/time.h>

#define MS_NS UINT64_C(1000000)
#define PAGE  UINT64_C(4096)

#define ERROR_SLOTS 23 /* the numbers of enum error */

/* One page or two that all hostile processes and main.c share: what was called, and what came of
 * it. */
struct counts {
	uint32_t calls; /* of all numbers, this round */
	uint32_t began[SYSCALL_COUNT + 1];
	uint32_t ended[SYSCALL_COUNT + 1][ERROR_SLOTS + 1]; /* by error; the last: none of them */
};
#define COUNTS_BYTES ((sizeof(struct counts) + PAGE - 1) & ~(PAGE - 1))

/* Roles of what hostile processes are given. */
enum {
	FUZZ_COUNTS = STARTUP_USER, /* memory: struct counts */
	FUZZ_ENDPOINT,              /* where they meet */
	FUZZ_NOTIFICATION,
	FUZZ_MEMORY,
	FUZZ_GRANT, /* of the spare device, to be its instance and to open it */
	FUZZ_DISK,  /* the manager's grant of a disk that others use */
	FUZZ_SERIAL
};

/* What a hostile process knows of its place, from its arguments. */
struct place {
	uint64_t seed;
	uint32_t calls;  /* of all, after which the round is over */
	uint32_t spare;  /* device id; 0: there is none */
	uint64_t blocks; /* of the disk: those below may be written */
};

/** Be hostile; returns only when the round is over. */
int be_hostile(const struct place *place);

/* --- Chance: arguments.c --- */

/** The next number of a stream. */
uint64_t chance(uint64_t *stream);

/** True once in `of`. */
static inline bool once_in(uint64_t *stream, uint32_t of)
{
	return chance(stream) % of == 0;
}

/* The registers of one call, before and after. */
struct registers {
	uint64_t rax, rdi, rsi, rdx, r10, r8, r9, r12, r13, r14;
};

/* What one hostile thread works with. */
struct thread_state {
	uint64_t stream;
	uint8_t *page; /* its own, mapped for good, and elsewhere for a while: structures are made
			  there */
};

/** Learn what there is: before the first thread. */
void arguments_open(const struct place *place);

/** Make up a call. False: not this one. */
bool arguments_make(struct thread_state *thread, struct registers *registers);

/** See what came of it: new handles, mappings, tokens. */
void arguments_learn(struct thread_state *thread, const struct registers *asked,
		     const struct registers *answer);

/** Unblock who waits: raise notifications; now and then let go of everything known. */
void arguments_stir(uint64_t *stream);

#endif
