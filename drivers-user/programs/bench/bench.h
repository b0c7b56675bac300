/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The measuring program inside Eft: what its parts share. The host side is tests/bench/run.py;
 * tests/bench/README.md tells what is measured and how.
 *
 * How to use: segment_begin(); around each operation operation_begin() and
 * operation_end(); segment_end(); then one
 * data_line() that names what the segment was. The counting plugin sees the same segments in the
 * same order.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/error.h>
#include <abi/marker.h>
#include <abi/syscall.h>
#include <runtime/time.h>

#define SAMPLES_MAX 65536u

/* How much to measure: few operations where instructions are counted, many where time is. */
struct effort {
	unsigned percent; /* of the usual number of operations */
	unsigned rounds;  /* block: each placement so many times */
};

/* Times of one segment. */
struct segment {
	uint64_t total_ns, p50_ns, p99_ns, p999_ns;
	uint64_t typical_ps; /* picoseconds an operation takes: the median stretch of operations */
	uint32_t operations;
	uint32_t number; /* how many segments were before it */
};

/** Start measuring; `depth` operations are in flight at once. */
void segment_begin(uint32_t depth);

/* Under the plugin times mean nothing, and taking them would be counted. */
extern bool counted;

/** When an operation begins. */
static inline uint64_t operation_begin(void)
{
	return counted ? 0 : __builtin_ia32_rdtsc();
}

/** Keep the time of an operation, in ticks of the time-stamp counter. */
void sample_add(uint64_t ticks);

/** One operation is complete; `began` is what operation_begin() said. */
static inline void operation_end(uint64_t began)
{
	if (!counted)
		sample_add(__builtin_ia32_rdtsc() - began);
	MARKER(MARKER_OPERATION);
}

/** Stop measuring; so many operations were done. */
struct segment segment_end(uint32_t operations);

/** Tell the host a result: "bench: total_ns=..." and the fields that `format` prints. */
__attribute__((format(printf, 2, 3))) void data_line(const struct segment *segment,
						     const char *format, ...);

/** Tell the host what went wrong, and end the run with failure. */
__attribute__((format(printf, 1, 2))) __attribute__((cold)) _Noreturn void fail(const char *format,
										...);

/** fail() unless `error` is OK. */
static inline void must(enum error error, const char *what)
{
	if (__builtin_expect(error != OK, 0))
		fail("%s: %s", what, error_text(error));
}

/** Tell the host that a suite has nothing to measure here. */
void skip(const char *suite, const char *why);

/** So many of the usual number of operations, but ten at least. */
unsigned effort_times(const struct effort *effort, unsigned usual);

/** Start this program once more, with one argument; fail() if it cannot be. */
handle_t start_self(const char *word, const struct startup_handle *handle, uint32_t count,
		    uint32_t priority);

/** A new object of the kind that this call makes. */
handle_t create(enum syscall what);

/** The suites. */
void kernel_suite(const struct effort *effort);
void block_suite(const struct effort *effort);
void net_suite(const struct effort *effort);
void hot_suite(const struct effort *effort);
void cold_suite(const struct effort *effort);
void recovery_suite(const struct effort *effort);

/** Until it is stopped: a load that checks itself. Returns the exit code. */
int verify(void);

/** The same for net0: every frame is looked at and sent back. */
int net_load(void);

/** The other process of the kernel suite: "bench peer", "bench exit". */
int kernel_peer(void);

#endif
