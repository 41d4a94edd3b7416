# SPDX-License-Identifier: GPL-3.0-or-later
#
# make run and make test do all their own set-up. `make help` lists the rest.

GO      ?= go
BUILD   := build
OSWALD  := $(BUILD)/oswald
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# A machine without git builds too.
export GOFLAGS ?= -buildvcs=false

RUN_PACKAGES  := espeak-ng gcc libc6-dev libasound2-dev pkg-config
TEST_PACKAGES := $(RUN_PACKAGES) alsa-utils bogofilter libmemcached-tools memcached nginx-light openssl procps sox \
	prosody lua-sec lua-event lua-unbound lua-readline ejabberd erlang-p1-sqlite3 go-sendxmpp zbar-tools git iproute2 nftables systemd wrk python3-minimal openssh-client openssh-server postgresql rsync slowhttptest tzdata
CLIENT_PACKAGES := chromium nodejs npm profanity tmux go-sendxmpp poezio ejabberd
HARDWARE_PACKAGES := $(RUN_PACKAGES) alsa-utils qemu-system-x86 seabios busybox-static cpio kmod xz-utils file

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help run build test test-long test-hardware test-moderation test-clients check bench docs site fmt cross setup-run setup-test \
	bench-chat bench-ipc bench-wiki bench-spam bench-comments bench-voice bench-system

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup-run:
	@packaging/setup.sh "oswald (speech and sound)" $(RUN_PACKAGES)

setup-test:
	@packaging/setup.sh "the tests" $(TEST_PACKAGES)

$(OSWALD): FORCE
	@mkdir -p $(BUILD)
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/oswald
FORCE:

build: setup-run $(OSWALD) ## the program, as build/oswald

run: setup-run $(OSWALD) ## everything on this machine with a throw-away home, and a chat prompt
	@exec $(OSWALD) try --home $(BUILD)/try $(ARGS)

test: setup-test ## all tests but the slow matrices
	@$(GO) run ./internal/testsum -skips testdata/expected-skips -- -race -shuffle=on -timeout 20m ./...

test-long: setup-test ## the slow matrices too
	@OSWALD_LONG=1 $(GO) run ./internal/testsum -skips testdata/expected-skips -- -race -shuffle=on -timeout 170m ./...
	@$(MAKE) --no-print-directory cross test-hardware

test-hardware: ## GPIO and sound on a simulated chip and card, in a QEMU guest
	@packaging/setup.sh "the hardware tests" $(HARDWARE_PACKAGES)
	@packaging/hardware-test/run.sh $(BUILD)/hardware

