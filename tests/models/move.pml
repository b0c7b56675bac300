/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A hot move: the device goes from instance 0 to instance 1 with requests in flight, while clients
 * submit, one session closes, either instance may die, freeze or adopt late or never, and the check
 * may refuse. Which lines of code these are, and the bugs (-D...) that the model must find:
 * README.md.
 *
 * Two clients with three slots in all: client 0 has slots 0 and 1, client 1 has slot 2 and ends
 * with its request on the way. A slot's request is one word: what session.pml shows is not shown
 * again. What the kernel does under its lock is one step.
 */
#define SLOTS 3
#ifndef REQUESTS
#define REQUESTS 2 /* a slot of client 0 makes */
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

mtype = { NONE, PROBING, LIVE, STANDBY };
mtype = { FREEZE, RESUME, ADOPT };

/* What a slot's request has come to. */
#define FREE     0
#define POSTED   1 /* submitted */
#define ANSWERED 2 /* its completion waits for the client */
byte slots[SLOTS];
byte made[SLOTS], executed[SLOTS]; /* what is true: counts */
bit closing, gone;                 /* session 1: its client has ended; it is freed */

/* The hardware: a bit a slot. The class's records lie in the grant, the tags in flight. */
byte running, done, records;
bit interrupt; /* raised and not looked at */

/* The kernel's device. */
mtype state = PROBING;  /* of the instance that has the device */
byte owner = 0;         /* who that is */
bit moving, switched;
byte control;           /* 0, or a control for the owner */
byte signal;            /* bits of instance 0 and 1: something is there */
bit alive[2], standby;
byte deaths = DEATHS;
byte timeouts = 1;
/* What keeps an instance from the device is that nothing of it is mapped. */
bit mapped[2];
#define has_device(me) mapped[me]
#define only(me) assert(owner == me && !(mapped[0] && mapped[1]))
#define ring() signal = signal | (1 << owner)

inline quarantine()
{
#ifndef BUG_NO_QUARANTINE
	running = 0; done = 0;
#endif
	interrupt = 0
}

/* device_end() and what the manager does next: a fresh instance, number 0, cold. */
inline died()
{
	quarantine();
	moving = 0; switched = 0; standby = 0; control = 0;
	alive[0] = 1; alive[1] = 0;
	mapped[0] = 1; mapped[1] = 0;
	if
	:: closing -> gone = 1; closing = 0; slots[2] = FREE
	:: else
	fi;
	records = 0;
	owner = 0; state = PROBING; signal = 0
}

/* roll_back() */
inline roll_back()
{
	moving = 0; standby = 0; alive[1] = 0; mapped[1] = 0;
	control = RESUME;
	signal = 1
}

/* --- Clients --- */

active proctype client()
{
	do
	:: d_step { slots[0] == FREE && made[0] < REQUESTS -> made[0]++; slots[0] = POSTED; ring() }
	:: d_step { slots[1] == FREE && made[1] < REQUESTS -> made[1]++; slots[1] = POSTED; ring() }
	:: d_step { slots[0] == ANSWERED -> assert(executed[0] == made[0]); slots[0] = FREE }
	:: d_step { slots[1] == ANSWERED -> assert(executed[1] == made[1]); slots[1] = FREE }
	:: made[0] == REQUESTS && made[1] == REQUESTS && slots[0] == FREE && slots[1] == FREE -> break
	od
}

/* Opens a session, submits, and ends without waiting: session_destroy(). */
active proctype visitor()
{
	d_step { made[2]++; slots[2] = POSTED; ring() };
	d_step {
		closing = 1;
		ring()
	};
	gone == 1
}

/* --- An instance: backend/driver.c of both rings, shim/session/block.c --- */

/* Take what is posted and has no record, unless its client has ended: block_start(). */
inline take(n)
{
	d_step {
		if
		:: has_device(me) && slots[n] == POSTED && !(records & (1 << n)) && !(n == 2 && closing) ->
			only(me);
			assert(!(running & (1 << n)) && !(done & (1 << n)));
			records = records | (1 << n);
			running = running | (1 << n)
		:: else
		fi
	}
}

