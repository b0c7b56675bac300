/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The fake's life: creation, start, restart, delivery of what is pending, failures on demand.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

#define PROBE_ROUNDS                                                                 \
	1000000 /* deliveries without rest: the driver and its device run in circles \
		 */

static void *zeroed(size_t size_bytes)
{
	void *memory = calloc(1, size_bytes ? size_bytes : 1);

	if (!memory)
		abort();
	return memory;
}

static void timers_clear(struct fake *fake)
{
	for (unsigned i = 0; i < FAKE_TIMERS_MAX; i++)
		fake->timer_ns[i] = UINT64_MAX;
}

struct fake *fake_create(const struct shim_driver *driver)
{
	struct fake *fake = zeroed(sizeof(*fake));
	struct shim_device *device = &fake->device;

	fake->driver = driver;
	fake->next_iova = 0x40000000;
	fake->vectors_max = DEVICE_INTERRUPT_MAX;
	timers_clear(fake);
	snprintf(fake->info.name, sizeof(fake->info.name), "fake");
	fake->info.id = 1;
	device->driver = driver;
	device->info = &fake->info;
	device->state = zeroed(driver->state_base_bytes);
	device->queue_state = zeroed((size_t)driver->state_queue_bytes * driver->queue_count);
	device->queue_state_bytes = driver->state_queue_bytes;
	device->buffer_count = driver->buffer_count;
	device->buffer = zeroed(driver->buffer_count * sizeof(*device->buffer));
	return fake;
}

void fake_destroy(struct fake *fake)
{
	unsigned violations = fake->violations;

	if (violations)
		fprintf(stderr, "the driver broke the contract, last: %s\n%s", fake->violation,
			fake->log ? fake->log : "");
	for (unsigned i = 0; i < fake->region_count; i++)
		free(fake->region[i].cpu);
	free(fake->device.state);
	free(fake->device.queue_state);
	free(fake->device.buffer);
	free(fake->log);
	free(fake);
	if (violations)
		abort();
}

void fake_violate(struct fake *fake, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fake->violation, sizeof(fake->violation), format, arguments);
	va_end(arguments);
	fake->violations++;
}

void fake_enter(struct fake *fake)
{
	if (fake->in_call)
		fake_violate(fake, "two calls of the device overlap");
	fake->in_call = true;
}

void fake_leave(struct fake *fake)
{
	fake->in_call = false;
}

enum error fake_start(struct fake *fake)
{
	fake->probe_done = false;
	fake->probe_pending = true;
	fake_enter(fake);
	fake->probe_error = fake->driver->probe(&fake->device);
	fake_leave(fake);
	if (fake->probe_error != ERR_AGAIN) {
		fake->probe_pending = false;
		fake->probe_done = true;
	}
	fake_run(fake);
	return fake->probe_error;
}

void fake_restart(struct fake *fake, bool keep_state)
{
	struct shim_device *device = &fake->device;

	for (unsigned i = 0; i < DEVICE_WINDOW_MAX && !keep_state; i++) {
		device->window[i] = (struct shim_window_view){ 0 };
		fake->window[i].mapped = false;
	}
	for (unsigned i = 0; i < fake->request_count; i++) {
		if (fake->request[i].state == FAKE_TAKEN && !keep_state)
			fake->request[i].state = FAKE_WAITING;
	}
	for (unsigned i = 0; i < FAKE_NET_QUEUES && !keep_state; i++)
		fake->net[i].taken = fake->net[i].done;
	for (unsigned i = 0; i < FAKE_UNITS_MAX && !keep_state; i++)
		fake->unit[i] = (struct fake_unit){ 0 };
	fake->quiesce_done = false;
	if (keep_state)
		return;
	timers_clear(fake);
	fake->vectors = 0;
	memset(device->state, 0, fake->driver->state_base_bytes);
	memset(device->queue_state, 0,
	       (size_t)fake->driver->state_queue_bytes * fake->driver->queue_count);
}

void fake_quiesce(struct fake *fake)
{
	fake->quiesce_done = false;
	fake_enter(fake);
	fake->driver->quiesce(&fake->device);
	fake_leave(fake);
	fake_run(fake);
}

void fake_remove(struct fake *fake)
{
	uint64_t accesses = fake->reads + fake->writes;

	if (!fake->driver->remove)
		return;
	fake_enter(fake);
	fake->driver->remove(&fake->device);
	fake_leave(fake);
	if (fake->reads + fake->writes != accesses)
		fake_violate(fake, "a register was touched after the device had gone");
	fake_run(fake);
}

static bool interrupt_deliver(struct fake *fake)
{
	uint32_t pending = fake->vectors_pending;
	unsigned index;

	if (!pending)
		return false;
	index = (unsigned)__builtin_ctz(pending);
	fake->vectors_pending &= ~(1u << index);
	fake_enter(fake);
	if (!fake->driver->interrupt || !SHIM_INTERRUPT(&fake->device, index))
		fake->vectors_unclaimed++;
	fake_leave(fake);
	return true;
}

static bool timer_deliver(struct fake *fake)
{
	for (unsigned i = 0; i < fake->driver->timer_count; i++) {
		if (fake->timer_ns[i] > fake->now_ns)
			continue;
		fake->timer_ns[i] = UINT64_MAX;
		fake_enter(fake);
		fake->driver->timer(&fake->device, i);
		fake_leave(fake);
		return true;
	}
	return false;
}

void fake_run(struct fake *fake)
{
	for (unsigned round = 0; round < PROBE_ROUNDS; round++) {
		if (interrupt_deliver(fake) || timer_deliver(fake))
			continue;
		if (!fake->work || !fake->work(fake->work_context))
			return;
	}
	fake_violate(fake, "no rest after %d deliveries at one point in time", PROBE_ROUNDS);
}

void fake_fail(struct fake *fake, enum fake_call call, unsigned n, enum error error)
{
	fake->fail_after[call] = n;
	fake->fail_error[call] = error;
}

enum error fake_failure(struct fake *fake, enum fake_call call)
{
	fake->calls[call]++;
	if (fake->fail_after[call] && --fake->fail_after[call] == 0)
		return fake->fail_error[call];
	return OK;
}

void shim_probe_done(struct shim_device *device, enum error error)
{
	struct fake *fake = fake_of(device);

	if (!fake->probe_pending || fake->probe_done || fake->probe_error != ERR_AGAIN)
		fake_violate(fake, "probe ended twice, or before it returned ERR_AGAIN");
	fake->probe_pending = false;
	fake->probe_done = true;
	fake->probe_error = error;
}

void shim_quiesce_done(struct shim_device *device, enum error error)
{
	struct fake *fake = fake_of(device);

	if (fake->quiesce_done)
		fake_violate(fake, "quiesce was answered twice");
	fake->quiesce_done = true;
	fake->quiesce_error = error;
}
