#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# mkdisk.sh FILE: a sparse 256 MiB disk with one GPT partition that holds an empty FAT32 file system.
set -e
PATH=$PATH:/usr/sbin:/sbin
trap 'rm -f "$1.tmp"' EXIT
rm -f "$1.tmp"
truncate -s 256M "$1.tmp"
sgdisk --clear --new=1:2048:0 --typecode=1:ef00 --change-name=1:eft "$1.tmp" >/dev/null
mkfs.vfat -F 32 -n EFT --offset=2048 "$1.tmp" $(((256 - 2) * 1024)) >/dev/null
mv "$1.tmp" "$1"
