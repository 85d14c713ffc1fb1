# Storage over the bus: storvsp, storvsc.
include_guard()
include(${CMAKE_SOURCE_DIR}/vmbus/sources.cmake)
include(${CMAKE_SOURCE_DIR}/vsp/sources.cmake)
include(${CMAKE_SOURCE_DIR}/vsc/sources.cmake)

set(STORAGE_UNIT ${CMAKE_SOURCE_DIR}/tests/unit)
set(STORAGE_INCLUDES ${STORAGE_UNIT} ${CMAKE_SOURCE_DIR}/vsp ${CMAKE_SOURCE_DIR}/vsp/include
    ${CMAKE_SOURCE_DIR}/vsc ${CMAKE_SOURCE_DIR}/vmbus/include)
# A provider whose rings' other ends, bus and disk are the test's.
set(STORVSP_WORLD ${STORAGE_UNIT}/storvsp_fixture.c ${STORAGE_UNIT}/storage_fakes.c
    ${STORVSP_SOURCES} ${VMBUS_RING_SOURCES})
