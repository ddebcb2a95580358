"""Conan 2 recipe of the tree that it stands in: conan create packaging/conan"""
import os
import re

from conan import ConanFile
from conan.tools.files import copy, load

TREE = os.path.join("..", "..")


class RouseConan(ConanFile):
    name = "rouse"
    description = "Asynchronous synchronization primitives for C11, header-only"
    license = "MIT"
    topics = ("async", "semaphore", "mutex", "lock-free", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    def set_version(self):
        config = load(self, os.path.join(self.recipe_folder, TREE, "include", "rouse", "config.h"))
        self.version = re.search(r'#define ROUSE_VERSION_STRING +"(.*)"', config).group(1)

    def export_sources(self):
        for pattern in ("include/rouse/*", "LICENSE"):
            copy(self, pattern, src=os.path.join(self.recipe_folder, TREE), dst=self.export_sources_folder)

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        for pattern in ("*.h", "*.hpp"):
            copy(self, pattern, src=os.path.join(self.source_folder, "include"),
                 dst=os.path.join(self.package_folder, "include"))

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "rouse")
        self.cpp_info.set_property("cmake_target_name", "rouse::rouse")
        self.cpp_info.set_property("pkg_config_name", "rouse")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
