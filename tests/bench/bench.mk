# SPDX-License-Identifier: BSD-2-Clause
#
# What `make bench` needs beside Eft itself: the counting plugin and the ceiling image. Included by
# the Makefile, which defines O, Q, say and the tools.

bench-out := $(O)/tests/bench
ceiling-flags := -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-pic -no-pie -mno-red-zone \
	-mgeneral-regs-only -fcf-protection=none -fno-stack-protector -fno-asynchronous-unwind-tables \
	-Ikernel/include
ceiling-sources := tests/bench/ceiling/start.S tests/bench/ceiling/ceiling.c

$(bench-out)/plugin.so: tests/bench/plugin.c kernel/include/abi/marker.h tests/bench/bench.mk
	@mkdir -p $(@D)
	$(say) CC H $<
	$(Q)$(HOSTCC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden \
		-Ikernel/include -o $@ $<

$(bench-out)/ceiling.elf: $(ceiling-sources) tests/bench/ceiling/ceiling.ld kernel/include/abi/marker.h tests/bench/bench.mk
	@mkdir -p $(@D)
	$(say) LINK - $@
	$(Q)$(CROSS_COMPILE)gcc $(ceiling-flags) -nostdlib -static -Wl,-T,tests/bench/ceiling/ceiling.ld \
		-Wl,--build-id=none,-z,noexecstack,-z,max-page-size=4096,--no-warn-rwx-segments \
		-o $@ $(ceiling-sources)

$(bench-out)/ceiling.iso: $(bench-out)/ceiling.elf tests/bench/ceiling/grub.cfg
	$(say) ISO - $@
	@rm -rf $(@D)/iso; mkdir -p $(@D)/iso/boot/grub
	@cp $< $(@D)/iso/boot; cp tests/bench/ceiling/grub.cfg $(@D)/iso/boot/grub
	$(Q)grub-mkrescue -d /usr/lib/grub/i386-pc -o $@ $(@D)/iso >$@.log 2>&1 || { cat $@.log >&2; exit 1; }

.PHONY: bench-parts
bench-parts: $(bench-out)/plugin.so $(bench-out)/ceiling.iso
