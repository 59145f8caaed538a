# `just --list` says what there is; `just ci` is what has to pass before anything lands.

default: ci

# Everything that `.ci/run` runs.
ci:
    bash .ci/run

# The tests, as the README names them.
test:
    cargo test --workspace

# Starts the examples and tries the lines that they print, or that stand at the top of their sources.
probe *names:
    cargo build --profile test --workspace --bins
    .ci/probe "${CARGO_TARGET_DIR:-target}"/debug {{names}}

# What the README tells a newcomer to do, in a fresh clone. Builds all of it anew; `.ci/run` runs the first block itself.
newcomer *words:
    .ci/newcomer {{words}}

lint:
    cargo fmt --all --check
    cargo clippy --workspace --exclude countersign-tests --all-targets --all-features -- -D warnings
    cargo clippy -p countersign-tests --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --exclude countersign-tests --no-deps --all-features

# The budgets of docs/performance.md, as ratios within one run.
bench:
    cargo bench -p countersign --bench budgets
    cargo bench -p countersign-tests --bench budgets

# The same deliveries through other public crates: docs/performance.md. About five minutes.
peers:
    cargo bench -p countersign-tests --bench peers --features peers

# Both adapters beside the same check by hand and beside none, in process and over loopback. Three minutes.
http:
    cargo bench -p countersign-tests --bench http

# How cost grows with the body, the signatures, the headers and the ids. About ten minutes.
growth:
    cargo bench -p countersign-tests --bench growth

# What the stores cost, and how that grows with clients and ids: docs/scale.md. About 10 minutes with 10 million.
scale ids="1000000":
    COUNTERSIGN_IDS={{ids}} cargo bench -p countersign-tests --bench scale

# The claim protocol over many more seeds than the tests take: about two minutes.
walk seeds="1000":
    COUNTERSIGN_WALKS={{seeds}} cargo test --release -p countersign-tests --test protocol -- --nocapture

# What threads share, in every order in which they can meet: the memory store, the receiver's limits, signals, jobs.
loom:
    RUSTFLAGS="--cfg loom" cargo test -p countersign --lib -- models

# So many deliveries, of each hundred one forged, stale, repeated, at once, hung up on and failing: docs/hardness.md.
load deliveries="1000000" on="axum::memory":
    COUNTERSIGN_DELIVERIES={{deliveries}} cargo test --release -p countersign-tests --test gate -- --ignored --exact --nocapture load::{{on}}

# Whether the time of a refusal tells how much of a signature was right: docs/hardness.md. Best on an idle machine.
dudect:
    cargo bench -p countersign --bench dudect

# Takes what decides out of the core, line by line, and asks whether a test fails. Needs cargo-mutants; an hour.
mutants:
    cargo mutants --package countersign --timeout 60 --file 'crates/countersign/src/{verifier,window,secret}.rs' --file 'crates/countersign/src/dedupe/*.rs' --test-package countersign,countersign-tests -- --lib --test verify --test protocol

# Takes each rule of the claim protocol out and updates the table of docs/protocol.md.
rules:
    python3 tests/rules/run.py

# A million rows that have run out, swept by two nodes beside claims: half a minute. Needs PostgreSQL's server.
sweep:
    cargo test -p countersign-tests --test stores -- --ignored --nocapture 1_000_000

# What must hold of any bytes, over many more cases than the tests take.
properties cases="20000":
    COUNTERSIGN_CASES={{cases}} cargo test --release -p countersign-tests --test properties -- --nocapture

# Runs a target of fuzz/ for so many seconds. Needs a nightly toolchain and cargo-fuzz.
fuzz target seconds="60":
    python3 fuzz/seed.py
    cd fuzz && cargo +nightly fuzz run {{target}} -- -max_total_time={{seconds}} -max_len=4096

# Licences, bans and sources. Needs cargo-deny.
deny:
    cargo deny check bans licenses sources
