/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A session: two clients with three slots each, one driver. Rings, generations, doorbells and
 * wake-ups, with flag and double check on both sides. Which lines of code these are, and the bugs
 * (-D...) that the model must find: README.md.
 *
 * A step is what the other side can tell apart from the next: what lies before a publishing store
 * is in one step with it. A missing fence is a load that goes before the store.
 */
#define CLIENTS 2
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef FIRST
#define FIRST  4 /* requests of client 0: more than it has slots */
#define SECOND 3
#endif
#define requests(c) ((c) == 0 -> FIRST : SECOND)

typedef slot { bit used; byte generation }      /* session_slot */
typedef completion { byte id; byte generation } /* session_completion */

typedef session {
	/* the client's area */
	slot slots[SLOTS];
	byte ring[SLOTS];
	byte submit_tail;
	bit client_asleep;
	/* the driver's area */
	completion answers[SLOTS];
	byte complete_tail;
	bit driver_asleep;
	/* the client's notification */
	bit signal;
	/* what is true: a bit a request */
	byte executed, accepted
}

/* What nobody reads any more would only multiply the states. A liar's stale words are kept. */
#if defined(LIAR) || defined(BUG_TAIL_FIRST)
#define forget(word) skip
#else
#define forget(word) word = 0
#endif

session s[CLIENTS];
bit doorbell; /* in the driver's notification */

/* --- The client: shim/session/client.h, drivers-user/runtime/client.c --- */

/* session_queue(): the lowest free slot stands for the free list. */
inline queue()
{
	i = 0;
	do
	:: s[c].slots[i].used -> i++
	:: else -> break
	od;
	s[c].slots[i].used = 1;
	s[c].slots[i].generation = tail;
	s[c].ring[tail % SLOTS] = i;
	i = 0
}

/* session_reap(): one answer. */
inline reap()
{
	d_step {
		i = s[c].answers[head % SLOTS].id;
		g = s[c].answers[head % SLOTS].generation;
		forget(s[c].answers[head % SLOTS].id);
		forget(s[c].answers[head % SLOTS].generation);
		head++;
		if
#if defined(BUG_NO_GENERATION)
		:: i < SLOTS && s[c].slots[i].used ->
#elif defined(BUG_FREE_SLOT)
		:: i < SLOTS && s[c].slots[i].generation == g ->
#else
		:: i < SLOTS && s[c].slots[i].used && s[c].slots[i].generation == g ->
#endif
			/* not stale, not foreign, not twice */
			assert(s[c].slots[i].used && s[c].slots[i].generation == g);
			assert(!(s[c].accepted & (1 << g)));
#ifndef LIAR
			assert(s[c].executed & (1 << g));
#endif
			s[c].accepted = s[c].accepted | (1 << g);
			s[c].slots[i].used = 0;
			pending--;
			forget(s[c].slots[i].generation)
		:: else /* a violation */
#ifndef LIAR
			-> assert(0)
#endif
		fi;
		i = 0; g = 0
	}
}

proctype client(byte c)
{
	byte tail, head, pending, i, g;
	bit flag;

	do
	:: d_step { tail < requests(c) && pending < SLOTS ->
#ifdef BUG_PUBLISH_FIRST
		s[c].submit_tail++
	   };
	   d_step {
		queue();
		s[c].submit_tail--;
#else
		queue();
#endif
#ifdef BUG_DOORBELL_FENCE
		flag = s[c].driver_asleep; tail++; pending++
	   };
	   s[c].submit_tail = tail;
#else
		tail++; pending++;
		s[c].submit_tail = tail /* session_publish() */
	   };
#endif
	   d_step { /* session_needs_doorbell() */
		if
#ifdef BUG_DOORBELL_FENCE
		:: flag -> doorbell = 1
#else
		:: s[c].driver_asleep -> doorbell = 1
#endif
		:: else
		fi;
		flag = 0
	   }
	:: head != s[c].complete_tail && s[c].complete_tail - head <= SLOTS -> reap()
	:: pending > 0 && s[c].complete_tail == head -> /* client_wait() */
#ifdef BUG_CLIENT_FENCE
		flag = (s[c].complete_tail == head);
#endif
		s[c].client_asleep = 1;
#ifdef BUG_CLIENT_CHECK
		flag = 1;
#elif !defined(BUG_CLIENT_FENCE)
		flag = (s[c].complete_tail == head);
