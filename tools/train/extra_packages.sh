#!/bin/sh
# Unpack Debian packages of contrib and non-free into a folder, without root and without a change to this machine.
#
#   tools/train/extra_packages.sh FOLDER [LIST]
#
# LIST is extra-packages.txt beside this script unless given. The files land in FOLDER/root, one FOLDER/unpacked/PACKAGE
# marks each package that is there. Asks no questions and touches nothing when all are there. apt gets a private
# configuration: this machine's own entries for its release of Debian, with the components contrib and non-free added.
# Where a package cannot be had, it says so and goes on: what needs a missing package says so itself.
set -eu

folder=$1
list=${2:-$(dirname "$0")/extra-packages.txt}

missing=
packages=$(sed 's/#.*//' "$list")
for package in $packages; do
    [ -e "$folder/unpacked/$package" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

without() {
    echo "extra packages: $1; going on without$missing" >&2
    exit 0
}

command -v apt-get >/dev/null || without "this is not a Debian system"
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

mkdir -p "$folder/root" "$folder/unpacked" "$folder/debs" "$folder/apt/parts" "$folder/apt/lists/partial" \
    "$folder/apt/cache/archives/partial"
folder=$(cd "$folder" && pwd)

# Of an entry, only the suite of the release itself is kept. An entry of somebody else for the same release is harmless:
# it has no such components, which apt tells and passes over.
: >"$folder/apt/parts/machine.list"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$file" ] || sed 's/#.*//' "$file" | awk -v release="$release" '
        $1 == "deb" {
            entry = $0
            sub(/\[[^]]*\]/, "", entry)
            if (split(entry, words) < 4 || words[3] != release) next
            for (i = 4; i in words; i++) if (words[i] == "main") { print $0, "contrib non-free"; next }
        }' >>"$folder/apt/parts/machine.list"
done
: >"$folder/apt/parts/machine.sources"
for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || sed '/^#/d' "$file" | awk -v release="$release" '
        BEGIN { RS = ""; FS = "\n" }
        {
            kept = ""; suite = 0; main = 0; binary = 0; off = 0
            for (i = 1; i <= NF; i++) {
                line = $i
                field = tolower(line)
                if (field ~ /^types:/ && field ~ /[: \t]deb([ \t]|$)/) { binary = 1; line = "Types: deb" }
                if (field ~ /^enabled:[ \t]*no/) off = 1
                if (field ~ /^suites:/ && field ~ "[: \t]" release "([ \t]|$)") { suite = 1; line = "Suites: " release }
                if (field ~ /^components:/ && field ~ /[: \t]main([ \t]|$)/) {
                    main = 1
                    line = "Components: main contrib non-free"
                }
                kept = kept line "\n"
            }
            if (suite && main && binary && !off) print kept
        }' >>"$folder/apt/parts/machine.sources"
done
[ -s "$folder/apt/parts/machine.list" ] || [ -s "$folder/apt/parts/machine.sources" ] ||
    without "no source of this machine is Debian's own"

private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/apt/parts" \
        -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

echo "extra packages: unpacking$missing"
private_apt update || without "the package lists cannot be had"
for package in $missing; do
    rm -rf "$folder/debs/$package"
    mkdir "$folder/debs/$package"
    if (cd "$folder/debs/$package" && private_apt download "$package") &&
        dpkg -x "$folder/debs/$package"/*.deb "$folder/root"; then
        : >"$folder/unpacked/$package"
    else
        echo "extra packages: going on without $package" >&2
    fi
    rm -rf "$folder/debs/$package"
done
