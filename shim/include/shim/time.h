/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Time and timers. Timers are one-shot, named by index, and arrive at the driver's timer method.
 */
#ifndef SHIM_TIME_H
#define SHIM_TIME_H

#include <shim/driver.h>

#define SHIM_US UINT64_C(1000)
#define SHIM_MS UINT64_C(1000000)
#define SHIM_S  UINT64_C(1000000000)

/** Nanoseconds since boot; never goes back. Context: any. */
uint64_t shim_now_ns(const struct shim_device *device);

/** Arm timer `index` (again): its method runs once, at or after the deadline.
 *
 * @param device       device
 * @param index        0 ..< the driver's timer_count
 * @param deadline_ns  absolute, as shim_now_ns(); in the past: as soon as this call ends
 *
 * Context: the device's own; does not block.
 */
void shim_timer_set(struct shim_device *device, unsigned index, uint64_t deadline_ns);

/** Disarm timer `index`: its method does not run until it is set again. Context: the device's own.
 */
void shim_timer_cancel(struct shim_device *device, unsigned index);

#endif
