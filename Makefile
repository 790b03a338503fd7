# medallion: build, install, try, test.
#
#   make demo            everything from Debian packages to filled gold tables, on a private server
#   make test            every test, on a private server
#   make && make install && make installcheck      as every PGXS project, against your server
#
# PG_CONFIG=/path/to/pg_config selects the server version; by default the newest whose headers are
# installed.  The version of the extension is in medallion.control and nowhere else.

EXTENSION  = medallion
MODULE_big = medallion
# not VERSION: PGXS has its own of that name
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" medallion.control)

# The map of the house: one line per file, in the order that data travels.
OBJS = \
	src/medallion.o

# base: what every layer stands on; knows none of them
OBJS += \
	src/base/blocks.o \
	src/base/classify.o \
	src/base/contract.o \
	src/base/feature.o \
	src/base/options.o \
	src/base/pages.o \
	src/base/settings.o \
	src/base/space.o \
	src/base/sql.o \
	src/base/template.o \
	src/base/transaction.o

# file: bytes -> raw rows; pure C behind reader.h
OBJS += \
	src/file/biff.o \
	src/file/charset.o \
	src/file/container.o \
	src/file/csv.o \
	src/file/csv_record.o \
	src/file/decimal.o \
	src/file/dialect.o \
	src/file/encoding.o \
	src/file/html.o \
	src/file/html_entity.o \
	src/file/html_scan.o \
	src/file/html_style.o \
	src/file/inflate.o \
	src/file/json.o \
	src/file/json_header.o \
	src/file/json_scan.o \
	src/file/json_shape.o \
	src/file/json_text.o \
	src/file/markup.o \
	src/file/merged.o \
	src/file/named_format.o \
	src/file/namemap.o \
	src/file/number_format.o \
	src/file/number_text.o \
	src/file/ods.o \
	src/file/ods_cell.o \
	src/file/ole.o \
	src/file/reader.o \
	src/file/rowqueue.o \
	src/file/stream.o \
	src/file/xls.o \
	src/file/xls_book.o \
	src/file/xls_record.o \
	src/file/xls_sheet.o \
	src/file/xls_strings.o \
	src/file/xlsb.o \
	src/file/xlsb_book.o \
	src/file/xlsb_record.o \
	src/file/xlsb_sheet.o \
	src/file/xlsx.o \
	src/file/xlsx_book.o \
	src/file/xlsx_merged.o \
	src/file/xlsx_scan.o \
	src/file/xlsx_scan_sheet.o \
	src/file/xlsx_scan_strings.o \
	src/file/xlsx_sheet.o \
	src/file/xlsx_strings.o \
	src/file/xlsx_styles.o \
	src/file/xlsx_values.o \
	src/file/xml.o \
	src/file/xml_character.o \
	src/file/xml_plain.o \
	src/file/xmlss.o \
	src/file/xmlss_hidden.o

# bronze: raw rows -> tables, with a ledger
OBJS += \
	src/bronze/columns.o \
	src/bronze/describe.o \
	src/bronze/discover.o \
	src/bronze/fdw.o \
	src/bronze/fdw_convert.o \
	src/bronze/fdw_import.o \
	src/bronze/fdw_scan.o \
	src/bronze/files.o \
	src/bronze/footer.o \
	src/bronze/header.o \
	src/bronze/infer.o \
	src/bronze/ledger.o \
	src/bronze/load.o \
	src/bronze/read.o \
	src/bronze/relation.o \
	src/bronze/select.o \
	src/bronze/sink.o \
	src/bronze/source.o \
	src/bronze/tuple.o \
	src/bronze/withdraw.o

# silver: typed, cleaned, checked, versioned
OBJS += \
	src/silver/check_def.o \
	src/silver/checks.o \
	src/silver/clean.o \
	src/silver/column_profile.o \
	src/silver/column_type.o \
	src/silver/convert.o \
	src/silver/convert_format.o \
	src/silver/convert_time.o \
	src/silver/dedup.o \
	src/silver/encode.o \
	src/silver/encode_number.o \
	src/silver/erase.o \
	src/silver/fault.o \
	src/silver/first_load.o \
	src/silver/fold.o \
	src/silver/frequency.o \
	src/silver/hash.o \
	src/silver/keep.o \
	src/silver/key_filter.o \
	src/silver/lookup.o \
	src/silver/merge.o \
	src/silver/merge_tables.o \
	src/silver/merge_target.o \
	src/silver/moments.o \
	src/silver/news.o \
	src/silver/number_sample.o \
	src/silver/overlap.o \
	src/silver/profile.o \
	src/silver/quarantine.o \
	src/silver/retain.o \
	src/silver/run_checks.o \
	src/silver/silver.o \
	src/silver/statistics.o \
	src/silver/table.o \
	src/silver/table_profile.o \
	src/silver/text_checks.o \
	src/silver/text_profile.o \
	src/silver/typed.o \
	src/silver/verdict.o \
	src/silver/verify.o

