# The project of the tests on several systems: two recipes, a program that is linked with both, a channel. Sourced.

# make_project FOLDER BINARY KEY CHANNEL: a checkout in FOLDER, which is empty; KEY is made, CHANNEL is the channel's url.
make_project() {
    local repository=$PWD folder=$1 binary=$2 key=$3 channel=$4 line
    cd "$folder"
    git init -q -b main .
    git config user.name Field
    git config user.email field@example.org
    mkdir extern-recipes scripts src
    cp -r "$repository/extern-recipes/zlib" "$repository/extern-recipes/libpng" extern-recipes/
    cp "$repository/scripts/auto_build_all.sh" scripts/
    line=$("$binary" key new --output "$key" 2>/dev/null)
    cat > tagalong.toml <<TOML
[project]
name = "field"
prefix = "extern/{platform}"

[[channel]]
name = "main"
url = "$channel"
$line

[[platform]]
id = "debian-11-x86_64"
serves = ["debian-12-x86_64"]

[[platform]]
id = "debian-12-x86_64"

[[platform]]
id = "debian-13-x86_64"
TOML
    printf '/build\n/extern\n/out\n' > .gitignore
    cat > CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.18)
project(field C)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
add_executable(field src/main.c)
target_link_libraries(field PRIVATE PNG::PNG ZLIB::ZLIB)
set(BUNDLE "" CACHE PATH "The prefix of the bundle")
file(RELATIVE_PATH to_bundle "${CMAKE_SOURCE_DIR}/out/bin" "${BUNDLE}/lib")
set_target_properties(field PROPERTIES INSTALL_RPATH "$ORIGIN/${to_bundle}")
install(TARGETS field DESTINATION bin)
enable_testing()
add_test(NAME field COMMAND field)
CMAKE
    cat > src/main.c <<'C'
#include <png.h>
#include <stdio.h>
#include <zlib.h>
int main(void) {
    printf("libpng %s over zlib %s\n", png_get_libpng_ver(NULL), zlibVersion());
    return 0;
}
C
    git add -A
    git commit -qm "a project with two libraries"
    cd "$repository"
}
