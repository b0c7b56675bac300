/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A short message: a label, four words, and at most one handle, in registers both ways.
 *
 *   register   SYS_CALL in      SYS_RECEIVE out        SYS_REPLY in    SYS_CALL out
 *   rax        SYS_CALL         error                  SYS_REPLY       error
 *   rdi        endpoint         badge                  -               -
 *   rsi        label            label                  label           label
 *   rdx        word 0           word 0                 word 0          word 0
 *   r10        word 1           word 1                 word 1          word 1
 *   r8         word 2           word 2                 word 2          word 2
 *   r9         word 3           word 3                 word 3          word 3
 *   r12        handle or 0      handle or 0            handle or 0     handle or 0
 *   r13        -                token                  token           -
 *
 * SYS_RECEIVE in: rdi endpoint, rsi notification or 0, rdx deadline. If a signal comes first, label
 * is MESSAGE_SIGNAL, word 0 the bits, and the token 0. A transferred handle needs RIGHT_TRANSFER
 * and arrives with the rights it had; the sender keeps its own. The token names the waiting caller,
 * is never 0 for a call, and is good for one reply, at any later time; replies may be given in any
 * order. SYS_REPLY_RECEIVE is SYS_REPLY and then SYS_RECEIVE without a deadline: rdi endpoint, r14
 * notification or 0, the rest as SYS_REPLY; out as SYS_RECEIVE. ERR_GONE answers a token that names
 * no waiting caller (any more).
 */
#ifndef ABI_MESSAGE_H
#define ABI_MESSAGE_H

#include <stdint.h>

#include <abi/handle.h>

#define MESSAGE_WORDS  4
#define MESSAGE_SIGNAL (~(uint64_t)0)

struct message {
	uint64_t label;
	uint64_t word[MESSAGE_WORDS];
	uint64_t badge; /* received: which of the server's handles the caller holds */
	handle_t handle;
	uint64_t token; /* received: names the caller, for the reply; 0: not a call */
};

#endif
