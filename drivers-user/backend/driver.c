/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A driver process: attaches to its device's grant, lets the driver probe, or, in a hot move, takes
 * over what another instance leaves; then turns the event loop: interrupts and timers to the
 * driver, doorbells and sessions to its class, and the manager's controls. Messages between kernel
 * and instance: doc/manager-protocol.md.
 */
#include <lib/string.h>
#include <runtime/heap.h>
#include <runtime/print.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>
#include <runtime/time.h>
#include <abi/marker.h>
#include <shim/dma.h>
#include <shim/io.h>
#include <shim/irq.h>

#include "backend.h"

#define POLLS_MAX       256 /* rounds in one turn */
#define POLLS_EMPTY_MAX 64  /* of them without a request */

#define BITS_CONTROL   (UINT64_C(1) << SIGNAL_CONTROL)
#define BITS_TIMER     (UINT64_C(1) << SIGNAL_TIMER)
#define BITS_QUEUE     (~UINT64_C(0) << SIGNAL_QUEUE(0))
#define BITS_INTERRUPT SIGNAL_INTERRUPT_MASK(SIGNAL_VECTORS)

extern const struct shim_driver __start_shim_drivers[], __stop_shim_drivers[];
extern const struct class_ops __start_shim_classes[], __stop_shim_classes[];

struct instance instance;
static struct session_wakes no_wakes; /* a bus has no clients */

static void adopt(void);

static void report(enum instance_state state, enum error error)
{
	instance.state = state;
	instance.doorbell =
		state == INSTANCE_LIVE && instance.class ? instance.class->doorbell : NULL;
	SYS3(SYS_INSTANCE_REPORT, instance.grant, state, error);
}

/* For who does not wait for signals next: clients are woken now. */
static void flush_now(void)
{
	if (!instance.class)
		return;
	session_flush(instance.wakes);
	if (instance.wake)
		SYS2(SYS_SESSION_WAKE, instance.grant, instance.wake);
	instance.wake = 0;
}

/* The last report is made: nothing of this process is needed any more. */
static _Noreturn void leave(enum instance_state state, enum error error)
{
	flush_now();
	report(state, error);
	runtime_exit(error);
}

static void stop(void)
{
	report(INSTANCE_STOPPING, OK);
	instance.driver->quiesce(&instance.device);
}

void shim_probe_done(struct shim_device *device, enum error error)
{
	(void)device;
	if (instance.state != INSTANCE_PROBING)
		return;
	if (error)
		leave(INSTANCE_FAILED, error);
	report(INSTANCE_LIVE, OK);
	if (instance.class)
		sessions_update();
	if (instance.stop_wanted)
		stop();
}

void shim_quiesce_done(struct shim_device *device, enum error error)
{
	(void)device;
	if (instance.state == INSTANCE_STOPPING)
		leave(error ? INSTANCE_FAILED : INSTANCE_NONE, error);
}

/* The event at hand is finished; what the next instance needs lies in the grant. The kernel ends
 * this process here. If it does not, the move is off. */
static void freeze(void)
{
	flush_now();
	SYS3(SYS_INSTANCE_REPORT, instance.grant, INSTANCE_FROZEN, OK);
}

static _Noreturn void removed(void)
{
	if (instance.driver->remove)
		instance.driver->remove(&instance.device);
	leave(INSTANCE_NONE, OK);
}

static __attribute__((noinline)) void control(void)
{
	struct sys_result result = SYS1(SYS_INSTANCE_CONTROL, instance.grant);
	uint64_t wanted = result.error ? CONTROL_NONE : result.value;

	if (instance.standby) {
		if (wanted == CONTROL_ADOPT)
			adopt();
		return;
	}
	if (wanted == CONTROL_REMOVE)
		removed();
	if (wanted == CONTROL_FREEZE) {
		freeze();
	} else if (wanted == CONTROL_STOP) {
		if (instance.state == INSTANCE_LIVE)
			stop();
		else
			instance.stop_wanted = true; /* probing has an end: each wait has */
	}
	if (instance.class && instance.state == INSTANCE_LIVE)
		sessions_update();
}

/* Ring each queue that shares this signal. */
static inline void doorbells(unsigned queue)
{
	do {
		instance.doorbell(queue);
		queue += SIGNAL_QUEUES;
	} while (__builtin_expect(queue < instance.driver->queue_count, 0) && instance.doorbell);
}

/* Signals that come seldom. */
static __attribute__((noinline)) void serve_rare(uint64_t bits)
{
	if (bits & BITS_TIMER)
		loop_timers_run(&instance.loop, now_ns());
	if (bits & BITS_CONTROL)
		control();
}

