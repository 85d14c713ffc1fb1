# Network over the bus: netvsp, netvsc.
include_guard()
include(${CMAKE_SOURCE_DIR}/vmbus/sources.cmake)
include(${CMAKE_SOURCE_DIR}/vsp/sources.cmake)
include(${CMAKE_SOURCE_DIR}/vsc/sources.cmake)

set(NETWORK_UNIT ${CMAKE_SOURCE_DIR}/tests/unit)
set(NETWORK_INCLUDES ${NETWORK_UNIT} ${CMAKE_SOURCE_DIR}/vsp ${CMAKE_SOURCE_DIR}/vsp/include
    ${CMAKE_SOURCE_DIR}/vsc ${CMAKE_SOURCE_DIR}/vmbus/include)
# A provider whose rings' other ends, bus and network are the test's.
set(NETVSP_WORLD ${NETWORK_UNIT}/netvsp_fixture.c
    ${NETWORK_UNIT}/netvsp_fixture_ask.c ${NETVSP_SOURCES} ${VMBUS_RING_SOURCES}
    ${CMAKE_SOURCE_DIR}/lib/rt/net_frame.c)
