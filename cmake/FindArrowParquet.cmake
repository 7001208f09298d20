# dep_arrow: Arrow and Parquet; dep_arrow_compute: also Arrow's compute kernels; dep_arrow_s3: Arrow and
# its S3 file system.
# A system Arrow with CMake configurations is used with -DOCTOLAKE_SYSTEM_ARROW=ON, otherwise the
# headers and libraries that deps/bootstrap.sh took from the pyarrow wheel (it has no configuration).
# Appends the files an installation has to carry to OCTOLAKE_RUNTIME_LIBRARIES.
option(OCTOLAKE_SYSTEM_ARROW "Use an installed Arrow instead of the pinned one" OFF)

if(OCTOLAKE_SYSTEM_ARROW)
  find_package(Arrow CONFIG REQUIRED)
  find_package(Parquet CONFIG REQUIRED)
  add_library(dep_arrow INTERFACE)
  target_link_libraries(dep_arrow INTERFACE Arrow::arrow_shared Parquet::parquet_shared)
  add_library(dep_arrow_compute INTERFACE)
  target_link_libraries(dep_arrow_compute INTERFACE dep_arrow)
  if(TARGET ArrowCompute::arrow_compute_shared)
    target_link_libraries(dep_arrow_compute INTERFACE ArrowCompute::arrow_compute_shared)
  endif()
  add_library(dep_arrow_s3 INTERFACE)
  target_link_libraries(dep_arrow_s3 INTERFACE Arrow::arrow_shared)
  set(ArrowParquet_FOUND TRUE)
  return()
endif()

find_path(ArrowParquet_INCLUDE_DIR arrow/util/config.h PATHS "${OCTOLAKE_DEPS}/include" NO_DEFAULT_PATH)
if(ArrowParquet_INCLUDE_DIR)
  file(STRINGS "${ArrowParquet_INCLUDE_DIR}/arrow/util/config.h" lines REGEX "^#define ARROW_")
  foreach(line IN LISTS lines)
    if(line MATCHES "ARROW_VERSION_STRING \"(.+)\"")
      set(ArrowParquet_VERSION "${CMAKE_MATCH_1}")
    elseif(line MATCHES "ARROW_SO_VERSION \"(.+)\"")
      set(so_version "${CMAKE_MATCH_1}")
    endif()
  endforeach()
endif()

set(required)
foreach(name IN ITEMS arrow arrow_compute arrow_s3 parquet)
  find_file(ArrowParquet_${name}_LIBRARY "lib${name}.so.${so_version}" PATHS "${OCTOLAKE_DEPS}/lib"
            NO_DEFAULT_PATH)
  list(APPEND required ArrowParquet_${name}_LIBRARY)
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ArrowParquet
  REQUIRED_VARS ArrowParquet_INCLUDE_DIR ${required}
  VERSION_VAR ArrowParquet_VERSION
  REASON_FAILURE_MESSAGE "run deps/bootstrap.sh first")

foreach(name IN ITEMS arrow arrow_compute arrow_s3 parquet)
  add_library(ArrowParquet::${name} SHARED IMPORTED)
  set_target_properties(ArrowParquet::${name} PROPERTIES
    IMPORTED_LOCATION "${ArrowParquet_${name}_LIBRARY}"
    IMPORTED_SONAME "lib${name}.so.${so_version}"
    INTERFACE_INCLUDE_DIRECTORIES "${ArrowParquet_INCLUDE_DIR}")
  list(APPEND OCTOLAKE_RUNTIME_LIBRARIES "${ArrowParquet_${name}_LIBRARY}")
endforeach()
add_library(dep_arrow INTERFACE)
target_link_libraries(dep_arrow INTERFACE ArrowParquet::parquet ArrowParquet::arrow)
add_library(dep_arrow_compute INTERFACE)
target_link_libraries(dep_arrow_compute INTERFACE dep_arrow ArrowParquet::arrow_compute)
add_library(dep_arrow_s3 INTERFACE)
target_link_libraries(dep_arrow_s3 INTERFACE ArrowParquet::arrow_s3 ArrowParquet::arrow)
