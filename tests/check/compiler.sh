#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# compiler.sh TEMP CC FLAG...: can this compiler build the kernel? Says what failed and what helps.
temp=$1 cc=$2
shift 2
fail() {
	echo "$cc: $1" >&2
	sed 's/^/    /' "$temp.log" >&2
	echo "Eft needs GCC 12 for x86-64. \"make setup\" installs it; CROSS_COMPILE=PREFIX- names another." >&2
	rm -f "$temp" "$temp".*
	exit 1
}
echo 'void _start(void); void _start(void) { for (;;) __asm__ volatile("hlt"); }' >"$temp.c"
command -v "$cc" >"$temp.log" 2>&1 || fail "no such compiler"
"$cc" "$@" -c -o "$temp.o" "$temp.c" >"$temp.log" 2>&1 || fail "cannot compile for the kernel"
"$cc" -nostdlib -static -no-pie -Wl,--build-id=none,-z,noexecstack -Wl,-Ttext=0xffffffff80100000 \
	-o "$temp" "$temp.o" >"$temp.log" 2>&1 || fail "cannot link for the kernel"
rm -f "$temp" "$temp".*
