/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The machine's first watchdog. See runtime/watchdog.h.
 */
#include <lib/string.h>
#include <runtime/devices.h>
#include <runtime/time.h>
#include <runtime/watchdog.h>

#define ANSWER_NS UINT64_C(5000000000) /* longer than a driver is away when it is moved or dies */

enum error watchdog_open(struct watchdog *watchdog)
{
	struct device_info device;
	struct unit_info unit;

	memset(watchdog, 0, sizeof(*watchdog));
	for (uint32_t id = 0; device_next(&id, &device);)
		for (uint32_t number = 0; device_unit_next(device.id, &number, &unit);) {
			if (unit.class_id != CLASS_WATCHDOG)
				continue;
			watchdog->device = device.id;
			string_copy(watchdog->model, sizeof(watchdog->model), unit.model);
			return client_open(device.id, unit.unit, 1, SESSION_PAGE, 0, 0,
					   &watchdog->client);
		}
	return ERR_NOT_FOUND;
}

void watchdog_close(struct watchdog *watchdog)
{
	client_close(&watchdog->client);
}

enum error watchdog_ask(struct watchdog *watchdog, enum watchdog_operation operation,
			uint64_t timeout_ms, uint32_t *in_force_ms)
{
	struct session_slot fill = { .operation = (uint8_t)operation, .position = timeout_ms };
	struct session_result result;
	enum error error = session_queue(&watchdog->client.side, &fill, NULL);

	if (error == OK) {
		client_kick(&watchdog->client);
		error = client_wait(&watchdog->client, now_ns() + ANSWER_NS, &result);
	}
	if (error != OK) {
		watchdog_close(watchdog); /* and with it what is not answered */
		return error;
	}
	if (result.status != ERR_GONE)
		*in_force_ms = result.count;
	return result.status;
}
