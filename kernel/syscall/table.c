/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The system-call table, and the calls about handles and threads. Every argument comes from a
 * hostile caller: it is read once, checked, and bounded.
 */
#include <kernel/cpu.h>

#include "syscall.h"

static HANDLER(sys_null)
{
	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return done(0);
}

typedef struct result (*handler_t)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

extern const handler_t syscall_table[];
extern const uint64_t syscall_limit;

const handler_t syscall_table[SYSCALL_COUNT] = {
	[SYS_NULL] = sys_null,
	[SYS_HANDLE_CLOSE] = sys_handle_close,
	[SYS_HANDLE_DUPLICATE] = sys_handle_duplicate,
	[SYS_HANDLE_REVOKE] = sys_handle_revoke,
	[SYS_PROCESS_SPAWN] = sys_process_spawn,
	[SYS_PROCESS_KILL] = sys_process_kill,
	[SYS_PROCESS_WATCH] = sys_process_watch,
	[SYS_PROCESS_INFO] = sys_process_info,
	[SYS_PROCESS_EXIT] = sys_process_exit,
	[SYS_PROCESS_OPEN] = sys_process_open,
	[SYS_PROCESS_LIST] = sys_process_list,
	[SYS_THREAD_CREATE] = sys_thread_create,
	[SYS_THREAD_EXIT] = sys_thread_exit,
	[SYS_YIELD] = sys_yield,
	[SYS_MEMORY_CREATE] = sys_memory_create,
	[SYS_MEMORY_MAP] = sys_memory_map,
	[SYS_MEMORY_UNMAP] = sys_memory_unmap,
	[SYS_ENDPOINT_CREATE] = sys_endpoint_create,
	[SYS_CALL] = sys_call,
	[SYS_RECEIVE] = sys_receive,
	[SYS_REPLY] = sys_reply,
	[SYS_REPLY_RECEIVE] = sys_reply_receive,
	[SYS_NOTIFICATION_CREATE] = sys_notification_create,
	[SYS_SIGNAL] = sys_signal,
	[SYS_WAIT] = sys_wait,
	[SYS_TIMER_CREATE] = sys_timer_create,
	[SYS_TIMER_SET] = sys_timer_set,
	[SYS_SLEEP_UNTIL] = sys_sleep_until,
	[SYS_LOG_WRITE] = sys_log_write,
	[SYS_LOG_READ] = sys_log_read,
	[SYS_DEBUG_WRITE] = sys_debug_write,
	[SYS_TIME_NOW] = sys_time_now,
	[SYS_SYSTEM_INFO] = sys_system_info,
	[SYS_POWER] = sys_power,
	[SYS_TEST_EXIT] = sys_test_exit,
	[SYS_DEVICE_LIST] = sys_device_list,
	[SYS_DEVICE_UNIT] = sys_device_unit,
	[SYS_DEVICE_WATCH] = sys_device_watch,
	[SYS_DEVICE_EVENT] = sys_device_event,
	[SYS_DEVICE_OPEN] = sys_device_open,
	[SYS_DEVICE_START] = sys_device_start,
	[SYS_DEVICE_CONTROL] = sys_device_control,
	[SYS_DRIVER_LIST] = sys_driver_list,
	[SYS_DEVICE_MOVE] = sys_device_move,
	[SYS_INSTANCE_ADOPT] = sys_instance_adopt,
	[SYS_DMA_ENABLE] = sys_dma_enable,
	[SYS_UNIT_NEXT] = sys_unit_next,
	[SYS_INSTANCE_ATTACH] = sys_instance_attach,
	[SYS_INSTANCE_REPORT] = sys_instance_report,
	[SYS_INSTANCE_CONTROL] = sys_instance_control,
	[SYS_WINDOW_MAP] = sys_window_map,
	[SYS_INTERRUPT_ENABLE] = sys_interrupt_enable,
	[SYS_INTERRUPT_WAIT] = sys_interrupt_wait,
	[SYS_DMA_ALLOCATE] = sys_dma_allocate,
	[SYS_CONFIG_READ] = sys_config_read,
	[SYS_CONFIG_WRITE] = sys_config_write,
	[SYS_BAR_SIZE] = sys_bar_size,
	[SYS_BAR_ASSIGN] = sys_bar_assign,
	[SYS_CHILD_ADD] = sys_child_add,
	[SYS_CHILD_REMOVE] = sys_child_remove,
	[SYS_UNIT_ADD] = sys_unit_add,
	[SYS_UNIT_REMOVE] = sys_unit_remove,
	[SYS_SESSION_NEXT] = sys_session_next,
	[SYS_SESSION_DETACH] = sys_session_detach,
	[SYS_SESSION_WAKE] = sys_session_wake,
	[SYS_SESSION_CREATE] = sys_session_create,
	[SYS_SESSION_KICK] = sys_session_kick,
	[SYS_SESSION_KICK_WAIT] = sys_session_kick_wait,
};
const uint64_t syscall_limit = SYSCALL_COUNT;

struct result syscall_unknown(void);

struct result syscall_unknown(void)
{
	return failed(ERR_SYSCALL);
}

HANDLER(sys_handle_close)
{
	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	return failed(handle_close(caller(), (handle_t)a));
}

HANDLER(sys_handle_duplicate)
{
	struct handle_entry *entry;
	handle_t copy;
	enum error error =
		handle_lookup(caller(), (handle_t)a, OBJECT_NONE, RIGHT_DUPLICATE, &entry);

	UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	if (b & ~(uint64_t)entry->rights)
		return failed(ERR_DENIED);
	/* A server tells its callers apart by badges of its own. That of a grant says what may be
	 * opened: it is the registry's. */
	if (c && c != entry->badge && (entry->badge || entry->object->type != OBJECT_ENDPOINT))
		return failed(ERR_DENIED);
	error = handle_insert(caller(), entry->object, (uint32_t)b, c ? c : entry->badge, &copy);
	return error ? failed(error) : done(copy);
}

HANDLER(sys_handle_revoke)
{
	struct handle_entry *entry;
	enum error error = handle_lookup(caller(), (handle_t)a, OBJECT_NONE, RIGHT_REVOKE, &entry);

	UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	if (error)
		return failed(error);
	entry->object_generation = ++entry->object->generation;
	return done(0);
}

HANDLER(sys_thread_create)
{
	struct thread *thread;
	handle_t handle;
	enum error error;

	UNUSED(e), UNUSED(f);
	if (d > current_thread()->priority)
		return failed(ERR_DENIED);
	error = thread_create(caller(), a, b, c, (unsigned)d, &thread);
	if (error)
		return failed(error);
	error = handle_insert(caller(), &thread->object, RIGHT_READ, 0, &handle);
	if (error) {
		thread_finish(thread);
		return failed(error);
	}
	sched_ready(thread);
	return done(handle);
}

HANDLER(sys_thread_exit)
{
	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	current_thread()->dying = true;
	this_cpu()->reschedule = 1;
	return done(0);
}

HANDLER(sys_yield)
{
	UNUSED(a), UNUSED(b), UNUSED(c), UNUSED(d), UNUSED(e), UNUSED(f);
	sched_yield();
	return done(0);
}
