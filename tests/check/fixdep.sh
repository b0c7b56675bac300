#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# fixdep.sh FILE.d BUILD: in what the compiler says an object depends on, replace autoconf.h, which
# changes with every symbol, by the stubs (include/config/a/b.h) of the symbols that are named.
d=$1 build=$2
grep -q 'generated/autoconf\.h' "$d" || exit 0
files=$(sed -e '/^[^ ].*:$/d' -e 's/^[^:]*://' -e 's/\\$//' "$d" | tr ' ' '\n' |
	grep -v -e '^$' -e '^/usr/' -e 'generated/autoconf\.h')
symbols=$(grep -ohE 'CONFIG_[A-Z0-9_]+' $files | sed -e 's/^CONFIG_//' -e 's/_MODULE$//' | sort -u |
	tr 'A-Z_' 'a-z/')
{
	sed -e 's|[^ ]*generated/autoconf\.h:*||' "$d"
	object=${d%.d}.o
	for symbol in $symbols; do
		echo "$object: \$(wildcard $build/include/config/$symbol.h)"
	done
} >"$d.tmp" && mv "$d.tmp" "$d"
