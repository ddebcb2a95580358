# Installation and packages: the headers, rouse-config.cmake for find_package(rouse), rouse.pc for pkg-config, and a
# Debian package by `cpack -G DEB`. Included by the top CMakeLists.txt when ROUSE_INSTALL is on.
#
# Nothing here depends on the machine, so all of it goes under share/ and the package is for every architecture.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(rouse_cmake_dir "${CMAKE_INSTALL_DATADIR}/cmake/rouse")
set(rouse_pkgconfig_dir "${CMAKE_INSTALL_DATADIR}/pkgconfig")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/rouse" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/tools/rouse_gdb.py" DESTINATION "${CMAKE_INSTALL_DATADIR}/rouse" OPTIONAL)

# find_package(rouse)
install(TARGETS rouse EXPORT rouse-targets)
install(EXPORT rouse-targets NAMESPACE rouse:: DESTINATION "${rouse_cmake_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/packaging/rouse-config.cmake.in"
  "${PROJECT_BINARY_DIR}/rouse-config.cmake" INSTALL_DESTINATION "${rouse_cmake_dir}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/rouse-config-version.cmake"
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/rouse-config.cmake" "${PROJECT_BINARY_DIR}/rouse-config-version.cmake"
  DESTINATION "${rouse_cmake_dir}")

# pkg-config: paths relative to the file, so that the installed tree may be moved.
file(RELATIVE_PATH rouse_prefix_from_pc "/${rouse_pkgconfig_dir}" "/")
string(REGEX REPLACE "/$" "" rouse_prefix_from_pc "${rouse_prefix_from_pc}")
configure_file("${PROJECT_SOURCE_DIR}/packaging/rouse.pc.in" "${PROJECT_BINARY_DIR}/rouse.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/rouse.pc" DESTINATION "${rouse_pkgconfig_dir}")

# cpack -G DEB, and for releases cpack -G TGZ. Only for the project itself: a project that contains this one
# has packages of its own.
if(CMAKE_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/librouse-dev"
    RENAME copyright)
  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_NAME rouse)
  set(CPACK_PACKAGE_VENDOR "the authors of rouse")
  set(CPACK_PACKAGE_CONTACT "the authors of rouse <rouse@localhost>")
  set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
  set(CPACK_PACKAGE_DESCRIPTION
    "Semaphore, notification and mutex whose calls never block: a caller hands over a waiter, and its wake
 function is called when its turn comes. Three backends, chosen at compile time.")
  set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
  set(CPACK_VERBATIM_VARIABLES ON)
  set(CPACK_DEBIAN_PACKAGE_NAME librouse-dev)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
  set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libc-dev")
  include(CPack)
endif()
