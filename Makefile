# Two commands matter: `make run` and `make test`. `make` lists the rest.
# The first run fetches nats-server and Postgres into .tools/; see .ci/tools.py.

LISTEN ?= 127.0.0.1:8080
DATA   ?= .data/dev
ARGS   ?=
SYSTEM ?= yes

export COUNTERSIGN_TOOLS := $(CURDIR)/.tools

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Features are those of the whole workspace, so that run, test and lint share
# one build of the dependencies.
BUILD  := cargo build --workspace --bins

.DEFAULT_GOAL := help
.PHONY: help run test bound lint deny advisories doc bench soak openapi tools clean-tools

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

run: tools ## build and start everything: LISTEN=127.0.0.1:8080 DATA=.data/dev ARGS=--demo
	@$(BUILD)
	@exec $(TARGET)/debug/countersign dev --data-dir $(DATA) --listen $(LISTEN) $(ARGS)

test: tools ## every test, over real NATS and Postgres; ARGS=name runs some
	@$(BUILD)
	@cargo test --workspace $(ARGS)

bound: tools ## prove how soon a revoked session is refused; COUNTERSIGN_SOAK=1 with 50 verifiers
	@$(BUILD)
	@cargo test -q -p countersign-tests --test main -- r_11_soak --nocapture

lint: ## formatting, and clippy with warnings as errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

deny: ## licences, bans and sources of the dependencies
	@python3 .ci/tools.py cargo-deny
	.tools/cargo-deny --locked --config .ci/deny.toml check --hide-inclusion-graph bans licenses sources

advisories: ## known vulnerabilities; needs network: it clones the RustSec database
	@python3 .ci/tools.py cargo-deny
	.tools/cargo-deny --locked --config .ci/deny.toml check advisories

doc: ## API documentation, warnings as errors
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

bench: tools ## the table of figures, in the release profile; BENCH_ONLY=login,refresh BENCH_SECONDS=8
	@$(BUILD) --release
	@cargo bench -p countersign-tests --bench bench

soak: tools ## the long fault tests, in the release profile
	@$(BUILD) --release
	@COUNTERSIGN_SOAK=1 cargo test --release -p countersign-tests -- soak --nocapture --test-threads=1 $(ARGS)

openapi: ## write openapi/openapi.json anew
	@$(BUILD)
	@$(TARGET)/debug/countersign openapi > openapi/openapi.json.new
	@mv openapi/openapi.json.new openapi/openapi.json

tools: ## nats-server and Postgres in .tools/; SYSTEM=no ignores installed ones
	@python3 .ci/tools.py $(if $(filter no,$(SYSTEM)),--no-system)

clean-tools: ## forget them
	rm -rf .tools
