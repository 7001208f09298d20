# Daily work. Every target installs and fetches what it needs first; `make help` lists them.
PREFIX ?= /usr/local
PRESET ?= release

.DEFAULT_GOAL := build
.PHONY: build install test lint format asan tsan property simulate fuzz crash-points interop crash spark-package bench
.PHONY: cluster-parts cluster-up cluster-down cluster-status cluster-test cluster-ledger clean help

build: ## compile everything (PRESET=release)
	deps/build.sh $(PRESET)

install: ## install under PREFIX (default /usr/local)
	deps/build.sh release
	cmake --install build/release --prefix $(PREFIX)

test: ## run every test, as ./test
	./test

lint: ## check layout (clang-format), mistakes (clang-tidy; SINCE=REV: in what changed) and includes
	deps/install_system_packages.sh lint
	deps/build.sh release
	deps/lint.sh $(if $(SINCE),--since $(SINCE))

format: ## rewrite the sources in the layout that lint asks for
	deps/install_system_packages.sh lint
	git ls-files -z 'src/*.h' 'src/*.cc' 'spark/native/*.h' 'spark/native/*.cc' | xargs -0 clang-format-14 -i

asan: ## C++ tests under the address and undefined behaviour sanitizers
	deps/build.sh asan
	ctest --preset asan --parallel $$(nproc) --timeout 1200

tsan: ## C++ tests under the thread sanitizer
	deps/build.sh tsan
	ctest --preset tsan --parallel $$(nproc) --timeout 1200

property: ## Gold over 200 random histories (OCTOLAKE_SEEDS=N, OCTOLAKE_FIRST_SEED=N)
	deps/build.sh $(PRESET)
	TZ=Asia/Kathmandu OCTOLAKE_SEEDS=$${OCTOLAKE_SEEDS:-200} build/$(PRESET)/bin/model_test --gtest_filter='*GoldProperty*' --gtest_brief=1

simulate: ## 10,000 simulated histories of a lake, in one thread each (OCTOLAKE_SEEDS=N, OCTOLAKE_FIRST_SEED=N)
	deps/build.sh $(PRESET) simulation_test
	OCTOLAKE_SEEDS=$${OCTOLAKE_SEEDS:-10000} ctest --preset $(PRESET) -L simulation --parallel $$(nproc) --timeout 7200

crash-points: ## fail every step of load and run in every way, and repeat them (15 minutes)
	deps/build.sh release --tests
	OCTOLAKE_CRASH_POINTS=all ctest --preset release -L crash_points --parallel $$(nproc) --timeout 7200 --verbose

fuzz: ## every fuzz target for FUZZ_SECONDS (60), or those of FUZZ="NAME..."
	deps/install_system_packages.sh fuzz
	deps/build.sh fuzz fuzzers
	tests/fuzz/run.sh $(FUZZ)

interop: ## read and write our tables with other engines
	deps/build.sh release --tests
	tests/interop/jdbc_catalog.sh
	tests/interop/run_all.sh
	tests/interop/spark_deletes.sh

crash: ## 200 kills of each, 40 power cuts, two minutes of racing processes, full disks (about 35 minutes)
	deps/build.sh release --tests
	tests/crash.sh

spark-package: ## the Python package for Spark with the native library inside, as a wheel and an archive in build/spark
	deps/build.sh release octolake_spark
	python3 spark/make_package.py

bench: ## measure, against peers where there are some
	deps/build.sh release
	bench/run.sh

cluster-parts:
	deps/build.sh release
	deps/install_system_packages.sh cluster
	deps/bootstrap.sh --spark
	deps/bootstrap.sh --airflow
	deps/cluster/fetch.sh kafka spark minio

cluster-up: cluster-parts ## Kafka, MinIO, PostgreSQL, Spark and Airflow on loopback, without containers (docs/cluster.md)
	cluster/cluster.py up

cluster-status: ## what of the cluster runs, and the memory it uses
	cluster/cluster.py status

cluster-test: cluster-parts ## events through every component of a cluster of its own, compared with the embedded program
	deps/bootstrap.sh --tests
	tests/cluster/run.sh whole_pipeline

cluster-ledger: cluster-parts ## end each component of a cluster of its own under load: no event lost, none twice (docs/cluster.md)
	deps/bootstrap.sh --tests
	tests/cluster/run.sh ledger

cluster-down: ## end what cluster-up started
	cluster/cluster.py down

clean: ## remove what was built, not the fetched parts, the warehouse or a cluster's data
	[ ! -e build ] || find build -mindepth 1 -maxdepth 1 ! -name 'cluster*' -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
