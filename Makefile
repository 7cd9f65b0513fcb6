# Plain `make` lists the targets. Everything here is a short call of a program
# that can also be called by hand.
.DEFAULT_GOAL := help
SHELL := /bin/sh
GO ?= go
TOOL := $(GO) tool -modfile=tools/go.mod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BUILD := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)"
WITH_SERVERS := $(GO) build -buildvcs=false -o bin/testenv ./internal/testenv && exec bin/testenv --
# The packages; empty means all of them.
PKG ?= ./...
FUZZTIME ?= 60s
PLATFORMS ?= linux/amd64 linux/arm64 darwin/arm64

.PHONY: help build run demo test race fuzz soak crowd bench bench-xmpp bench-groups clients lint fmt gen cluster release

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

build: ## build bin/cxxd (server) and bin/cxx (terminal client)
	$(BUILD) -o bin/ ./cmd/cxxd ./cmd/cxx

run: build ## run a server with the embedded default, data in ./data
	bin/cxxd serve --data data

demo: build ## make two users, send a message, show it, exit
	bin/cxxd demo

test: ## all tests with the race detector, on a private MariaDB and Redis
	@$(WITH_SERVERS) $(GO) test -race -timeout 12m $(PKG)

race: ## the tests again and again, to meet rare interleavings (COUNT=10)
	@$(WITH_SERVERS) $(GO) test -race -timeout 60m -count $(or $(COUNT),10) $(PKG)

fuzz: ## every fuzz target for FUZZTIME (60s)
	@FUZZTIME=$(FUZZTIME) tools/fuzz

soak: ## the fault tests as a long run, FOR=10m
	@$(WITH_SERVERS) $(GO) test -timeout 120m -v -run Soak ./imtest/faults -long $(or $(FOR),10m)

crowd: ## groups with 1,000 members online and with 10,000 members, and a node killed
	@$(WITH_SERVERS) $(GO) test -timeout 30m -v -run 'GroupNodeKilled|GroupOfMany' ./imtest/faults -crowd 1000 -many 10000

bench: build ## throughput, CPU and memory per connection, on MariaDB and SQLite
	@$(GO) build -buildvcs=false -o bin/bench ./bench
	bin/bench -engine sqlite all
	bin/bench -engine mysql messages login

bench-xmpp: build ## the same for XMPP, beside Debian's ejabberd and Prosody where installed
	@$(GO) build -buildvcs=false -o bin/bench ./bench
	bin/bench -engine mysql -messages 300 -rounds 2 xmpp

bench-groups: build ## groups and MUC rooms: cost of a delivery, beside the same servers
	@$(GO) build -buildvcs=false -o bin/bench ./bench
	bin/bench -engine mysql -deliveries 60000 -rounds 2 groups

clients: build ## profanity, mcabber and @xmpp/client against a server, by way of tmux
	@imtest/stock/clients.sh

lint: ## vet, staticcheck, gofumpt, govulncheck
	@tools/lint

fmt: ## format all source as gofumpt likes it
	$(TOOL) gofumpt -w .

gen: ## generate Go from proto/*.proto
	cd proto && $(GO) tool -modfile=../tools/go.mod buf generate

cluster: build ## a cell of 2 NAS, 3 ACS, 2 MariaDB zones and Redis from local binaries
	@$(GO) build -buildvcs=false -o bin/cell ./deploy/cell && exec bin/cell

release: ## binaries for PLATFORMS with checksums in bin/release
	@VERSION=$(VERSION) PLATFORMS="$(PLATFORMS)" tools/release
