# Host tests: the shipped sources, compiled for this machine under ASan and UBSan.
#
#   add_unit_test(NAME [THREADS] SOURCES... [OBJECTS ...] [INCLUDES ...] [LIBS ...])   cmocka, run by ctest, label
#                                      "unit"; THREADS: under ThreadSanitizer instead of the other two
#   add_unit_objects(NAME SOURCES... [INCLUDES ...])           what several unit tests have in OBJECTS, compiled once
#   add_fuzz_target(NAME SOURCES... [INCLUDES ...] [LIBS ...]) libFuzzer; needs the clang preset
#   share_objects()                    at the end of a folder: what several of its programs compile alike is compiled once
#
# tests/fuzz/corpus/<NAME without fuzz_> is committed and replayed by ctest, label "fuzz".
#
# tests/unit/fakes comes first in the include path: its x86/insn.h stands in for the real one.
include_guard()

# Of debug information only what a backtrace needs: the compilers take a tenth less time.
set(VERDIGRIS_HOST_FLAGS -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all -fwrapv)
set(VERDIGRIS_HOST_INCLUDES
    ${CMAKE_SOURCE_DIR}/tests/unit/fakes ${CMAKE_SOURCE_DIR}/lib/rt/include
    ${CMAKE_SOURCE_DIR}/lib/x86/include ${CMAKE_SOURCE_DIR}/hypercall/include)

set(UNIT_SANITIZE -fsanitize=address,undefined)
# The tests run with gcc. What clang says of them it says without optimising, in a third of the time.
set(UNIT_OPTIMIZE $<IF:$<C_COMPILER_ID:Clang>,-O0,-O1>)
# In a third of the time that ld takes, which counts where there are so many to link.
set(VERDIGRIS_HOST_LINK $<$<C_COMPILER_ID:Clang>:-fuse-ld=lld>)

function(unit_compile_options name) # INCLUDES...
  target_include_directories(${name} PRIVATE ${VERDIGRIS_HOST_INCLUDES} ${ARGN})
  target_compile_options(${name} PRIVATE ${VERDIGRIS_HOST_FLAGS} ${VERDIGRIS_WARNINGS} ${UNIT_SANITIZE}
      ${UNIT_OPTIMIZE})
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
  target_link_options(${name} PRIVATE ${VERDIGRIS_HOST_LINK} ${UNIT_SANITIZE})
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
  target_compile_options(${name} PRIVATE ${VERDIGRIS_HOST_FLAGS} ${VERDIGRIS_WARNINGS} -O1
      -fsanitize=fuzzer,address,undefined)
  target_link_options(${name} PRIVATE ${VERDIGRIS_HOST_LINK} -fsanitize=fuzzer,address,undefined)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  string(REGEX REPLACE "^fuzz_" "" corpus ${name})
  add_test(NAME ${name}_corpus
           COMMAND ${name} -runs=0 ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
  set_tests_properties(${name}_corpus PROPERTIES LABELS fuzz TIMEOUT 300)
  set_property(GLOBAL APPEND PROPERTY VERDIGRIS_FUZZ_TARGETS ${name})
endfunction()

# alike(OUT TARGET): two targets with the same OUT compile a source to the same object. Of libraries only
# targets have a say in that.
function(alike out target)
  set(how "")
  foreach(property INCLUDE_DIRECTORIES COMPILE_OPTIONS COMPILE_DEFINITIONS)
    get_target_property(value ${target} ${property})
    string(APPEND how "${property} ${value} ")
  endforeach()
  get_target_property(libraries ${target} LINK_LIBRARIES)
  foreach(library IN LISTS libraries)
    if(TARGET ${library})
      string(APPEND how "${library} ")
    endif()
  endforeach()
  set(${out} "${how}" PARENT_SCOPE)
endfunction()

# shared_library(NAME LIKE): an object library that compiles as the target LIKE does
function(shared_library name like)
  add_library(${name} OBJECT)
  foreach(property INCLUDE_DIRECTORIES COMPILE_OPTIONS COMPILE_DEFINITIONS LINK_LIBRARIES)
    get_target_property(value ${like} ${property})
    if(value)
      set_target_properties(${name} PROPERTIES ${property} "${value}")
    endif()
  endforeach()
endfunction()

# Sets, in the caller: objects, what the programs of this folder consist of; of each object path_OBJECT, its
# source, and users_OBJECT, whose it is.
macro(list_objects)
  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "EXECUTABLE")
      continue()
    endif()
    alike(how ${target})
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources EXCLUDE REGEX "TARGET_OBJECTS")
    foreach(source IN LISTS sources)
      get_filename_component(path ${source} ABSOLUTE)
      string(MD5 object "${path} ${how}")
      list(APPEND objects ${object})
      list(APPEND users_${object} ${target})
      set(path_${object} ${path})
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES objects)
endmacro()

# not_own(TARGET PATHS...): the target has these sources no more
function(not_own target)
  get_target_property(sources ${target} SOURCES)
  set(own "")
  foreach(source IN LISTS sources)
    get_filename_component(path ${source} ABSOLUTE)
    if(NOT path IN_LIST ARGN)
      list(APPEND own ${source})
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES SOURCES "${own}")
endfunction()

function(share_objects)
  list_objects()
  foreach(object IN LISTS objects)
    list(LENGTH users_${object} count)
    if(count EQUAL 1)
      continue()
    endif()
    # Objects with the same users are one library.
    string(MD5 library "${users_${object}}")
    if(NOT TARGET shared_${library})
      list(GET users_${object} 0 first)
      shared_library(shared_${library} ${first})
      set(users_${library} ${users_${object}})
      list(APPEND libraries ${library})
    endif()
    target_sources(shared_${library} PRIVATE ${path_${object}})
    list(APPEND paths_${library} ${path_${object}})
  endforeach()
  foreach(library IN LISTS libraries)
    foreach(target IN LISTS users_${library})
      not_own(${target} ${paths_${library}})
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:shared_${library}>)
    endforeach()
  endforeach()
endfunction()
