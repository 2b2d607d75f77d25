# Postern's build. Names decide: a .cc file without an underscore in a program folder is a program, one with an
# underscore is a module of that folder, everything below lib/ is shared, tests/ mirrors the folders.
#
#   make            build/FOLDER/NAME for every program      make check    install test tools, build, run every test
#   make run        a complete private instance, with a message sent through it
#   make install    PREFIX=/usr/local DESTDIR=               make SAN=1    the same with ASan and UBSan, in build/san
#   make fuzz       every fuzz target for FUZZ_SECONDS each  make fmt      clang-format     make clean
#   make proof      the long proofs of tests/README.md; each by itself: make proof-power ...

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DEFAULT_GOAL := all

PREFIX ?= /usr/local
BUILD := build$(if $(SAN),/san)
CXX := g++
FUZZ_CXX := clang++
FUZZ_SECONDS ?= 60

folders := smtpd inject queue send local remote pop3d imapd dnsq auth tools
floors := core os mail net
proofs := crash fault breach power attackers scheduling kills

warnings := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wcast-qual -Wformat=2 -Wnull-dereference \
  -Wvla -Wdate-time -Werror
gcc_warnings := -Wduplicated-cond -Wlogical-op -Wuseless-cast
language := -std=c++20 -fno-exceptions -fno-rtti -I. -MMD -MP
hardening := -fPIE -ffunction-sections -fdata-sections -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -ftrivial-auto-var-init=zero \
  -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fzero-call-used-regs=used-gpr
link_hardening := -Wl,--gc-sections,--fatal-warnings,-z,relro,-z,now,-z,noexecstack,-z,separate-code
ifdef SAN
# Under the sanitizers g++ 12 sees uninitialized optionals where there are none.
CXXFLAGS := $(language) $(warnings) $(gcc_warnings) -Wno-null-dereference -Wno-maybe-uninitialized -O1 -g -fno-omit-frame-pointer \
  -fsanitize=address,undefined -fno-sanitize-recover=all -DPOSTERN_SANITIZE -D_GLIBCXX_ASSERTIONS
LDFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
static :=
shared :=
else
CXXFLAGS := $(language) $(warnings) $(gcc_warnings) $(hardening) -O2 -g1
LDFLAGS := $(link_hardening)
static := -static-pie
shared := -pie
endif
# Catch2's header throws and is not ours to warn about.
TEST_CXXFLAGS := $(filter-out -fno-exceptions -fno-rtti $(warnings) $(gcc_warnings) -O2,$(CXXFLAGS)) -O0 -Wall -Wextra -Werror

