"""Runs packaging/conan/conanfile.py without Conan: the few names it imports are stood in for.

This checks the recipe's steps and what they package, not Conan itself.  conan.py RECIPE WORK
Writes the package to WORK/conan-package and prints its version.
"""
import importlib.util
import os
import shutil
import sys
import types


class ConanFile:
    pass


def copy(_conanfile, pattern, src, dst):
    """As Conan's: the pattern's * goes through folders, and not through links to folders (under a build folder one may
    lead to the whole machine). Copying nothing is an error here."""
    found = [path for folder, _, names in os.walk(src) for path in (os.path.join(folder, name) for name in names)
             if matches(os.path.relpath(path, src), pattern)]
    if not found:
        sys.exit(f"the recipe copies {pattern} from {src}, and there is none")
    for path in found:
        target = os.path.join(dst, os.path.relpath(path, src))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path, target)


def matches(path, pattern):
    head, star, tail = pattern.partition("*")
    return path == pattern if not star else path.startswith(head) and path.endswith(tail)


def load(_conanfile, path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Recorder:
    """Stands for cpp_info and info: takes every attribute, and keeps the properties."""

    def __init__(self):
        self.properties = {}
        self.cleared = False

    def set_property(self, name, value):
        self.properties[name] = value

    def clear(self):
        self.cleared = True


def main():
    recipe, work = os.path.abspath(sys.argv[1]), sys.argv[2]
    for name in ("conan", "conan.tools", "conan.tools.files"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["conan"].ConanFile = ConanFile
    sys.modules["conan.tools.files"].copy = copy
    sys.modules["conan.tools.files"].load = load
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location("conanfile", recipe)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    package = module.RouseConan()
    package.recipe_folder = os.path.dirname(recipe)
    package.set_version()
    package.export_sources_folder = package.source_folder = os.path.join(work, "conan-source")
    package.package_folder = os.path.join(work, "conan-package")
    package.settings = types.SimpleNamespace(os="Linux")
    package.cpp_info, package.info = Recorder(), Recorder()
    package.export_sources()
    package.package()
    package.package_id()
    package.package_info()
    assert package.info.cleared and package.cpp_info.properties["cmake_target_name"] == "rouse::rouse"
    print(package.version)


if __name__ == "__main__":
    main()