#endif
		if
		:: d_step { flag && s[c].signal -> s[c].signal = 0; flag = 0 }
		:: !flag
		fi;
		s[c].client_asleep = 0
	:: tail == requests(c) && pending == 0 -> break
	od;
	assert(s[c].accepted == (1 << requests(c)) - 1)
}

/* --- The driver: shim/session/session.h, server.c, block.c --- */

/* session_take() until nothing is left: the requests are in the hardware. */
inline take(c)
{
		do
		:: s[c].submit_tail != taken[c] ->
			i = s[c].ring[taken[c] % SLOTS];
			forget(s[c].ring[taken[c] % SLOTS]);
#ifndef LIAR
			assert(s[c].slots[i].used && !(busy[c] & (1 << i)));
			assert(s[c].slots[i].generation == taken[c]);
#endif
			busy[c] = busy[c] | (1 << i);
			taken[c]++
		:: else -> break
		od;
		i = 0
}

/* The hardware has executed the request in slot i: session_finish(). */
inline finish(c, n)
{
	d_step { busy[c] & (1 << n) ->
		busy[c] = busy[c] & ~(1 << n);
		i = s[c].complete_tail % SLOTS;
#ifdef BUG_TAIL_FIRST
		s[c].complete_tail++
	};
	d_step {
		i = (s[c].complete_tail - 1) % SLOTS;
#endif
		s[c].answers[i].id = n;
		s[c].answers[i].generation = s[c].slots[n].generation;
		s[c].executed = s[c].executed | (1 << s[c].slots[n].generation);
		wake[c] = 1;
		i = 0;
#ifdef BUG_FLUSH_FENCE
		wake[c] = s[c].client_asleep
	};
	d_step {
#endif
#ifndef BUG_TAIL_FIRST
		s[c].complete_tail++
#endif
	}
}

/* session_flush() */
inline flush(c)
{
	if
#ifdef BUG_FLUSH_FENCE
	:: wake[c] -> s[c].signal = 1
#else
	:: wake[c] && s[c].client_asleep -> s[c].signal = 1
#endif
	:: else
	fi;
	wake[c] = 0
}

#define nothing (s[0].submit_tail == taken[0] && s[1].submit_tail == taken[1])

active proctype driver()
{
	byte taken[CLIENTS], busy[CLIENTS], i;
	bit wake[CLIENTS], idle;

turn:
	do /* those that the hardware has done by now */
	:: finish(0, 0)
	:: finish(0, 1)
	:: finish(0, 2)
	:: break
	od;
	do
	:: finish(1, 0)
	:: finish(1, 1)
	:: finish(1, 2)
	:: break
	od;
	atomic { take(0); take(1); flush(0); flush(1) };
	/* block_class_sleep() */
#ifdef BUG_DRIVER_FENCE
	idle = nothing;
#endif
	d_step { s[0].driver_asleep = 1; s[1].driver_asleep = 1 };
#if defined(BUG_DRIVER_CHECK)
	idle = 1;
#elif !defined(BUG_DRIVER_FENCE)
	idle = nothing;
#endif
end:	atomic {
		if
		:: !idle
		:: idle && doorbell -> doorbell = 0
		:: idle && (busy[0] || busy[1]) /* the hardware interrupts */
		fi;
		/* block_class_awake() */
		s[0].driver_asleep = 0; s[1].driver_asleep = 0;
		idle = 0
	};
	goto turn
}

#ifdef LIAR
/* A faulty driver writes what it likes into its area: ids and generations that are none, stale, of
 * other slots, and a tail that runs away. The client must stay right; nobody promises progress. */
active proctype liar()
{
	byte c, i, g, lies = LIAR;

end:	do
	:: atomic { lies > 0 ->
		lies--;
		select(c : 0 .. CLIENTS - 1);
		select(i : 0 .. SLOTS);
		select(g : 0 .. FIRST - 1);
		s[c].answers[s[c].complete_tail % SLOTS].id = i;
		s[c].answers[s[c].complete_tail % SLOTS].generation = g;
		if
		:: s[c].complete_tail++
		:: s[c].complete_tail = s[c].complete_tail + SLOTS + 1
		:: skip
		fi;
		c = 0; i = 0; g = 0 }
	od
}
#endif

init
{
	atomic {
		s[0].driver_asleep = 1;
		s[1].driver_asleep = 1;
		run client(0);
		run client(1)
	}
}