programs := $(foreach folder,$(folders),$(foreach file,$(wildcard $(folder)/*.cc),$(if $(findstring _,$(notdir $(file))),,$(file:.cc=))))
binaries := $(programs:%=$(BUILD)/%)
scripts := $(BUILD)/tools/status $(BUILD)/tools/cert
lib_sources := $(filter-out lib/os/main.cc,$(foreach floor,$(floors),$(wildcard lib/$(floor)/*.cc)))
lib_archive := $(BUILD)/lib/postern.a
modules_of = $(foreach file,$(wildcard $(1)/*.cc),$(if $(findstring _,$(notdir $(file))),$(BUILD)/$(file:.cc=.o)))
module_objects := $(foreach folder,$(folders),$(call modules_of,$(folder)))
module_archive = $(BUILD)/$(patsubst %/,%,$(dir $(1)))/modules.a
unit_sources := $(wildcard tests/*_test.cc tests/*/*_test.cc tests/*/*/*_test.cc)
fuzz_sources := $(wildcard tests/*/*_fuzz.cc tests/*/*/*_fuzz.cc)
fuzz_targets := $(fuzz_sources:%.cc=build/fuzz/%)

# Libraries that a program links besides ours: libs_NAME, in the folder's rules.mk; is_shared_NAME when they come shared.
-include $(wildcard $(folders:%=%/rules.mk))

.PHONY: all check run install fmt clean fuzz units test-tools proof $(proofs:%=proof-%)
.SECONDARY:

all: $(binaries) $(scripts)

$(scripts): $(BUILD)/%: %
	@mkdir -p $(@D)
	@install -m 0755 $< $@

define program_rule
$(BUILD)/$(1): $(BUILD)/$(1).o $(BUILD)/$(1).main.o $(call module_archive,$(1)) $(lib_archive)
	@echo "  LINK $$@"
	@$$(CXX) $(if $(is_shared_$(notdir $(1))),$$(shared),$$(static)) $$(LDFLAGS) -o $$@ $$^ $(libs_$(notdir $(1)))
$(BUILD)/$(1).main.o: lib/os/main.cc
	@mkdir -p $$(@D)
	@echo "  CXX $$< for $(notdir $(1))"
	@$$(CXX) $$(CXXFLAGS) -DPOSTERN_PROGRAM='"$(notdir $(1))"' -c -o $$@ $$<
endef
$(foreach program,$(programs),$(eval $(call program_rule,$(program))))

# A program takes from its folder's modules what it calls, and needs no library for the others.
define modules_rule
$(BUILD)/$(1)/modules.a: $(call modules_of,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar crs $$@ $$^
endef
$(foreach folder,$(folders),$(eval $(call modules_rule,$(folder))))

$(lib_archive): $(lib_sources:%.cc=$(BUILD)/%.o)
	@rm -f $@
	@ar crs $@ $^

# Catch2's header costs more to compile than a test does.
$(BUILD)/tests/catch.h.gch: tests/catch.h
	@mkdir -p $(@D)
	@echo "  CXX $<"
	@$(CXX) $(TEST_CXXFLAGS) -x c++-header -o $@ $<

$(BUILD)/tests/%_test.o: tests/%_test.cc $(BUILD)/tests/catch.h.gch
	@mkdir -p $(@D)
	@echo "  CXX $<"
	@$(CXX) $(TEST_CXXFLAGS) -include $(BUILD)/tests/catch.h -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.cc
	@mkdir -p $(@D)
	@echo "  CXX $<"
	@$(CXX) $(TEST_CXXFLAGS) -c -o $@ $<

$(BUILD)/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  CXX $<"
	@$(CXX) $(CXXFLAGS) -c -o $@ $<

test_libs := -lcdb -lcrypt -lidn2 -lunistring -lunbound -lresolv -lssl -lcrypto

units: $(BUILD)/tests/units
$(BUILD)/tests/units: $(unit_sources:%.cc=$(BUILD)/%.o) $(BUILD)/tests/unit_main.o $(module_objects) $(lib_archive)
	@echo "  LINK $@"
	@$(CXX) $(if $(SAN),$(LDFLAGS)) -o $@ $^ $(test_libs)

# For tests/breach: every program again, with an attacker in it that goes on where confine() has done its work.
breach_objects := $(BUILD)/tests/breach/attacker.o $(BUILD)/tests/breach/attempts.o
breach_binaries := $(programs:%=$(BUILD)/tests/breach/%)
$(breach_objects): $(BUILD)/tests/breach/%.o: tests/breach/%.cc
	@mkdir -p $(@D)
	@echo "  CXX $<"
	@$(CXX) $(filter-out $(warnings) $(gcc_warnings),$(CXXFLAGS)) -Wall -Wextra -Werror -c -o $@ $<
define breach_rule
$(BUILD)/tests/breach/$(1): $(BUILD)/$(1).o $(BUILD)/tests/breach/$(1).main.o $(breach_objects) $(call module_archive,$(1)) $(lib_archive)
	@mkdir -p $$(@D)
	@echo "  LINK $$@"
	@$$(CXX) $(if $(is_shared_$(notdir $(1))),$$(shared),$$(static)) $$(LDFLAGS) -o $$@ $$^ $(libs_$(notdir $(1)))
$(BUILD)/tests/breach/$(1).main.o: lib/os/main.cc
	@mkdir -p $$(@D)
	@echo "  CXX $$< for $(notdir $(1)), taken over"
	@$$(CXX) $$(CXXFLAGS) -DPOSTERN_BREACH -DPOSTERN_PROGRAM='"$(notdir $(1))"' -c -o $$@ $$<
endef
$(foreach program,$(programs),$(eval $(call breach_rule,$(program))))

# Fuzz targets are clang's: one binary for each tests/**/X_fuzz.cc, with the lib and the modules built again for it.
fuzz_flags := $(language) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -D_GLIBCXX_ASSERTIONS -DPOSTERN_SANITIZE
build/fuzz/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  FUZZ $<"
	@$(FUZZ_CXX) $(fuzz_flags) -c -o $@ $<
build/fuzz/all.a: $(lib_sources:%.cc=build/fuzz/%.o) $(patsubst $(BUILD)/%,build/fuzz/%,$(module_objects))
	@rm -f $@
	@ar crs $@ $^
build/fuzz/tests/%_fuzz: build/fuzz/tests/%_fuzz.o build/fuzz/tests/fuzz_name.o build/fuzz/all.a
	@echo "  LINK $@"
	@$(FUZZ_CXX) -fsanitize=fuzzer,address,undefined -o $@ $^ $(test_libs)

fuzz: $(fuzz_targets)
	tests/run-fuzz $(FUZZ_SECONDS)

# Lets a system call of a program fail, or kills it there (tests/crash, tests/fault).
$(BUILD)/tests/points/points: $(BUILD)/tests/points/points.o
	@echo "  LINK $@"
	@$(CXX) $(if $(SAN),$(LDFLAGS)) -o $@ $^

# queue-send's scheduler against a virtual clock and hosts that are made up (tests/scheduling).
simulation := $(BUILD)/tests/scheduling/simulation
$(simulation).o: tests/scheduling/simulation.cc
	@mkdir -p $(@D)
	@echo "  CXX $<"
	@$(CXX) $(TEST_CXXFLAGS) -O2 -c -o $@ $<
$(simulation): $(simulation).o $(BUILD)/send/modules.a $(lib_archive)
	@echo "  LINK $@"
	@$(CXX) $(if $(SAN),$(LDFLAGS)) -o $@ $^

test-tools: $(simulation) $(fuzz_targets) $(BUILD)/tests/units $(BUILD)/tests/points/points $(breach_binaries)

# Both install what they need first, so that a bare Debian 12 with make is enough.
run:
	tools/setup run
	$(MAKE) -j"$$(nproc)" all
	BUILD="$(BUILD)" tools/demo

check:
	tools/setup check
	$(MAKE) -j"$$(nproc)" all test-tools
	BUILD="$(BUILD)" tests/run

# Each is tests/NAME/NAME_check.py, of which make check runs the short version.
proof: $(proofs:%=proof-%)
$(proofs:%=proof-%): proof-%:
	tools/setup check
	$(MAKE) -j"$$(nproc)" all $(BUILD)/tests/points/points $(simulation) $(breach_binaries)
	for check in tests/$*/*_check.py; do BUILD="$(BUILD)" PYTHONDONTWRITEBYTECODE=1 "$$check" long || exit; done

install: all
	tools/install-files "$(BUILD)" "$(DESTDIR)" "$(PREFIX)"

fmt:
	clang-format -i --style=file:.ci/clang-format $$(git ls-files '*.cc' '*.h')

clean:
	rm -rf build

-include $(shell find $(BUILD) build/fuzz -name '*.d' -type f 2>/dev/null)
