# vcpkg port of the tree that it stands in: vcpkg install rouse --overlay-ports=packaging/vcpkg
# In a registry the first line becomes a vcpkg_from_github of a release.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(VCPKG_BUILD_TYPE release) # header-only: there is nothing to build twice

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DROUSE_BUILD_TESTS=OFF
    -DROUSE_BUILD_EXAMPLES=OFF
    -DROUSE_BUILD_BENCHES=OFF
    -DROUSE_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME rouse CONFIG_PATH share/cmake/rouse)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/lib" "${CURRENT_PACKAGES_DIR}/share/cmake"
  "${CURRENT_PACKAGES_DIR}/share/doc")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
