# The shared library of the C interface, and what finds it once it is installed.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The soname has the version of the interface, which is not that of the project.
file(STRINGS include/baryon/runtime.h abi REGEX "^#define BRY_ABI_VERSION ")
string(REGEX REPLACE ".* " "" abi "${abi}")

add_library(baryon_runtime SHARED $<TARGET_OBJECTS:baryon_core>)
add_library(baryon::runtime ALIAS baryon_runtime)
target_include_directories(baryon_runtime INTERFACE
  $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(baryon_runtime PRIVATE Threads::Threads m ${CMAKE_DL_LIBS})
set(exports ${CMAKE_CURRENT_SOURCE_DIR}/src/exports.map)
target_link_options(baryon_runtime PRIVATE
  -Wl,--version-script=${exports} -Wl,--gc-sections -Wl,-z,defs -s)
set_target_properties(baryon_runtime PROPERTIES
  EXPORT_NAME runtime
  LINK_DEPENDS ${exports}
  PUBLIC_HEADER include/baryon/runtime.h
  SOVERSION ${abi}
  VERSION ${abi}.${PROJECT_VERSION})

install(TARGETS baryon_runtime EXPORT baryon_runtime
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  PUBLIC_HEADER DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/baryon)

# find_package(baryon_runtime)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/baryon_runtime)
write_basic_package_version_file(baryon_runtime-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(EXPORT baryon_runtime NAMESPACE baryon:: DESTINATION ${package}
  FILE baryon_runtime-config.cmake)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/baryon_runtime-config-version.cmake
  DESTINATION ${package})

# pkg-config baryon_runtime: paths start at the file itself, so that an installation can be moved
file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/baryon_runtime.pc.in baryon_runtime.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/baryon_runtime.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
