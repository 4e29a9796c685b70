# `make` alone prints this menu. Needed: Python 3.11 or newer, pip, make.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := menu
.PHONY: menu demo run test check format messages bench kill machines migration clean

menu:
	@echo "make demo             try it: sample news, two dozen readers, a built-in inbox (ONCE=1 ends by itself)"
	@echo "make run              mailer serve, with your settings from .env"
	@echo "make test             all tests, on SQLite and on PostgreSQL (ARGS='-k confirm' picks some)"
	@echo "make check            format, lint, types, the stairs that imports go down, and complete catalogues"
	@echo "make format           put the code into its format"
	@echo "make messages         bring the catalogues in templates/locale up to the words in code and templates"
	@echo "make bench            measure the send path (WHAT=signup, serve, plan or imports: something else)"
	@echo "make kill             end workers at random moments and count what was lost or doubled"
	@echo "make machines         four workers, one killed, two cut off, PostgreSQL restarted; then clocks an hour apart"
	@echo "make migration m='…'  write the step from the last tables to those of mailer/tables.py"
	@echo "make clean            remove .venv and the demo's data"

# A stamp is newer than pyproject.toml once everything is installed: to run it, or to work on it too.
.venv/run.stamp: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/work.stamp: .venv/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $@

demo: .venv/run.stamp
	$(BIN)/mailer demo $(if $(ONCE),--once)

run: .venv/run.stamp
	$(BIN)/mailer serve

test: .venv/work.stamp
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

check: .venv/work.stamp
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/test_catalogues.py

format: .venv/work.stamp
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Sorted by file and without line numbers, so that a diff shows words only. Python's and Jinja's comments that
# begin with "For translators:" are copied into the catalogues.
messages: .venv/work.stamp
	$(BIN)/pybabel --quiet extract --mapping-file=babel.cfg --add-location=file --sort-by-file --no-wrap \
		--add-comments="For translators:" --strip-comments --output-file=.venv/messages.pot mailer templates
	for po in templates/locale/*.po; do \
		$(BIN)/pybabel --quiet update --locale=$$(basename $$po .po) --input-file=.venv/messages.pot \
			--output-file=$$po --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap || exit 1; \
	done

bench: .venv/work.stamp
	$(BIN)/python -m benchmarks.$(or $(WHAT),send) $(ARGS)

kill: .venv/work.stamp
	$(BIN)/python -m benchmarks.kill $(ARGS)

machines: .venv/work.stamp
	$(BIN)/python -m benchmarks.machines $(ARGS)
	$(BIN)/python -m benchmarks.clocks

migration: .venv/work.stamp
	$(BIN)/python -m mailer.migrations "$(m)"
	$(BIN)/ruff format --quiet mailer/migrations/versions
	$(BIN)/ruff check --quiet --fix mailer/migrations/versions

clean:
	rm -rf .venv demo-data
