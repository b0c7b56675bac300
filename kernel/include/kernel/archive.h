/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The initial archive, as the kernel reads it to start the first program.
 */
#ifndef KERNEL_ARCHIVE_H
#define KERNEL_ARCHIVE_H
#include <lib/archive.h>
#endif
