# The hypervisor on the fake machine of fakes/hv_machine.h, for host tests and fuzz targets.
#
#   add_machine_test(NAME SOURCES...)    as add_unit_test
#   add_machine_fuzz(NAME SOURCES...)    as add_fuzz_target
include_guard()

set(HV ${CMAKE_SOURCE_DIR}/hypervisor)
set(MACHINE_UNIT ${CMAKE_CURRENT_LIST_DIR})
include(${HV}/mm/sources.cmake)
include(${HV}/emul/sources.cmake)
include(${HV}/synic/sources.cmake)
list(TRANSFORM MM_SOURCES PREPEND ${HV}/ OUTPUT_VARIABLE machine_mm)
# core/partition.c is part of fakes/hv_machine.c
set(MACHINE_SOURCES
    ${MACHINE_UNIT}/fakes/hv_machine.c ${MACHINE_UNIT}/fakes/fake_mm.c ${HV}/virt/fake/fake.c
    ${HV}/core/exit.c ${HV}/core/fpu.c ${HV}/core/level.c ${HV}/core/monitor_host.c
    ${HV}/core/partition_state.c ${HV}/core/pcpu.c
    ${HV}/core/limits.c ${HV}/core/payer.c ${HV}/core/property.c ${HV}/core/sched.c
    ${HV}/core/speculation.c ${HV}/core/statistics.c ${HV}/core/timer.c ${HV}/core/vp.c
    ${HV}/core/vp_regs.c ${HV}/core/vp_run.c ${HV}/core/vp_state.c
    ${HV}/emul/apic_page.c ${HV}/emul/eoi_assist.c ${HV}/emul/gva.c ${HV}/emul/hvmsr.c ${HV}/emul/msr.c
    ${HV}/hcall/dispatch.c ${HV}/hcall/ipc.c ${HV}/hcall/memory.c ${HV}/hcall/partition.c
    ${HV}/hcall/stats.c ${HV}/hcall/vp.c ${HV}/hcall/vp_set.c
    ${machine_mm} ${EMUL_SOURCES} ${SYNIC_SOURCES}
    ${CMAKE_SOURCE_DIR}/lib/rt/pairing_heap.c ${CMAKE_SOURCE_DIR}/lib/x86/decode.c
    ${CMAKE_SOURCE_DIR}/lib/x86/opcodes.c)
set(MACHINE_INCLUDES ${MACHINE_UNIT} ${HV} ${HV}/virt/svm)

function(add_machine_test name)
  if(NOT TARGET machine_objects)
    add_unit_objects(machine_objects SOURCES ${MACHINE_SOURCES} INCLUDES ${MACHINE_INCLUDES})
    target_include_directories(machine_objects BEFORE PRIVATE ${MACHINE_UNIT}/fakes/machine)
  endif()
  add_unit_test(${name} ${ARGN} OBJECTS machine_objects INCLUDES ${MACHINE_INCLUDES})
  target_include_directories(${name} BEFORE PRIVATE ${MACHINE_UNIT}/fakes/machine)
endfunction()

function(add_machine_fuzz name)
  add_fuzz_target(${name} ${ARGN} ${MACHINE_SOURCES} INCLUDES ${MACHINE_INCLUDES})
  if(TARGET ${name})
    target_include_directories(${name} BEFORE PRIVATE ${MACHINE_UNIT}/fakes/machine)
  endif()
endfunction()
