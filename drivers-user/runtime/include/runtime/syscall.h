/* SPDX-License-Identifier: BSD-2-Clause
 *
 * System calls from C, one inline function a shape. Used by everything in ring 3. Source:
 * abi/syscall.h.
 */
#ifndef RUNTIME_SYSCALL_H
#define RUNTIME_SYSCALL_H

#include <abi/error.h>
#include <abi/message.h>
#include <abi/syscall.h>

struct sys_result {
	enum error error;
	uint64_t value;
};

/** Any system call with up to six arguments; the shapes below are for readers. */
static inline struct sys_result sys_call6(enum syscall number, uint64_t a, uint64_t b, uint64_t c,
					  uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	uint64_t rax = number, rdx = c, rdi = a, rsi = b;

	__asm__ volatile("syscall"
			 : "+a"(rax), "+d"(rdx), "+D"(rdi), "+S"(rsi), "+r"(r10), "+r"(r8), "+r"(r9)
			 :
			 : "rcx", "r11", "memory");
	return (struct sys_result){ (enum error)rax, rdx };
}

/** The same with at most three: the other registers keep what they hold, which no call looks at. */
static inline struct sys_result sys_call3(enum syscall number, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t rax = number, rdx = c, rdi = a, rsi = b;

	__asm__ volatile("syscall"
			 : "+a"(rax), "+d"(rdx), "+D"(rdi), "+S"(rsi)
			 :
			 : "rcx", "r8", "r9", "r10", "r11", "memory");
	return (struct sys_result){ (enum error)rax, rdx };
}

#define SYS0(n)          sys_call3(n, 0, 0, 0)
#define SYS1(n, a)       sys_call3(n, (uint64_t)(a), 0, 0)
#define SYS2(n, a, b)    sys_call3(n, (uint64_t)(a), (uint64_t)(b), 0)
#define SYS3(n, a, b, c) sys_call3(n, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c))
#define SYS4(n, a, b, c, d) \
	sys_call6(n, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), 0, 0)
#define SYS5(n, a, b, c, d, e) \
	sys_call6(n, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), 0)

/** Call an endpoint: sends *message, waits for the reply, which replaces it. */
static inline enum error sys_call(handle_t endpoint, struct message *message)
{
	register uint64_t r10 __asm__("r10") = message->word[1];
	register uint64_t r8 __asm__("r8") = message->word[2];
	register uint64_t r9 __asm__("r9") = message->word[3];
	register uint64_t r12 __asm__("r12") = message->handle;
	uint64_t rax = SYS_CALL, rdi = endpoint, rsi = message->label, rdx = message->word[0];

	__asm__ volatile("syscall"
			 : "+a"(rax), "+d"(rdx), "+D"(rdi), "+S"(rsi), "+r"(r10), "+r"(r8),
			   "+r"(r9), "+r"(r12)
			 :
			 : "rcx", "r11", "memory");
	if ((enum error)rax != OK)
		return (enum error)rax;
	*message = (struct message){ rsi, { rdx, r10, r8, r9 }, 0, (handle_t)r12, 0 };
	return OK;
}

/** Wait for a message or, with a notification, a signal (label MESSAGE_SIGNAL, word 0 the bits). */
static inline enum error sys_receive(handle_t endpoint, handle_t notification, uint64_t deadline_ns,
				     struct message *message)
{
	register uint64_t r10 __asm__("r10") = 0;
	register uint64_t r8 __asm__("r8") = 0;
	register uint64_t r9 __asm__("r9") = 0;
	register uint64_t r12 __asm__("r12") = 0;
	register uint64_t r13 __asm__("r13") = 0;
	uint64_t rax = SYS_RECEIVE, rdi = endpoint, rsi = notification, rdx = deadline_ns;

	__asm__ volatile("syscall"
			 : "+a"(rax), "+d"(rdx), "+D"(rdi), "+S"(rsi), "+r"(r10), "+r"(r8),
			   "+r"(r9), "+r"(r12), "+r"(r13)
			 :
			 : "rcx", "r11", "memory");
	if ((enum error)rax != OK)
		return (enum error)rax;
	*message = (struct message){ rsi, { rdx, r10, r8, r9 }, rdi, (handle_t)r12, r13 };
	return OK;
}

/** Answer the caller that message->token names. */
static inline enum error sys_reply(const struct message *message)
{
	register uint64_t r10 __asm__("r10") = message->word[1];
	register uint64_t r8 __asm__("r8") = message->word[2];
	register uint64_t r9 __asm__("r9") = message->word[3];
	register uint64_t r12 __asm__("r12") = message->handle;
	register uint64_t r13 __asm__("r13") = message->token;
	uint64_t rax = SYS_REPLY, rdi = 0, rsi = message->label, rdx = message->word[0];

	__asm__ volatile("syscall"
			 : "+a"(rax), "+d"(rdx), "+D"(rdi), "+S"(rsi), "+r"(r10), "+r"(r8),
			   "+r"(r9), "+r"(r12), "+r"(r13)
			 :
			 : "rcx", "r11", "memory");
	return (enum error)rax;
}

/** Answer the caller that message->token names, and wait for the next message, or, with a
 * notification, a signal; both in one call, without a deadline. ERR_GONE: that caller waits no
 * more, and nothing was received. */
static inline enum error sys_reply_receive(handle_t endpoint, handle_t notification,
					   struct message *message)
{
	register uint64_t r10 __asm__("r10") = message->word[1];
	register uint64_t r8 __asm__("r8") = message->word[2];
	register uint64_t r9 __asm__("r9") = message->word[3];
	register uint64_t r12 __asm__("r12") = message->handle;
	register uint64_t r13 __asm__("r13") = message->token;
	register uint64_t r14 __asm__("r14") = notification;
	uint64_t rax = SYS_REPLY_RECEIVE, rdi = endpoint, rsi = message->label,
		 rdx = message->word[0];

	__asm__ volatile("syscall"
			 : "+a"(rax), "+d"(rdx), "+D"(rdi), "+S"(rsi), "+r"(r10), "+r"(r8),
			   "+r"(r9), "+r"(r12), "+r"(r13)
			 : "r"(r14)
			 : "rcx", "r11", "memory");
	if (rax != OK)
		return (enum error)rax;
	*message = (struct message){ rsi, { rdx, r10, r8, r9 }, rdi, (handle_t)r12, r13 };
	return OK;
}

/** Signals of a notification, cleared; ERR_TIMEOUT at the deadline (DEADLINE_NOW: at once). */
static inline enum error sys_wait(handle_t notification, uint64_t deadline_ns, uint64_t *bits)
{
	struct sys_result result = SYS2(SYS_WAIT, notification, deadline_ns);

	if (result.error == OK)
		*bits = result.value;
	return result.error;
}

#endif
