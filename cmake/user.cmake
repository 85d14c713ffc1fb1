# Ring-3 programs: static ELF files at fixed addresses, without interpreter.
#
#   add_user_program(NAME SOURCES... [INCLUDES ...] [LIBS ...])   over musl: an ordinary C program
#   add_bare_program(NAME SOURCES...)              over the few functions of root/user/lib: the shell
#
# NAME is put in VERDIGRIS_IMAGE_DIR. Why musl: docs/root.md.
include_guard()
include(musl)

set(VERDIGRIS_USER_DIR ${CMAKE_SOURCE_DIR}/root/user)
set(VERDIGRIS_PROGRAM_FLAGS
    -fno-pic -fno-pie -mcmodel=small -fno-asynchronous-unwind-tables -fno-omit-frame-pointer
    -fno-strict-aliasing -fwrapv -fcf-protection=none -fno-lto -O2 -g
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
set(VERDIGRIS_PROGRAM_LINK
    -nostdlib -static -no-pie -Wl,--build-id=sha1 -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack
    -Wl,-z,separate-code -Wl,-z,norelro $<$<C_COMPILER_ID:Clang>:-fuse-ld=lld>)
set(VERDIGRIS_BARE_FLAGS
    -ffreestanding -mgeneral-regs-only -fno-stack-protector -fvisibility=hidden
    $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
# Those that hostile input reaches are ordinary programs: their stacks are protected.
set(VERDIGRIS_MUSL_FLAGS -nostdinc -isystem ${MUSL_INCLUDE_DIR} -fstack-protector-strong)

function(user_program_properties name)
  target_link_options(${name} PRIVATE ${VERDIGRIS_PROGRAM_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${VERDIGRIS_IMAGE_DIR}
                        POSITION_INDEPENDENT_CODE OFF)
endfunction()

function(add_bare_program name)
  add_executable(${name} ${VERDIGRIS_USER_DIR}/lib/start.asm
      ${VERDIGRIS_USER_DIR}/lib/system.c ${VERDIGRIS_USER_DIR}/lib/print.c
      ${CMAKE_SOURCE_DIR}/lib/rt/mem.c ${CMAKE_SOURCE_DIR}/lib/rt/string.c
      ${CMAKE_SOURCE_DIR}/lib/rt/format.c ${ARGN})
  target_compile_options(${name} PRIVATE
      $<$<COMPILE_LANGUAGE:C>:${VERDIGRIS_PROGRAM_FLAGS};${VERDIGRIS_BARE_FLAGS};${VERDIGRIS_WARNINGS}>
      $<$<COMPILE_LANGUAGE:ASM_NASM>:-g;-Fdwarf;-Werror>)
  target_include_directories(${name} PRIVATE ${VERDIGRIS_USER_DIR})
  target_link_libraries(${name} PRIVATE rootabi rt_headers)
  user_program_properties(${name})
endfunction()

function(add_user_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;INCLUDES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES} ${ARG_UNPARSED_ARGUMENTS})
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
  target_compile_options(${name} PRIVATE
      $<$<COMPILE_LANGUAGE:C>:${VERDIGRIS_PROGRAM_FLAGS};${VERDIGRIS_MUSL_FLAGS};${VERDIGRIS_WARNINGS}>
      $<$<COMPILE_LANGUAGE:ASM_NASM>:-g;-Fdwarf;-Werror>)
  target_include_directories(${name} PRIVATE ${VERDIGRIS_USER_DIR} ${ARG_INCLUDES})
  target_link_libraries(${name} PRIVATE rootabi ${ARG_LIBS} ${MUSL_START} ${MUSL_LIBRARY} ${MUSL_END})
  user_program_properties(${name})
endfunction()
