# `make` lists the targets. Everything a newcomer needs is here; scripts/ and bench/ do the work.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Debian keeps nginx and haproxy in /usr/sbin, and rustup puts cargo in ~/.cargo/bin: a plain
# user's PATH may lack either.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/local/sbin:/usr/sbin:/sbin

# The system's Python has the modules that scripts/setup installs; another one may not.
PYTHON ?= $(if $(wildcard /usr/bin/python3),/usr/bin/python3,python3)

BENCH_ARGS ?=
DEMO_ARGS ?=
TRACES ?=
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= $(sort $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))

.PHONY: help setup build test check check-rust check-scripts demo profile bench bench-cache bench-engine bench-features fuzz interop properties rehearse rehearse-failures rehearse-cache rehearse-nights simulate conformance clean bench-decisions measure-limits rehearse-brown-out bench-overload bench-generators bench-shop accuracy report-page shop-browser

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install the packages the tests need, where they are missing
	@scripts/setup

build: ## Build target/release/tenfold
	cargo build --release --locked

# Property tests draw the same cases each time here, so that a failure belongs to the change that is tested;
# `make properties` draws new ones.
test: export PROPTEST_RNG_SEED ?= 1
test: ## Run every test (documentation examples first)
	@scripts/setup
	@if cargo nextest --version >/dev/null 2>&1; then \
	    set -x; \
	    cargo test --doc --workspace --locked; \
	    cargo nextest run --workspace --locked --no-fail-fast; \
	else \
	    set -x; \
	    cargo test --workspace --locked --no-fail-fast; \
	fi

shop-browser: ## Buy something in the reference shop with Chromium, as a customer would
	@scripts/setup --browser
	cargo test -p tenfold-shop --test browser --locked -- --ignored

properties: ## Run the unit and property tests with new random cases, over and over for FUZZ_SECONDS
	@end=$$((SECONDS + $(FUZZ_SECONDS))); \
	while ((SECONDS < end)); do \
	    export PROPTEST_RNG_SEED=$$RANDOM$$RANDOM PROPTEST_CASES=2000; \
	    echo "PROPTEST_RNG_SEED=$$PROPTEST_RNG_SEED PROPTEST_CASES=$$PROPTEST_CASES"; \
	    cargo nextest run --workspace --locked --lib --bins --test stale_fill --test redis_model --status-level fail; \
	done

check: check-rust check-scripts ## Check formatting, lints, documentation and layering

check-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
	cargo test -p tenfold --test layering --locked
	@# The fuzz targets have a lock file of their own, which nothing else would notice to be out of date.
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null

# Python files go by their name or by their first line; they are compiled in memory only.
check-scripts:
	@$(PYTHON) -W error -c 'import pathlib, sys; \
	    files = sorted(f for d in ("bench", "scripts") for f in pathlib.Path(d).rglob("*") \
	        if f.is_file() and (f.suffix == ".py" \
	            or (not f.suffix and b"python" in f.read_bytes().split(b"\n", 1)[0]))); \
	    [compile(f.read_bytes(), str(f), "exec") for f in files]; \
	    print("python: compiled " + ", ".join(map(str, files)))'
	@if command -v shellcheck >/dev/null; then \
	    files=$$(grep -rlIE '^#!.*[/ ](ba)?sh( |$$)' .ci bench scripts || true); \
	    shellcheck $$files && echo "shellcheck: passed" $$files; \
	else \
	    echo "shellcheck: not installed, skipped"; \
	fi

demo: ## Rehearse the Black Friday of a shop without and with Tenfold (DEMO_ARGS=--quick in 90 seconds)
	@scripts/setup
	cargo build --release --locked -p tenfold -p tenfold-shop
	target/release/tenfold demo $(DEMO_ARGS)

rehearse-nights: ## Ten bad nights with kills at random: books balanced, no idempotent request fails
	@scripts/setup
	cargo build --release --locked -p tenfold -p tenfold-shop
	target/release/tenfold demo --nights 10 $(DEMO_ARGS)

profile: ## Show where its CPU time goes (needs perf)
	@scripts/setup --bench
	cargo build --release --locked -p tenfold -p tenfold-testkit
	$(PYTHON) bench/profiling.py $(BENCH_ARGS)

bench: ## Measure it next to nginx and HAProxy (BENCH_ARGS=... goes to bench/run.py)
	@scripts/setup --bench
	cargo build --release --locked -p tenfold -p tenfold-testkit
	$(PYTHON) bench/run.py $(BENCH_ARGS)
	$(PYTHON) bench/generators.py

