/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the policy decides, done by system calls.
 */
#include <lib/string.h>
#include <runtime/loop.h>
#include <runtime/print.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>
#include <runtime/time.h>

#include "manager.h"

static struct loop *timers;

void act_open(struct loop *loop)
{
	timers = loop;
}

enum error act_standby(const struct device *device)
{
	struct sys_result grant = SYS4(SYS_DEVICE_OPEN, runtime_handle(STARTUP_REGISTRY),
				       device->id, RIGHT_INSTANCE | RIGHT_TRANSFER, 0);
	enum error error;

	if (grant.error)
		return grant.error;
	error = children_start_driver(device, (handle_t)grant.value);
	SYS1(SYS_HANDLE_CLOSE, grant.value);
	return error;
}

enum error act_start(const struct device *device)
{
	char name[DRIVER_NAME_BYTES];

	if (device->ring == PLACEMENT_USER)
		return device->driver->in_archive ? act_standby(device) : ERR_UNSUPPORTED;
	memcpy(name, device->driver->name, sizeof(name));
	return SYS3(SYS_DEVICE_START, runtime_handle(STARTUP_REGISTRY), device->id, (uintptr_t)name)
		.error;
}

enum error act_stop(const struct device *device)
{
	return SYS3(SYS_DEVICE_CONTROL, runtime_handle(STARTUP_REGISTRY), device->id, CONTROL_STOP)
		.error;
}

/* By pid, so that a manager that was itself restarted can do it too. */
enum error act_kill(const struct device *device)
{
	handle_t registry = runtime_handle(STARTUP_REGISTRY);
	static struct device_info info;
	struct sys_result result = SYS3(SYS_DEVICE_LIST, registry, device->id, (uintptr_t)&info);

	if (result.error || info.id != device->id || !info.pid)
		return ERR_GONE;
	result = SYS2(SYS_PROCESS_OPEN, registry, info.pid);
	if (result.error)
		return result.error;
	info.error = SYS1(SYS_PROCESS_KILL, result.value).error;
	SYS1(SYS_HANDLE_CLOSE, result.value);
	return (enum error)info.error;
}

void act_standby_end(const struct device *device)
{
	children_kill_driver(device);
}

enum error act_move(const struct device *device)
{
	return SYS3(SYS_DEVICE_MOVE, runtime_handle(STARTUP_REGISTRY), device->id, device->next)
		.error;
}

void act_reply_order(const struct order *order)
{
	struct message reply = { .label = order->result,
				 .word = { order->cold, order->pause_ns },
				 .token = order->token };

	(void)sys_reply(&reply);
}

void act_reply(uint64_t token, enum error error)
{
	struct message reply = { .label = error, .token = token };

	(void)sys_reply(&reply); /* a caller that has ended needs no answer */
}

void act_timer(unsigned index, uint64_t deadline_ns)
{
	if (deadline_ns)
		loop_timer_set(timers, index, deadline_ns);
	else
		loop_timer_cancel(timers, index);
}

uint64_t act_now_ns(void)
{
	return now_ns();
}

void act_log(int level, const char *format, ...)
{
	char text[LOG_LINE_BYTES];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	log_line((enum log_level)level, "manager: %s", text);
}
