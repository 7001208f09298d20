# Every third-party target the rooms may name in LIBS. From deps/bootstrap.sh:
#   dep_arrow  dep_arrow_compute  dep_arrow_s3  DuckDB::duckdb  simdjson  dep_rdkafka
# From the distribution:
#   spdlog::spdlog  fmt::fmt  CLI11::CLI11  nlohmann_json::nlohmann_json  OpenSSL::Crypto
#   OpenSSL::SSL  SQLite::SQLite3  PostgreSQL::PostgreSQL  CURL::libcurl  yaml-cpp  tl::expected
#   dep_zstd  dep_isal  Threads::Threads  dep_boost
find_package(ArrowParquet 26.0.1 REQUIRED)
find_package(DuckDB REQUIRED)

# Built without sanitizers even in a sanitizer build: instrumented, it alone takes ten minutes.
add_library(simdjson STATIC "${OCTOLAKE_DEPS}/src/simdjson/simdjson.cpp")
target_include_directories(simdjson SYSTEM PUBLIC "${OCTOLAKE_DEPS}/src/simdjson")
target_compile_options(simdjson PRIVATE -O2 -w)
set_target_properties(simdjson PROPERTIES POSITION_INDEPENDENT_CODE ON)
# libparquet of the wheel has another version inside, and shows its symbols: without a name of its own
# ours would call that one's functions, compiled from other headers.
target_compile_definitions(simdjson PUBLIC simdjson=octolake_simdjson)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(SQLite3 REQUIRED)
find_package(PostgreSQL REQUIRED)  # libpq
# libparquet of the wheel has an OpenSSL of its own inside, and shows its symbols. Whichever library is
# named first decides for all; were it that one, the system's libcrypto would use parts of both.
target_link_options(octolake_program_flags INTERFACE
  "LINKER:--push-state,--no-as-needed,${OPENSSL_SSL_LIBRARY},${OPENSSL_CRYPTO_LIBRARY},--pop-state")
find_package(CURL 7.85 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(yaml-cpp REQUIRED)
if(NOT TARGET yaml-cpp)  # its name from 0.8 on
  add_library(yaml-cpp INTERFACE)
  target_link_libraries(yaml-cpp INTERFACE yaml-cpp::yaml-cpp)
endif()

# dep_<name>: a C library without a CMake configuration of its own in Debian.
function(octolake_c_library name header library)
  find_path(${name}_INCLUDE_DIR ${header} REQUIRED)
  find_library(${name}_LIBRARY ${library} REQUIRED)
  add_library(dep_${name} INTERFACE)
  target_include_directories(dep_${name} SYSTEM INTERFACE "${${name}_INCLUDE_DIR}")
  target_link_libraries(dep_${name} INTERFACE "${${name}_LIBRARY}")
endfunction()
octolake_c_library(zstd zstd.h zstd)
octolake_c_library(isal isa-l/igzip_lib.h isal)

# librdkafka, and what it was compiled with.
find_package(ZLIB REQUIRED)
find_path(rdkafka_INCLUDE_DIR librdkafka/rdkafka.h PATHS "${OCTOLAKE_DEPS}/rdkafka/include"
          NO_DEFAULT_PATH REQUIRED)
find_library(rdkafka_LIBRARY librdkafka.a PATHS "${OCTOLAKE_DEPS}/rdkafka/lib" NO_DEFAULT_PATH REQUIRED)
add_library(dep_rdkafka INTERFACE)
target_include_directories(dep_rdkafka SYSTEM INTERFACE "${rdkafka_INCLUDE_DIR}")
target_link_libraries(dep_rdkafka INTERFACE "${rdkafka_LIBRARY}" OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB
  "${zstd_LIBRARY}" Threads::Threads ${CMAKE_DL_LIBS} m)

# Asio and Beast, of which the headers are all.
find_path(boost_INCLUDE_DIR boost/beast/http/basic_parser.hpp REQUIRED)
add_library(dep_boost INTERFACE)
target_include_directories(dep_boost SYSTEM INTERFACE "${boost_INCLUDE_DIR}")
target_compile_definitions(dep_boost INTERFACE BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(dep_boost INTERFACE Threads::Threads)
if(OCTOLAKE_SANITIZE MATCHES "thread")
  # Asio has fences, which the thread sanitizer does not follow; its locks and atomics it does.
  target_compile_options(dep_boost INTERFACE -Wno-tsan)
endif()

if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()
