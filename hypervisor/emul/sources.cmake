# The emulated machine: what every backend's image links, and host tests too.
set(EMUL_SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/cpuid.c
    ${CMAKE_CURRENT_LIST_DIR}/cpuid_state.c
    ${CMAKE_CURRENT_LIST_DIR}/lapic.c
    ${CMAKE_CURRENT_LIST_DIR}/lapic_vector.c
    ${CMAKE_CURRENT_LIST_DIR}/lapic_ipi.c
    ${CMAKE_CURRENT_LIST_DIR}/lapic_timer.c
    ${CMAKE_CURRENT_LIST_DIR}/lapic_state.c)
