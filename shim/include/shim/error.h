/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The errors a driver meets: enum error, OK is 0, error_text() for people. From abi/error.h's one
 * table.
 */
#ifndef SHIM_ERROR_H
#define SHIM_ERROR_H
#include <abi/error.h>
#endif