/* What the signals say. */
__attribute__((always_inline)) static inline void serve(uint64_t bits)
{
	uint64_t interrupts = bits & BITS_INTERRUPT;

	if (interrupts == 1ul << SIGNAL_INTERRUPT(0) && instance.one_message) {
		MARKER(MARKER_POINT_DRIVER);
		SHIM_INTERRUPT(&instance.device, 0);
	} else if (interrupts) {
		interrupt_dispatch(interrupts);
	}
	if (__builtin_expect(bits & (BITS_CONTROL | BITS_TIMER), 0))
		serve_rare(bits);
	bits &= BITS_QUEUE;
	if (bits == UINT64_C(1) << SIGNAL_QUEUE(0) && instance.one_queue && instance.doorbell)
		instance.doorbell(0);
	else
		for (; bits && instance.doorbell; bits &= bits - 1)
			doorbells((unsigned)__builtin_ctzll(bits) - SIGNAL_QUEUE(0));
}

static void on_timer(struct loop *loop, unsigned index)
{
	(void)loop;
	instance.driver->timer(&instance.device, index);
}

static void serve_all(void)
{
	unsigned count = instance.driver->queue_count ? instance.driver->queue_count : 1;

	for (unsigned queue = 0; queue < count && queue < 32; queue++)
		instance.class->doorbell(queue);
	session_flush(instance.wakes);
}

/* Clients that were answered and are awake will soon have more: look for it a while, so that they
 * need not ring. Interrupts wait meanwhile, so this has an end even if requests keep coming. */
static __attribute__((noinline)) void poll(void)
{
	instance.class->awake();
	for (unsigned i = 0, empty = 0; i < POLLS_MAX && empty < POLLS_EMPTY_MAX; i++, empty++) {
		if (instance.class->pending()) {
			serve_all();
			if (instance.class->pending())
				break; /* the device is full */
			empty = 0;
		}
		__builtin_ia32_pause();
	}
	if (!instance.class->sleep())
		serve_all();
}

/* Clients are woken once for all that this turn completed. One that sleeps is woken first. */
__attribute__((always_inline)) static inline void turn_end(void)
{
	if (!instance.wakes->first)
		return;
	session_flush(instance.wakes);
	if (instance.polls && !instance.wake && instance.doorbell && instance.class->pending)
		poll();
}

/* One system call a turn: acknowledge, wake a client, and wait. */
static void loop(void)
{
	for (;;) {
		struct sys_result result = SYS3(SYS_INTERRUPT_WAIT, instance.acknowledge,
						instance.wake, instance.loop.earliest_ns);

		instance.acknowledge = 0;
		instance.wake = 0;
		if (result.error) {
			log_line(LOG_ERROR, "%s: cannot wait for signals: %s",
				 instance.attach.info.name, error_text(result.error));
			return;
		}
		serve(result.value);
		turn_end();
	}
}

/* Nothing is this process's yet, and it takes no signal but the one control. */
static enum error device_await(void)
{
	while (instance.standby) {
		struct sys_result result = SYS2(SYS_WAIT, instance.loop.notification, 0);

		if (result.error)
			return result.error;
		control();
	}
	return OK;
}

static const struct class_ops *class_find(uint32_t class_id)
{
	for (const struct class_ops *class = __start_shim_classes; class < __stop_shim_classes;
	     class ++)
		if (class->class_id == class_id)
			return class;
	return NULL;
}

/* What the process itself needs, sized as the driver declares. */
static enum error open_instance(void)
{
	static struct system_info system;
	const struct shim_driver *driver = __start_shim_drivers;
	struct shim_device *device = &instance.device;

	if (driver + 1 != __stop_shim_drivers || driver->shim_version != SHIM_VERSION)
		return ERR_CORRUPT;
	instance.driver = driver;
	instance.class = class_find(driver->class_id);
	if (!instance.class && driver->class_id != CLASS_BUS)
		return ERR_UNSUPPORTED;
	instance.grant = runtime_handle(STARTUP_GRANT);
	device->buffer = calloc(driver->buffer_count + 1, sizeof(*device->buffer));
	if (!device->buffer)
		return ERR_BUDGET;
	device->buffer_count = driver->buffer_count;
	device->queue_state_bytes = driver->state_queue_bytes;
	device->driver = driver;
	device->info = &instance.attach.info;
	instance.loop.timer = on_timer;
	instance.one_queue = driver->queue_count <= SIGNAL_QUEUES;
	if (!instance.class) {
		instance.wakes = &no_wakes;
		return OK;
	}
	instance.wakes = instance.class->wakes();
	instance.polls =
		SYS1(SYS_SYSTEM_INFO, (uintptr_t)&system).error == OK && system.cpu_count > 1;
	return instance.class->open(device);
}

