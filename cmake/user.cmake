# Ring-3 programs: static, freestanding, over a small C library of our own (root/user/lib).
#
#   add_user_program(NAME SOURCES...)   NAME in VERDIGRIS_IMAGE_DIR
include_guard()

set(VERDIGRIS_USER_DIR ${CMAKE_SOURCE_DIR}/root/user)
set(VERDIGRIS_USER_FLAGS
    -ffreestanding -fno-pic -fno-pie -mcmodel=small -mgeneral-regs-only -fno-stack-protector
    -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-strict-aliasing -fwrapv
    -fcf-protection=none -fvisibility=hidden -fno-lto
    $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns> -O2 -g)

function(add_user_program name)
  add_executable(${name} ${VERDIGRIS_USER_DIR}/lib/start.asm
      ${VERDIGRIS_USER_DIR}/lib/system.c ${VERDIGRIS_USER_DIR}/lib/print.c
      ${CMAKE_SOURCE_DIR}/lib/rt/mem.c ${CMAKE_SOURCE_DIR}/lib/rt/string.c
      ${CMAKE_SOURCE_DIR}/lib/rt/format.c ${ARGN})
  target_compile_options(${name} PRIVATE
      $<$<COMPILE_LANGUAGE:C>:${VERDIGRIS_USER_FLAGS};${VERDIGRIS_WARNINGS}>
      $<$<COMPILE_LANGUAGE:ASM_NASM>:-g;-Fdwarf;-Werror>)
  target_include_directories(${name} PRIVATE ${VERDIGRIS_USER_DIR})
  target_link_libraries(${name} PRIVATE rootabi rt_headers)
  target_link_options(${name} PRIVATE -nostdlib -static -no-pie -Wl,--build-id=sha1
      -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,-z,norelro
      $<$<C_COMPILER_ID:Clang>:-fuse-ld=lld>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${VERDIGRIS_IMAGE_DIR}
                        POSITION_INDEPENDENT_CODE OFF)
endfunction()
