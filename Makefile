# SPDX-License-Identifier: BSD-2-Clause
#
# Eft's front door: `make help` lists what it can do. Sources are found by where they stand, so
# that adding a file or a driver touches nothing here. Suffixes say the ring: x.k.o is compiled for
# the kernel, x.u.o for processes, a driver's x.o for both, and x.h.o for tests on the host.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.DELETE_ON_ERROR:
.SUFFIXES:
unexport CONFIG_
SHELL := /bin/sh

O ?= build
override O := $(abspath $(O))
CROSS_COMPILE ?= x86_64-linux-gnu-
DEFCONFIG := phase2_defconfig
PYTHON := /usr/bin/python3

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s [%s] %s\n'
endif

# Goals that change what the rest of the build reads. Beside other goals, each runs in its turn.
CONFIG_GOALS := menuconfig nconfig defconfig savedefconfig olddefconfig allyesconfig allmodconfig \
	allnoconfig alldefconfig randconfig listnewconfig %_defconfig
ALONE := setup toolchain clean mrproper distclean $(CONFIG_GOALS)
GOALS := $(or $(MAKECMDGOALS),all)

ifneq ($(and $(filter $(ALONE),$(GOALS)),$(word 2,$(GOALS))),)

.PHONY: $(GOALS) in-turn
$(GOALS): in-turn
	@:
in-turn:
	@$(foreach goal,$(GOALS),$(MAKE) --no-print-directory $(goal) &&) :

else

.PHONY: all
all: # the default goal; its parts are named below

# --- Configuration -------------------------------------------------------------------------------

KCONFIG_FILES := Kconfig $(wildcard */Kconfig shim/drivers/Kconfig shim/drivers/*/*/Kconfig)
KCONFIG = cd $(O) && srctree=$(CURDIR) KCONFIG_CONFIG=$(or $1,.config) \
	KCONFIG_AUTOCONFIG=include/config/auto.conf KCONFIG_TRISTATE=include/config/tristate.conf \
	KCONFIG_AUTOHEADER=include/generated/autoconf.h
CONF = $(KCONFIG) sh $(CURDIR)/.ci/conf
SURVIVED := $(PYTHON) $(CURDIR)/.ci/survived.py $(CURDIR)/Kconfig
need := @sh $(CURDIR)/.ci/need
have-kconfig = $(need) kconfig-conf $(firstword $(PYTHON))

$(O)/include/config $(O)/include/generated:
	@mkdir -p $@

.PHONY: $(CONFIG_GOALS) syncconfig
menuconfig nconfig: | $(O)/include/config
	$(need) kconfig-$(if $(filter nconfig,$@),nconf,mconf)
	@[ -e $(O)/.config ] || $(MAKE) --no-print-directory defconfig
	@$(KCONFIG) kconfig-$(if $(filter nconfig,$@),nconf,mconf) $(CURDIR)/Kconfig

defconfig: $(DEFCONFIG)

%_defconfig: | $(O)/include/config
	$(have-kconfig)
	@[ -e configs/$@ ] || { echo "configs/$@ does not exist; there are: $(notdir $(wildcard configs/*))" >&2; exit 1; }
	@$(call CONF,.config.new) --defconfig=$(CURDIR)/configs/$@ $(CURDIR)/Kconfig >/dev/null
	@$(SURVIVED) configs/$@ $(O)/.config.new
	@mv $(O)/.config.new $(O)/.config
	$(say) CONFIG - $@

olddefconfig allyesconfig allmodconfig allnoconfig alldefconfig randconfig listnewconfig: | $(O)/include/config
	$(have-kconfig)
	@$(CONF) --$@ $(CURDIR)/Kconfig

savedefconfig: | $(O)/include/config
	$(have-kconfig)
	@$(CONF) --savedefconfig=defconfig $(CURDIR)/Kconfig
	@echo "$(O)/defconfig: copy it to configs/NAME_defconfig to keep it"

$(O)/.config:
	@$(MAKE) --no-print-directory defconfig

syncconfig: $(O)/include/config/auto.conf

