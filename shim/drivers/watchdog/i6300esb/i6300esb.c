/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Watchdog timer of the Intel 6300ESB I/O controller hub. Two stages of equal length; the first
 * ends in silence, the second in a reset. Neither probe nor quiesce stops it: a machine that hangs
 * while its driver changes hands shall be reset too. Source: 300641-004US, November 2007, §16.
 */
#include <shim/class/watchdog.h>
#include <shim/io.h>
#include <shim/log.h>

#include "i6300esb_regs.h"

enum i6300esb_phase { I6300ESB_PROBING, I6300ESB_LIVE, I6300ESB_STOPPED };

#define I6300ESB_STAGES 2u
#define I6300ESB_MS_MAX \
	((uint64_t)I6300ESB_STAGES * I6300ESB_PRELOAD_MAX * I6300ESB_PRESCALER / I6300ESB_PCI_KHZ)

struct i6300esb_state {
	uint32_t phase;   /* enum i6300esb_phase */
	uint32_t preload; /* ticks of a stage; 0: never started */
};

/* --- Hardware --- */

/* Every write is announced by two others [§16.2]. */
static void i6300esb_unlock(struct shim_device *device)
{
	struct shim_mmio mmio = shim_mmio(device, 0);

	shim_mmio_write16(mmio, I6300ESB_RELOAD, I6300ESB_RELOAD_UNLOCK1);
	shim_mmio_write16(mmio, I6300ESB_RELOAD, I6300ESB_RELOAD_UNLOCK2);
}

static void i6300esb_preload(struct shim_device *device, uint32_t offset, uint32_t ticks)
{
	i6300esb_unlock(device);
	shim_mmio_write32(shim_mmio(device, 0), offset, ticks);
}

static void i6300esb_reload(struct shim_device *device, uint16_t bits)
{
	i6300esb_unlock(device);
	shim_mmio_write16(shim_mmio(device, 0), I6300ESB_RELOAD, bits);
}

static enum error i6300esb_lock_read(struct shim_device *device, uint32_t *lock)
{
	return shim_config_read(device, SHIM_CONFIG_SELF, I6300ESB_LOCK, 1, lock);
}

static enum error i6300esb_enable(struct shim_device *device, bool enable)
{
	uint32_t lock;
	enum error error = i6300esb_lock_read(device, &lock);

	if (error != OK || !!(lock & I6300ESB_LOCK_ENABLE) == enable)
		return error;
	if (lock & I6300ESB_LOCK_LOCKED)
		return ERR_DENIED;
	return shim_config_write(device, SHIM_CONFIG_SELF, I6300ESB_LOCK, 1,
				 enable ? I6300ESB_LOCK_ENABLE : 0);
}

/* --- Class watchdog --- */

/* Both stages, rounded up, so that it never resets the machine early. */
static enum error i6300esb_start(struct shim_device *device, unsigned unit, uint64_t timeout_ms,
				 uint32_t *granted_ms)
{
	struct i6300esb_state *state = shim_state(device);
	const uint64_t stages = (uint64_t)I6300ESB_STAGES * I6300ESB_PRESCALER;
	enum error error;

	(void)unit;
	if (timeout_ms == 0 || timeout_ms > I6300ESB_MS_MAX)
		return ERR_RANGE;
	state->preload = (uint32_t)((timeout_ms * I6300ESB_PCI_KHZ + stages - 1) / stages);
	i6300esb_preload(device, I6300ESB_PRELOAD1, state->preload);
	i6300esb_preload(device, I6300ESB_PRELOAD2, state->preload);
	i6300esb_reload(device, I6300ESB_RELOAD_NOW);
	error = shim_config_write(device, SHIM_CONFIG_SELF, I6300ESB_CONFIG, 2,
				  I6300ESB_CONFIG_QUIET);
	if (error == OK)
		error = i6300esb_enable(device, true);
	if (error == OK)
		*granted_ms = (uint32_t)(state->preload * stages / I6300ESB_PCI_KHZ);
	return error;
}

static void i6300esb_pet(struct shim_device *device, unsigned unit)
{
	(void)unit;
	i6300esb_reload(device, I6300ESB_RELOAD_NOW);
}

static enum error i6300esb_stop(struct shim_device *device, unsigned unit)
{
	(void)unit;
	return i6300esb_enable(device, false);
}

static bool i6300esb_running(struct shim_device *device, unsigned unit)
{
	uint32_t lock;

	(void)unit;
	return i6300esb_lock_read(device, &lock) == OK && lock & I6300ESB_LOCK_ENABLE;
}

static const struct shim_watchdog_ops i6300esb_ops = {
	.start = i6300esb_start,
	.pet = i6300esb_pet,
	.stop = i6300esb_stop,
	.running = i6300esb_running,
};

/* --- Coming and going --- */

static void i6300esb_tell_timeout(struct shim_device *device)
{
	if (!(shim_mmio_read16(shim_mmio(device, 0), I6300ESB_RELOAD) & I6300ESB_RELOAD_TIMEOUT))
		return;
	shim_log(device, LOG_WARNING, "this watchdog has reset the machine: nobody petted it");
	i6300esb_reload(device, I6300ESB_RELOAD_TIMEOUT);
}

static enum error i6300esb_probe(struct shim_device *device)
{
	static const struct unit_info unit = { .class_id = CLASS_WATCHDOG,
					       .depth = 1,
					       .model = "Intel 6300ESB watchdog" };
	struct i6300esb_state *state = shim_state(device);
	enum error error = shim_window_map(device, 0);

	if (error != OK)
		return error;
	if (shim_mmio(device, 0).size_bytes < I6300ESB_WINDOW)
		return ERR_INVALID;
	memset(state, 0, sizeof(*state));
	i6300esb_tell_timeout(device);
	error = shim_watchdog_unit_add(device, &unit);
	if (error == OK)
		state->phase = I6300ESB_LIVE;
	return error;
}

static void i6300esb_quiesce(struct shim_device *device)
{
	struct i6300esb_state *state = shim_state(device);

	state->phase = I6300ESB_STOPPED;
	shim_quiesce_done(device, OK);
}

static bool i6300esb_check(const struct shim_device *device)
{
	const struct i6300esb_state *state = shim_state(device);

	return state->phase == I6300ESB_LIVE && state->preload <= I6300ESB_PRELOAD_MAX;
}

SHIM_DRIVER(i6300esb) = {
	.shim_version = SHIM_VERSION,
	.state_version = 1,
	.name = "i6300esb",
	.class_id = CLASS_WATCHDOG,
	.state_base_bytes = sizeof(struct i6300esb_state),
	.match = { SHIM_PCI_ID(0x8086, 0x25ab) },
	.probe = i6300esb_probe,
	.quiesce = i6300esb_quiesce,
	.check = i6300esb_check,
	.ops.watchdog = &i6300esb_ops,
};
