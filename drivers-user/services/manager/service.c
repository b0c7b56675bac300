/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What programs ask of the manager. Source: abi/manager.h, doc/manager-protocol.md.
 */
#include <abi/manager.h>
#include <abi/syscall.h>
#include <lib/string.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

#include "manager.h"

#define WAITERS_MAX 16

static uint64_t waiters[WAITERS_MAX]; /* tokens; 0: free */

static void reply_handle(uint64_t token, uint64_t word, handle_t handle)
{
	struct message reply = { .label = OK, .word = { word }, .handle = handle, .token = token };

	enum error error = sys_reply(&reply);

	if (error && error != ERR_GONE)
		act_reply(token, error); /* the caller's table is full */
}

/* Every program that can call the manager may use every unit; shares are the session's ranges. */
static void open_unit(const struct message *message)
{
	handle_t registry = runtime_handle(STARTUP_REGISTRY);
	uint64_t id = message->word[0], unit = message->word[1];
	struct unit_info info;
	struct sys_result result = SYS4(SYS_DEVICE_UNIT, registry, id, unit, (uintptr_t)&info);

	if (result.error == OK && info.unit != unit)
		result.error = ERR_NOT_FOUND;
	if (result.error == OK)
		result = SYS4(SYS_DEVICE_OPEN, registry, id,
			      RIGHT_OPEN | RIGHT_TRANSFER | RIGHT_DUPLICATE, unit);
	if (result.error) {
		act_reply(message->token, result.error);
		return;
	}
	reply_handle(message->token, 0, (handle_t)result.value);
	SYS1(SYS_HANDLE_CLOSE, result.value);
}

static void run_program(const struct message *message, handle_t endpoint)
{
	char line[sizeof(message->word) + 1] = "";
	struct process_info info = { .pid = 0 };
	handle_t process;
	enum error error;

	memcpy(line, message->word, sizeof(message->word));
	error = children_start_program(line, endpoint, &process);
	if (error) {
		act_reply(message->token, error);
		return;
	}
	SYS2(SYS_PROCESS_INFO, process, (uintptr_t)&info);
	reply_handle(message->token, info.pid, process);
	SYS1(SYS_HANDLE_CLOSE, process);
}

static void order(const struct message *message)
{
	char name[2 * sizeof(message->word[0]) + 1] = "";
	uint64_t ring = message->word[2], how = message->word[3];
	struct driver *driver;

	memcpy(name, message->word, sizeof(name) - 1);
	driver = drivers_find(name);
	if (!driver)
		act_reply(message->token, ERR_NOT_FOUND);
	else if (message->label == MANAGER_DRIVER_START && ring <= PLACEMENT_USER)
		policy_start(message->token, driver, (uint32_t)ring);
	else if (message->label == MANAGER_DRIVER_STOP)
		policy_stop(message->token, driver);
	else if (message->label == MANAGER_DRIVER_MOVE &&
		 (ring == PLACEMENT_KERNEL || ring == PLACEMENT_USER) && how <= MOVE_COLD)
		policy_move(message->token, driver, (uint32_t)ring, (enum manager_move)how);
	else if (message->label == MANAGER_DRIVER_KILL)
		policy_kill(message->token, driver);
	else
		act_reply(message->token, ERR_INVALID);
}

static void wait_settled(uint64_t token)
{
	for (unsigned i = 0; i < WAITERS_MAX; i++)
		if (!waiters[i]) {
			waiters[i] = token;
			return;
		}
	act_reply(token, ERR_BUSY);
}

void service_settled(void)
{
	for (unsigned i = 0; i < WAITERS_MAX; i++) {
		if (waiters[i])
			act_reply(waiters[i], OK);
		waiters[i] = 0;
	}
}

void service_call(const struct message *message, handle_t endpoint)
{
	if (message->handle)
		SYS1(SYS_HANDLE_CLOSE, message->handle); /* nobody was asked for one */
	switch (message->label) {
	case MANAGER_VERSION:
		reply_handle(message->token, MANAGER_PROTOCOL_VERSION, HANDLE_NONE);
		break;
	case MANAGER_OPEN:
		open_unit(message);
		break;
	case MANAGER_RUN:
		run_program(message, endpoint);
		break;
	case MANAGER_SETTLED:
		wait_settled(message->token);
		break;
	default:
		order(message);
	}
}
