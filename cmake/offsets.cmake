# Structure offsets for nasm: a C file of OFFSET(NAME, value) lines, compiled to assembly, becomes
# %defines in offsets.inc. So no offset is typed twice.
#
#   add_offsets(TARGET SOURCE INCLUDE_DIRS...)   makes TARGET's nasm sources find "offsets.inc"
include_guard()

function(add_offsets target source)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${target}-offsets)
  list(TRANSFORM ARGN PREPEND -I OUTPUT_VARIABLE includes)
  add_custom_command(
      OUTPUT ${dir}/offsets.inc
      COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}
      COMMAND ${CMAKE_C_COMPILER} -std=gnu11 -ffreestanding -O1 -fno-lto ${includes} -S
              -MD -MF ${dir}/offsets.d -MT ${dir}/offsets.inc ${source} -o ${dir}/offsets.s
      COMMAND sed -n "s/.*\\.ascii[^-]*->\\([A-Z0-9_]*\\) [$]*\\([0-9]*\\)<-.*/%define \\1 \\2/p"
              ${dir}/offsets.s > ${dir}/offsets.inc
      DEPENDS ${source} DEPFILE ${dir}/offsets.d VERBATIM)
  add_custom_target(${target}_offsets DEPENDS ${dir}/offsets.inc)
  add_dependencies(${target} ${target}_offsets)
  target_include_directories(${target} PRIVATE ${dir})
  # Said here: what nasm tells of the files that it includes does not reach ninja.
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.asm$")
  set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${dir}/offsets.inc)
endfunction()