/* Complete what the hardware has done: shim_block_complete(). */
inline complete(n)
{
	d_step {
		if
		:: has_device(me) && (done & (1 << n)) ->
			only(me);
			done = done & ~(1 << n);
			if
			:: records & (1 << n) ->
				records = records & ~(1 << n);
				assert(slots[n] == POSTED || (n == 2 && gone));
				slots[n] = ANSWERED
			:: else
			fi
		:: else
		fi
	}
}

/* Detach a session whose client has ended, once nothing of it is in flight. */
inline drain()
{
	d_step {
		if
#ifdef BUG_NO_DRAIN
		:: has_device(me) && closing ->
#else
		:: has_device(me) && closing && !(records & 4) ->
#endif
			closing = 0; gone = 1; slots[2] = FREE
		:: else
		fi
	}
}

inline work()
{
	d_step {
		if
		:: has_device(me) && interrupt -> interrupt = 0
		:: else
		fi
	};
	complete(0); complete(1); complete(2);
	take(0); take(1); take(2);
	drain()
}

proctype instance(byte me)
{
	byte order;

end:	do
	:: d_step { has_device(me) && state == PROBING && !switched -> state = LIVE; signal = signal | (1 << me) }
	:: d_step { alive[me] && (signal & (1 << me)) ->
		signal = signal & ~(1 << me);
		order = 0;
		if
		:: owner == me -> order = control; control = 0
		:: else
		fi };
	   if
	   :: order == FREEZE -> /* report(INSTANCE_FROZEN): device_frozen(), switch_over() */
		d_step {
			if
			:: has_device(me) && moving && !switched ->
				switched = 1;
#ifndef BUG_KEEPS_MAPPINGS
				mapped[me] = 0; alive[me] = 0;
#endif
				owner = 1;
				state = PROBING;
				control = ADOPT;
				signal = 2
			:: else
			fi;
			order = 0
		}
	   :: order == ADOPT -> /* device_adopt(), check, import */
		if
		:: d_step { alive[me] && switched ->
			mapped[me] = 1;
#ifdef BUG_RECORDS_FORGOTTEN
			records = 0;
#endif
#ifdef BUG_REPLAY_IN_FLIGHT
			records = records & ~running;
#endif
			state = LIVE; moving = 0; switched = 0; standby = 0;
#ifdef BUG_NO_REAP
			order = 0
#else
			order = 0; signal = signal | (1 << me) /* every method once */
#endif
		   }
		:: d_step { alive[me] && switched -> died(); order = 0 } /* the check refuses */
		:: !(alive[me] && switched) -> order = 0
		fi
	   :: else -> order = 0;
		if
		:: has_device(me) && state == LIVE -> work()
		:: else
		fi
	   fi
	od
}

/* --- The device: interrupts go to whoever owns it at that moment --- */

inline execute(n)
{
	d_step { running & (1 << n) ->
		assert(n != 2 || !gone); /* the pool of a session that was freed is somebody else's */
		assert(slots[n] == POSTED);
		running = running & ~(1 << n);
		done = done | (1 << n);
		executed[n] = made[n];
		interrupt = 1;
		ring() }
}

active proctype device()
{
end:	do
	:: execute(0)
	:: execute(1)
	:: execute(2)
	od
}

/* --- The kernel and the manager --- */

active proctype manager()
{
	bit ordered;

end:	do
	/* A process stands by; SYS_DEVICE_MOVE. */
	:: d_step { !ordered && state == LIVE && owner == 0 && !standby ->
		ordered = 1; standby = 1; alive[1] = 1 }
	:: d_step { standby && !moving && owner == 0 && state == LIVE ->
		moving = 1;
		control = FREEZE;
		signal = signal | 1 }
	/* time_over() */
	:: d_step { moving && timeouts > 0 ->
		timeouts--;
		if
#ifdef BUG_ROLL_BACK_LATE
		:: true -> state = LIVE; switched = 0; roll_back()
#else
		:: !switched -> roll_back()
		:: switched -> died()
#endif
		fi }
	/* A process dies: device_process_died() */
	:: d_step { deaths > 0 && alive[owner] && state == LIVE -> deaths--; died() }
	:: d_step { deaths > 0 && standby && !switched ->
		deaths--; alive[1] = 0;
		if
		:: moving -> roll_back()
		:: else -> standby = 0
		fi }
	od
}

init
{
	atomic {
		alive[0] = 1; mapped[0] = 1;
		run instance(0);
		run instance(1)
	}
}
