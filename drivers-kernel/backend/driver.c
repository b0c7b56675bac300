/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Driver instances in the kernel: the linked drivers, and the actor that each instance is. Signals
 * are posted; whoever finds the actor free runs it, inline: a doorbell in the client's system call,
 * an interrupt on its way out. What the driver reports takes effect when its call has ended.
 */
#include <lib/string.h>

#include <abi/marker.h>

#include <backend/backend.h>
#include <kernel/log.h>
#include <kernel/process.h>
#include <shim/dma.h>
#include <shim/io.h>
#include <shim/irq.h>

#define BITS_CONTROL   (1ul << SIGNAL_CONTROL)
#define BITS_TIMER     (1ul << SIGNAL_TIMER)
#define BITS_QUEUE     (~0ul << SIGNAL_QUEUE(0))
#define BITS_INTERRUPT SIGNAL_INTERRUPT_MASK(SIGNAL_VECTORS)
#define TURNS_MAX      8 /* before the rest is left to a task */

extern const struct shim_driver __start_shim_drivers[], __stop_shim_drivers[];

static struct session_wakes no_wakes; /* a bus has no clients */

const struct shim_driver *kernel_driver_find(const char *name)
{
	for (const struct shim_driver *driver = __start_shim_drivers; driver < __stop_shim_drivers;
	     driver++)
		if (!strncmp(driver->name, name, DRIVER_NAME_BYTES))
			return driver;
	return NULL;
}

static bool matches(const struct shim_match *match, const struct device_info *info)
{
	switch (match->kind) {
	case SHIM_MATCH_PLATFORM:
		return info->bus == BUS_PLATFORM &&
		       !strncmp(match->name, info->platform, sizeof(match->name));
	case SHIM_MATCH_PCI_ID:
		return info->bus == BUS_PCI && match->vendor_id == info->vendor_id &&
		       (match->device_id == SHIM_ANY || match->device_id == info->device_id);
	case SHIM_MATCH_PCI_CLASS:
		return info->bus == BUS_PCI && match->class_code == info->class_code &&
		       match->subclass == info->subclass &&
		       (match->interface == 0xff || match->interface == info->interface);
	}
	return false;
}

bool driver_matches(const struct shim_driver *driver, const struct device_info *info)
{
	for (unsigned i = 0; i < SHIM_MATCH_MAX; i++)
		if (matches(&driver->match[i], info))
			return true;
	return false;
}

const struct shim_driver *kernel_driver_match(const struct device_info *info)
{
	for (const struct shim_driver *driver = __start_shim_drivers; driver < __stop_shim_drivers;
	     driver++)
		if (driver_matches(driver, info))
			return driver;
	return NULL;
}

static void report(struct kernel_instance *instance, enum instance_state state, enum error error)
{
	instance->report_due = true;
	instance->pending |= BITS_CONTROL; /* to be looked at when the call ends */
	instance->report_state = (uint8_t)state;
	instance->report_error = error;
}

void shim_probe_done(struct shim_device *device, enum error error)
{
	struct kernel_instance *instance = instance_of(device);

	if (instance->owner->info.state == INSTANCE_PROBING && !instance->report_due)
		report(instance, error ? INSTANCE_FAILED : INSTANCE_LIVE, error);
}

void shim_quiesce_done(struct shim_device *device, enum error error)
{
	struct kernel_instance *instance = instance_of(device);

	if (instance->owner->info.state == INSTANCE_STOPPING)
		report(instance, error ? INSTANCE_FAILED : INSTANCE_NONE, error);
}

/* A stop asked for while it was probing waits until it is live. */
static void control(struct kernel_instance *instance)
{
	struct device *owner = instance->owner;

	if (owner->control == CONTROL_REMOVE) {
		if (instance->driver->remove)
			instance->driver->remove(&instance->device);
		report(instance, INSTANCE_NONE, OK);
		return;
	}
	if (owner->control == CONTROL_STOP && owner->info.state == INSTANCE_LIVE) {
		owner->control = CONTROL_NONE;
		instance->deaf = true;
		(void)device_report(owner, INSTANCE_STOPPING, OK);
		instance->driver->quiesce(&instance->device);
	}
	if (instance->class && owner->info.state == INSTANCE_LIVE)
		sessions_update(instance);
}

/* Ring each queue that shares this signal. */
static void doorbells(struct kernel_instance *instance, unsigned queue)
{
	do {
		instance->class->doorbell(&instance->device, queue);
		queue += SIGNAL_QUEUES;
	} while (queue < instance->driver->queue_count);
}

