# `make` lists what can be made. Everything here is also plain cargo: see README.md.

CARGO    ?= cargo
# Cargo features, separated by commas: `make test FEATURES=bundled`.
FEATURES ?=
# Further flags for every cargo command: `make test CARGO_FLAGS=--locked`.
CARGO_FLAGS ?=
# The profile that is measured: `make bench PROFILE=dev`.
PROFILE  ?= release

features := $(if $(FEATURES),--features $(FEATURES))
flags    := $(CARGO_FLAGS) $(features)
target   := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
bundled  := $(findstring bundled,$(FEATURES))

.PHONY: help demo test bench shell extension docs cuda libduckdb tools clean

help:
	@echo 'make demo       build Segue and run sql/demo.sql on the sample in data/'
	@echo 'make test       formatting, lints, manual pages and all tests, with their times'
	@echo 'make bench      how fast everything is on this machine, in some ten minutes: sql/bench.sql'
	@echo 'make shell      build Segue and open its shell; DB=file.duckdb opens that database'
	@echo 'make extension  build the extension for DuckDB: $(target)/extension/segue.duckdb_extension'
	@echo 'make docs       write docs/functions.md from the functions themselves'
	@echo 'make libduckdb  fetch the DuckDB library once (demo, test and shell do it themselves)'
	@echo 'make cuda       build the shell with CUDA, below $(target)/cuda'
	@echo 'make clean      remove what was built and fetched'
	@echo
	@echo 'FEATURES=bundled compiles DuckDB from source in place of fetching it (about an hour).'
	@echo 'DUCKDB_LIB_DIR=folder uses the DuckDB library in that folder.'

demo: tools libduckdb
	@scripts/timed.sh build $(CARGO) build $(flags)
	@$(CARGO) run --quiet $(flags) -- -f sql/demo.sql

# One profile and one set of features throughout, so that nothing is compiled twice: tests use
# what the demo built, and rustdoc uses what clippy checked. Cargo does not know that tests load the
# extension, so it is built here; they refuse one that is older than its sources.
test: tools libduckdb
	@scripts/timed.sh 'formatting' $(CARGO) fmt --check
	@scripts/timed.sh 'lints' $(CARGO) clippy $(flags) --all-targets -- -D warnings
	@RUSTDOCFLAGS='-D warnings' scripts/timed.sh 'documentation' $(CARGO) doc $(flags) --no-deps
	@scripts/timed.sh 'building the tests' $(CARGO) test $(flags) --no-run
	@scripts/timed.sh 'building the extension' $(MAKE) --no-print-directory extension
	@SEGUE_EXTENSION='$(target)/extension/segue.duckdb_extension' scripts/timed.sh 'tests' \
	  $(CARGO) test $(flags)

# What is measured is the build that users get; PROFILE=dev takes the one that tests use.
bench: tools libduckdb
	@scripts/timed.sh build $(CARGO) build $(flags) --profile $(PROFILE)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	  printf "SET VARIABLE folder = '%s';\n.read sql/bench.sql\n" "$$folder" | \
	  $(CARGO) run --quiet $(flags) --profile $(PROFILE)

shell: tools libduckdb
	@$(CARGO) run --quiet $(flags) -- $(DB)

# Shares the target folder, hence most of what is compiled, with the shell.
extension: tools
	@scripts/build-extension.sh '$(target)' $(CARGO_FLAGS) $(if $(findstring cuda,$(FEATURES)),--features cuda)

docs: tools libduckdb
	@SEGUE_DOCS_COMPLETE=1 $(CARGO) test --quiet $(flags) --test manual -- the_page

libduckdb:
ifeq ($(bundled),)
	@scripts/fetch-libduckdb.sh .libduckdb
endif

tools:
	@scripts/check-tools.sh

cuda: tools libduckdb
	@scripts/cuda/build.sh '$(target)/cuda'

clean:
	$(CARGO) clean
	rm -rf .libduckdb
