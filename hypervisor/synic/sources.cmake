# The sources of synic/, for the image and for host tests.
set(SYNIC_SOURCES
    ${CMAKE_CURRENT_LIST_DIR}/id_table.c
    ${CMAKE_CURRENT_LIST_DIR}/message.c
    ${CMAKE_CURRENT_LIST_DIR}/monitor.c
    ${CMAKE_CURRENT_LIST_DIR}/port.c
    ${CMAKE_CURRENT_LIST_DIR}/port_state.c
    ${CMAKE_CURRENT_LIST_DIR}/post.c
    ${CMAKE_CURRENT_LIST_DIR}/reftime.c
    ${CMAKE_CURRENT_LIST_DIR}/state.c
    ${CMAKE_CURRENT_LIST_DIR}/stimer.c
    ${CMAKE_CURRENT_LIST_DIR}/synic.c)
