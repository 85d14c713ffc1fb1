# The sources of vsp/, for the library and for host tests.
set(STORVSP_SCSI_SOURCES scsi.c scsi_inquiry.c scsi_mode.c)
set(STORVSP_SOURCES adapter.c request.c storvsp.c ${STORVSP_SCSI_SOURCES})
set(NETVSP_SOURCES channel.c device.c nvsp.c oid.c receive.c rndis.c send.c spread.c)
set(ECHO_SOURCES ${CMAKE_CURRENT_LIST_DIR}/echo/echo.c)
list(TRANSFORM STORVSP_SCSI_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/storvsp/)
list(TRANSFORM STORVSP_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/storvsp/)
list(TRANSFORM NETVSP_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/netvsp/)
