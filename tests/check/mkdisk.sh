#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# mkdisk.sh FILE: a sparse 256 MiB disk with one GPT partition that holds an empty FAT32 file system.
set -e
PATH=$PATH:/usr/sbin:/sbin
trap 'rm -f "$1.tmp" "$1.fat"' EXIT
rm -f "$1.tmp" "$1.fat"
truncate -s 256M "$1.tmp"
sgdisk --clear --new=1:1M:+254M --typecode=1:0700 --change-name=1:eft "$1.tmp" >/dev/null
truncate -s 254M "$1.fat"
mkfs.vfat -F 32 -n EFT -h 2048 "$1.fat" >/dev/null
dd if="$1.fat" of="$1.tmp" bs=1M seek=1 conv=sparse,notrunc status=none
mv "$1.tmp" "$1"
