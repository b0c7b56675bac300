/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The event loop. Source: abi/syscall.h, abi/message.h.
 */
#include <runtime/loop.h>
#include <runtime/print.h>
#include <runtime/syscall.h>
#include <runtime/time.h>

enum error loop_open(struct loop *loop)
{
	struct sys_result result = SYS0(SYS_NOTIFICATION_CREATE);

	if (result.error == OK)
		loop->notification = (handle_t)result.value;
	return result.error;
}

static enum error wait_signal(struct loop *loop)
{
	struct sys_result result = SYS2(SYS_WAIT, loop->notification, loop->earliest_ns);

	if (result.error == OK)
		loop->signal(loop, result.value);
	return result.error;
}

static enum error wait_message(struct loop *loop)
{
	struct message message;
	enum error error =
		sys_receive(loop->endpoint, loop->notification, loop->earliest_ns, &message);

	if (error)
		return error;
	if (message.label == MESSAGE_SIGNAL && message.token == 0)
		loop->signal(loop, message.word[0]);
	else
		loop->call(loop, &message);
	return OK;
}

void loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		enum error error = loop->endpoint ? wait_message(loop) : wait_signal(loop);

		if (error && error != ERR_TIMEOUT) {
			log_line(LOG_ERROR, "the event loop cannot wait: %s", error_text(error));
			return;
		}
		if (loop->earliest_ns && now_ns() >= loop->earliest_ns)
			loop_timers_run(loop, now_ns());
		if (loop->turn)
			loop->turn(loop);
	}
}
