// Defaults of the sanitizers, linked into every program of a sanitizer build so that a test run by
// hand behaves as one run by ctest. The sanitizers' runtimes call these hooks before main.
//
// Arrow and DuckDB are not instrumented: a container that they fill and our code reads would be
// reported as an overflow (hence detect_container_overflow=0), what they keep to the end of the
// process as a leak, and their synchronisation, which cannot be seen, as a race.
extern "C" {

const char* __asan_default_options() {
  return "detect_container_overflow=0:detect_leaks=1:strict_string_checks=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1"; }

const char* __lsan_default_suppressions() {
  return "leak:libarrow.so\n"
         "leak:libparquet.so\n"
         "leak:libduckdb.so\n";
}

const char* __tsan_default_suppressions() {
  return "called_from_lib:libarrow.so\n"
         "called_from_lib:libparquet.so\n"
         "called_from_lib:libduckdb.so\n"
         // Arrow's allocator, at the end of the process: it unlocks what it locked unseen.
         "mutex:_dl_call_fini\n";
}

}  // extern "C"
