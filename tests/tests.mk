# SPDX-License-Identifier: BSD-2-Clause
#
# Unit tests on the host, checks, system suites, benchmarks. A unit test is one tests/unit/x_test.c
# whose head names what it links: /* sources: shim/drivers/block/ahci/ahci.c tests/fake/io.c */

unit-tests := $(wildcard tests/unit/*_test.c)
unit-programs := $(patsubst %.c,$(O)/%,$(unit-tests))
host-flags := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer $(if $(COVERAGE),--coverage) -Itests/fake/include $(includes) -Idrivers-user/runtime/include -Itests/fake
$(call keep,$(stamp)/h,$(HOSTCC) $(shell $(HOSTCC) --version 2>/dev/null | head -n 1) $(host-flags))

$(O)/%.h.o: %.c $(stamp)/h
	@mkdir -p $(@D)
	$(say) CC H $<
	$(Q)$(HOSTCC) $(host-flags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
	@sh .ci/fixdep $(@:.o=.d) $(O)

# The same with libFuzzer, where clang is installed; FUZZER tells the test that it has no main.
fuzz-tests := $(wildcard tests/unit/*_fuzz_test.c)
fuzz-programs := $(if $(shell command -v clang),$(patsubst tests/unit/%_fuzz_test.c,$(O)/tests/fuzz/%,$(fuzz-tests)))
fuzz-flags := -DFUZZER $(filter-out -fsanitize=% -Werror,$(host-flags)) -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all

$(O)/%.f.o: %.c $(stamp)/h
	@mkdir -p $(@D)
	$(say) CC F $<
	$(Q)clang $(fuzz-flags) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
	@sh .ci/fixdep $(@:.o=.d) $(O)

ifneq ($(filter check unit fuzz fuzzers $(O)/tests/unit/% $(O)/tests/fuzz/%,$(GOALS)),)
$(shell mkdir -p $(O)/tests; awk 'FNR == 1 { on = 0 } sub(/.*sources:/, "") { on = 1 } \
	on { n = 0; for (i = 1; i <= NF; i++) if ($$i ~ /\.c$$/) { n++; print "sources-" FILENAME " += " $$i } \
	if (!n || /\*\//) on = 0 }' /dev/null $(unit-tests) >$(O)/tests/unit.mk)
include $(O)/tests/unit.mk
define unit-rules
unit-objects-$1 := $(call objects,h,$1 $(sources-$1))
$(O)/$(basename $1): $$(unit-objects-$1)
	$$(say) LINK H $$(@:$(O)/%=%)
	$(Q)$(HOSTCC) $(host-flags) -o $$@ $$^ -lcmocka
-include $$(wildcard $$(unit-objects-$1:.o=.d))
endef
$(foreach t,$(unit-tests),$(eval $(call unit-rules,$t)))
define fuzz-rules
fuzz-objects-$1 := $(call objects,f,$1 $(sources-$1))
$(patsubst tests/unit/%_fuzz_test.c,$(O)/tests/fuzz/%,$1): $$(fuzz-objects-$1)
	@mkdir -p $$(@D)
	$$(say) LINK F $$(@:$(O)/%=%)
	$(Q)clang $(fuzz-flags) -o $$@ $$^ -lcmocka
-include $$(wildcard $$(fuzz-objects-$1:.o=.d))
endef
$(foreach t,$(fuzz-tests),$(eval $(call fuzz-rules,$t)))
endif

# A test that cannot be built is one that failed, not the end of all others.
unit-programs:
	$(need) $(HOSTCC) /usr/include/cmocka.h
	+@$(MAKE) --no-print-directory -k $(unit-programs) || true
fuzz-programs:
	+@[ -z '$(fuzz-programs)' ] || $(MAKE) --no-print-directory -k $(fuzz-programs) || true

# Without more: hostile processes in the guest, for SECONDS=60, with SEED. TARGET=name: a parser on the
# host, with libFuzzer and coverage; DRIVER=name: the state check of a driver. Inputs that find something
# new are kept in the build folder.
fuzz-name := $(or $(TARGET),$(DRIVER:%=%_check))
fuzz-source := $(firstword $(wildcard $(fuzz-name:%=tests/unit/%_fuzz_test.c) $(fuzz-name:%=tests/unit/%_test.c)))
.PHONY: fuzz
ifeq ($(fuzz-name),)
fuzz: all
	@SEED=$(or $(SEED),$(shell date +%s)) SECONDS=$(or $(SECONDS),60) \
		$(PYTHON) tests/run/system.py --build $(O) --suite hostile --case calls_by_chance
else
fuzz:
	@command -v clang >/dev/null || { echo 'clang is missing: sh .ci/setup clang libclang-rt-14-dev' >&2; exit 1; }
	@grep -q LLVMFuzzer tests/unit/fuzz.h $(fuzz-source) && [ -n '$(fuzz-source)' ] || { \
		echo 'fuzz: there is no target $(fuzz-name). There are: $(fuzz-tests:tests/unit/%_fuzz_test.c=%), and DRIVER=ahci' >&2; exit 1; }
	@mkdir -p $(O)/fuzz/$(fuzz-name)
	$(Q)clang $(fuzz-flags) -o $(O)/fuzz/$(fuzz-name).program $(sources-$(fuzz-source)) $(fuzz-source) -lcmocka
	$(Q)cd $(O)/fuzz && ./$(fuzz-name).program -max_len=$(if $(DRIVER),96,4096) -timeout=20 $(if $(SEED),-seed=$(SEED)) \
		-max_total_time=$(or $(SECONDS),60) $(fuzz-name)
endif

# T=text narrows check, unit, checks and system to what is named so.
check := $(PYTHON) tests/check/check.py --build $(O) --filter '$(T)'
.PHONY: check unit unit-programs fuzzers fuzz-programs checks page models system bench format
check: all $(O)/eft.gdb unit-programs fuzz-programs
	@$(check) unit fuzzers checks page models system
unit: unit-programs
	@$(check) unit
fuzzers: fuzz-programs
	@$(check) fuzzers
checks: all $(O)/eft.gdb
	@$(check) checks
page:
	@$(check) page
models:
	@$(check) models
system: all
	@$(check) system

bench:
	@$(PYTHON) tests/bench/run.py --build $(O) $(BENCH)

# Ring 0, ring 3 and the host: does the driver do the same to its device? tests/trace/README.md
.PHONY: trace-diff
trace-diff:
	@$(PYTHON) tests/trace/run.py --build $(O) --driver $(or $(DRIVER),ahci)

# Static analysis: sparse (as in checks) and cppcheck, whose false alarms stand in .ci/cppcheck.txt with the reason.
.PHONY: lint
lint: $(O)/compile_commands.json
	@$(PYTHON) tests/check/sparse.py --build $(O)
	@command -v cppcheck >/dev/null || { echo 'cppcheck is missing: run "make setup", which installs what Eft needs' >&2; exit 1; }
	$(Q)cppcheck --quiet -j2 --error-exitcode=1 --enable=warning,portability --std=c11 --platform=unix64 -D__x86_64__ \
		--suppressions-list=.ci/cppcheck.txt --template='{file}:{line}: {id}: {message}' \
		$(includes) -Idrivers-kernel -Idrivers-user/runtime/include kernel shim drivers-kernel drivers-user

# Which lines of the sources the unit tests on the host reach, as pages: its own build folder, its own flags.
.PHONY: coverage
coverage:
	@command -v gcovr >/dev/null || { echo 'gcovr is missing: run "make setup", which installs what Eft needs' >&2; exit 1; }
	@find $(O)/coverage.build -name '*.gcda' -delete 2>/dev/null || true
	@[ -e $(O)/coverage.build/.config ] || { mkdir -p $(O)/coverage.build && cp $(O)/.config $(O)/coverage.build/.config; }
	@$(MAKE) --no-print-directory O=$(O)/coverage.build COVERAGE=1 unit
	@mkdir -p $(O)/coverage
	$(Q)gcovr --root . --filter kernel/ --filter shim/ --filter drivers-kernel/ --filter drivers-user/ --gcov-ignore-parse-errors \
		--html-details $(O)/coverage/index.html --html-title 'Eft: what the unit tests reach' --print-summary $(O)/coverage.build
	@echo "$(O)/coverage/index.html"

format:
	@$(PYTHON) tests/check/format.py --fix
