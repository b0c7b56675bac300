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
#include <shim/dma.h>
#include <shim/io.h>

#include "backend.h"

#define POLLS_MAX       256 /* rounds in one turn */
#define POLLS_EMPTY_MAX 64  /* of them without a request */

#define BITS_CONTROL   (UINT64_C(1) << SIGNAL_CONTROL)
#define BITS_QUEUE     (~UINT64_C(0) << SIGNAL_QUEUE(0))
#define BITS_INTERRUPT (~(BITS_CONTROL | BITS_QUEUE))

extern const struct shim_driver __start_shim_drivers[], __stop_shim_drivers[];
extern const struct class_ops __start_shim_classes[], __stop_shim_classes[];

struct instance instance;

static void adopt(void);

static void report(enum instance_state state, enum error error)
{
	instance.state = state;
	SYS3(SYS_INSTANCE_REPORT, instance.grant, state, error);
}

/* For who does not wait for signals next: clients are woken now. */
static void flush_now(void)
{
	if (!instance.class)
		return;
	session_flush(instance.wakes);
	if (instance.loop.wake)
		SYS2(SYS_SESSION_WAKE, instance.grant, instance.loop.wake);
	instance.loop.wake = 0;
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

static void on_signal(struct loop *loop, uint64_t bits)
{
	uint64_t queues = bits & BITS_QUEUE;

	(void)loop;
	if (bits & BITS_INTERRUPT)
		interrupt_dispatch(bits & BITS_INTERRUPT);
	if (bits & BITS_CONTROL)
		control();
	if (instance.state != INSTANCE_LIVE || !instance.class)
		return;
	for (; queues; queues &= queues - 1)
		instance.class->doorbell((unsigned)__builtin_ctzll(queues) - SIGNAL_QUEUE(0));
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
static void on_turn(struct loop *loop)
{
	if (!instance.class || !instance.wakes->first)
		return;
	session_flush(instance.wakes);
	if (instance.polls && !loop->wake && instance.class->pending &&
	    instance.state == INSTANCE_LIVE)
		poll();
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
	struct loop *loop = &instance.loop;

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
	loop->signal = on_signal;
	loop->timer = on_timer;
	loop->turn = on_turn;
	if (!instance.class)
		return OK;
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
	instance.loop.grant = instance.grant;
	instance.loop.deadline_ns = (uint64_t *)attach->timers_vaddr;
	instance.loop.timer_count = driver->timer_count;
	instance.state = INSTANCE_PROBING;
	if (hot && !driver->check(device))
		return ERR_CORRUPT;
	return instance.class ? instance.class->start(device, (void *)attach->port_vaddr, hot) : OK;
}

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
	if (instance.standby) {
		runtime_prefault();
		return driver->check ? OK : ERR_UNSUPPORTED;
	}
	return grant_open(false);
}

/* --- A hot move, at its end --- */

/* Windows, memory and interrupts that the instance before had. */
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
	instance.vector_count = attach->vector_count;
	instance.messages = attach->info.interrupt_kind >= INTERRUPT_MSI;
	return error;
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
	if (!error && instance.class)
		sessions_update();
	return error;
}

/* Serve, and look at everything once: what was raised or rung in between went nowhere. */
static void adopt(void)
{
	enum error error = take_over();
	uint64_t vectors = (UINT64_C(2) << instance.vector_count) - 2;

	instance.standby = false;
	if (error)
		leave(INSTANCE_FAILED, error);
	report(INSTANCE_LIVE, instance.class ? (enum error)sessions_in_flight() : OK);
	instance.loop.earliest_ns = 1; /* some timer may be due */
	on_signal(&instance.loop, (vectors & BITS_INTERRUPT) | BITS_CONTROL | BITS_QUEUE);
}

/* --- Start --- */

static void probe(void)
{
	enum error error = instance.driver->probe(&instance.device);

	if (error != ERR_AGAIN)
		shim_probe_done(&instance.device, error);
	on_turn(&instance.loop); /* probing may have found requests */
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
	if (!instance.standby)
		probe();
	loop_run(&instance.loop);
	return ERR_GONE;
}
