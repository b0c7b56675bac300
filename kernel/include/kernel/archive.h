/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The initial archive is read with lib/archive.h, as in ring 3; boot_info.archive says where it is.
 */
#ifndef KERNEL_ARCHIVE_H
#define KERNEL_ARCHIVE_H
#include <lib/archive.h>
#endif
