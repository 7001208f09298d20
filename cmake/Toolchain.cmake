# How our own code is compiled: the octolake_flags target carries it, third-party code does not see it.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(OCTOLAKE_SANITIZE "" CACHE STRING "Sanitizers of our own code: address,undefined or thread")
option(OCTOLAKE_FUZZ "Build *_fuzz.cc as libFuzzer programs (needs clang)" OFF)
# -g1 keeps function names and lines for a backtrace at a fraction of the size and link time of -g.
if(OCTOLAKE_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
else()
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
endif()

add_library(octolake_flags INTERFACE)
target_compile_options(octolake_flags INTERFACE -Wall -Wextra -Wshadow
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A later compiler's new warning must not stop somebody from building.
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(octolake_flags INTERFACE -Werror)
  endif()
  # GCC 12 reports these falsely for std::string and std::vector code that it has inlined at -O2.
  target_compile_options(octolake_flags INTERFACE -Wno-restrict -Wno-stringop-overflow
    -Wno-stringop-overread -Wno-array-bounds -Wno-maybe-uninitialized)
endif()

if(OCTOLAKE_SANITIZE)
  target_compile_options(octolake_flags INTERFACE "-fsanitize=${OCTOLAKE_SANITIZE}"
    -fno-omit-frame-pointer)
  if(OCTOLAKE_SANITIZE MATCHES "undefined")
    # Out of range, a conversion from a floating-point number is undefined too, but not in the group.
    target_compile_options(octolake_flags INTERFACE -fsanitize=float-cast-overflow
      -fno-sanitize-recover=undefined,float-cast-overflow)
  endif()
  if(OCTOLAKE_FUZZ)
    target_compile_options(octolake_flags INTERFACE -fsanitize=fuzzer-no-link)
  endif()
  target_compile_definitions(octolake_flags INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(octolake_flags INTERFACE "-fsanitize=${OCTOLAKE_SANITIZE}")
endif()

# Linked into our programs beside octolake_flags.
add_library(octolake_program_flags INTERFACE)
target_link_libraries(octolake_program_flags INTERFACE octolake_flags)
if(OCTOLAKE_SANITIZE)
  add_library(octolake_sanitizer_defaults OBJECT cmake/sanitizer_defaults.cc)
  if(OCTOLAKE_SANITIZE MATCHES "thread")
    target_sources(octolake_sanitizer_defaults PRIVATE cmake/tsan_c11_threads.cc)
  endif()
  target_link_libraries(octolake_program_flags INTERFACE
    "$<TARGET_OBJECTS:octolake_sanitizer_defaults>")
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Build directories side by side share what they compile: paths in the source tree count as relative.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}"
    CCACHE_NOHASHDIR=true "${CCACHE_PROGRAM}")
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LINK_OPTIONS -fuse-ld=mold)
  check_cxx_source_compiles("int main() {}" OCTOLAKE_LINKS_WITH_MOLD)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(OCTOLAKE_LINKS_WITH_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()
