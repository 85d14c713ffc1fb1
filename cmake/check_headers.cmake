# Every header compiles by itself: one translation unit is generated for each, which includes it
# twice. They are built with everything else, with the warnings and flags of the images.
#
#   check_headers(NAME FOLDER [INCLUDES ...])   all *.h below FOLDER, which is in the include path
include_guard()

function(check_headers name folder)
  cmake_parse_arguments(ARG "" "" "INCLUDES" ${ARGN})
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*.h)
  set(sources "")
  foreach(header ${headers})
    string(REPLACE "/" "_" source ${header})
    set(source ${CMAKE_BINARY_DIR}/check_headers/${name}/${source}.c)
    set(content "#include <${header}>\n#include <${header}>\n")
    file(CONFIGURE OUTPUT ${source} CONTENT "${content}" @ONLY)
    list(APPEND sources ${source})
  endforeach()
  if(NOT sources)
    return()
  endif()
  add_library(${name} OBJECT ${sources})
  verdigris_freestanding(${name})
  set_target_properties(${name} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  target_include_directories(${name} PRIVATE ${folder} ${ARG_INCLUDES})
endfunction()

set(header_folders ${CMAKE_SOURCE_DIR}/lib/rt/include ${CMAKE_SOURCE_DIR}/lib/x86/include
                   ${CMAKE_SOURCE_DIR}/hypercall/include)
check_headers(check_headers_rt ${CMAKE_SOURCE_DIR}/lib/rt/include)
check_headers(check_headers_x86 ${CMAKE_SOURCE_DIR}/lib/x86/include INCLUDES ${header_folders})
check_headers(check_headers_kern ${CMAKE_SOURCE_DIR}/lib/kern/include INCLUDES ${header_folders})
check_headers(check_headers_hvabi ${CMAKE_SOURCE_DIR}/hypercall/include)
check_headers(check_headers_vmbus ${CMAKE_SOURCE_DIR}/vmbus/include INCLUDES ${header_folders})
check_headers(check_headers_client ${CMAKE_SOURCE_DIR}/hypercall/client/include
              INCLUDES ${header_folders})
check_headers(check_headers_vspabi ${CMAKE_SOURCE_DIR}/vsp/include INCLUDES ${header_folders})
check_headers(check_headers_storvsp ${CMAKE_SOURCE_DIR}/vsp/storvsp
              INCLUDES ${CMAKE_SOURCE_DIR}/vsp/include ${CMAKE_SOURCE_DIR}/vmbus/include
                       ${header_folders})
check_headers(check_headers_storvsc ${CMAKE_SOURCE_DIR}/vsc/storvsc
              INCLUDES ${CMAKE_SOURCE_DIR}/vsp/include ${CMAKE_SOURCE_DIR}/vmbus/include
                       ${header_folders})
check_headers(check_headers_hypervisor ${CMAKE_SOURCE_DIR}/hypervisor
              INCLUDES ${CMAKE_SOURCE_DIR}/hypervisor/virt/svm ${header_folders})
check_headers(check_headers_root ${CMAKE_SOURCE_DIR}/root
              INCLUDES ${CMAKE_SOURCE_DIR}/root/include ${CMAKE_SOURCE_DIR}/root/user
                       ${CMAKE_SOURCE_DIR}/hypercall/client/include
                       ${CMAKE_SOURCE_DIR}/lib/kern/include ${CMAKE_SOURCE_DIR}/vmbus/include
                       ${header_folders})
check_headers(check_headers_efi ${CMAKE_SOURCE_DIR}/efi INCLUDES ${header_folders})
target_include_directories(check_headers_efi SYSTEM PRIVATE ${VERDIGRIS_EFI_INCLUDES})
target_compile_options(check_headers_efi PRIVATE -fshort-wchar -DGNU_EFI_USE_MS_ABI)
