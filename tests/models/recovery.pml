/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Deaths: two clients with three slots each; the instance dies at any step, the kernel puts the
 * device into quarantine, a fresh instance finds in the slot table what to replay. Which lines of
 * code these are, and the bugs (-D...) that the model must find: README.md.
 *
 * Doorbells are in session.pml: here the driver sees what is submitted. Of client 0, request FLUSH
 * is a flush, and the driver starts it when all before it have ended, and nothing before it has.
 */
#define CLIENTS 2
#define SLOTS   3
#ifndef FIRST
#define FIRST  4 /* requests of client 0: more than it has slots */
#define SECOND 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#define FLUSH  2 /* generation; of client 0 */
#define requests(c) ((c) == 0 -> FIRST : SECOND)

typedef slot { bit used; byte generation }
typedef completion { byte id; byte generation; byte epoch }

typedef session {
	slot slots[SLOTS];
	byte ring[SLOTS];
	byte submit_tail, complete_head;
	bit client_asleep;
	completion answers[SLOTS];
	byte complete_tail;
	bit signal;
	byte hardware;           /* a bit a slot: running */
	byte done;               /* a bit a slot: executed, not looked at by the driver */
	byte executed, accepted; /* what is true: a bit a request */
}

session s[CLIENTS];
byte epoch;
byte deaths = DEATHS;
bit killed;

/* --- The client: shim/session/client.h --- */

inline queue()
{
	i = 0;
	do
	:: s[c].slots[i].used -> i++
	:: else -> break
	od;
	s[c].slots[i].used = 1;
#ifndef BUG_FILL_ORDER
	s[c].slots[i].generation = tail;
#endif
	s[c].ring[tail % SLOTS] = i
}

inline reap()
{
	d_step {
		i = s[c].answers[head % SLOTS].id;
		g = s[c].answers[head % SLOTS].generation;
		head++;
		if
		:: s[c].slots[i].used && s[c].slots[i].generation == g &&
		   s[c].answers[(head - 1) % SLOTS].epoch <= epoch ->
			assert(!(s[c].accepted & (1 << g)));
			assert(s[c].executed & (1 << g));
			s[c].accepted = s[c].accepted | (1 << g);
			s[c].slots[i].used = 0;
			s[c].slots[i].generation = 0;
			pending--
		:: else -> assert(0) /* nobody lies here */
		fi;
		i = 0; g = 0;
		s[c].complete_head = head
	}
}

proctype client(byte c)
{
	byte tail, head, pending, i, g;
	bit flag;

	do
	:: d_step { tail < requests(c) && pending < SLOTS -> queue() };
#ifdef BUG_FILL_ORDER
	   s[c].slots[i].generation = tail;
#endif
	   d_step { tail++; pending++; i = 0; s[c].submit_tail = tail }
	:: head != s[c].complete_tail && s[c].complete_tail - head <= SLOTS -> reap()
	:: pending > 0 && s[c].complete_tail == head -> /* client_wait() */
		s[c].client_asleep = 1;
		flag = (s[c].complete_tail == head);
		if
		:: d_step { flag && s[c].signal -> s[c].signal = 0; flag = 0 }
		:: !flag
		fi;
		s[c].client_asleep = 0
	:: tail == requests(c) && pending == 0 -> break
	od;
	assert(s[c].accepted == (1 << requests(c)) - 1)
}

/* --- An instance: shim/session/server.c, session.h --- */

/* session_find_unfinished(): of one slot; answered ones wait in the ring to be consumed. */
inline find(c, n)
{
	d_step {
		answered = 0;
#ifndef BUG_REPLAY_ANSWERED
		i = consumed;
		do
		:: i != mine[c] ->
			if
			:: s[c].answers[i % SLOTS].id == n && s[c].answers[i % SLOTS].generation == s[c].slots[n].generation ->
				answered = 1
			:: else
			fi;
			i++
		:: else -> break
		od;
#endif
		if
		:: s[c].slots[n].used && s[c].slots[n].generation < tail && !answered ->
#ifndef BUG_NO_REPLAY
			replay[c] = replay[c] | (1 << n);
#endif
			generation[c * SLOTS + n] = s[c].slots[n].generation
		:: else
		fi;
		i = 0; answered = 0
	}
}

/* session_link_init() */
inline attach(c)
{
#ifdef BUG_TAIL_LATE
	tail = SLOTS + FIRST;
#else
	tail = s[c].submit_tail;
#endif
	consumed = s[c].complete_head;
#ifdef BUG_TAIL_FORGOTTEN
	mine[c] = consumed;
	s[c].complete_tail = consumed;
#else
	mine[c] = s[c].complete_tail;
#endif
	find(c, 0);
	find(c, 1);
	find(c, 2);
#ifdef BUG_TAIL_LATE
	tail = s[c].submit_tail;
#endif
	d_step { taken[c] = tail; tail = 0; consumed = 0 }
}

#define is_flush(c, g) ((c) == 0 && (g) == FLUSH)
#define may_start(c, g) (!flushing[c] && (!is_flush(c, g) || s[c].hardware == 0))
#define gen(c, n) generation[(c) * SLOTS + (n)]
#define older(c, n, m) (replay[c] & (1 << (m)) && gen(c, m) < gen(c, n))

