/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Class serial: byte streams both ways. The driver moves bytes by CPU.
 *
 * How to use: the driver announces each line as a unit. Received bytes go to
 * shim_serial_received(), where they wait for readers (also across a change of instance). When
 * bytes wait to be sent, its transmit method runs; it takes as many as the hardware has room for
 * with shim_serial_next(); a write completes when its last byte was taken.
 */
#ifndef SHIM_CLASS_SERIAL_H
#define SHIM_CLASS_SERIAL_H

#include <shim/driver.h>

/* Operations of a slot. READ completes as soon as at least one byte is there, with how many. */
enum serial_operation { SERIAL_READ = 1, SERIAL_WRITE };

/* Methods. */
struct shim_serial_ops {
	/* Required. Bytes wait to be sent on `unit`. */
	void (*transmit)(struct shim_device *device, unsigned unit);
};

/** Announce a serial line; parameters and errors as shim_block_unit_add(); class_id is
 * CLASS_SERIAL. */
MUST_CHECK enum error shim_serial_unit_add(struct shim_device *device,
					   const struct unit_info *unit);

/** Take bytes to send.
 *
 * @param device  live device
 * @param unit    the line
 * @param[out] bytes  at least size_bytes long, the driver's
 * @param size_bytes  how many the hardware has room for
 * @return how many were taken, 0 .. size_bytes
 *
 * Context: the device's own; does not block.
 */
size_t shim_serial_next(struct shim_device *device, unsigned unit, uint8_t *bytes,
			size_t size_bytes);

/** Hand over received bytes.
 *
 * @param device      live device
 * @param unit        the line
 * @param bytes       size_bytes of them, the driver's
 * @return how many were accepted; the rest found the buffer full and is lost unless the driver
 * keeps it
 *
 * Context: the device's own; does not block.
 */
size_t shim_serial_received(struct shim_device *device, unsigned unit, const uint8_t *bytes,
			    size_t size_bytes);

#endif
