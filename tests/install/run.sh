#!/usr/bin/env bash
# Gets rouse in one of the ways that users do, builds the consumer with it and runs it.
#
#   tests/install/run.sh WAY SOURCE WORK
#
# WAY: copy single release add_subdirectory fetchcontent find_package pkg-config meson deb recipes
# SOURCE: rouse's tree. WORK: a scratch folder; emptied first. CC and CXX are respected.
# Exit status 0 and the closing line "install WAY: ok" when every program was built, ran and said "ok".
set -euo pipefail

way=$1
source=$(cd "$2" && pwd)
work=$3
here=$source/tests/install
cc=${CC:-cc}
cxx=${CXX:-c++}
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror)
version=$(sed -nE 's/^#define ROUSE_VERSION_STRING +"(.*)"/\1/p' "$source/include/rouse/config.h")

rm -rf "$work"
mkdir -p "$work"
cd "$work"

die() {
    echo "install $way: FAILED: $*" >&2
    exit 1
}

# Runs a consumer and looks at what it says: the version that was asked for, and the backend if $2 names one.
run() {
    local said number
    said=$("$1") || die "$1: exit status $?"
    case ${2:-} in
    MUTEX) number=1 ;; SPIN) number=2 ;; LOCKFREE) number=3 ;; *) number='[1-3]' ;;
    esac
    # shellcheck disable=SC2027 # the number is a pattern, the rest is not
    [[ $said =~ ^"consumer: rouse $version, backend "$number": ok"$ ]] || die "$1 said: $said"
    ran=$((${ran:-0} + 1))
}

# The consumer with every backend, in C and C++, straight from the compiler. Arguments: more options.
compile_all() {
    local backend
    for backend in MUTEX SPIN LOCKFREE; do
        "$cc" -std=c11 "${warnings[@]}" "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" "$here/consumer.c" \
            "$here/other.c" -o "c-$backend" "$@"
        run "./c-$backend" "$backend"
        "$cxx" -std=c++11 "${warnings[@]}" "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" -x c++ "$here/consumer.c" \
            "$here/other.c" -o "cxx-$backend" "$@"
        run "./cxx-$backend" "$backend"
    done
}

# Configures and builds the consumer project $1 in C, and in C++ with no C compiler; the rest: -D options.
cmake_project() {
    local project=$1 language backend
    shift
    for language in C CXX; do
        cmake -S "$here/$project" -B "$language" -DCONSUMER_LANGUAGE=$language "$@" >"$language.log" 2>&1 ||
            { cat "$language.log" >&2; die "configure, $language"; }
        cmake --build "$language" >"$language.log" 2>&1 ||
            { cat "$language.log" >&2; die "build, $language"; }
        for backend in MUTEX SPIN LOCKFREE default; do
            run "$language/consumer-$backend" "$backend"
        done
    done
}

# What a release archive holds, as far as a consumer needs it.
tree() {
    mkdir -p "$1"
    cp -R "$source"/{include,packaging,CMakeLists.txt,LICENSE,meson.build,meson_options.txt} "$1"
}

configure_for_install() {
    cmake -S "$source" -B build -DROUSE_BUILD_TESTS=OFF -DROUSE_BUILD_EXAMPLES=OFF -DROUSE_BUILD_BENCHES=OFF \
        -DROUSE_INSTALL=ON "$@" >configure.log 2>&1 || { cat configure.log >&2; die configure; }
}

# Every header of the tree, and nothing else, is below $1.
same_headers() {
    diff -r "$source/include/rouse" "$1/rouse" || die "the installed headers differ from the tree's"
}

case $way in
copy)
    mkdir third_party
    cp -R "$source/include/rouse" third_party/
    compile_all -Ithird_party -pthread
    ;;
