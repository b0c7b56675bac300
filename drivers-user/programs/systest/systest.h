/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The in-guest system test: what its suites share. A test is a function; its name, a sentence about
 * behaviour, is what the report says. A check that does not hold ends its test. Report: KTAP
 * version 1.
 */
#ifndef SYSTEST_SYSTEST_H
#define SYSTEST_SYSTEST_H

#include <stdbool.h>
#include <stdint.h>

#include <abi/syscall.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>
#include <runtime/time.h>

#define MS_NS UINT64_C(1000000)

struct test {
	const char *name;
	void (*run)(void);
};

/* Ends with a test without a name. */
extern const struct test kernel_tests[], process_tests[], block_tests[], placement_tests[],
	device_tests[], budget_tests[], crash_tests[], storm_tests[], trace_tests[];

extern bool scratch_allowed; /* `scratch` on the command line: any disk may be written */

/** Note why the running test fails; the first reason counts. */
void test_fail(const char *file, int line, const char *what, uint64_t found, uint64_t expected);

/** Note why the running test cannot say anything here. */
void test_skip(const char *reason);

/** A line of the report, for figures. */
__attribute__((format(printf, 1, 2))) void test_note(const char *format, ...);

/** Has the running test failed? For helpers that check. */
bool test_failed(void);

/* Statements of a test, or of a helper that returns nothing. */
#define CHECK(condition)                                                 \
	do {                                                             \
		if (!(condition)) {                                      \
			test_fail(__FILE__, __LINE__, #condition, 0, 1); \
			return;                                          \
		}                                                        \
	} while (0)

#define CHECK_EQUAL(found, expected)                                                   \
	do {                                                                           \
		uint64_t found_ = (uint64_t)(found), expected_ = (uint64_t)(expected); \
		if (found_ != expected_) {                                             \
			test_fail(__FILE__, __LINE__, #found, found_, expected_);      \
			return;                                                        \
		}                                                                      \
	} while (0)

#define SKIP(reason)               \
	do {                       \
		test_skip(reason); \
		return;            \
	} while (0)

/** A fresh notification; HANDLE_NONE fails the test. */
handle_t new_notification(void);

/** Close a handle, if it is one. */
void close_handle(handle_t handle);

/* Another process of this program, running one of the modes of child.c. */
struct child {
	handle_t process, watch;
};

/** Start one.
 *
 * @param mode, argument  what it does
 * @param given           handles by role, beside the usual ones; given_count of them
 */
bool child_start(struct child *child, const char *mode, const char *argument,
		 const struct startup_handle *given, uint32_t given_count);

/** Wait for its end; false (and a failed test) if it does not come. */
bool child_wait(struct child *child, int64_t *code);

/** Kill it if it runs, and let go of it. */
void child_end(struct child *child);

/** What a child does: `systest child MODE ARGUMENT`. Returns its exit code. */
int child_main(const char *mode, const char *argument);

/** Mode `instance`: be a driver that goes too far; 0, or the line where the kernel let it. */
int be_an_instance(uint32_t device);
int use_ports(uint32_t device);

/** Mode `msix`: be a driver that reads the MSI-X table, which ends it; 0: the device has none. */
int reach_for_msix(uint32_t device);

/** Mode `verify`: the load of suite storm, on a disk. */
int be_a_load(const char *disk);

/** Mode `hog`: take what there is of something, for ever. */
int be_greedy(const char *of_what);

/** How many moves and deaths a storm has: a number on the command line. */
extern uint32_t storm_count;

/* Roles of what children are given. */
#define CHILD_ENDPOINT     STARTUP_USER
#define CHILD_NOTIFICATION (STARTUP_USER + 1)

#define CHILD_PAGES   400
#define CHILD_OBJECTS 48

#endif
