/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The command watchdog: look at the machine's first watchdog, start, pet and stop it. Its session
 * stays open between commands, so that a driver that moved or died meanwhile is found by it.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/watchdog.h>

#include "shell.h"

#define SECOND_MS 1000u

static struct watchdog watchdog;
static bool is_open;

static bool ready(void)
{
	enum error error;

	if (is_open)
		return true;
	error = watchdog_open(&watchdog);
	if (error == ERR_NOT_FOUND)
		print("watchdog: there is none, or its driver does not run; `devices` shows "
		      "both\n");
	else if (error != OK)
		print("watchdog: it cannot be opened: %s\n", error_text(error));
	is_open = error == OK;
	return is_open;
}

static bool ask(enum watchdog_operation operation, uint64_t timeout_ms, uint32_t *in_force_ms)
{
	enum error error = watchdog_ask(&watchdog, operation, timeout_ms, in_force_ms);

	is_open = watchdog.client.session != HANDLE_NONE;
	if (error == OK)
		return true;
	if (error == ERR_RANGE)
		print("watchdog: it cannot be set to %llu s\n",
		      (unsigned long long)(timeout_ms / SECOND_MS));
	else if (error == ERR_DENIED)
		print("watchdog: it is locked, and runs until the next reset\n");
	else
		print("watchdog: %s; `devices` shows its driver\n", error_text(error));
	return false;
}

static void print_state(uint32_t in_force_ms)
{
	struct device_info device = { 0 };
	uint32_t id = watchdog.device;

	(void)device_next(&id, &device);
	print("%s, driver %s in ring %u: ", watchdog.model, device.driver,
	      device.placement == PLACEMENT_KERNEL ? 0u : 3u);
	if (in_force_ms)
		print("resets the machine %u.%03u s after the last pet\n", in_force_ms / SECOND_MS,
		      in_force_ms % SECOND_MS);
	else
		print("stopped\n");
}

static void run_watchdog(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "status";
	enum watchdog_operation operation = WATCHDOG_STATUS;
	uint32_t in_force_ms = 0;
	uint64_t seconds = 0;

	if (strcmp(verb, "start") == 0)
		operation = WATCHDOG_START;
	else if (strcmp(verb, "pet") == 0)
		operation = WATCHDOG_PET;
	else if (strcmp(verb, "stop") == 0)
		operation = WATCHDOG_STOP;
	else if (strcmp(verb, "status") != 0)
		return print_usage(argv[0]);
	if (argc > (operation == WATCHDOG_START ? 3 : 2) ||
	    (operation == WATCHDOG_START && argc != 3))
		return print_usage(argv[0]);
	if (argc == 3 &&
	    (!number_argument("watchdog", argv[2], &seconds) || seconds > UINT64_MAX / SECOND_MS))
		return;
	if (ready() && ask(operation, seconds * SECOND_MS, &in_force_ms))
		print_state(in_force_ms);
}

static const char *complete_watchdog(int word, char **words, unsigned index)
{
	static const char *const verbs[] = { "start", "pet", "stop", "status", NULL };

	(void)words;
	return word == 1 ? complete_from(verbs, index) : NULL;
}

const struct command watchdog_commands[] = {
	{ "watchdog", "[start SECONDS|pet|stop|status]",
	  "a timer that resets the machine unless it is petted in time", run_watchdog,
	  complete_watchdog },
	{ 0 },
};