#ifdef BUG_REPLAY_ORDER
#define oldest(c, n) true
#else
#define oldest(c, n) (!older(c, n, 0) && !older(c, n, 1) && !older(c, n, 2))
#endif

inline start(c, n)
{
	s[c].hardware = s[c].hardware | (1 << (n));
	flushing[c] = is_flush(c, gen(c, n))
}

/* session_take_replay(): oldest first. */
inline again(c, n)
{
	d_step { replay[c] & (1 << n) && may_start(c, gen(c, n)) && oldest(c, n) ->
		replay[c] = replay[c] & ~(1 << n);
		start(c, n) }
}

/* session_take() */
inline take(c)
{
	d_step { replay[c] == 0 && s[c].submit_tail != taken[c] && may_start(c, taken[c]) ->
		i = s[c].ring[taken[c] % SLOTS];
		assert(!(s[c].hardware & (1 << i)));
		gen(c, i) = s[c].slots[i].generation;
		taken[c]++;
		start(c, i);
		i = 0 }
}

/* session_finish(), session_flush(): it may die in between. */
inline finish(c, n)
{
	d_step { s[c].done & (1 << n) ->
		s[c].done = s[c].done & ~(1 << n);
		s[c].hardware = s[c].hardware & ~(1 << n);
		flushing[c] = 0;
		s[c].answers[mine[c] % SLOTS].id = n;
		s[c].answers[mine[c] % SLOTS].generation = gen(c, n);
		s[c].answers[mine[c] % SLOTS].epoch = epoch;
		gen(c, n) = 0;
		mine[c]++ };
	s[c].complete_tail = mine[c];
	d_step {
		if
		:: s[c].client_asleep -> s[c].signal = 1
		:: else
		fi }
}

#ifdef BUG_MAPPINGS_KEPT
completion late;
byte late_at = 255;
#endif

active proctype driver()
{
	byte taken[CLIENTS], mine[CLIENTS], replay[CLIENTS], generation[CLIENTS * SLOTS];
	byte tail, consumed, i;
	bit answered, flushing[CLIENTS];

fresh:
	{
		attach(0);
		attach(1);
serve:
end:		do
		:: again(0, 0)
		:: again(0, 1)
		:: again(0, 2)
		:: again(1, 0)
		:: again(1, 1)
		:: again(1, 2)
		:: take(0)
		:: take(1)
		:: finish(0, 0)
		:: finish(0, 1)
		:: finish(0, 2)
		:: finish(1, 0)
		:: finish(1, 1)
		:: finish(1, 2)
		od
	} unless { killed };
	/* device_end(), begin(): kernel/device/instance.c, under the kernel's lock. */
	d_step {
#ifdef BUG_MAPPINGS_KEPT
		if
		:: s[0].hardware & 1 -> late.id = 0; late.generation = gen(0, 0); late.epoch = epoch; late_at = mine[0]
		:: else
		fi;
#endif
#ifndef BUG_NO_QUARANTINE
		s[0].hardware = 0; s[0].done = 0;
		s[1].hardware = 0; s[1].done = 0;
#endif
#ifndef BUG_NO_WAKE
		s[0].signal = 1; s[1].signal = 1;
#endif
		epoch++;
		killed = 0;
		i = 0;
		do
		:: i < CLIENTS * SLOTS -> generation[i] = 0; i++
		:: else -> break
		od;
		i = 0; tail = 0; consumed = 0; answered = 0;
		replay[0] = 0; replay[1] = 0;
		flushing[0] = 0; flushing[1] = 0;
		taken[0] = 0; taken[1] = 0; mine[0] = 0; mine[1] = 0
	};
	goto fresh
}

/* --- The device --- */

inline execute(c, n)
{
	d_step { s[c].hardware & (1 << n) && !(s[c].done & (1 << n)) ->
		i = s[c].slots[n].generation;
		/* Nothing is executed again once the client has its answer: its memory is its own. */
		assert(s[c].slots[n].used && !(s[c].accepted & (1 << i)));
		/* A flush covers all that was submitted before it. */
		assert(!is_flush(c, i) || (s[c].executed & ((1 << i) - 1)) == (1 << i) - 1);
		s[c].executed = s[c].executed | (1 << i);
		s[c].done = s[c].done | (1 << n);
		i = 0 }
}

active proctype device()
{
	byte i;

end:	do
	:: execute(0, 0)
	:: execute(0, 1)
	:: execute(0, 2)
	:: execute(1, 0)
	:: execute(1, 1)
	:: execute(1, 2)
	od
}

/* A fault, or `kill driver`. */
active proctype killer()
{
end:	do
	:: d_step { deaths > 0 && !killed -> deaths--; killed = 1 }
#ifdef BUG_MAPPINGS_KEPT
	:: d_step { late_at != 255 && !killed ->
		s[0].answers[late_at % SLOTS].id = late.id;
		s[0].answers[late_at % SLOTS].generation = late.generation;
		s[0].answers[late_at % SLOTS].epoch = late.epoch;
		s[0].complete_tail = late_at + 1;
		late_at = 255 }
#endif
	od
}

init
{
	atomic { run client(0); run client(1) }
}
