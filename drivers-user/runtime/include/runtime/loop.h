/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The event loop of services, the device manager among them. A driver process has a loop of its own
 * (drivers-user/backend/driver.c), which waits in another way; its timers are these.
 *
 * How to use: zero-fill a struct loop; set the methods, and as many deadlines as there are timers;
 * loop_open() makes its notification; loop_run() turns until loop_stop(). One turn: wait for a call
 * at the endpoint, for signals, or for the earliest timer, in one system call; then the methods,
 * which never block; then `turn`, for what is best done once for several events.
 */
#ifndef RUNTIME_LOOP_H
#define RUNTIME_LOOP_H

#include <stdbool.h>

#include <abi/error.h>
#include <abi/message.h>

struct loop {
	handle_t notification; /* made by loop_open() */
	handle_t endpoint;     /* where calls arrive; HANDLE_NONE: nowhere */
	bool stopped;

	uint64_t *deadline_ns; /* [timer_count], 0: disarmed */
	unsigned timer_count;
	uint64_t earliest_ns; /* no deadline is before it; 0: none is armed */

	void (*signal)(struct loop *loop, uint64_t bits);
	void (*call)(struct loop *loop, struct message *message); /* answer with sys_reply() */
	void (*timer)(struct loop *loop, unsigned index);
	void (*turn)(struct loop *loop); /* may be NULL */
};

/** Make the loop's notification. */
MUST_CHECK enum error loop_open(struct loop *loop);

/** Turn until loop_stop(). */
void loop_run(struct loop *loop);

/** Let the turn that runs be the last. Context: a method of the loop. */
static inline void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

/** Arm timer `index`, 0 ..< timer_count, again: it runs once, at or after the deadline, which is
 * as now_ns() counts. Context: a method of the loop, or before it runs. */
static inline void loop_timer_set(struct loop *loop, unsigned index, uint64_t deadline_ns)
{
	deadline_ns += deadline_ns == 0;
	loop->deadline_ns[index] = deadline_ns;
	if (deadline_ns < loop->earliest_ns || loop->earliest_ns == 0)
		loop->earliest_ns = deadline_ns;
}

/** Disarm timer `index`. earliest_ns stays: one idle turn costs less than a search at each cancel.
 */
static inline void loop_timer_cancel(struct loop *loop, unsigned index)
{
	loop->deadline_ns[index] = 0;
}

/** Run the timers that are due, and find the next. Called by loop_run(); here for tests. */
void loop_timers_run(struct loop *loop, uint64_t now);

#endif
