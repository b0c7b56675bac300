/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Calls to the device manager. See runtime/manager.h.
 */
#include <abi/manager.h>
#include <lib/string.h>
#include <runtime/manager.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

/* The reply's label is the manager's own error. */
static enum error ask(struct message *message)
{
	enum error error = sys_call(runtime_handle(STARTUP_MANAGER), message);

	return error != OK ? error : (enum error)message->label;
}

/* Packs a name, zero-padded, into the first `words` words. */
static enum error pack_name(struct message *message, const char *name, unsigned words)
{
	size_t length = strlen(name);

	if (length == 0 || length >= words * sizeof(message->word[0]))
		return ERR_INVALID;
	memcpy(message->word, name, length);
	return OK;
}
_Static_assert(DRIVER_NAME_BYTES == 2 * sizeof(uint64_t), "a driver's name fills two words");

static enum error ask_driver_timed(uint64_t label, const char *driver, uint64_t placement,
				   uint64_t how, struct manager_moved *moved)
{
	struct message message = { .label = label, .word = { 0, 0, placement, how } };
	enum error error = pack_name(&message, driver, 2);

	if (error != OK)
		return error;
	error = ask(&message);
	*moved = (struct manager_moved){ message.word[0] != 0, message.word[1] };
	return error;
}

static enum error ask_driver(uint64_t label, const char *driver, uint64_t placement, uint64_t how)
{
	struct manager_moved moved;

	return ask_driver_timed(label, driver, placement, how, &moved);
}

enum error manager_version(uint64_t *version)
{
	struct message message = { .label = MANAGER_VERSION };
	enum error error = ask(&message);

	if (error == OK)
		*version = message.word[0];
	return error;
}

enum error manager_open(uint32_t device, uint32_t unit, handle_t *grant)
{
	struct message message = { .label = MANAGER_OPEN, .word = { device, unit } };
	enum error error = ask(&message);

	if (error == OK)
		*grant = message.handle;
	return error;
}

enum error manager_driver_start(const char *driver, enum placement placement)
{
	return ask_driver(MANAGER_DRIVER_START, driver, placement, 0);
}

enum error manager_driver_stop(const char *driver)
{
	return ask_driver(MANAGER_DRIVER_STOP, driver, 0, 0);
}

enum error manager_driver_move(const char *driver, enum placement placement, uint64_t flags)
{
	return ask_driver(MANAGER_DRIVER_MOVE, driver, placement, flags);
}

enum error manager_driver_move_timed(const char *driver, enum placement placement,
				     enum manager_move how, struct manager_moved *moved)
{
	return ask_driver_timed(MANAGER_DRIVER_MOVE, driver, placement, how, moved);
}

enum error manager_driver_kill_timed(const char *driver, struct manager_moved *moved)
{
	return ask_driver_timed(MANAGER_DRIVER_KILL, driver, 0, 0, moved);
}

enum error manager_driver_kill(const char *driver)
{
	return ask_driver(MANAGER_DRIVER_KILL, driver, 0, 0);
}

enum error manager_run(const char *name, uint32_t *pid, handle_t *process)
{
	struct message message = { .label = MANAGER_RUN };
	enum error error = pack_name(&message, name, MESSAGE_WORDS);

	if (error == OK)
		error = ask(&message);
	if (error != OK)
		return error;
	*pid = (uint32_t)message.word[0];
	if (process)
		*process = message.handle;
	else
		SYS1(SYS_HANDLE_CLOSE, message.handle);
	return OK;
}

enum error manager_settled(void)
{
	struct message message = { .label = MANAGER_SETTLED };

	return ask(&message);
}
