# Host tests: the shipped sources, compiled for this machine under ASan and UBSan.
#
#   add_unit_test(NAME [THREADS] SOURCES... [OBJECTS ...] [INCLUDES ...] [LIBS ...])   cmocka, run by ctest, label
#                                      "unit"; THREADS: under ThreadSanitizer instead of the other two
#   add_unit_objects(NAME SOURCES... [INCLUDES ...])           what several unit tests have in OBJECTS, compiled once
#   add_fuzz_target(NAME SOURCES... [INCLUDES ...] [LIBS ...]) libFuzzer; needs the clang preset
#
# tests/fuzz/corpus/<NAME without fuzz_> is committed and replayed by ctest, label "fuzz".
#
# tests/unit/fakes comes first in the include path: its x86/insn.h stands in for the real one.
include_guard()

set(VERDIGRIS_HOST_FLAGS -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -fwrapv)
set(VERDIGRIS_HOST_INCLUDES
    ${CMAKE_SOURCE_DIR}/tests/unit/fakes ${CMAKE_SOURCE_DIR}/lib/rt/include
    ${CMAKE_SOURCE_DIR}/lib/x86/include ${CMAKE_SOURCE_DIR}/hypercall/include)

set(UNIT_SANITIZE -fsanitize=address,undefined)

function(unit_compile_options name) # INCLUDES...
  target_include_directories(${name} PRIVATE ${VERDIGRIS_HOST_INCLUDES} ${ARGN})
  target_compile_options(${name} PRIVATE ${VERDIGRIS_HOST_FLAGS} ${VERDIGRIS_WARNINGS} ${UNIT_SANITIZE})
endfunction()

function(add_unit_objects name)
  cmake_parse_arguments(ARG "" "" "SOURCES;INCLUDES" ${ARGN})
  add_library(${name} OBJECT ${ARG_SOURCES})
  unit_compile_options(${name} ${ARG_INCLUDES})
endfunction()

function(add_unit_test name)
  cmake_parse_arguments(ARG "THREADS" "" "SOURCES;OBJECTS;INCLUDES;LIBS" ${ARGN})
  if(ARG_THREADS)
    set(UNIT_SANITIZE -fsanitize=thread)
  endif()
  list(TRANSFORM ARG_OBJECTS REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>")
  add_executable(${name} ${ARG_SOURCES} ${ARG_OBJECTS})
  unit_compile_options(${name} ${ARG_INCLUDES})
  if(ARG_THREADS AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${name} PRIVATE -Wno-tsan) # fences order our own stores and loads only
  endif()
  target_link_options(${name} PRIVATE ${UNIT_SANITIZE})
  target_link_libraries(${name} PRIVATE cmocka ${ARG_LIBS})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

function(add_fuzz_target name)
  if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;INCLUDES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${VERDIGRIS_HOST_INCLUDES} ${ARG_INCLUDES})
  target_compile_options(${name} PRIVATE ${VERDIGRIS_HOST_FLAGS} ${VERDIGRIS_WARNINGS}
      -fsanitize=fuzzer,address,undefined)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  string(REGEX REPLACE "^fuzz_" "" corpus ${name})
  add_test(NAME ${name}_corpus
           COMMAND ${name} -runs=0 ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
  set_tests_properties(${name}_corpus PROPERTIES LABELS fuzz TIMEOUT 300)
  set_property(GLOBAL APPEND PROPERTY VERDIGRIS_FUZZ_TARGETS ${name})
endfunction()