/* Use what the kernel has mapped. */
static enum error grant_open(bool hot)
{
	const struct shim_driver *driver = instance.driver;
	const struct instance_attach *attach = &instance.attach;
	struct shim_device *device = &instance.device;

	device->state = (void *)attach->state_vaddr;
	device->queue_state =
		(uint8_t *)device->state + ((driver->state_base_bytes + 63) & ~UINT32_C(63));
	instance.loop.deadline_ns = (uint64_t *)attach->timers_vaddr;
	instance.loop.timer_count = driver->timer_count;
	instance.state = INSTANCE_PROBING;
	if (hot && !driver->check(device))
		return ERR_CORRUPT;
	return instance.class ? instance.class->start(device, (void *)attach->port_vaddr, hot) : OK;
}

/* --- A hot move: before it, and at its end --- */

/* Windows and memory that the instance before has. What is there already is not mapped
 * again. */
static enum error resources_adopt(void)
{
	const struct instance_attach *attach = &instance.attach;
	struct shim_device *device = &instance.device;
	enum error error = OK;

	for (unsigned i = 0; !error && i < DEVICE_WINDOW_MAX; i++)
		if (attach->window_mask & 1u << i)
			error = shim_window_map(device, i);
	for (unsigned i = 0; !error && i < attach->buffer_count && i < device->buffer_count; i++) {
		error = shim_dma_allocate(device, i, 0);
		if (error == ERR_NOT_FOUND)
			error = OK;
	}
	return error;
}

/* The kernel maps ahead what this process will reach once the device is its own. */
static enum error stand_by(void)
{
	enum error error = instance.driver->check ? resources_adopt() : ERR_UNSUPPORTED;

	if (!error && instance.class)
		sessions_prepare();
	runtime_prefault();
	return error ? error
		     : SYS3(SYS_INSTANCE_REPORT, instance.grant, INSTANCE_STANDBY, OK).error;
}

static enum error take_over(void)
{
	struct sys_result result =
		SYS2(SYS_INSTANCE_ADOPT, instance.grant, (uintptr_t)&instance.attach);
	enum error error = result.error;

	if (!error)
		error = resources_adopt();
	if (!error)
		error = grant_open(true);
	/* Until now there were no vectors: one that came with the order to adopt went nowhere. */
	instance.vector_count = instance.attach.vector_count;
	instance.messages = instance.attach.info.interrupt_kind >= INTERRUPT_MSI;
	instance.one_message = instance.messages && instance.vector_count <= SIGNAL_VECTORS;
	if (!error && instance.class)
		sessions_update();
	return error;
}

/* Serve, and look at everything once: what was raised or rung in between went nowhere. */
static void adopt(void)
{
	enum error error = take_over();

	instance.standby = false;
	if (error)
		leave(INSTANCE_FAILED, error);
	report(INSTANCE_LIVE, instance.class ? (enum error)sessions_in_flight() : OK);
	serve(SIGNAL_INTERRUPT_MASK(instance.vector_count) | BITS_TIMER | BITS_CONTROL |
	      BITS_QUEUE);
	turn_end();
}

/* --- Start --- */

static enum error attach(void)
{
	const struct shim_driver *driver = instance.driver;
	struct instance_attach *attach = &instance.attach;
	struct sys_result result;

	attach->state_base_bytes = driver->state_base_bytes;
	attach->state_queue_bytes = driver->state_queue_bytes;
	attach->state_queues = driver->queue_count;
	attach->state_version = driver->state_version;
	attach->class_id = driver->class_id;
	attach->timer_count = driver->timer_count;
	attach->port_bytes = instance.class ? instance.class->port_bytes(driver) : 0;
	memcpy(attach->driver, driver->name, sizeof(attach->driver));
	result = SYS3(SYS_INSTANCE_ATTACH, instance.grant, instance.loop.notification,
		      (uintptr_t)attach);
	if (result.error)
		return result.error;
	instance.standby = attach->standby;
	return instance.standby ? stand_by() : grant_open(false);
}

static void probe(void)
{
	enum error error = instance.driver->probe(&instance.device);

	if (error != ERR_AGAIN)
		shim_probe_done(&instance.device, error);
	turn_end(); /* probing may have found requests */
}

int main(int argc, char **argv)
{
	enum error error = open_instance();

	if (error == OK)
		error = loop_open(&instance.loop);
	if (error == OK)
		error = attach();
	if (error) {
		log_line(LOG_ERROR, "driver %s: cannot attach to its device: %s",
			 argc ? argv[0] : "?", error_text(error));
		return error;
	}
	if (instance.standby)
		error = device_await();
	else
		probe();
	if (!error)
		loop();
	return ERR_GONE;
}
