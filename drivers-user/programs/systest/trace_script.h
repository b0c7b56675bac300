/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What `systest scratch trace` asks of disk0, one request after the other; tests/trace/host.c asks
 * the same of the simulated disk. X(operation, first block, blocks, flags).
 */
#ifndef SYSTEST_TRACE_SCRIPT_H
#define SYSTEST_TRACE_SCRIPT_H

#define TRACE_SCRIPT(X)                 \
	X(BLOCK_READ, 0, 1, 0)          \
	X(BLOCK_READ, 0x123456, 8, 0)   \
	X(BLOCK_WRITE, 64, 1, 0)        \
	X(BLOCK_WRITE, 100, 16, 0)      \
	X(BLOCK_READ, 100, 16, 0)       \
	X(BLOCK_FLUSH, 0, 0, 0)         \
	X(BLOCK_WRITE, 7, 2, BLOCK_FUA) \
	X(BLOCK_READ, 64, 1, 0)

#define TRACE_DISK_BYTES (UINT64_C(1) << 30)
#define TRACE_POOL_BYTES 16384u

#endif
