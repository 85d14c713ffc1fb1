# Storage over the bus: storvsp, storvsc.
include_guard()

set(VSP ${CMAKE_SOURCE_DIR}/vsp)
set(STORVSP_SCSI ${VSP}/storvsp/scsi.c ${VSP}/storvsp/scsi_inquiry.c ${VSP}/storvsp/scsi_mode.c)

foreach(name scsi scsi_io)
  add_unit_test(test_storvsp_${name} SOURCES test_storvsp_${name}.c scsi_fixture.c ${STORVSP_SCSI}
      INCLUDES ${VSP} ${VSP}/include)
endforeach()