# Fills in what .config does not say; what it says and Kconfig refuses is an error. The stubs
# include/config/a/b.h change with their symbol only: objects depend on those that they name.
$(O)/include/config/auto.conf: $(O)/.config $(KCONFIG_FILES) | $(O)/include/config $(O)/include/generated
	$(have-kconfig)
	@cp $(O)/.config $(O)/.config.new
	@$(call CONF,.config.new) --olddefconfig $(CURDIR)/Kconfig >/dev/null
	@$(SURVIVED) $(O)/.config $(O)/.config.new
	@cmp -s $(O)/.config $(O)/.config.new && rm $(O)/.config.new || mv $(O)/.config.new $(O)/.config; rm -f $(O)/.config.new.old
	@$(CONF) --silentoldconfig $(CURDIR)/Kconfig >/dev/null
	@touch $@

# What is built needs a configuration; configuring, cleaning, asking for help and building all of them do not.
ifneq ($(filter-out $(ALONE) help doc regress,$(GOALS)),)
include $(O)/include/config/auto.conf
ifdef CONFIG_CONFIGURATION

# --- What there is to build ----------------------------------------------------------------------

include $(wildcard shim/drivers/*/*/driver.mk)
comma := ,
space := $(subst ,, )
define newline


endef
sources = $(wildcard $(foreach d,$1,$d/*.c $d/*.S))
$(foreach l,y m,$(eval drivers-$l := $(foreach d,$(drivers-$l),$(if $(call sources,shim/drivers/$d),$d))))
both := $(if $(CONFIG_MOVABLE_DRIVERS),$(sort $(drivers-y) $(drivers-m)))
kernel-drivers := $(or $(both),$(sort $(drivers-y)))
user-drivers := $(or $(both),$(sort $(drivers-m)))
drivers := $(sort $(kernel-drivers) $(user-drivers))
driver-object = $(foreach d,$1,$(O)/shim/drivers/$d/$(notdir $d).o)

trace-folder := $(if $(CONFIG_DEBUG_TRACE),shim/trace)
shared-sources := $(call sources,shim/session shim/lib $(trace-folder))
# A kernel without drivers needs neither half of the shim: drivers-kernel/none says that there are none.
backend-folders := $(if $(kernel-drivers),drivers-kernel/backend drivers-kernel/class shim/session $(trace-folder),drivers-kernel/none)
kernel-sources := $(call sources,kernel kernel/* drivers-kernel/platform $(backend-folders) shim/lib)
runtime-sources := $(call sources,drivers-user/runtime) $(shared-sources)
process-sources := $(call sources,drivers-user/backend drivers-user/class)
programs := $(patsubst %/,%,$(wildcard drivers-user/services/*/ drivers-user/programs/*/))

objects = $(foreach s,$2,$(O)/$(basename $s).$1.o)
kernel-objects := $(call objects,k,$(kernel-sources))
runtime-objects := $(call objects,u,$(runtime-sources))
process-objects := $(call objects,u,$(process-sources))
program-objects := $(call objects,u,$(call sources,$(programs)))
driver-parts := $(call objects,p,$(call sources,$(addprefix shim/drivers/,$(drivers))))

# --- Flags ---------------------------------------------------------------------------------------

ifeq ($(LLVM),1)
override CROSS_COMPILE := llvm-
CC := clang --target=x86_64-linux-gnu -fuse-ld=lld -Wno-unused-command-line-argument
LD := ld.lld
else
CC := $(CROSS_COMPILE)gcc
LD := $(CROSS_COMPILE)ld
endif
AR := $(CROSS_COMPILE)ar
OBJCOPY := $(CROSS_COMPILE)objcopy
STRIP := $(CROSS_COMPILE)strip
HOSTCC ?= gcc

common-flags := -std=gnu11 -O2 -g -Wall -Wextra -Werror -ffreestanding -mno-red-zone -mgeneral-regs-only \
	-fcf-protection=none -fno-strict-aliasing -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -momit-leaf-frame-pointer \
	-fstack-protector -mstack-protector-guard=global \
	$(if $(CONFIG_DEBUG_UNDEFINED),-fsanitize=undefined -fsanitize-undefined-trap-on-error)
driver-includes := $(if $(trace-folder),-Ishim/trace/include) -Ishim/include -Ishim/lib/include -Ikernel/include
includes := $(driver-includes) -Ishim -I$(O)/include
# What runs once, or when something is configured or goes wrong, is compiled for size.
cold-sources := $(call sources,kernel/boot kernel/acpi kernel/log) $(addprefix kernel/,device/pci.c device/registry.c \
	device/move.c device/instance.c mm/init.c mm/memory.c process/spawn.c process/thread.c syscall/process.c cpu/cpu.c \
	time/time.c) $(addprefix shim/lib/,format.c archive.c text.c match.c)
kernel-flags := $(common-flags) -fno-pic -no-pie -mcmodel=kernel -ffunction-sections -Idrivers-kernel $(includes)
user-flags := $(common-flags) -fno-pic -no-pie -Idrivers-user/runtime/include $(includes)
driver-flags := $(common-flags) -fpie -fvisibility=hidden $(driver-includes)
link-flags := -nostdlib -static -no-pie -Wl,--build-id=none,-z,noexecstack,-z,max-page-size=4096$(if $(filter 1,$(LLVM)),,$(comma)--no-warn-rwx-segments)

# Write file $1 with text $2 if that is not what it holds. What depends on $1 is rebuilt when flags,
# compiler, lists or placement change, and only then.
same = $(and $(findstring <$(strip $1)>,<$(strip $2)>),$(findstring <$(strip $2)>,<$(strip $1)>))
keep = $(if $(and $(wildcard $1),$(call same,$(file <$1),$2)),,$(file >$1,$2))
stamp := $(O)/include/stamp
$(shell mkdir -p $(stamp) $(O)/include/generated)
compiler := $(shell $(CC) --version 2>/dev/null | head -n 1)
$(call keep,$(stamp)/compiler,$(CC) $(compiler))
$(call keep,$(stamp)/k,$(CC) $(compiler) $(kernel-flags) $(cold-sources))
$(call keep,$(stamp)/u,$(CC) $(compiler) $(user-flags))
$(call keep,$(stamp)/p,$(CC) $(compiler) $(driver-flags))
$(call keep,$(stamp)/kernel-link,$(kernel-objects) $(kernel-drivers) $(link-flags))
$(call keep,$(stamp)/programs,$(programs) $(user-drivers) $(link-flags) $(runtime-objects) $(process-objects) $(program-objects))

# The kernel's built-in placement, and what it is called.
placement-line = X("$(notdir $1)"$(comma) PLACEMENT_$2$(comma) $(patsubst %/,%,$(dir $1)))
$(call keep,$(O)/include/generated/placement.h,#define PLACEMENT_TABLE(X) \
	$(foreach d,$(drivers-y),$(call placement-line,$d,KERNEL)) \
	$(foreach d,$(drivers-m),$(call placement-line,$d,USER)) \
	$(foreach d,$(drivers-),$(call placement-line,$d,OFF)))
version := $(or $(VERSION),$(shell git describe --always --dirty --tags 2>/dev/null),unknown)
define version-text
#define EFT_VERSION "$(version)"
#define EFT_CONFIGURATION $(CONFIG_CONFIGURATION)
endef
$(call keep,$(O)/include/generated/version.h,$(version-text))

# The compiler must compile and link for x86-64 with these flags, or nothing else makes sense.
$(stamp)/probe: $(stamp)/compiler
	$(need) $(LD) $(AR) $(OBJCOPY) $(STRIP)
	@sh .ci/compiler $@.tmp "$(CC)" $(kernel-flags)
	@touch $@

# --- Compile -------------------------------------------------------------------------------------

# $1 name of the rule, $2 letter on the screen, $3 flags
define compile-rules
$(O)/%.$1.o: %.c $(stamp)/$1 | $(stamp)/probe
	@mkdir -p $$(@D)
	$$(say) CC $2 $$<
	$(Q)$(CC) $3 $$(size-flags) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<
	@sh .ci/fixdep $$(@:.o=.d) $(O)
$(O)/%.$1.o: %.S $(stamp)/$1 | $(stamp)/probe
	@mkdir -p $$(@D)
	$$(say) AS $2 $$<
	$(Q)$(CC) $3 -D__ASSEMBLER__ -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<
	@sh .ci/fixdep $$(@:.o=.d) $(O)
endef
$(eval $(call compile-rules,k,K,$(kernel-flags)))
$(eval $(call compile-rules,u,U,$(user-flags)))
$(eval $(call compile-rules,p,S,$(driver-flags)))

$(call objects,k,$(cold-sources)): size-flags := -Os

all-objects := $(kernel-objects) $(runtime-objects) $(process-objects) $(program-objects) $(driver-parts)
-include $(wildcard $(all-objects:.o=.d))

# A driver: its parts joined, and nothing of it visible but its struct shim_driver.
define driver-rules
$(call driver-object,$1): $(call objects,p,$(call sources,shim/drivers/$1))
	$$(say) JOIN S shim/drivers/$1
	$(Q)$(LD) -r -o $$@ $$^
	$(Q)$(OBJCOPY) --keep-global-symbol=shim_driver_$(notdir $1) $$@
endef
$(foreach d,$(drivers),$(eval $(call driver-rules,$d)))

.PHONY: objects
objects: $(all-objects) $(call driver-object,$(drivers))

# --- Link ----------------------------------------------------------------------------------------
# Both rings link the same driver object by the same path; its hash is taken before and after each
# link (rule 1: tests/check/rule1.py).

hashes = $(if $1,sha256sum $1 >$2,: >$2)

kernel-driver-objects := $(call driver-object,$(kernel-drivers))
$(O)/kernel.elf: $(kernel-objects) $(kernel-driver-objects) kernel/kernel.ld $(stamp)/kernel-link
	$(say) LINK K $(@F)
	@$(call hashes,$(kernel-driver-objects),$(O)/kernel.before)
	$(Q)$(CC) $(link-flags) -Wl,--gc-sections,-T,kernel/kernel.ld,-Map=$(O)/kernel.map -o $@ \
		$(kernel-objects) $(kernel-driver-objects)
	@$(call hashes,$(kernel-driver-objects),$(O)/kernel.after)
	@find $(O)/drivers-kernel -name '*.o' ! -name '*.k.o' -delete
	@for d in $(kernel-drivers); do mkdir -p $(O)/drivers-kernel/$${d%/*} && \
		ln -f $(O)/shim/drivers/$$d/$${d##*/}.o $(O)/drivers-kernel/$$d.o || exit 1; done

process-libraries := $(O)/drivers-user/process.a $(O)/drivers-user/runtime.a
$(O)/drivers-user/runtime.a: $(runtime-objects)
$(O)/drivers-user/process.a: $(process-objects)
$(process-libraries): $(stamp)/programs
	@mkdir -p $(@D); rm -f $@
	$(say) AR U $(@F)
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

# $1 program below build/drivers-user, $2 its objects, $3 its number. Each program has an address of
# its own, so that a debugger can hold the symbols of all at once.
define program-rules
$(O)/drivers-user/$1: $2 $(process-libraries) drivers-user/runtime/user.ld $(stamp)/programs
	@mkdir -p $$(@D)
	$$(say) LINK U drivers-user/$1
	@$(call hashes,$2,$$@.before)
	$(Q)base=$$$$(printf 0x%x $$$$((0x400000 + $3 * 0x1000000))); \
	$(CC) $(link-flags) -Wl,--defsym=PROGRAM_BASE=$$$$base,-T,drivers-user/runtime/user.ld,-Map=$$@.map,-u,_start \
		-o $$@ $2 -Wl,--start-group $(process-libraries) -Wl,--end-group
	@$(call hashes,$2,$$@.after)
endef
program-objects-of = $(call objects,u,$(call sources,$(filter %/$(notdir $1),$(programs))))
objects-of = $(if $(filter bin/%,$1),$(program-objects-of),$(call driver-object,$1))
program-names := $(addprefix bin/,$(notdir $(programs))) $(user-drivers)
numbered :=
$(foreach p,$(program-names),$(eval $(call program-rules,$p,$(call objects-of,$p),$(words $(numbered))))$(eval numbered += $p))
program-files := $(addprefix $(O)/drivers-user/,$(program-names))

# What the device manager reads of each driver: the plain data of its struct shim_driver.
$(O)/drivers.manifest: $(call driver-object,$(drivers)) $(stamp)/programs
	@rm -f $@; : >$@; for o in $(filter %.o,$^); do \
		$(OBJCOPY) -O binary -j shim_drivers $$o $@.one && cat $@.one >>$@ || exit 1; done; rm -f $@.one

# The initial archive: programs keep their symbols for fault reports, not their debug information.
$(O)/archive.cpio: $(program-files) $(O)/drivers.manifest
	$(need) cpio
	$(say) ARCHIVE U $(@F)
	@find $(O)/drivers-user -name '*.map' | while read map; do case ' $(program-files) ' in *" $${map%.map} "*) ;; \
		*) rm -f $$map $${map%.map} $${map%.map}.before $${map%.map}.after;; esac; done
	@rm -rf $(O)/archive; mkdir -p $(O)/archive; cp $(O)/drivers.manifest $(O)/archive
	@for p in $(program-names); do case $$p in bin/*) to=$(O)/archive/$$p;; *) to=$(O)/archive/drivers/$$p;; esac; \
		mkdir -p $${to%/*} && $(STRIP) --strip-debug -o $$to $(O)/drivers-user/$$p || exit 1; done
	@cd $(O)/archive && find . -type f -printf '%P\n' | LC_ALL=C sort | cpio --quiet --reproducible -o -H newc >$@

# One image for BIOS and UEFI. Once more if it fails: xorriso 1.5.4 was seen to crash after its last byte.
mkrescue = grub-mkrescue -o $@ $(O)/iso >$@.log 2>&1
$(O)/eft.iso: $(O)/kernel.elf $(O)/archive.cpio kernel/boot/grub.cfg
	$(need) grub-mkrescue xorriso mformat /usr/lib/grub/i386-pc /usr/lib/grub/x86_64-efi
	$(say) ISO - $(@F)
	@rm -rf $(O)/iso; mkdir -p $(O)/iso/boot/grub
	@$(STRIP) --strip-debug -o $(O)/iso/boot/kernel.elf $(O)/kernel.elf
	@cp $(O)/archive.cpio $(O)/iso/boot; cp kernel/boot/grub.cfg $(O)/iso/boot/grub/grub.cfg
	$(Q)$(mkrescue) || $(mkrescue) || { cat $@.log >&2; exit 1; }

.PHONY: iso
iso: $(O)/eft.iso
all: $(if $(wildcard kernel/kernel.ld),$(O)/eft.iso,objects)

# --- Run -----------------------------------------------------------------------------------------

SMP ?= 2
MEM ?= 512M
DISK ?= $(O)/disk.img
QEMU ?= qemu-system-x86_64
CPU ?= max
qemu = $(QEMU) -machine q35 -cpu $(CPU) -smp $(SMP) -m $(MEM) -nodefaults -vga std -display none -nic user,model=e1000 -boot d \
	-drive if=none,id=cd,media=cdrom,readonly=on,file=$(O)/eft.iso -device ide-cd,drive=cd,bus=ide.2 \
	-drive if=none,id=disk,format=raw,file=$(DISK) -device ide-hd,drive=disk,bus=ide.0 \
	-smbios 'type=11,value=$(subst $(comma),$(comma)$(comma),$(CMDLINE))' -serial mon:stdio $(QEMU_EXTRA)

$(DISK):
	$(need) sgdisk mkfs.vfat
	$(say) DISK - $@
	@sh .ci/mkdisk $@

# Every program has an address of its own, so that gdb can hold the symbols of all at once.
$(O)/eft.gdb: $(O)/kernel.elf $(program-files)
	@{ echo 'set confirm off'; echo 'file $(O)/kernel.elf'; \
	for p in $(program-files); do echo "add-symbol-file $$p"; done; \
	echo 'source $(CURDIR)/.ci/gdb.py'; echo 'target remote $(O)/gdb.sock'; } >$@

.PHONY: run run-uefi debug gdb
run: $(O)/eft.iso $(DISK)
	$(need) $(QEMU)
	@echo 'Ctrl-A X leaves QEMU; Ctrl-A C is its monitor.'
	$(Q)$(qemu)

run-uefi: $(O)/eft.iso $(DISK)
	$(need) $(QEMU) /usr/share/OVMF/OVMF_CODE_4M.fd
	@echo 'Ctrl-A X leaves QEMU; Ctrl-A C is its monitor.'
	$(Q)$(qemu) -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd

debug: $(O)/eft.iso $(O)/eft.gdb $(DISK)
	$(need) $(QEMU)
	@echo 'The machine waits. In another terminal: make gdb$(if $(filter-out $(CURDIR)/build,$(O)), O=$(O)), or gdb -x $(O)/eft.gdb'
	$(Q)$(qemu) -S -chardev socket,id=gdb,path=$(O)/gdb.sock,server=on,wait=off -gdb chardev:gdb

gdb: $(O)/eft.gdb
	$(need) gdb
	@gdb -q -x $(O)/eft.gdb

# --- Look ----------------------------------------------------------------------------------------

# One line a driver: class/name, y or m, and the images that carry it.
$(call keep,$(O)/drivers.list,$(subst |,$(newline),$(subst $(space),,$(foreach d,$(drivers),\
	$d$(comma)$(if $(filter $d,$(drivers-y)),y,m)$(if $(filter $d,$(kernel-drivers)),$(comma)kernel)$(if $(filter $d,$(user-drivers)),$(comma)user)|))))

# The reports of panics and faults in a serial log, with file and line.
.PHONY: where
where:
	@$(PYTHON) .ci/where.py $(O) '$(CROSS_COMPILE)' $(LOG)

.PHONY: placement compile_commands.json
placement: $(if $(wildcard kernel/kernel.ld),$(O)/kernel.elf) $(addprefix $(O)/drivers-user/,$(user-drivers))
	@$(PYTHON) .ci/placement.py $(O) '$(CROSS_COMPILE)' $(addsuffix $(comma)off,$(drivers-))

# What each file is compiled with, for editors and analysers; what both rings compile is listed as the
# kernel's. The last | becomes ], the others commas.
commands = $(foreach s,$1,{"directory": "$(CURDIR)", "file": "$s", "command": "$(CC) $2 -c $s"}|)
user-sources := $(process-sources) $(call sources,$(programs)) $(filter-out $(shared-sources),$(runtime-sources))
driver-sources := $(call sources,$(addprefix shim/drivers/,$(drivers)))
$(O)/compile_commands.json: $(stamp)/k $(stamp)/u $(stamp)/p $(stamp)/kernel-link $(stamp)/programs
	$(file >$@,[ $(call commands,$(kernel-sources),$(kernel-flags)) $(call commands,$(user-sources),$(user-flags)) \
		$(call commands,$(driver-sources),$(driver-flags)))
	@sed -i -e 's/| *$$/\n]/' -e 's/| */,\n/g' $@
