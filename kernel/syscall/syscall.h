/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the system-call files share: the shape of a handler, and short forms for its arguments.
 */
#ifndef KERNEL_SYSCALL_SYSCALL_H
#define KERNEL_SYSCALL_SYSCALL_H

#include <abi/syscall.h>
#include <kernel/ipc.h>
#include <kernel/process.h>
#include <kernel/sched.h>

/* Comes back in rax and rdx. */
struct result {
	uint64_t error;
	uint64_t value;
};

/* Every handler takes the six argument registers as they come, and checks what it uses. */
#define HANDLER(name) \
	struct result name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)

#define UNUSED(x) (void)(x)

static inline struct result failed(enum error error)
{
	return (struct result){ error, 0 };
}

static inline struct result done(uint64_t value)
{
	return (struct result){ OK, value };
}

static inline struct process *caller(void)
{
	return current_thread()->process;
}

/** An argument that points into the caller's memory. */
static inline void __user *user(uint64_t vaddr)
{
	return (void __user *)vaddr;
}

static inline enum error user_read(void *to, const void __user *from, size_t size_bytes)
{
	return copy_from_user(&caller()->space, to, from, size_bytes);
}

static inline enum error user_write(void __user *to, const void *from, size_t size_bytes)
{
	return copy_to_user(&caller()->space, to, from, size_bytes);
}

HANDLER(sys_handle_close);
HANDLER(sys_handle_duplicate);
HANDLER(sys_handle_revoke);
HANDLER(sys_process_spawn);
HANDLER(sys_process_kill);
HANDLER(sys_process_watch);
HANDLER(sys_process_info);
HANDLER(sys_process_exit);
HANDLER(sys_process_open);
HANDLER(sys_process_list);
HANDLER(sys_thread_create);
HANDLER(sys_thread_exit);
HANDLER(sys_yield);
HANDLER(sys_memory_create);
HANDLER(sys_memory_map);
HANDLER(sys_memory_unmap);
HANDLER(sys_endpoint_create);
HANDLER(sys_call);
HANDLER(sys_receive);
HANDLER(sys_reply);
HANDLER(sys_reply_receive);
HANDLER(sys_notification_create);
HANDLER(sys_signal);
HANDLER(sys_wait);
HANDLER(sys_timer_create);
HANDLER(sys_timer_set);
HANDLER(sys_sleep_until);
HANDLER(sys_log_write);
HANDLER(sys_log_read);
HANDLER(sys_debug_write);
HANDLER(sys_time_now);
HANDLER(sys_system_info);
HANDLER(sys_power);
HANDLER(sys_test_exit);
HANDLER(sys_device_list);
HANDLER(sys_device_unit);
HANDLER(sys_device_watch);
HANDLER(sys_device_event);
HANDLER(sys_device_open);
HANDLER(sys_device_start);
HANDLER(sys_device_control);
HANDLER(sys_driver_list);
HANDLER(sys_device_move);
HANDLER(sys_instance_adopt);
HANDLER(sys_dma_enable);
HANDLER(sys_unit_next);
HANDLER(sys_instance_attach);
HANDLER(sys_instance_report);
HANDLER(sys_instance_control);
HANDLER(sys_window_map);
HANDLER(sys_interrupt_enable);
HANDLER(sys_interrupt_wait);
HANDLER(sys_dma_allocate);
HANDLER(sys_config_read);
HANDLER(sys_config_write);
HANDLER(sys_bar_size);
HANDLER(sys_bar_assign);
HANDLER(sys_child_add);
HANDLER(sys_child_remove);
HANDLER(sys_unit_add);
HANDLER(sys_unit_remove);
HANDLER(sys_session_next);
HANDLER(sys_session_detach);
HANDLER(sys_session_wake);
HANDLER(sys_session_create);
HANDLER(sys_session_kick);
HANDLER(sys_session_kick_wait);

/** Wait for a notification, on behalf of the caller. */
static inline struct result wait_for(struct notification *notification, uint64_t deadline_ns)
{
	uint64_t bits = 0;
	enum error error = notification_wait(notification, deadline_ns, &bits);

	return (struct result){ error, bits };
}

#endif
