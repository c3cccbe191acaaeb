# Run "make" to list the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 30s
SOAKTIME ?= 10s
SOAKFLAGS ?=
BENCHFLAGS ?=
TESTFLAGS ?=

# The packages whose tests ask testkit for a server of either kind.
SERVER_PACKAGES = $(shell grep -rl --include=*_test.go 'testkit\.\(Server\|Shared\|Schema\|OwnSchema\)\>' cmd pkg | xargs -n 1 dirname | sort -u | grep -v '^pkg/\(simulation\|attack\)$$' | sed 's|^|./|')
FUZZ_PACKAGES = $(shell grep -rlE --include=*_test.go '^func Fuzz' cmd pkg | xargs -n 1 dirname | sort -u | sed 's|^|./|')

.PHONY: help build demo demo-connector demo-fleet test test-simulation test-race test-race-rest test-attacks test-mysql test-log test-servers test-nats test-embedded soak bench docs packages check check-deploy release-snapshot fuzz clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build both programs, one static file each: bin/mysql-sync and bin/mysql-sync-connector
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/mysql-sync ./cmd/mysql-sync-connector

demo: ## watch it work: two databases, two nodes, a broker; leaves nothing behind
	@scripts/install-deps.sh mariadb
	@go run ./cmd/mysql-sync-demo

demo-connector: ## watch the connector work: a database, a local service, a kill -9; leaves nothing behind
	@scripts/install-deps.sh mariadb
	@go run ./cmd/mysql-sync-demo connector

demo-fleet: ## watch a head office and eight stores: they join by tokens, each gets its own rows, one is cut off; leaves nothing behind
	@scripts/install-deps.sh mariadb
	@go run ./cmd/mysql-sync-demo fleet

# Simulations need minutes, and a simulated network is one goroutine, in which the race detector has nothing to find. Attacks measure.
SIMULATION = ./pkg/simulation
TESTED_PACKAGES = $(filter-out $(SIMULATION) ./pkg/attack,$(shell go list -f '{{.Dir}}' ./... | sed 's|^$(CURDIR)|.|'))
# Most tests wait for a server or a node, so run more at a time than there are processors. With one more package too, a test of a
# transformer's 5 s failed once in a run from an empty build cache.
PARALLEL ?= 4
PACKAGES ?= $(shell nproc 2>/dev/null || echo 2)

# Nothing here needs cgo but the race detector. With one setting for all, each package is compiled once for all targets.
export CGO_ENABLED = 0
test-race test-race-rest test-mysql: export CGO_ENABLED = 1

# Without the tables that only a debugger reads, a test program takes a third less to link. Stack traces and profiles need none.
GOTEST = go test -ldflags=-w

# Tests that look at what a program takes run alone, in test-attacks; see testkit.Alone.
TOGETHER = MYSQL_SYNC_TEST_ONLY=together

# These take longest, so they start first.
LONGEST = ./pkg/node ./pkg/web ./cmd/mysql-sync-connector ./cmd/mysql-sync ./pkg/ledger ./pkg/transform ./pkg/diagnostics ./pkg/adapter ./pkg/check \
	./pkg/testkit ./pkg/schemafuzz ./cmd/mysql-sync-demo
longest_first = $(foreach p,$(LONGEST),$(filter $(p),$(1))) $(filter-out $(LONGEST),$(1))

# Servers in memory, if there is room: see the script.
test test-simulation test-race test-race-rest test-mysql test-log test-servers test-nats test-embedded: export TMPDIR := $(shell scripts/temp-folder.sh)

# The race detector makes scripts ten times slower, and finds nothing in a daemon that a test starts: .ci/run has it look at
# each package once, in test-mysql or in test-race-rest.
test: ## install what the tests need, run them on real servers: all but the simulation and the attacks
	scripts/install-deps.sh
	$(TOGETHER) $(GOTEST) -timeout 30m -p $(PACKAGES) -parallel $(PARALLEL) $(TESTFLAGS) $(call longest_first,$(TESTED_PACKAGES))

test-simulation: ## play thousands of networks, and each known mistake, in memory
	scripts/install-deps.sh
	$(GOTEST) -timeout 30m -parallel $(PARALLEL) $(TESTFLAGS) $(SIMULATION)

test-race: ## run the tests again, with the race detector
	scripts/install-deps.sh
	$(TOGETHER) $(GOTEST) -race -p $(PACKAGES) -timeout 30m -parallel $(PARALLEL) $(TESTFLAGS) $(call longest_first,$(TESTED_PACKAGES))

test-race-rest: ## of these, run those of the packages that test-mysql leaves out, which runs its own with the race detector too
	scripts/install-deps.sh
	$(TOGETHER) $(GOTEST) -race -p $(PACKAGES) -timeout 30m -parallel $(PARALLEL) $(TESTFLAGS) $(call longest_first,$(filter-out $(SERVER_PACKAGES),$(TESTED_PACKAGES)))

