# UEFI applications, by gnu-efi: an ELF shared object, turned into PE32+.
#
#   add_efi_application(NAME SOURCES... [INCLUDES ...])   NAME.efi in VERDIGRIS_IMAGE_DIR
include_guard()

set(VERDIGRIS_EFI_FLAGS
    -ffreestanding -fpic -fshort-wchar -mno-red-zone -mgeneral-regs-only -fno-stack-protector
    -fno-asynchronous-unwind-tables -fno-strict-aliasing -fwrapv -fcf-protection=none
    -fvisibility=hidden -fno-lto -DGNU_EFI_USE_MS_ABI -O2 -g
    $<$<C_COMPILER_ID:GNU>:-maccumulate-outgoing-args>)

set(VERDIGRIS_EFI_INCLUDES /usr/include/efi /usr/include/efi/x86_64)

find_program(VERDIGRIS_LD NAMES ld.bfd ld REQUIRED)
find_program(VERDIGRIS_OBJCOPY NAMES objcopy REQUIRED)

function(add_efi_application name)
  cmake_parse_arguments(ARG "" "" "SOURCES;INCLUDES" ${ARGN})
  set(so ${CMAKE_CURRENT_BINARY_DIR}/${name}.so)
  set(efi ${VERDIGRIS_IMAGE_DIR}/${name}.efi)
  add_library(${name}_objects OBJECT ${ARG_SOURCES})
  target_include_directories(${name}_objects PRIVATE ${ARG_INCLUDES})
  target_include_directories(${name}_objects SYSTEM PRIVATE ${VERDIGRIS_EFI_INCLUDES})
  target_compile_options(${name}_objects PRIVATE
      $<$<COMPILE_LANGUAGE:C>:${VERDIGRIS_EFI_FLAGS};${VERDIGRIS_WARNINGS}>
      $<$<COMPILE_LANGUAGE:ASM_NASM>:-g;-Fdwarf;-Werror>)
  add_custom_command(OUTPUT ${efi}
      COMMAND ${VERDIGRIS_LD} -nostdlib -znocombreloc -znoexecstack -T /usr/lib/elf_x86_64_efi.lds
              -shared -Bsymbolic -o ${so} /usr/lib/crt0-efi-x86_64.o
              $<TARGET_OBJECTS:${name}_objects> -L/usr/lib -lgnuefi --no-undefined
      COMMAND ${CMAKE_COMMAND} -E make_directory ${VERDIGRIS_IMAGE_DIR}
      COMMAND ${VERDIGRIS_OBJCOPY} -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel*
              -j .rela* -j .reloc --target efi-app-x86_64 --subsystem=10 ${so} ${efi}
      DEPENDS ${name}_objects $<TARGET_OBJECTS:${name}_objects>
      COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${efi})
endfunction()
