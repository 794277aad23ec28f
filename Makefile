# One word per task; `make help` lists them. Needs make and Python 3.11, 3.12 or 3.13, nothing else.

PYTHON ?= python3
VENV ?= .venv
# More words for pip, e.g. PIP_ARGS="--no-index --find-links wheels" without a network.
PIP_ARGS ?=
# More words for JupyterLab, e.g. LAB_ARGS="--no-browser --port 9000".
LAB_ARGS ?=
# More words for pytest, e.g. TEST_ARGS="tests/steps -x".
TEST_ARGS ?=

PY := $(VENV)/bin/python
# A stamp belongs to one folder: a copied or moved course installs itself anew.
HERE := $(shell pwd | cksum | cut -d ' ' -f 1)
LAB_STAMP := $(VENV)/.installed-lab-$(HERE)
DEV_STAMP := $(VENV)/.installed-dev-$(HERE)
# A course needs no news from the network, and in a container everybody is root.
LAB_OPTIONS := --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	--LabApp.extension_manager=readonly $(if $(filter 0,$(shell id -u)),--allow-root)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help lab test check lint notebooks bench clean

help: ## list these targets (the default)
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1 \2/p' $(firstword $(MAKEFILE_LIST)) | awk '{ $$2 = sprintf("%-10s", $$2); print }'

lab: $(LAB_STAMP) ## open the course in JupyterLab (installs it first, once)
	$(PY) -m jupyter lab $(LAB_OPTIONS) $(LAB_ARGS) notebooks/00_welcome.ipynb

test: $(DEV_STAMP) ## run every test, those in a real browser included
	$(PY) -m pytest --isolated $(TEST_ARGS)

check: lint ## format, lint, types and the quick tests: before every commit
	$(PY) -m pytest -m "not browser and not slow" $(TEST_ARGS)

lint: $(DEV_STAMP) ## format, lint and types only
	$(PY) -m ruff format --check .
	$(PY) -m ruff check --no-cache .
	$(PY) -m mypy

notebooks: $(DEV_STAMP) ## build notebooks/ from solutions/
	$(PY) -m fedteach.cli author build

bench: $(DEV_STAMP) ## measure speed and size (see benchmarks/README.md)
	$(PY) -m benchmarks

clean: ## remove .venv and caches; notebooks, data and results stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is made last, so an interrupted installation is taken up again at the next call.
$(LAB_STAMP): pyproject.toml constraints.txt
	@$(call install,.)

$(DEV_STAMP): pyproject.toml constraints.txt
	@$(call install,.[dev])
	@touch $(LAB_STAMP)

# $(call install,WHAT): a virtual environment with fedteach from this folder and the pinned releases of all it needs.
define install
	if ! $(PY) -c '$(can_run_fedteach)' >/dev/null 2>&1 || ! $(PY) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -c '$(can_run_fedteach)' 2>/dev/null || { \
			echo "fedteach needs Python 3.11, 3.12 or 3.13; $(PYTHON) is `$(PYTHON) --version 2>&1 | head -n 1`." \
				"Name another one: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }; \
		$(PYTHON) -m venv --clear $(VENV) || exit 1; \
	fi; \
	echo "Installing the course into $(VENV): once, about 3 GB, some minutes."; \
	$(PY) -m pip install -qq $(PIP_ARGS) -c constraints.txt -e '$(1)' && touch $@
endef
can_run_fedteach := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
