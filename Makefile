# Everything CI runs is a target here, and CI (.ci/run) runs nothing else.
# The figure in brackets is seconds on two busy cores; [?] was not measured yet.

SHELL       := bash
.SHELLFLAGS := -o pipefail -ec

MODULE ?= lanyard.dev
RUNS   ?= 100
FUZZ   ?= 10s
RACES  ?= 2
SCHEDULES ?= 100000
KILLS  ?= 10000
FLOODS ?= 5
CRASHES ?= 100
TIMINGS ?= 3000
TOOL   := go tool -modfile=tools/go.mod
COVER  := ./internal/wire ./capnp/frame ./capnp/packed ./capnp/compiler/parser ./rpc/internal/engine

.PHONY: help demo test race lint vuln fresh interop schedules kills crashes timings floods fuzz cover bench house peers rename ci nightly

help: ## print this table
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

demo: ## the talk's walk-through over a real socket
	go run ./cmd/lanyard demo

test: ## [170] what README tells everybody to run
	go test ./...

# Not the floods: they are about time, of which the invariant checks of full tables take nearly all.
race: ## [700] RACES=2 times the same under the race detector with invariant checks, less interop and floods
	LANYARD_INTEROP=off LANYARD_SCHEDULES=5000 go test -race -tags invariants -shuffle=on -count=$(RACES) -timeout 30m \
		-skip '^TestFloods$$' ./...

lint: ## [15] gofmt, go vet, go fix, staticcheck
	test -z "$$(gofmt -l $$(git ls-files '*.go' ':!*testdata*'))"
	go vet ./... && go fix -diff ./... && go mod tidy -diff
	$(TOOL) staticcheck ./...

vuln: ## [3] known vulnerabilities; says so where the database is out of reach
	tools/vuln $(TOOL) govulncheck ./...

fresh: ## [13] regenerating every generated file changes nothing
	go run ./cmd/lanyard schema gen --check ./... ./bench/...

peers: ## [38] install and build the C++ and Python peers
	interop/setup

interop: peers ## [400] C++ and Python against Go, both ways, RUNS=100 times each; what needs PostgreSQL, raced
	LANYARD_INTEROP=require LANYARD_INTEROP_RUNS=$(RUNS) \
		tools/summary go test -race -v -count=1 -timeout 3h ./interop/... ./store/postgres ./grant

schedules: ## [37] SCHEDULES=100000 seeded interleavings of the engine's messages
	LANYARD_SCHEDULES=$(SCHEDULES) tools/summary go test -v -count=1 -timeout 5h -run '^TestSchedules$$' ./rpc/internal/engine

kills: ## [35] KILLS=10000 connections cut at random bytes, up to 10000 more over unix sockets
	LANYARD_KILLS=$(KILLS) tools/summary go test -v -count=1 -timeout 10h -run '^TestKills' ./rpc

crashes: ## [60] CRASHES=100 processes killed while they save, share, count, send: what they said was done is done
	LANYARD_STORE_KILLS=$(CRASHES) LANYARD_KILLS=$(CRASHES) tools/summary go test -v -count=1 -timeout 10h \
		-run '^TestKills' ./store/sqlite ./store/postgres ./grant ./service/contacts

timings: ## [70] TIMINGS=3000 answers a side that must not tell by their time what is behind them
	LANYARD_TIMINGS=$(TIMINGS) tools/summary go test -v -count=1 -timeout 2h -run 'Timing|Times$$' ./store/sqlite ./service/contacts

floods: ## [340] every flood FLOODS=5 times beside an honest client: docs/limits.md's table
	LANYARD_FLOODS=$(FLOODS) go test -v -count=1 -timeout 2h -run '^TestFloods$$' ./rpc | sed -n 's/^ *\(|.*\)/\1/p;/^---/p;/Error\|FAIL/p'

fuzz: ## [400] every fuzz target for FUZZ=30s, with the executions counted
	tools/fuzz $(FUZZ)

cover: ## [11] at least 90 % of the statements of each decoder and the engine
	LANYARD_SCHEDULES=10000 tools/cover 90 $(COVER)

house: ## [58] the other modules, and this one under another name
	go -C bench vet ./... && go -C bench test ./...
	go -C rpc/rpcotel vet ./... && go -C rpc/rpcotel test ./...
	go -C tools vet ./... && go -C tools test -v -count=1 ./...

bench: ## [1200] every peer in turn: README's table and chart (CAPNP_PREFIX: one more C++); wrappers; the ledger
	go -C bench run ./rpc -o RESULT.md -chart chart.svg
	go -C bench run ./authority
	go -C bench run ./ledger

rename: ## make rename MODULE=example.org/mine: another module path, everywhere
	tools/rename $(MODULE)

ci: ## everything, as CI does
	.ci/run

nightly: ## the long runs; commit docs/nightly.log afterwards
	tools/nightly | tee docs/nightly.log