/* One turn of the actor: whatever the signals say, then the clients that wait are woken. */
static inline void turn(struct kernel_instance *instance, uint64_t bits)
{
	if (bits & BITS_INTERRUPT)
		interrupt_dispatch(instance, bits & BITS_INTERRUPT);
	if (bits & BITS_TIMER)
		timers_dispatch(instance);
	if (bits & BITS_CONTROL)
		control(instance);
	if (bits & BITS_QUEUE && !instance->deaf)
		for (uint64_t queues = bits & BITS_QUEUE; queues; queues &= queues - 1)
			doorbells(instance, (unsigned)__builtin_ctzll(queues) - SIGNAL_QUEUE(0));
	if (instance->wakes->first)
		session_flush(instance->wakes);
}

/* Returns true if the instance is over and was freed. */
static bool report_deliver(struct kernel_instance *instance)
{
	enum instance_state state = instance->report_state;

	instance->report_due = false;
	(void)device_report(instance->owner, state, instance->report_error);
	if (state != INSTANCE_LIVE)
		return true;
	instance->deaf = false;
	instance->pending |= BITS_CONTROL; /* sessions that wait, a stop that came early */
	return false;
}

/* What came while the actor ran, and what the driver reported. */
static void finish(struct kernel_instance *instance)
{
	for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
		uint64_t bits;

		if (instance->report_due && report_deliver(instance))
			return;
		bits = instance->pending;
		if (!bits)
			break;
		instance->pending = 0;
		turn(instance, bits);
	}
	instance->running = false;
	if (instance->pending)
		task_post(&instance->task);
}

/* The driver's call has ended: nearly always, nothing else came meanwhile. */
static inline void leave(struct kernel_instance *instance)
{
	if (__builtin_expect(instance->pending != 0, 0))
		finish(instance);
	else
		instance->running = false;
}

void kernel_instance_post(struct kernel_instance *instance, uint64_t bits)
{
	if (instance->running) {
		instance->pending |= bits;
		return;
	}
	instance->running = true;
	turn(instance, bits);
	leave(instance);
}

/* The two signals that matter, a message and a doorbell: what a turn does for just one of them. */
void kernel_instance_interrupt(struct kernel_instance *instance, unsigned index)
{
	if (__builtin_expect(instance->running, 0)) {
		instance->pending |= 1ul << SIGNAL_INTERRUPT(index);
		return;
	}
	instance->running = true;
	MARKER(MARKER_POINT_DRIVER);
	SHIM_INTERRUPT(&instance->device, index);
	if (instance->wakes->first)
		session_flush(instance->wakes);
	leave(instance);
}

void kernel_instance_doorbell(struct kernel_instance *instance, unsigned queue)
{
	if (__builtin_expect(instance->running | instance->deaf, 0)) {
		instance->pending |= 1ul << SIGNAL_QUEUE(queue);
		return;
	}
	instance->running = true;
	instance->class->doorbell(&instance->device, queue);
	if (instance->wakes->first)
		session_flush(instance->wakes);
	leave(instance);
}

void instance_run(struct kernel_instance *instance)
{
	if (instance->running)
		return;
	instance->running = true;
	finish(instance);
}

static void surplus(struct ktask *task)
{
	instance_run(container_of(task, struct kernel_instance, task));
}

static void instance_free(struct kernel_instance *instance)
{
	timers_close(instance);
	windows_close(instance);
	if (instance->class)
		instance->class->close(&instance->device);
	kfree(instance->device.buffer,
	      instance->driver->buffer_count * sizeof(struct shim_buffer_view));
	object_release(&instance->owner->object);
	kfree(instance, sizeof(*instance));
}

/* The task may be queued: it is the one that frees. */
static void instance_free_task(struct ktask *task)
{
	instance_free(container_of(task, struct kernel_instance, task));
}

void kernel_instance_end(struct kernel_instance *instance)
{
	sessions_close(instance);
	instance->running = true; /* nothing runs it any more */
	instance->task.function = instance_free_task;
	task_post(&instance->task);
}

/* The views of what lies in the grant. */
static void views_set(struct kernel_instance *instance)
{
	struct device *owner = instance->owner;
	const struct instance_attach *layout = &owner->layout;
	uint8_t *state = phys_to_virt(owner->state->base);

	instance->device.state = state;
	instance->device.queue_state = state + state_queues_offset(layout);
	instance->deadline_ns = (uint64_t *)(state + state_timers_offset(layout));
}

static struct instance_attach layout_of(const struct shim_driver *driver)
{
	const struct class_ops *class = class_find(driver->class_id);
	struct instance_attach layout = { .state_base_bytes = driver->state_base_bytes,
					  .state_queue_bytes = driver->state_queue_bytes,
					  .state_queues = driver->queue_count,
					  .state_version = driver->state_version,
					  .class_id = driver->class_id,
					  .timer_count = driver->timer_count,
					  .port_bytes = class ? class->port_bytes(driver) : 0 };

