# Freestanding code: what runs on the machine without an operating system of somebody else's.
#
#   add_freestanding_library(NAME SOURCES...)   objects for images; also usable by other libraries
#   add_image(NAME SCRIPT SOURCES... LIBS...)   an ELF image linked with link-time optimisation
include_guard()

set(VERDIGRIS_FREESTANDING_FLAGS
    -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only
    -fno-stack-protector -fno-asynchronous-unwind-tables -fno-omit-frame-pointer
    -fno-strict-aliasing -fwrapv -fcf-protection=none -fvisibility=hidden -O2 -g
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

# Indirect branches whose prediction nobody outside can steer (jump tables are such branches), and
# nothing to run into behind a return, which Clang 14 cannot do. docs/security.md.
list(APPEND VERDIGRIS_FREESTANDING_FLAGS -fno-jump-tables
    $<$<C_COMPILER_ID:GNU>:-mindirect-branch=thunk> $<$<C_COMPILER_ID:GNU>:-mindirect-branch-register>
    $<$<C_COMPILER_ID:GNU>:-mharden-sls=all> $<$<C_COMPILER_ID:Clang>:-mretpoline>)

# CMake picks gcc-ar or llvm-ar, and the linker plug-in, by this property.
cmake_policy(SET CMP0069 NEW)

function(verdigris_freestanding target)
  target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:C>:${VERDIGRIS_FREESTANDING_FLAGS};${VERDIGRIS_WARNINGS}>
      $<$<COMPILE_LANGUAGE:ASM_NASM>:-g;-Fdwarf;-Werror>)
  set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON
                        POSITION_INDEPENDENT_CODE OFF)
endfunction()

function(add_freestanding_library name)
  add_library(${name} STATIC ${ARGN})
  verdigris_freestanding(${name})
endfunction()

function(add_image name)
  cmake_parse_arguments(ARG "" "SCRIPT" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  verdigris_freestanding(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
  target_link_options(${name} PRIVATE -nostdlib -static $<$<C_COMPILER_ID:GNU>:-no-pie> -Wl,--build-id=sha1
      "SHELL:-T \"${ARG_SCRIPT}\"" -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack
      $<$<C_COMPILER_ID:GNU>:-flto-partition=one> $<$<C_COMPILER_ID:Clang>:-fuse-ld=lld>)
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${ARG_SCRIPT}
                        RUNTIME_OUTPUT_DIRECTORY ${VERDIGRIS_IMAGE_DIR})
endfunction()
