# The sources of definition/, for programs of ring 3, for the host's check-definition, and for tests.
set(DEFINITION_SOURCES network.c parse.c print.c text.c values.c)
list(TRANSFORM DEFINITION_SOURCES PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
