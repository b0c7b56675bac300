/* SPDX-License-Identifier: BSD-2-Clause
 *
 * From _start to main and from main to the end; the stack guard.
 */
#include <stdbool.h>

#include <runtime/print.h>
#include <abi/session.h>
#include <runtime/startup.h>
#include <runtime/syscall.h>

int main(int argc, char **argv);
_Noreturn void runtime_start(const struct startup *startup);
_Noreturn void __stack_chk_fail(void);

const struct startup *runtime_startup;
extern uintptr_t __stack_chk_guard; /* known to the compiler */
uintptr_t __stack_chk_guard;

static char arguments[STARTUP_ARGS_BYTES + 1];
static char *argument[RUNTIME_ARGUMENTS_MAX + 1];
static int argument_count;

handle_t runtime_handle(uint32_t role)
{
	const struct startup *startup = runtime_startup;

	for (uint32_t i = 0; i < startup->handle_count && i < STARTUP_HANDLES_MAX; i++)
		if (startup->handle[i].role == role)
			return startup->handle[i].handle;
	return HANDLE_NONE;
}

int runtime_args(char ***argv)
{
	*argv = argument;
	return argument_count;
}

_Noreturn void runtime_exit(int64_t code)
{
	for (;;)
		SYS1(SYS_PROCESS_EXIT, code);
}

/* Words are separated by zeros; the copy is writable, as C promises of argv. */
static void split_arguments(const struct startup *startup)
{
	uint32_t bytes = startup->args_bytes;
	bool inside = false;

	if (bytes > STARTUP_ARGS_BYTES)
		bytes = STARTUP_ARGS_BYTES;
	for (uint32_t i = 0; i < bytes; i++) {
		arguments[i] = startup->args[i];
		if (!inside && argument_count < RUNTIME_ARGUMENTS_MAX)
			argument[argument_count++] = &arguments[i];
		inside = arguments[i] != 0;
	}
}

/* Sets the guard, so it cannot itself be guarded. */
__attribute__((no_stack_protector)) _Noreturn void runtime_start(const struct startup *startup)
{
	runtime_startup = startup;
	/* The low byte is zero: a string copy that runs over stops at it. */
	__stack_chk_guard = (__builtin_ia32_rdtsc() * UINT64_C(0x9e3779b97f4a7c15)) << 8;
	split_arguments(startup);
	runtime_exit(main(argument_count, argument));
}

/* The trap makes the kernel report registers and backtrace, and end the process. */
_Noreturn void __stack_chk_fail(void)
{
	log_line(LOG_ERROR, "a function wrote past the end of its stack frame");
	__builtin_trap();
}

extern const volatile uint8_t __image_start[], __image_end[];

void runtime_prefault(void)
{
	for (const volatile uint8_t *page = __image_start; page < __image_end; page += SESSION_PAGE)
		(void)*page;
}
