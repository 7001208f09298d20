// Defaults of the sanitizers, linked into every program of a sanitizer build so that a test run by
// hand behaves as one run by ctest. The sanitizers' runtimes call these hooks before main.
//
// Arrow, DuckDB and librdkafka are not instrumented: a container that they fill and our code reads
// would be reported as an overflow (hence detect_container_overflow=0), what they keep to the end
// of the process as a leak, and their synchronisation, which cannot be seen, as a race.
#include <cstdlib>

namespace {
// A sanitizer sees the bounds and the reuse of Arrow's buffers only if malloc hands them out.
const bool arrow_uses_malloc = setenv("ARROW_DEFAULT_MEMORY_POOL", "system", 0) == 0;
}  // namespace

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

// Arrow's allocator begins a thread when it is loaded, and tests fork: the child could begin none.
const char* __tsan_default_options() { return "die_after_fork=0"; }

// spdlog's library has the copy of std::unique_lock's unlock that the others are bound to, and our
// programs the copies of std::string's that DuckDB is bound to. What Arrow shares is let go of for
// the last time in our code after it was let go of unseen in its own.
const char* __tsan_default_suppressions() {
  return "called_from_lib:libarrow.so\n"
         "called_from_lib:libarrow_s3.so\n"
         "called_from_lib:libparquet.so\n"
         "called_from_lib:libduckdb.so\n"
         "called_from_lib:libspdlog.so\n"
         "race:duckdb::\n"
         "mutex:duckdb::\n"
         "race:libarrow_s3.so\n"
         "mutex:libarrow_s3.so\n"
         // Of its streams' buffers, and of locks it took unseen, in the code of libstdc++.so.
         "race:basic_streambuf*::xs\n"
         "mutex:std::condition_variable::wait\n"
         "race:_M_release_last_use\n"
         // Arrow's allocator, at the end of the process and in a fork: it unlocks what it locked
         // unseen.
         "mutex:_dl_call_fini\n"
         "mutex:__run_postfork_handlers\n"
         // librdkafka's counts of who still uses what it frees: a message that our code has read,
         // a lock that another thread let go of.
         "race:rd_buf_destroy\n"
         "race:rwlock_destroy\n";
}

}  // extern "C"