# gold: models and their refresh
OBJS += \
	src/gold/declare.o \
	src/gold/define.o \
	src/gold/explain.o \
	src/gold/feed.o \
	src/gold/graph.o \
	src/gold/groups.o \
	src/gold/lineage.o \
	src/gold/model.o \
	src/gold/partial.o \
	src/gold/past.o \
	src/gold/probe.o \
	src/gold/provenance.o \
	src/gold/query.o \
	src/gold/refresh.o \
	src/gold/restrict.o \
	src/gold/steady.o \
	src/gold/sums.o \
	src/gold/target.o \
	src/gold/tree.o \
	src/gold/values.o

# run: the whole way, and what is written down about it
OBJS += \
	src/run/alert.o \
	src/run/configure.o \
	src/run/define.o \
	src/run/disk.o \
	src/run/dispatch.o \
	src/run/erase.o \
	src/run/export.o \
	src/run/feature_unit.o \
	src/run/finish.o \
	src/run/journal.o \
	src/run/model_unit.o \
	src/run/pipeline.o \
	src/run/push.o \
	src/run/redact.o \
	src/run/rowcount.o \
	src/run/runlog.o \
	src/run/step.o \
	src/run/step_unit.o \
	src/run/undo.o \
	src/run/unit.o \
	src/run/worker.o

# The install script is these parts, one after the other, in layer order.
SQL_PARTS = \
	sql/10-base.sql \
	sql/12-environment.sql \
	sql/30-bronze.sql \
	sql/35-fdw.sql \
	sql/37-discover.sql \
	sql/40-silver.sql \
	sql/42-fold.sql \
	sql/43-checks.sql \
	sql/43-merge-tables.sql \
	sql/43-text-checks.sql \
	sql/44-dbt.sql \
	sql/44-distance.sql \
	sql/45-profile.sql \
	sql/50-gold.sql \
	sql/52-calendar.sql \
	sql/53-star.sql \
	sql/55-sales-pack.sql \
	sql/60-run.sql \
	sql/62-alerts.sql \
	sql/62-rebuild.sql \
	sql/63-push.sql \
	sql/64-schedule.sql \
	sql/65-windows.sql \
	sql/66-config.sql \
	sql/70-look.sql \
	sql/71-plan.sql \
	sql/72-undo.sql \
	sql/74-lineage.sql \
	sql/75-catalog.sql \
	sql/75-trace.sql \
	sql/76-report.sql \
	sql/77-durations.sql \
	sql/78-retain.sql \
	sql/78-time.sql \
	sql/79-maintain.sql \
	sql/79-partitions.sql \
	sql/80-grant.sql \
	sql/82-erase.sql \
	sql/90-finish.sql

# Released versions stay as they were, and so do the steps between them; the step to the present version is
# made of what differs, and of sql/step.sql, where by hand is written what a difference cannot say.
# A release: copy the script and the step that were made into sql/released/, empty sql/step.sql, raise the version
# here and in medallion.control.
RELEASED   = 0.1.0
STEP       = sql/$(EXTENSION)--$(RELEASED)--$(EXTVERSION).sql
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql $(STEP)
DATA       = $(wildcard sql/released/*.sql)

# Expected output of both kinds of test is in expected/.  The extension is there when a test begins;
# what one test leaves behind, the next one finds: each cleans up after itself.  A test must not be
# named like a part of the install script, for pg_regress looks in sql/ before test/sql/.
REGRESS        = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --load-extension=$(EXTENSION)
ISOLATION      = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --load-extension=$(EXTENSION)
REGRESS_PREP   = output_iso/expected

# WERROR= builds with a compiler whose new warnings we have not met.
# Without -Wno-...: the server's own headers and macros do not pass -Wextra.
WERROR      = -Werror
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS   = -Wall -Wextra $(WERROR) -Wmissing-prototypes \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
# PostgreSQL 15 exports all of a library's names (16 hides them): -Bsymbolic keeps ours ours.
SHLIB_LINK  = -Wl,-Bsymbolic -lminizip -lz -lzstd -lexpat -lxxhash

# Workbooks unpack three times as fast by ISA-L, where its headers are; ISAL= builds without.
ISAL := $(shell printf '\043include <isa-l/igzip_lib.h>\n' | $(CC) -E - >/dev/null 2>&1 && echo yes)
ifneq ($(ISAL),)
PG_CPPFLAGS += -DHAVE_ISAL
SHLIB_LINK  += -lisal
endif

# Bitcode for JIT inlining would need clang, and nothing here is worth inlining.
override with_llvm = no

ifndef PG_CONFIG
PG_CONFIG := $(shell bash test/pg_config.sh)
endif
export PG_CONFIG
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# Default goal, also where PGXS is not there yet.
all:

ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
else
all install uninstall installcheck:
	@echo "no PostgreSQL server headers found; 'make deps' installs them, PG_CONFIG=... points to them" >&2
	@exit 1
endif

# Any header may be in any file's includes; a full build takes seconds.
$(OBJS): $(wildcard src/*.h src/*/*.h) Makefile