compile_commands.json: $(O)/compile_commands.json
all: $(O)/compile_commands.json

include tests/tests.mk
include tests/bench/bench.mk

endif
endif

# --- Read ----------------------------------------------------------------------------------------

.PHONY: doc
doc:
	@mkdir -p $(O)/doc
	@$(PYTHON) .ci/reference.py $(O)/doc/shim.html
	@echo '$(O)/doc/shim.html: the shim; doc/README.md: all pages'

# --- Set up, help, clean -------------------------------------------------------------------------

.PHONY: setup toolchain help
setup:
	@sh .ci/setup
	@$(if $(filter 1,$(LLVM)),sh .ci/setup clang lld llvm)

# A cross-compiler of its own, for CROSS_COMPILE=. Goes on where it was interrupted.
toolchain:
	@sh .ci/toolchain $(O)/toolchain $(JOBS)

help:
	@cat .ci/help.txt
	@printf '\nConfigurations (default: %s):\n' $(DEFCONFIG:_defconfig=)
	@printf '  %s\n' $(notdir $(wildcard configs/*))

# Every configuration, each in a build folder of its own: tests/README.md
.PHONY: regress
regress:
	$(need) $(firstword $(PYTHON))
	@$(PYTHON) tests/run/regress.py --out $(O)/regress $(if $(QUICK),--quick) $(if $(ONLY_FAILED),--only-failed) \
		$(if $(CONFIG),--configs '$(CONFIG)') $(if $(SUITE),--suite '$(SUITE)') $(if $(SEED),--seed '$(SEED)') \
		$(if $(JOBS),--jobs '$(JOBS)') $(if $(SSHLOGINS),--sshlogins '$(SSHLOGINS)') $(if $(LIST),--list)

.PHONY: clean mrproper distclean
clean:
	@if [ -d $(O) ]; then find $(O) -mindepth 1 -maxdepth 1 ! -name .config ! -name disk.img ! -name 'toolchain*' \
		-exec rm -rf {} +; fi
mrproper distclean:
	@rm -rf $(O)

endif
