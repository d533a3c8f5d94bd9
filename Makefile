# The few commands anybody needs. On a fresh Debian 12 machine `make run` and `make test` do all the set-up.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
FAMILIES := $(sort $(notdir $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))))
DONE   := $(VENV)/.installed

# What the tests run besides Python: the shown command lines use jq; the OS's services read what is rendered for them;
# the lab boots real bootloaders and kernels.
TEST_PACKAGES := jq grub-common libubootenv-tool u-boot-tools \
	qemu-system-arm qemu-system-x86 u-boot-qemu grub-pc-bin grub-efi-amd64-bin ovmf linux-image-amd64 kexec-tools \
	busybox-static binutils binutils-aarch64-linux-gnu cpio kmod mtools dosfstools fdisk e2fsprogs \
	usb-modeswitch usb-modeswitch-data libusb-1.0-0 umockdev \
	openssl chrony systemd udev network-manager dnsmasq-base openssh-server openssh-client

# The kernel's Kconfig files, 130 MB: what images ask for is looked up there.
LAB_PACKAGES := linux-source-6.1 gcc

.PHONY: run test setup lint docs docs-write bench lab lab-record clean help

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(DONE) ## create .venv with this project and everything its tests need

$(DONE): pyproject.toml constraints.txt tools/requirements.txt tools/setup $(wildcard plugins/*/pyproject.toml)
	tools/setup "$(PYTHON)" $(VENV) $(FAMILIES)
	touch $@

run: setup ## show this machine, and a simulated Jetson AGX Orin from identification to applied settings
	tools/demo $(BIN)

lint: setup ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy hal tools
	for family in $(FAMILIES); do MYPYPATH=.:plugins/$$family $(BIN)/mypy plugins/$$family/hal_$$family || exit 1; done
	$(BIN)/lint-imports

docs: setup ## build the documentation strictly into build/docs
	$(BIN)/sphinx-build -q -n -W --keep-going -b html docs build/docs

docs-write: setup ## write the generated pages again: hooks, support matrix, schema
	$(BIN)/python tools/generate_docs.py

test: lint docs ## everything CI runs
	tools/packages $(TEST_PACKAGES)
	$(BIN)/python -m pytest -n auto --dist worksteal

lab: setup ## the lab in full: every state, boot and kill; under three hours on two cores
	tools/packages $(TEST_PACKAGES) $(LAB_PACKAGES)
	$(BIN)/python -m pytest -n auto --dist worksteal --lab=full tests/lab

lab-record: ## take the lab's last figures as those that may not get worse
	$(BIN)/python tests/lab/figures.py

bench: setup ## the figures of docs/benchmarks.md
	tools/packages $(TEST_PACKAGES)
	$(BIN)/python benchmarks/run.py

clean: ## remove everything that was generated
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
