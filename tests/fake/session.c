/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What both classes need beside their sessions: the units that a driver announces.
 */
#include "fake.h"

enum error fake_unit_add(struct fake *fake, const struct unit_info *unit, uint8_t class_id)
{
	enum error error = fake_failure(fake, FAKE_UNIT_ADD);

	if (error != OK)
		return error;
	if (unit->unit >= FAKE_UNITS_MAX || unit->class_id != class_id)
		return ERR_INVALID;
	fake->unit[unit->unit].present = true;
	fake->unit[unit->unit].info = *unit;
	return OK;
}
