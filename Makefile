SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# sqlite_fts5: full-text search in SQLite. nomsgpack: gin without a codec nobody
# asked for, a third smaller. The code is right without them, so that a bare
# "go build" works too.
export GOFLAGS := -buildvcs=false -tags=sqlite_fts5,nomsgpack

# The version stays below 3: clients take a server of version 3 for Gotify 3.
# The date is the commit's, so that one commit always builds the same program.
VERSION := $(or $(patsubst v%,%,$(shell git describe --tags --match 'v[0-2].*' 2>/dev/null)),0.1.0-dev)
COMMIT := $(or $(shell git rev-parse --verify HEAD 2>/dev/null),unknown)
DATE := $(or $(shell git show -s --format=%cI HEAD 2>/dev/null),$(shell date -u +%Y-%m-%dT%H:%M:%SZ))
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.buildDate=$(DATE)

# Kept outside the work tree, so that every clone of one user shares it.
GOLANGCI_VERSION := v2.15.0
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/carillon-tools
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

RACE := -race

.PHONY: run build test check bench ui lint compilers clients fmt clean help

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start the server (ARGS="--config FILE" are handed on)
	@exec ./carillon $(ARGS)

build: compilers ## build ./carillon
	go build -trimpath -ldflags '$(LDFLAGS)' -o carillon .

ui: ## build the web app (comes later)
	@echo "ui: the web app is not written yet; the server shows a plain page until then"

# Two packages at a time: each of them starts servers and databases of its own.
test: compilers clients ## run every test, on SQLite, Postgres and MariaDB, with the race detector
	@scripts/databases.sh run scripts/gotest.sh $(RACE) -count=1 -p 2 -timeout 20m ./...

check: compilers clients lint ## the fast loop: format, vet, lint, import rules, the quick tests on SQLite
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "run 'make fmt' for: $$unformatted"; exit 1; }
	go vet ./...
	@TEST_DIALECTS=sqlite3 scripts/gotest.sh -short -count=1 -p 4 -timeout 5m ./...
	@echo "not in the fast loop: Postgres, MariaDB, the race detector, and tests that take long; make test has them"

bench: build ## measure a server against a limit probe and print a table
	go run ./bench $(ARGS)

lint: $(GOLANGCI) ## run golangci-lint
	$(GOLANGCI) run ./...

$(GOLANGCI):
	@echo "installing golangci-lint $(GOLANGCI_VERSION) into $(TOOLS): once, some minutes"
	@mkdir -p '$(TOOLS)/install'
	@GOFLAGS= GOBIN='$(TOOLS)/install' go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv '$(TOOLS)/install/golangci-lint' '$@' && rmdir '$(TOOLS)/install'

# SQLite is C, so Go needs a C compiler.
compilers:
	@command -v go >/dev/null || { echo "'go' is missing: Carillon needs Go 1.26 or newer"; exit 1; }
	@scripts/need.sh "$$(go env CC | cut -d ' ' -f 1)" gcc libc6-dev

# Tests run the examples of ntfy's documentation with the programs they are made for.
clients:
	@scripts/need.sh curl curl
	@scripts/need.sh python3 python3

fmt: ## format the Go code
	gofmt -w .

clean: ## remove what was built (never data/)
	rm -f carillon
