/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every error of Eft, from one table: name, number, sentence. Used by the kernel, the shim, drivers
 * and ring-3 programs alike. OK is 0. Numbers are part of the system-call interface: never reuse
 * one.
 */
#ifndef ABI_ERROR_H
#define ABI_ERROR_H

#define ABI_ERROR_TABLE(X)                                             \
	X(OK, 0, "success")                                            \
	X(ERR_INVALID, 1, "an argument has no meaning here")           \
	X(ERR_RANGE, 2, "outside of the resource")                     \
	X(ERR_DENIED, 3, "not allowed")                                \
	X(ERR_NOT_FOUND, 4, "there is no such thing")                  \
	X(ERR_EXISTS, 5, "it exists already")                          \
	X(ERR_BUSY, 6, "in use by somebody else")                      \
	X(ERR_NO_MEMORY, 7, "the machine has no memory left")          \
	X(ERR_BUDGET, 8, "the process has used up its budget")         \
	X(ERR_TIMEOUT, 9, "the time is over")                          \
	X(ERR_IO, 10, "the device reported an error")                  \
	X(ERR_PROTOCOL, 11, "the other side broke the protocol")       \
	X(ERR_UNSUPPORTED, 12, "the device or system cannot do this")  \
	X(ERR_GONE, 13, "the device or peer is gone")                  \
	X(ERR_AGAIN, 14, "nothing there now")                          \
	X(ERR_HANDLE, 15, "no such handle, or it was revoked")         \
	X(ERR_FAULT, 16, "the memory is not mapped, or not so")        \
	X(ERR_MEDIA, 17, "the medium cannot be read or written there") \
	X(ERR_READ_ONLY, 18, "the medium is write-protected")          \
	X(ERR_CORRUPT, 19, "the data is malformed")                    \
	X(ERR_CANCELLED, 20, "taken back before it was done")          \
	X(ERR_SYSCALL, 21, "no such system call")                      \
	X(ERR_TYPE, 22, "the handle names another kind of object")

enum error {
#define ABI_ERROR_ENUM(name, number, sentence) name = number,
	ABI_ERROR_TABLE(ABI_ERROR_ENUM)
#undef ABI_ERROR_ENUM
};

#ifndef MUST_CHECK
#define MUST_CHECK __attribute__((warn_unused_result))
#endif

/** The sentence that belongs to an error; never NULL, also for a number outside of the table. */
static inline const char *error_text(enum error error)
{
	switch (error) {
#define ABI_ERROR_TEXT(name, number, sentence) \
	case name:                             \
		return sentence;
		ABI_ERROR_TABLE(ABI_ERROR_TEXT)
#undef ABI_ERROR_TEXT
	}
	return "an error without a name";
}

#endif
