/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A ring-0 instance: what the kernel's half of the shim shares among its files.
 */
#ifndef KERNEL_BACKEND_H
#define KERNEL_BACKEND_H

#include <class/class.h>
#include <kernel/device.h>
#include <kernel/timer.h>
#include <shim/driver.h>

struct kernel_instance;

struct instance_timer {
	struct ktimer timer;
	struct kernel_instance *instance;
	bool due;
};

struct kernel_instance {
	struct shim_device device; /* first: the shim's calls cast back */
	struct device *owner;      /* the registry's; referenced */
	const struct shim_driver *driver;
	const struct class_ops *class; /* NULL: a bus */
	/* The actor: whoever finds it running posts and goes away. */
	struct session_wakes *wakes; /* of the class; a bus has an empty list */
	bool running;
	bool deaf; /* not live: doorbells wait */
	bool report_due;
	uint8_t report_state; /* enum instance_state, told when the driver's call has ended */
	enum error report_error;
	bool hot;              /* it took the device over from a live instance */
	bool handed_over;      /* it gave the device away: sessions stay attached */
	uint64_t pending;      /* SIGNAL_* bits */
	uint64_t *deadline_ns; /* of its timers, in the state block: a later instance finds them */
	struct ktask task;
	struct instance_timer *timer; /* [timer_count] */
	struct attached *sessions;
};

static inline struct kernel_instance *instance_of(const struct shim_device *device)
{
	return (struct kernel_instance *)(uintptr_t)device;
}

/** Call the driver's interrupt method for each vector behind these signals. */
void interrupt_dispatch(struct kernel_instance *instance, uint64_t bits);
/** Run the timer methods that are due. */
void timers_dispatch(struct kernel_instance *instance);
enum error timers_open(struct kernel_instance *instance);
void timers_close(struct kernel_instance *instance);
/** Arm the timers that the instance before had armed. */
void timers_adopt(struct kernel_instance *instance);
/** Undo the windows that the instance mapped. */
void windows_close(struct kernel_instance *instance);
/** Let the actor run, if it does not already. */
void instance_run(struct kernel_instance *instance);

#endif
