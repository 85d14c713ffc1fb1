# The sources of vsc/, for the library and for host tests.
set(STORVSC_SOURCES storvsc.c storvsc_cdb.c)
list(TRANSFORM STORVSC_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/storvsc/)
set(NETVSC_SOURCES netvsc.c netvsc_setup.c)
list(TRANSFORM NETVSC_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/netvsc/)