test-attacks: ## let clients, strangers and services attack real programs, and carry large rows, with nothing else running: memory stays bounded
	scripts/install-deps.sh
	$(GOTEST) -count 1 -timeout 20m $(TESTFLAGS) ./pkg/attack
	MYSQL_SYNC_TEST_ONLY=alone $(GOTEST) -count 1 -timeout 20m $(TESTFLAGS) ./cmd/mysql-sync-connector

test-mysql: ## install a real MySQL into the cache (root only), run the tests that need a database on it, with the race detector
	scripts/install-server.sh mysql
	$(TOGETHER) MYSQL_SYNC_TEST_SERVER=mysql $(GOTEST) -race -p $(PACKAGES) -count 1 -timeout 30m -parallel $(PARALLEL) $(TESTFLAGS) $(call longest_first,$(SERVER_PACKAGES))
	CGO_ENABLED=0 MYSQL_SYNC_TEST_SERVER=mysql $(GOTEST) -count 1 -run TheOutbox $(TESTFLAGS) $(SIMULATION)

test-log: ## run the node's tests with capture from the servers' logs; MYSQL_SYNC_TEST_SERVER=mysql on the MySQL that test-mysql installs
	scripts/install-deps.sh
	MYSQL_SYNC_TEST_CAPTURE=log $(GOTEST) -count 1 -timeout 40m -parallel $(PARALLEL) $(TESTFLAGS) ./pkg/node

test-servers: ## the same on other versions of MariaDB, MySQL and Mosquitto, if available; SERVERS="mariadb-trixie+mosquitto-sid" for some
	scripts/install-deps.sh
	scripts/test-servers.sh $(SERVERS) -- -timeout 60m -parallel $(PARALLEL) $(TESTFLAGS)

# Tests marked with testkit.BrokerMatters; BROKERTESTS= runs all of the node's.
BROKERTESTS ?= brokers

test-nats: ## run the tests in which the broker matters most on a NATS cluster of three servers; BROKERTESTS= for all of the node's
	scripts/install-deps.sh
	MYSQL_SYNC_TEST_BROKER=nats MYSQL_SYNC_TEST_ONLY=$(BROKERTESTS) $(GOTEST) -count 1 -timeout 40m -parallel $(PARALLEL) $(TESTFLAGS) ./pkg/node

test-embedded: ## run the tests in which the broker matters most on the embedded broker; BROKERTESTS= for all of the node's
	scripts/install-deps.sh
	MYSQL_SYNC_TEST_BROKER=embedded MYSQL_SYNC_TEST_ONLY=$(BROKERTESTS) $(GOTEST) -count 1 -timeout 40m -parallel $(PARALLEL) $(TESTFLAGS) ./pkg/node

soak: ## inject faults into two real nodes under load, each for SOAKTIME (10s), then play realistic and random schemas, and kill the connector at each destination; SOAKFLAGS="-long" for all, "-run disk" for some
	scripts/install-deps.sh
	@go run ./cmd/mysql-sync-soak -time $(SOAKTIME) $(SOAKFLAGS)

bench: ## measure two real nodes, and native replication for comparison; BENCHFLAGS="-quick" to try, "-curves" for more, "-run NAME" for some
	scripts/install-deps.sh
	@go run ./cmd/mysql-sync-bench $(BENCHFLAGS)

docs: ## regenerate the generated parts of docs/ and DESIGN.md; the tests say when one is out of date
	go test ./docs ./pkg ./pkg/config ./pkg/connector ./cmd/mysql-sync ./cmd/mysql-sync-connector -run '^TestDocumentation$$' -count 1 -update

packages: ## print each package's lines, imports, and what it is tested with
	@go test ./pkg -run '^TestEachPackageIsTested$$' -count 1 -v

check-deploy: ## check the compose file, the Kubernetes manifest, the packages and 32-bit builds with the libraries of the tools that run them (installs a package: needs root, or sudo without a password)
	scripts/install-deps.sh deploy
	cd deploy/check && go vet ./... && go test -count 1 ./...
	GOARCH=386 go build ./cmd/mysql-sync ./cmd/mysql-sync-connector
	GOARCH=386 go test ./pkg/value ./pkg/change ./pkg/wire ./pkg/version

release-snapshot: ## build packages, archives and checksums for all platforms into dist; publishes nothing
	go build -C tools/release -o ../../bin/goreleaser github.com/goreleaser/goreleaser/v2
	bin/goreleaser release --snapshot --clean

check: ## check formatting, the rules of .golangci.yml, and that go.mod is tidy
	go build -C tools/lint -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	bin/golangci-lint run
	go mod tidy -diff

fuzz: ## run every fuzz test for FUZZTIME (30s)
	@for package in $(FUZZ_PACKAGES); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

clean: ## remove build results, cached servers and data directories
	rm -rf bin dist
	rm -rf --one-file-system "$${XDG_CACHE_HOME:-$$HOME/.cache}/mysql-sync"