single)
    "$source/tools/amalgamate" -o rouse_single.h
    (cd / && "$source/tools/amalgamate" -o "$OLDPWD/again.h" --include "$source/include")
    cmp rouse_single.h again.h || die "two runs of the amalgamator differ"
    grep -q "^/\* rouse $version, in one file" rouse_single.h || die "the version is not stamped"
    ! grep -n '#.*include "' rouse_single.h || die "an include of a file of the tree is left"
    compile_all -DCONSUMER_SINGLE_FILE -I. -pthread
    # One file of the program has the single header, the other the folder.
    compile_all -DCONSUMER_SINGLE_FILE -DCONSUMER_MIXED -I. "-I$source/include" -pthread
    # The portability test, with nothing but the single file to include.
    mkdir -p only/rouse
    cp rouse_single.h only/rouse/rouse.h
    cp rouse_single.h only/rouse/mutex.h
    for backend in 1 2 3; do
        "$cc" -std=c11 -O1 -Ionly -DROUSE_BACKEND=$backend "$source"/tests/portability/portable_{test,other}.c \
            -o "portable-$backend" -pthread
        "./portable-$backend" >portable.log || { cat portable.log >&2; die "portable_test, backend $backend"; }
        grep -q "^portable: backend $backend: [1-9][0-9]* checks, 0 failed$" portable.log ||
            die "portable_test, backend $backend, did not end as it should"
        ran=$((ran + 1))
    done
    # LOCAL, for one thread, by the unit tests' reference.
    cp rouse_single.h only/rouse/waiter_queue.h
    cp rouse_single.h only/rouse/notify.h
    "$cc" -std=c11 -O1 -Ionly -DROUSE_BACKEND=ROUSE_BACKEND_LOCAL "$source/tests/unit/reference.c" -o reference -pthread
    ./reference random 20000 >reference.log && grep -q 'operations agree' reference.log ||
        die "the reference does not agree with LOCAL"
    ran=$((ran + 1))
    ;;
release)
    # The files of a release are made from the last commit; and what the documents say to copy, the examples,
    # needs nothing but the single header.
    git -C "$source" rev-parse HEAD >/dev/null 2>&1 || { echo "install release: no git repository"; exit 77; }
    "$source/tools/release" -o page --no-reference >release.log 2>&1 || { cat release.log >&2; die "tools/release"; }
    (cd page && sha256sum --quiet --check SHA256SUMS) || die "the checksums"
    released=$(sed -nE '1s/^.* rouse ([0-9.]+), in one file.*/\1/p' page/rouse_single.h)
    grep -q "^## \[$released\]" page/CHANGES.md || die "CHANGES.md is not about $released"
    tar -xzf "page/rouse-$released.tar.gz"
    "rouse-$released/tools/amalgamate" -o again.h
    cmp page/rouse_single.h again.h || die "the sources and the single header differ"
    ! "$source/tools/release" -o page --no-reference >again.log 2>&1 || die "a second release into the same folder"
    cp -R "rouse-$released/examples" alone
    cp page/rouse_single.h alone
    find alone -name '*.[ch]*' -exec sed -i 's|#include <rouse/.*>|#include "rouse_single.h"|' {} +
    while read -r example with libraries; do
        compiler=("$cc" -std=c11 -Wall -Wextra -Wshadow -Wconversion -Werror)
        [[ $example == *.c ]] || compiler=("$cxx" -std=c++20 -Wall -Wextra -Wshadow -Wconversion -Werror)
        # Word splitting is meant: these are options.
        # shellcheck disable=SC2046,SC2086
        "${compiler[@]}" "-DROUSE_WITH_$with" -Ialone "alone/$example" -o "${example//\//_}.out" -pthread \
            ${libraries:+$(pkg-config --cflags --libs $libraries)} || die "$example with the single header"
        ran=$((${ran:-0} + 1))
    done <<'EXAMPLES'
quickstart.c NOTHING
limit.c UV libuv
thread_pool.c NOTHING
cpp_coroutines.cpp CPP
protothreads.c NOTHING
adaptive_limit.c NOTHING
primitives/token_bucket_test.c NOTHING
smallest/epoll.c EPOLL
smallest/uv.c UV libuv
smallest/glib.c GLIB glib-2.0
EXAMPLES
    ;;
add_subdirectory)
    tree rouse
    cmake_project add_subdirectory "-DROUSE_TREE=$work/rouse"
    ;;
fetchcontent)
    tree rouse
    tar -cf rouse.tar rouse
    cmake_project fetchcontent "-DROUSE_ARCHIVE=$work/rouse.tar" \
        "-DROUSE_SHA256=$(sha256sum rouse.tar | cut -d' ' -f1)"
    ;;
find_package)
    configure_for_install "-DCMAKE_INSTALL_PREFIX=$work/first"
    cmake --install build >/dev/null
    mv first moved # what is installed names no absolute path
    same_headers moved/include
    cmake_project find_package "-DCMAKE_PREFIX_PATH=$work/moved" "-DROUSE_VERSION=$version"
    ;;