bench-cache: ## Measure its cache next to nginx, HAProxy and Varnish, and the memory per object
	@scripts/setup --bench
	cargo build --release --locked -p tenfold -p tenfold-testkit
	$(PYTHON) bench/run.py --cache $(BENCH_ARGS)
	$(PYTHON) bench/objects.py

bench-features: ## Measure what each feature costs, and renew docs/performance.md
	@scripts/setup --bench
	cargo build --release --locked -p tenfold -p tenfold-testkit
	$(PYTHON) bench/features.py --write $(BENCH_ARGS)

bench-decisions: ## Measure what one decision costs, beside governor and tower
	cargo run --release --locked -p tenfold-traffic --example decisions

measure-limits: ## Measure what a million clients of a shared limit take of Redis
	@scripts/setup
	@scripts/measure-limits

bench-overload: ## Offer 1, 2, 5 and 10 times what an origin can do; nginx and HAProxy beside it; renew docs/overload.md
	@scripts/setup --bench
	cargo build --release --locked -p tenfold -p tenfold-testkit
	$(PYTHON) bench/overload.py --write $(BENCH_ARGS)

bench-generators: ## Requests per CPU second of load generators: ours, wrk, h2load, hey, oha; renew docs/load.md
	@scripts/setup --bench
	cargo build --release --locked -p tenfold -p tenfold-testkit
	$(PYTHON) bench/generators.py --write $(BENCH_ARGS)

bench-shop: ## What each usual mistake of a shop costs, in CPU time per page; renew docs/shop.md
	@scripts/setup
	cargo build --release --locked -p tenfold -p tenfold-shop
	$(PYTHON) bench/shop.py --write $(BENCH_ARGS)

report-page: ## Open the pages of load tests and plans in headless Chromium: no console message, no request
	@scripts/setup --browser
	cargo build --release --locked -p tenfold
	@scripts/check-report-page

accuracy: ## Measure servers whose delay and whose stop are known: whether the generator's numbers are true (4 minutes)
	cargo run --release --locked -p tenfold-load --example accuracy

bench-engine: ## Hit rates and times of the memory engine (TRACES=directory adds recorded traces)
	cargo run --release --locked -p tenfold-cache --example engine -- $(TRACES)

# On the stable toolchain: coverage guidance needs no nightly, only the sanitizers do.
fuzz: ## Fuzz each parser for FUZZ_SECONDS (600) seconds (FUZZ_TARGETS=... picks some)
	@scripts/setup --fuzz
	@[ -n "$(strip $(FUZZ_TARGETS))" ] || { echo "no fuzz targets in fuzz/fuzz_targets" >&2; exit 1; }
	cargo fetch --locked --manifest-path fuzz/Cargo.toml
	@for target in $(FUZZ_TARGETS); do \
	    echo "==> fuzz $$target for $(FUZZ_SECONDS) s"; \
	    mkdir -p "fuzz/corpus/$$target"; \
	    env -u RUSTC_BOOTSTRAP cargo fuzz run "$$target" -s none \
	        "fuzz/corpus/$$target" "fuzz/seeds/$$target" -- \
	        -dict="fuzz/dictionaries/$$target.dict" -max_total_time=$(FUZZ_SECONDS); \
	done

interop: ## Try it with curl, nginx, HAProxy, Node.js, Python and a browser
	@scripts/setup --browser
	cargo build --release --locked
	@scripts/interop --strict

rehearse: ## Change everything under load, and count what fails; nginx and HAProxy beside it
	@scripts/setup --bench
	cargo build --release --locked -p tenfold -p tenfold-testkit
	@scripts/rehearse-changes

simulate: ## Compare the balancing algorithms in simulated time, and renew docs/balancing.md
	cargo run --release --locked -p tenfold-traffic --example simulate -- --write

rehearse-failures: ## Kill, freeze, break and slow down a server under load; nginx and HAProxy beside it
	@scripts/setup --bench
	cargo build --release --locked -p tenfold
	@scripts/rehearse-failures

rehearse-brown-out: ## All servers fail for a minute under load: retries stay within their budget
	@scripts/setup
	cargo build --release --locked -p tenfold
	@scripts/rehearse-brown-out

rehearse-cache: ## Stop, slow down and freeze the cache's Redis under load; kill a gateway with a disk
	@scripts/setup
	cargo build --release --locked -p tenfold
	@scripts/rehearse-cache

conformance: ## Run the public suite for HTTP caches against the gateway (needs Node)
	@scripts/setup --conformance
	cargo build --release --locked -p tenfold
	@scripts/conformance

clean: ## Remove what was built
	cargo clean
	rm -rf fuzz/target