# Node's package manager fetches a chat client for the browser and axe-core.
test-clients: setup-test ## real XMPP clients, and pages in a real browser
	@packaging/setup.sh "the tests with clients" $(CLIENT_PACKAGES)
	@mkdir -p $(BUILD)/clients && cp packaging/clients/*.json $(BUILD)/clients/
	@cd $(BUILD)/clients && npm ci --ignore-scripts --no-audit --no-fund
	@OSWALD_CLIENTS=$(CURDIR)/$(BUILD)/clients/node_modules $(GO) test -count=1 -run 'Converse|Profanity|GoSendxmpp|Poezio|Browser|Axe|TestPage' \
		./cmd/oswald ./internal/browser ./internal/xmppserver

test-xmpp: setup-test ## the chat on Prosody and ejabberd: crashes, cuts, floods, forgeries (OSWALD_LONG=1: the whole)
	@$(GO) test -race -shuffle=on -timeout 150m ./bot ./internal/xmppclient ./internal/xmppserver ./internal/xmpptest

test-moderation: setup-test ## comments and spam filter, with memcached, nginx, PostgreSQL, bogofilter and slowhttptest
	@OSWALD_LONG=1 $(GO) test -race -shuffle=on -timeout 30m ./moderation/... ./internal/store
	@OSWALD_LONG=1 $(GO) test -race -timeout 30m -run "Nginx|Comments|Backup|Visitor|Edit|Slow" ./cmd/oswald

test-ipc: setup-test ## the message bus: protocol, model, real processes
	@$(GO) test -race -shuffle=on -timeout 20m ./ipc ./internal/memcached

chaos: setup-test ## the message bus with 30,000 commands under faults, and the whole model
	@OSWALD_LONG=1 $(GO) test -run 'Chaos|Model|FaultyBus' -v -timeout 120m ./ipc

# Programs to compare with take part where they are installed: errbot, python3-slixmpp, hugo.
bench-chat: setup-test ## the figures of the chat, beside other bots on the same Prosody
	@$(GO) run ./internal/bars -run '^TestBarsChat' -- ./internal/bench

bench-ipc: setup-test ## the figures of the message bus
	@$(GO) run ./internal/bars -- ./ipc

HUGO := $(CURDIR)/$(BUILD)/hugo-v0.163.3/hugo

# The current Hugo is built once, which takes minutes; where it cannot be, only that of Debian takes part.
bench-wiki: setup-test ## the figures of the site, beside Hugo
	@test -x $(HUGO) || GOBIN=$(dir $(HUGO)) $(GO) install github.com/gohugoio/hugo@v0.163.3 || true
	@OSWALD_HUGO=$(HUGO) $(GO) run ./internal/bars -- ./wiki

bench-spam: setup-test ## the figures of the spam filter, beside bogofilter
	@$(GO) run ./internal/bars -- ./moderation/spam

bench-comments: setup-test ## the figures of the comment server, and of nginx that serves its pages
	@$(GO) run ./internal/bars -run '^TestBars(Comments|Nginx)' -- ./internal/bench ./cmd/oswald

bench-voice: setup-test ## the figures of speech
	@$(GO) run ./internal/bars -- ./audio

bench-system: setup-test ## memory and processor of all roles together when nothing is going on
	@$(GO) run ./internal/bars -run '^TestBarsSystem' -- ./internal/bench

bench: setup-test ## every figure of BENCHMARKS.md
	@$(GO) run ./internal/bars -- ./...

site: ## the documentation as a site, built by Oswald itself
	@$(GO) run ./cmd/oswald wiki build --config packaging/site.toml
	@echo "It is in $(BUILD)/site; look at it with: $(GO) run ./cmd/oswald wiki serve --config packaging/site.toml"

docs: ## what is generated from the code: config.toml, docs/commands.md, docs/xeps.md, docs/oswald.doap.xml
	@mkdir -p $(BUILD)
	@$(GO) run ./cmd/oswald config example > $(BUILD)/config.toml && mv $(BUILD)/config.toml config.toml
	@$(GO) run ./cmd/oswald help --markdown > $(BUILD)/commands.md && mv $(BUILD)/commands.md docs/commands.md
	@$(GO) run ./cmd/oswald help --xeps > $(BUILD)/xeps.md && mv $(BUILD)/xeps.md docs/xeps.md
	@$(GO) run ./cmd/oswald help --doap > $(BUILD)/oswald.doap.xml && mv $(BUILD)/oswald.doap.xml docs/oswald.doap.xml

fmt: ## format the sources
	@gofmt -w $$(git ls-files '*.go')

check: setup-run ## format, vet, staticcheck, known vulnerabilities, generated files, import arrows
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@$(GO) vet ./...
	@$(GO) run $(STATICCHECK) ./...
	@packaging/vulncheck.sh $(GO) run $(GOVULNCHECK) ./...
	@mkdir -p $(BUILD)
	@$(GO) run ./cmd/oswald config example | diff -u config.toml - || { echo "config.toml is not what the code says: run make docs"; exit 1; }
	@$(GO) run ./cmd/oswald help --markdown | diff -u docs/commands.md - || { echo "docs/commands.md is not what the code says: run make docs"; exit 1; }
	@$(GO) run ./cmd/oswald help --xeps | diff -u docs/xeps.md - || { echo "docs/xeps.md is not what the code says: run make docs"; exit 1; }
	@$(GO) run ./cmd/oswald help --doap | diff -u docs/oswald.doap.xml - || { echo "docs/oswald.doap.xml is not what the code says: run make docs"; exit 1; }
	@$(GO) test -run 'TestArrows|TestHeaders' .
	@echo "check: all good"

cross: ## without cgo, and for the Raspberry Pi Zero (ARMv6) and 64-bit
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BUILD)/oswald-nocgo ./cmd/oswald
	CGO_ENABLED=0 GOOS=linux GOARCH=arm GOARM=6 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BUILD)/oswald-armv6 ./cmd/oswald
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BUILD)/oswald-arm64 ./cmd/oswald
