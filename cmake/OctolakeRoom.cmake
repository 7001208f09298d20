# octolake_room(NAME [DEPS room...] [LIBS target...] [TEST_LIBS target...] [TOGETHER filter])
#
# One room under src/: the library octolake::<NAME> from the *.cc in the current folder, and, where
# there are *_test.cc, the program <NAME>_test, whose tests ctest lists one by one. DEPS are rooms,
# LIBS targets of cmake/Dependencies.cmake; both are handed on to whoever uses the room. TOGETHER is a
# GoogleTest filter of tests that share a server which is slow to start: ctest runs them as one, and
# counts them as skipped where that server is not to be had. A room with headers only works too. main.cc in cli belongs to a target of its own, and so does every *_fuzz.cc:
# see OctolakeFuzz.cmake.
function(octolake_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TOGETHER" "DEPS;LIBS;TEST_LIBS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "octolake_room(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  list(TRANSFORM arg_DEPS PREPEND "octolake::")

  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  set(tests "${sources}")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(fuzzers "${sources}")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|/main)\\.cc$")

  if(sources)
    add_library(octolake_${name} STATIC ${sources})
    target_link_libraries(octolake_${name} PRIVATE octolake_flags)
    set(scope PUBLIC)
  else()
    add_library(octolake_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(octolake::${name} ALIAS octolake_${name})
  target_include_directories(octolake_${name} ${scope} "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(octolake_${name} ${scope} ${arg_DEPS} ${arg_LIBS})

  if(BUILD_TESTING AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE octolake_program_flags octolake_${name} ${arg_TEST_LIBS}
      GTest::gmock GTest::gtest_main)
    set(alone)
    if(arg_TOGETHER)
      set(alone TEST_FILTER "-${arg_TOGETHER}")
      add_test(NAME "${name}.${arg_TOGETHER}" COMMAND ${name}_test "--gtest_filter=${arg_TOGETHER}")
      set_tests_properties("${name}.${arg_TOGETHER}" PROPERTIES LABELS ${name}
        ENVIRONMENT "${OCTOLAKE_TEST_ENVIRONMENT}" SKIP_REGULAR_EXPRESSION "no [A-Za-z0-9]+ server on this machine")
    endif()
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 TEST_PREFIX "${name}."
      ${alone} PROPERTIES LABELS ${name} ENVIRONMENT "${OCTOLAKE_TEST_ENVIRONMENT}")
  endif()
  foreach(fuzzer IN LISTS fuzzers)
    octolake_fuzzer(${fuzzer} octolake_${name} ${arg_TEST_LIBS})
  endforeach()
endfunction()

# octolake_program(NAME SOURCES file... DEPS room... [LIBS target...])
#
# A program of ours: built as <build>/bin/<NAME>, installed as bin/<NAME>, which finds the carried
# libraries in ../lib.
function(octolake_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;LIBS")
  list(TRANSFORM arg_DEPS PREPEND "octolake::")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE octolake_program_flags ${arg_DEPS} ${arg_LIBS})
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()