	memcpy(layout.driver, driver->name, sizeof(layout.driver));
	return layout;
}

/* An instance, its memory, and nothing of the device yet. */
static enum error instance_create(struct device *owner, const struct shim_driver *driver,
				  struct kernel_instance **result)
{
	struct kernel_instance *instance;
	enum error error;

	if (driver->shim_version != SHIM_VERSION)
		return ERR_CORRUPT;
	if (!class_find(driver->class_id) && driver->class_id != CLASS_BUS)
		return ERR_UNSUPPORTED;
	instance = kzalloc(sizeof(*instance));
	if (!instance)
		return ERR_NO_MEMORY;
	instance->owner = owner;
	object_reference(&owner->object);
	instance->driver = driver;
	instance->class = class_find(driver->class_id);
	instance->wakes = &no_wakes;
	instance->deaf = true;
	instance->task.function = surplus;
	instance->device.driver = driver;
	instance->device.info = &owner->info;
	instance->device.queue_state_bytes = driver->state_queue_bytes;
	instance->device.buffer_count = driver->buffer_count;
	if (driver->buffer_count)
		instance->device.buffer =
			kzalloc(driver->buffer_count * sizeof(struct shim_buffer_view));
	error = driver->buffer_count && !instance->device.buffer ? ERR_NO_MEMORY
								 : timers_open(instance);
	if (!error && instance->class)
		error = instance->class->open(&instance->device);
	if (!error && instance->class)
		instance->wakes = instance->class->wakes(&instance->device);
	if (error) {
		instance_free(instance);
		return error;
	}
	*result = instance;
	return OK;
}

enum error kernel_instance_start(struct device *owner, const struct shim_driver *driver)
{
	struct instance_attach layout = layout_of(driver);
	struct kernel_instance *instance;
	enum error error = device_state(owner, &layout);

	if (!error)
		error = instance_create(owner, driver, &instance);
	if (error)
		return error; /* the caller reports the failure */
	owner->kernel = instance;
	views_set(instance);
	instance->running = true;
	if (instance->class)
		error = instance->class->start(&instance->device, phys_to_virt(owner->port->base),
					       false);
	if (!error)
		error = driver->probe(&instance->device);
	if (error != ERR_AGAIN)
		shim_probe_done(&instance->device, error);
	instance->running = false;
	if (instance->report_due && report_deliver(instance))
		return OK; /* it failed, and said so */
	if (instance->pending)
		instance_run(instance);
	return OK;
}

/* Views of what the instance before has; those that are there already stay. */
static enum error resources_adopt(struct kernel_instance *instance)
{
	struct shim_device *device = &instance->device;
	uint32_t mask = instance->owner->window_mask;
	enum error error = OK;

	for (unsigned i = 0; !error && i < DEVICE_WINDOW_MAX; i++)
		if (mask & 1u << i)
			error = shim_window_map(device, i);
	for (unsigned i = 0; !error && i < device->buffer_count; i++)
		if (instance->owner->buffer[i])
			error = shim_dma_allocate(device, i, 0);
	return error;
}

enum error kernel_instance_prepare(struct device *owner, const struct shim_driver *driver,
				   struct kernel_instance **result)
{
	struct instance_attach layout = layout_of(driver);
	struct kernel_instance *instance;
	enum error error = device_state_fits(owner, &layout)
				   ? instance_create(owner, driver, &instance)
				   : ERR_UNSUPPORTED;

	if (error)
		return error;
	error = resources_adopt(instance);
	if (error)
		instance_free(instance);
	else
		*result = instance;
	return error;
}

/* Nothing here is believed but the plain state block, and that only after the driver's check. */
enum error kernel_instance_adopt(struct kernel_instance *instance)
{
	struct device *owner = instance->owner;
	struct shim_device *device = &instance->device;
	enum error error = resources_adopt(instance);

	if (error)
		return error;
	views_set(instance);
	instance->hot = true;
	if (!instance->driver->check(device))
		return ERR_CORRUPT;
	instance->running = true;
	if (instance->class)
		error = instance->class->start(device, phys_to_virt(owner->port->base), true);
	if (error)
		return error;
	if (instance->class)
		sessions_update(instance);
	timers_adopt(instance);
	(void)device_report(owner, INSTANCE_LIVE, (enum error)sessions_in_flight(instance));
	instance->deaf = instance->owner->info.state != INSTANCE_LIVE;
	/* Interrupts and doorbells that came in between are looked at now. */
	instance->running = false;
	instance->pending |=
		BITS_CONTROL | BITS_QUEUE | SIGNAL_INTERRUPT_MASK(owner->info.interrupt_vectors);
	instance_run(instance);
	return OK;
}

void kernel_instance_hand_over(struct kernel_instance *instance)
{
	instance->handed_over = true;
	kernel_instance_end(instance);
}