pkg-config)
    configure_for_install "-DCMAKE_INSTALL_PREFIX=$work/first"
    cmake --install build >/dev/null
    mv first moved
    export PKG_CONFIG_PATH=$work/moved/share/pkgconfig
    [[ $(pkg-config --modversion rouse) == "$version" ]] || die "rouse.pc has another version"
    # Word splitting is meant: these are options.
    # shellcheck disable=SC2046
    compile_all $(pkg-config --cflags --libs rouse)
    ;;
meson)
    mkdir -p project/subprojects
    cp "$here"/meson/meson.build "$here"/{consumer,other}.c project/
    tree project/subprojects/rouse
    meson setup build project >meson.log 2>&1 || { cat meson.log >&2; die setup; }
    meson compile -C build >meson.log 2>&1 || { cat meson.log >&2; die compile; }
    for backend in MUTEX SPIN LOCKFREE; do
        run "build/consumer-$backend" $backend
    done
    # Alone: installs the headers and a pkg-config file, with the backend that was chosen.
    meson setup alone "$source" --prefix "$work/first" -Drouse_backend=lockfree >meson.log 2>&1 ||
        { cat meson.log >&2; die "setup, alone"; }
    meson install -C alone >meson.log 2>&1 || { cat meson.log >&2; die install; }
    same_headers first/include
    export PKG_CONFIG_PATH=$work/first/share/pkgconfig
    [[ $(pkg-config --modversion rouse) == "$version" ]] || die "meson's rouse.pc has another version"
    # shellcheck disable=SC2046
    "$cc" -std=c11 "$here/consumer.c" "$here/other.c" -o consumer $(pkg-config --cflags --libs rouse)
    run ./consumer LOCKFREE
    ;;
deb)
    configure_for_install
    (cd build && cpack -G DEB >../cpack.log 2>&1) || { cat cpack.log >&2; die cpack; }
    package=build/librouse-dev_${version}_all.deb
    [[ -f $package ]] || die "no package $package"
    [[ $(dpkg-deb --field "$package" Package Version Architecture | tr '\n' ' ') == \
        "Package: librouse-dev Version: $version Architecture: all " ]] || die "the control fields"
    dpkg -x "$package" root
    same_headers root/usr/include
    for file in share/cmake/rouse/rouse-config.cmake share/pkgconfig/rouse.pc share/doc/librouse-dev/copyright; do
        [[ -f root/usr/$file ]] || die "the package lacks $file"
    done
    stray=$(cd root && find . -type f ! -path './usr/include/rouse/*' ! -path './usr/share/cmake/rouse/*' \
        ! -path ./usr/share/pkgconfig/rouse.pc ! -path './usr/share/doc/librouse-dev/*' \
        ! -path ./usr/share/rouse/rouse_gdb.py)
    [[ -z $stray ]] || die "the package has more than it should: $stray"
    compile_all "-I$work/root/usr/include" -pthread
    ;;
recipes)
    # Neither vcpkg nor Conan is in Debian: their recipes are run with stand-ins for what they call.
    cmake "-DPORT=$source/packaging/vcpkg/rouse" "-DWORK=$work" -P "$here/recipes/vcpkg.cmake"
    python3 -m json.tool "$source/packaging/vcpkg/rouse/vcpkg.json" >/dev/null
    grep -q "\"version\": \"$version\"" "$source/packaging/vcpkg/rouse/vcpkg.json" || die "vcpkg.json: version"
    same_headers vcpkg-package/include
    [[ -f vcpkg-package/share/rouse/copyright ]] || die "vcpkg: no copyright"
    cmake_project find_package "-DCMAKE_PREFIX_PATH=$work/vcpkg-package" "-DROUSE_VERSION=$version"
    [[ $(python3 "$here/recipes/conan.py" "$source/packaging/conan/conanfile.py" "$work") == "$version" ]] ||
        die "conan: another version"
    same_headers conan-package/include
    [[ -f conan-package/licenses/LICENSE ]] || die "conan: no licence"
    compile_all -Iconan-package/include -pthread
    ;;
*)
    die "unknown way"
    ;;
esac
[[ ${ran:-0} -gt 0 ]] || die "no consumer was run"
echo "install $way: ok ($ran programs)"
