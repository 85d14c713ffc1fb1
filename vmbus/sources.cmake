# The sources of vmbus/, for the library and for host tests.
set(VMBUS_RING_SOURCES ${CMAKE_CURRENT_LIST_DIR}/ring.c ${CMAKE_CURRENT_LIST_DIR}/channel.c)
set(VMBUS_SERVER_SOURCES server.c protocol.c offer.c open.c gpadl.c post.c state.c)
list(TRANSFORM VMBUS_SERVER_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
set(VMBUS_CLIENT_SOURCES client.c client_channel.c client_gpadl.c)
list(TRANSFORM VMBUS_CLIENT_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
