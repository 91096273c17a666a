# The two commands you need: `make run` and `make test`.
#
# Everything is built in the dev profile with one set of features, so that running, testing
# and linting share what they compile. Two options look odd and serve just that: `--examples`
# (there are none) makes cargo resolve features as it does for the tests, without compiling
# the tests' own dependencies; and `--lib` keeps the documentation to one unit per crate.

SHELL := bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help run build test check prove lint fmt clippy doc bench

# `make prove AREA`: the word behind it is no target of its own.
ifeq (prove,$(firstword $(MAKECMDGOALS)))
AREA := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
ifneq (,$(AREA))
.PHONY: $(AREA)
$(eval $(AREA):;@:)
endif
endif

PROGRAM := $${CARGO_TARGET_DIR:-target}/debug/countersign
FEATURES := features=$$(.ci/toolchain features)
# The slowest tests are named at the end.
TIMED := --config "target.'cfg(all())'.runner='.ci/timed'"
READY := $(FEATURES) && .ci/toolchain announce

help:
	@echo "make run    build, then start the provider with a demo person, two demo sites and a demo API"
	@echo "            (make run ARGS='--help' passes arguments to \`countersign demo\`)"
	@echo "make test   install what the tests need when it is missing, then run those that guard"
	@echo "make check  the quick tests: no browser, no Redis, no PostgreSQL, no nginx, nothing to install"
	@echo "make prove  what proves rather than guards: chaos, models, timing, every foreign stack (make prove AREA);"
	@echo "            \`make prove fuzz\` feeds each parser of what comes from outside for a minute (FUZZ_SECONDS=600 for ten)"
	@echo "make lint   formatting, clippy and documentation, every warning an error"
	@echo "make bench  what operations cost, beside what they must cost at least (make bench ARGS=--quick);"
	@echo "            ARGS='--json FILE' writes it down, --against BINARY compares, --count counts instructions"
	@echo "make build  only build: the program is then target/debug/countersign"

build:
	@$(READY) && cargo build --locked $$features --bins --examples

run: build
	@exec $(PROGRAM) demo $(ARGS)

# Setting up comes before asking for the features: it may bring the OpenSSL headers.
test:
	@.ci/toolchain rust
	@.ci/setup
	@$(READY) && cargo test --locked $$features --workspace $(TIMED) $(ARGS) $(if $(filter --,$(ARGS)),,--) --skip prove::

# Tests that need a server or a browser carry its name in their path.
check:
	@$(READY) && cargo test --locked $$features --workspace --lib --bins --tests -- \
	  --skip browser --skip redis --skip postgres --skip nginx --skip systemd --skip foreign_library --skip prove:: $(ARGS)

prove:
	@.ci/toolchain rust
	@.ci/setup
	@.ci/prove $(AREA) $(ARGS)

lint: fmt clippy doc

fmt:
	@.ci/toolchain rust
	@cargo fmt --all --check

clippy:
	@$(FEATURES) && cargo clippy --locked $$features --workspace --all-targets -- -D warnings

doc:
	@$(FEATURES) && RUSTDOCFLAGS="-D warnings" cargo doc --locked $$features --workspace --no-deps --lib --examples

bench:
	@.ci/toolchain rust
	@.ci/setup
	@$(READY) && cargo bench --locked $$features --bench flows -- $(ARGS)
