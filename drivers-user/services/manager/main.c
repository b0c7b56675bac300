/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The device manager: the first process. It starts what drivers the kernel did not bind at boot,
 * then the shell (or the program of run= on the command line), and serves doc/manager-protocol.md.
 */
#include <lib/string.h>
#include <runtime/loop.h>
#include <runtime/print.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>
#include <runtime/time.h>

#include "manager.h"

#define BIT_DEVICES  1u
#define BIT_CHILDREN 2u

/* Timers: one a device, then these. */
enum { TIMER_SETTLE = DEVICES_MAX, TIMER_MAIN, TIMER_COUNT };

#define SETTLE_LIMIT_NS (UINT64_C(10) * 1000000000)
#define MAIN_PAUSE_NS   (UINT64_C(1) * 1000000000)
#define MAIN_DEATHS_MAX 3

static struct loop loop;
static uint64_t deadlines[TIMER_COUNT];
static handle_t public_endpoint; /* what programs get: they may call, not receive */
static char run_line[512];       /* of run=; "": the shell from the start */
static bool main_started;
static uint64_t main_start_ns;
static unsigned main_deaths;  /* in a row, each right after its start */
static const char *main_lost; /* why there is no program to talk to; NULL: there is one */

/* Nobody can type any more. Say so where it is seen: on the console, once the kernel has it. */
static void lose_main(const char *why)
{
	main_lost = why;
	policy_free_console();
}

static void tell_main_lost(void)
{
	log_line(LOG_ERROR,
		 "manager: there is no shell: %s; boot an image whose archive has a sound "
		 "bin/shell, or give the machine more memory",
		 main_lost);
	main_lost = NULL;
}

static void start_main(void)
{
	const char *line = run_line[0] ? run_line : "shell";
	enum error error;

	main_started = true;
	main_start_ns = now_ns();
	loop_timer_cancel(&loop, TIMER_SETTLE);
	error = children_start_main(line, public_endpoint);
	if (!error)
		return;
	if (!run_line[0]) {
		lose_main(error_text(error));
		return;
	}
	log_line(LOG_ERROR, "manager: cannot start %s of run=: %s; the shell comes instead", line,
		 error_text(error));
	run_line[0] = 0;
	start_main();
}

/* Then the shell, at once unless it does not even live for a moment. */
static void main_ended(void)
{
	uint64_t again_ns = main_start_ns + MAIN_PAUSE_NS;

	main_deaths = run_line[0] || now_ns() > again_ns ? 0 : main_deaths + 1;
	run_line[0] = 0;
	if (main_deaths == MAIN_DEATHS_MAX)
		lose_main("it ended right after its start, time and again");
	else
		loop_timer_set(&loop, TIMER_MAIN, again_ns);
}

static void read_events(void)
{
	handle_t registry = runtime_handle(STARTUP_REGISTRY);
	static struct device_info info;
	struct device_event event;

	while (SYS2(SYS_DEVICE_EVENT, registry, (uintptr_t)&event).error == OK) {
		enum error error =
			SYS3(SYS_DEVICE_LIST, registry, event.id, (uintptr_t)&info).error;

		if (error || info.id != event.id) {
			info = (struct device_info){ .id = event.id };
			event.events |= EVENT_REMOVED;
		}
		policy_event(&info, event.events);
	}
}

static void on_signal(struct loop *from, uint64_t bits)
{
	(void)from;
	/* Deaths that the registry knows of come first: see policy_process_ended(). */
	read_events();
	if ((bits & BIT_CHILDREN) && children_reap())
		main_ended();
}

static void on_call(struct loop *from, struct message *message)
{
	(void)from;
	service_call(message, public_endpoint);
}

static void on_timer(struct loop *from, unsigned index)
{
	(void)from;
	if (index < DEVICES_MAX)
		policy_timer(index);
	else if (index == TIMER_MAIN || !main_started)
		start_main();
}

static void on_turn(struct loop *from)
{
	(void)from;
	if (!policy_settled())
		return;
	service_settled();
	if (!main_started)
		start_main();
	if (main_lost && policy_settled())
		tell_main_lost();
}

/* The value of run= in the kernel's command line. */
static void read_command_line(void)
{
	static struct system_info info;
	size_t length = 0;

	if (SYS1(SYS_SYSTEM_INFO, (uintptr_t)&info).error)
		return;
	info.cmdline[sizeof(info.cmdline) - 1] = 0;
	for (const char *word = info.cmdline; *word; word++) {
		if ((word != info.cmdline && word[-1] != ' ') || !string_starts(word, "run="))
			continue;
		for (word += 4; *word && *word != ' '; word++)
			run_line[length++] = *word;
		return;
	}
}

static enum error open_manager(void)
{
	handle_t registry = runtime_handle(STARTUP_REGISTRY);
	struct sys_result result = SYS0(SYS_ENDPOINT_CREATE);
	enum error error;

	if (result.error)
		return result.error;
	loop.endpoint = (handle_t)result.value;
	result = SYS3(SYS_HANDLE_DUPLICATE, loop.endpoint,
		      RIGHT_CALL | RIGHT_TRANSFER | RIGHT_DUPLICATE, 0);
	if (result.error)
		return result.error;
	public_endpoint = (handle_t)result.value;
	loop.deadline_ns = deadlines;
	loop.timer_count = TIMER_COUNT;
	loop.signal = on_signal;
	loop.call = on_call;
	loop.timer = on_timer;
	loop.turn = on_turn;
	error = loop_open(&loop);
	if (error)
		return error;
	act_open(&loop);
	children_open(loop.notification, BIT_CHILDREN);
	return SYS3(SYS_DEVICE_WATCH, registry, loop.notification, BIT_DEVICES).error;
}

/* What was there before this manager: found by the kernel, or served by its predecessor. */
static void read_devices(void)
{
	handle_t registry = runtime_handle(STARTUP_REGISTRY);
	static struct device_info info;

	for (uint64_t id = 0; SYS3(SYS_DEVICE_LIST, registry, id, (uintptr_t)&info).error == OK;
	     id = (uint64_t)info.id + 1)
		policy_device(&info);
}

int main(int argc, char **argv)
{
	enum error error = open_manager();

	(void)argc;
	(void)argv;
	if (error) {
		log_line(LOG_ERROR, "manager: cannot start: %s", error_text(error));
		return error;
	}
	read_command_line();
	drivers_read();
	read_devices();
	loop_timer_set(&loop, TIMER_SETTLE, now_ns() + SETTLE_LIMIT_NS);
	SYS2(SYS_SIGNAL, loop.notification, BIT_DEVICES); /* the first turn does not wait */
	loop_run(&loop);
	return ERR_GONE;
}
