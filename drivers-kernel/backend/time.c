/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time and timers of a ring-0 instance.
 */
#include <backend/backend.h>
#include <kernel/time.h>
#include <shim/time.h>

uint64_t shim_now_ns(const struct shim_device *device)
{
	(void)device;
	return time_now_ns();
}

static void fired(struct ktimer *timer)
{
	struct instance_timer *mine = container_of(timer, struct instance_timer, timer);

	mine->due = true;
	mine->instance->pending |= 1ul << SIGNAL_TIMER;
	instance_run(mine->instance);
}

enum error timers_open(struct kernel_instance *instance)
{
	uint32_t count = instance->driver->timer_count;

	if (!count)
		return OK;
	instance->timer = kzalloc(count * sizeof(*instance->timer));
	if (!instance->timer)
		return ERR_NO_MEMORY;
	for (uint32_t i = 0; i < count; i++) {
		enum error error = timer_reserve(&instance->timer[i].timer);

		if (error)
			return error;
		instance->timer[i].timer.function = fired;
		instance->timer[i].instance = instance;
	}
	return OK;
}

void timers_close(struct kernel_instance *instance)
{
	uint32_t count = instance->driver->timer_count;

	for (uint32_t i = 0; instance->timer && i < count; i++)
		timer_unreserve(&instance->timer[i].timer);
	kfree(instance->timer, count * sizeof(*instance->timer));
	instance->timer = NULL;
}

void timers_adopt(struct kernel_instance *instance)
{
	for (uint32_t i = 0; i < instance->driver->timer_count; i++)
		if (instance->deadline_ns[i])
			timer_arm(&instance->timer[i].timer, instance->deadline_ns[i]);
}

void timers_dispatch(struct kernel_instance *instance)
{
	for (uint32_t i = 0; i < instance->driver->timer_count; i++) {
		if (!instance->timer[i].due)
			continue;
		instance->timer[i].due = false;
		instance->deadline_ns[i] = 0;
		instance->driver->timer(&instance->device, i);
	}
}

void shim_timer_set(struct shim_device *device, unsigned index, uint64_t deadline_ns)
{
	struct kernel_instance *instance = instance_of(device);

	if (index >= instance->driver->timer_count)
		return;
	instance->timer[index].due = false;
	instance->deadline_ns[index] = deadline_ns ? deadline_ns : 1;
	timer_arm(&instance->timer[index].timer, deadline_ns);
}

void shim_timer_cancel(struct shim_device *device, unsigned index)
{
	struct kernel_instance *instance = instance_of(device);

	if (index >= instance->driver->timer_count)
		return;
	instance->timer[index].due = false;
	instance->deadline_ns[index] = 0;
	timer_cancel(&instance->timer[index].timer);
}
