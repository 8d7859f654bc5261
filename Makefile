# Mouthpiece: `make help` lists what can be made. Works from any directory: `make -C PATH TARGET` or `make -f PATH/Makefile TARGET`.

SHELL := /bin/sh
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

BUILT := help setup run test test-board test-board-full qemu lint bench bench-flash train boards image flash yocto-check yocto-exec clean
.PHONY: $(BUILT) virtual-board

ROOT := $(patsubst %/,%,$(dir $(realpath $(lastword $(MAKEFILE_LIST)))))
ifneq ($(realpath .),$(ROOT))
$(BUILT):
	@$(MAKE) -C '$(ROOT)' $@
else

PYTHON := .venv/bin/python
CHECKED := appliance tools tests

# One stamp for each stage of the virtual environment: a second `make setup` only looks at the stamps.
SETUP := .venv/.stamp-setup
DEV := .venv/.stamp-dev
GPU := $(if $(wildcard /proc/driver/nvidia/version /dev/nvidia0),.venv/.stamp-gpu)

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: $(SETUP)  ## everything into .venv; Debian packages when root or passwordless sudo allows
	@echo 'Ready: .venv/bin/mouthpiece'

$(SETUP): pyproject.toml tools/setup.sh tools/packages.sh tools/debian-packages.txt
	@tools/packages.sh tools/debian-packages.txt
	@tools/setup.sh
	@touch $@

# The tests compare torch with ONNX Runtime, so they install it always; `make run` only where an NVIDIA GPU is found.
$(DEV): $(SETUP) tools/debian-packages-test.txt
	@tools/packages.sh tools/debian-packages-test.txt
	@$(PYTHON) -m pip install --quiet --editable '.[dev,train]'
	@touch $@

.venv/.stamp-gpu: $(SETUP)
	@echo 'An NVIDIA GPU is here: installing torch.'
	@$(PYTHON) -m pip install --quiet --editable '.[torch]'
	@touch $@

# Replaced by the box itself, so that Ctrl-C and signals reach it and not make.
run: $(SETUP) $(GPU)  ## set up, start the box and say where its console is (ARGS="--port 8090" for another port)
	@exec .venv/bin/mouthpiece run $(ARGS)

test: $(DEV)  ## set up and run every test (ARGS="-k name" narrows it)
	@$(PYTHON) -m pytest $(ARGS)

# Two files of tests at a time: a virtual machine keeps one processor busy, seldom two.
test-board: virtual-board  ## the tests that need a kernel of their own, in QEMU; builds the arm64 virtual board first (a quarter of an hour, once)
	@$(PYTHON) -m pytest tests/board -m 'not full' -n 2 --dist loadfile $(ARGS)

test-board-full: virtual-board  ## the same and an hour and a half more on the arm64 virtual board
	@$(PYTHON) -m pytest tests/board $(ARGS)

virtual-board: $(DEV)
	@tools/packages.sh tools/debian-packages-board.txt tools/debian-packages-virtual-board.txt
	@$(PYTHON) -m tools.virtual_board build

# Replaced by QEMU, so that the terminal is the board's.
qemu: $(SETUP)  ## start the arm64 virtual board, its serial console here (ARGS="--fresh" for an empty one)
	@tools/packages.sh tools/debian-packages-virtual-board.txt
	@exec $(PYTHON) -m tools.virtual_board run $(ARGS)

lint: $(DEV)  ## ruff and mypy --strict
	@$(PYTHON) -m ruff check $(CHECKED)
	@$(PYTHON) -m ruff format --check $(CHECKED)
	@$(PYTHON) -m mypy

bench: $(SETUP)  ## run the benchmarks (ARGS="render --quick" for a short look)
	@.venv/bin/mouthpiece bench $(ARGS)

bench-flash: $(DEV)  ## what storing costs the flash, beside the obvious ways, in QEMU (an hour; ARGS="cache logs" for parts)
	@tools/packages.sh tools/debian-packages-board.txt
	@$(PYTHON) -m tests.bench.flash_wear $(ARGS)

train: $(DEV)  ## train the motion network from nothing into build/train (an hour and a half on two cores)
	@tools/packages.sh tools/train/packages.txt $(if $(shell command -v npm),,tools/train/packages-npm.txt)
	@tools/train/extra_packages.sh build/train/extra
	@$(PYTHON) -m pip install --quiet --editable '.[voices]'
	@$(PYTHON) -m tools.train --out build/train $(ARGS)

boards: $(SETUP)  ## generate every file that follows from boot/boards
	@$(PYTHON) -m tools.boards $(ARGS)

image: $(DEV)  ## build the images of BOARD with kas: hours, 100 GB (docs/YOCTO.md; KEYS=FOLDER)
	@tools/packages.sh tools/debian-packages-yocto.txt
	@$(PYTHON) -m tools.yocto image --board '$(BOARD)' $(if $(KEYS),--keys '$(KEYS)') $(ARGS)

flash: $(SETUP)  ## write an image: BOARD=NAME on USB, or to DEVICE=DISK (docs/FLASHING.md; IMAGES=, LOADER=, ARGS=--yes)
	@$(PYTHON) -m tools.flash --board '$(BOARD)' $(if $(DEVICE),--device '$(DEVICE)') $(if $(IMAGES),--images '$(IMAGES)') $(if $(LOADER),--loader '$(LOADER)') $(ARGS)

yocto-check: $(DEV)  ## try the Yocto layer offline (LAYERS=FOLDER of clones, MACHINE=NAME for one board, ARGS=--full)
	@tools/packages.sh tools/debian-packages-yocto.txt
	@$(PYTHON) -m tools.yocto check --layers '$(LAYERS)' $(if $(MACHINE),--machine '$(MACHINE)') $(ARGS)

yocto-exec: $(DEV)  ## run the recipes of the factory images and the bundle, offline (LAYERS=FOLDER of clones, MACHINE=NAME)
	@tools/packages.sh tools/debian-packages-yocto.txt
	@$(PYTHON) -m tools.yocto execute --layers '$(LAYERS)' $(if $(MACHINE),--machine '$(MACHINE)')

clean:  ## remove the virtual environment, build/ and caches; var/ holds your data and stays
	@rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

endif
