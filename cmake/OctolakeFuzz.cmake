# octolake_fuzzer(SOURCE target...)
#
# The fuzz target in SOURCE, <name>_fuzz.cc, which defines LLVMFuzzerTestOneInput. With OCTOLAKE_FUZZ
# it becomes the libFuzzer program <name>_fuzz (`make fuzz` runs it), otherwise the test fuzz.<name>,
# which replays the inputs in tests/fuzz/<name>: an input that was once a finding cannot fail again
# unnoticed.
set(OCTOLAKE_FUZZ_CORPUS "${PROJECT_SOURCE_DIR}/tests/fuzz")
add_custom_target(fuzzers)
if(BUILD_TESTING AND NOT OCTOLAKE_FUZZ)
  add_library(octolake_fuzz_replay OBJECT "${OCTOLAKE_FUZZ_CORPUS}/replay.cc")
  target_link_libraries(octolake_fuzz_replay PRIVATE octolake_flags)
endif()

function(octolake_fuzzer source)
  cmake_path(GET source STEM program)
  string(REGEX REPLACE "_fuzz$" "" name "${program}")
  if(OCTOLAKE_FUZZ)
    add_executable(${program} "${source}")
    target_link_libraries(${program} PRIVATE octolake_program_flags ${ARGN})
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${program})
  elseif(BUILD_TESTING)
    add_executable(${name}_replay "${source}")
    target_link_libraries(${name}_replay PRIVATE octolake_program_flags octolake_fuzz_replay ${ARGN})
    add_test(NAME fuzz.${name} COMMAND ${name}_replay "${OCTOLAKE_FUZZ_CORPUS}/${name}")
    set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz ENVIRONMENT "${OCTOLAKE_TEST_ENVIRONMENT}")
  endif()
endfunction()
