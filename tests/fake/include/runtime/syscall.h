/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls on the host: the test is the kernel. The inline calls of the real header get other
 * names, and what uses them meets sys_call6(), sys_call(), sys_receive() and sys_reply() of the
 * test.
 */
#ifndef FAKE_RUNTIME_SYSCALL_H
#define FAKE_RUNTIME_SYSCALL_H

#define sys_call6   machine_sys_call6
#define sys_call3   machine_sys_call3
#define sys_call    machine_sys_call
#define sys_receive machine_sys_receive
#define sys_reply   machine_sys_reply
#include_next <runtime/syscall.h>
#undef sys_call6
#undef sys_call3
#undef sys_call
#undef sys_receive
#undef sys_reply

struct sys_result sys_call6(enum syscall number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			    uint64_t e, uint64_t f);
#define sys_call3(number, a, b, c) sys_call6(number, a, b, c, 0, 0, 0)
enum error sys_call(handle_t endpoint, struct message *message);
enum error sys_receive(handle_t endpoint, handle_t notification, uint64_t deadline_ns,
		       struct message *message);
enum error sys_reply(const struct message *message);

#endif