sql/$(EXTENSION)--$(EXTVERSION).sql: $(SQL_PARTS) medallion.control
	cat $(SQL_PARTS) > $@.part && mv $@.part $@

$(STEP): sql/released/$(EXTENSION)--$(RELEASED).sql $(SQL_PARTS) sql/upgrade.pl sql/step.sql medallion.control Makefile
	cat $(SQL_PARTS) > sql/present.part
	perl sql/upgrade.pl sql/released/$(EXTENSION)--$(RELEASED).sql sql/present.part sql/step.sql > $@.part && mv $@.part $@
	rm -f sql/present.part

# pg_isolation_regress writes to output_iso/ and, before PostgreSQL 16, looks for expected/ there.
output_iso/expected:
	mkdir -p output_iso && ln -sfn ../expected $@

# A later clean start: the private server's folder goes too, unless the server runs.
clean: clean-server
.PHONY: clean-server
clean-server:
	@bash test/server.sh remove

.PHONY: deps demo test bench bench-peers check-style server-start server-stop psql
deps:
	@bash test/deps.sh

demo: deps
	@bash examples/sales/demo.sh

test: deps
	@bash test/run.sh

# Layer rules and forbidden words fail; layout (clang-format) is reported only.
bench:
	@bash bench/first_run.sh

bench-peers:
	@bash bench/grand.sh

check-style:
	@bash test/layers.sh
	@bash test/style.sh

server-start:
	@bash test/server.sh start

server-stop:
	@bash test/server.sh stop

psql:
	@bash test/server.sh psql

# docs/reference.md, from the COMMENTs; a test compares them.
.PHONY: docs
docs:
	@bash -c '. test/lib.sh && install_extension' >/dev/null
	bash test/docs.sh --reference >docs/reference.md.part && mv docs/reference.md.part docs/reference.md
	bash test/docs.sh --functions >docs/functions.part
	sed -i -e '/^| `[^`]*(/d' -e '/^| function | granted to/{n;r docs/functions.part' -e '}' docs/security.md
	rm docs/functions.part

# The zip for PGXN: what is committed.  Packages of other kinds: test/packaging.sh.
.PHONY: dist
dist:
	@python3 test/pgxn_meta.py META.json
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ --output=$(EXTENSION)-$(EXTVERSION).zip HEAD

# Random models and changes, other ones each time: make gold-property MODELS=5000; histories: make fold-property SEEDS=500;
# undone runs: make undo-property SEEDS=500
.PHONY: fold-property gold-property undo-property
fold-property:
	@bash test/property.sh fold "$(SEEDS)" $(SEED)
gold-property:
	@bash test/property.sh gold "$(MODELS)" $(SEED)
undo-property:
	@bash test/property.sh undo "$(SEEDS)" $(SEED)

.PHONY: corpus
corpus:
	@CORPUS="$(CORPUS)" bash bench/corpus.sh

# What takes too long for every day.  "assert" and "valgrind" build a PostgreSQL of their own at first; the file
# layer's own tests need none.
.PHONY: analyze soak assert valgrind valgrind-file crash
analyze soak assert valgrind:
	@bash test/$@.sh
valgrind-file:
	@VALGRIND=1 bash test/fuzz/run.sh 0
	@VALGRIND=1 bash test/file/run.sh

# Servers killed in the middle of a run, again and again: make crash ROUNDS=1000 SEED=4711
crash: ROUNDS ?= 200
crash:
	@ROUNDS=$(ROUNDS) TESTS=001_crash MEDALLION_TEST_TIMEOUT=36000 bash test/run.sh tap

# Very many files in one folder
.PHONY: many
many: FILES ?= 100000
many:
	@FILES=$(FILES) TESTS=011_bad_folders MEDALLION_TEST_TIMEOUT=7200 bash test/run.sh tap
	@grep ' files in one folder: loaded' "$$(bash test/server.sh home)/test/logs/tap_011_bad_folders.log"
