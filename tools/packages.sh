#!/bin/sh
# Install the Debian packages that the given lists name, as far as this machine allows.
#
#   tools/packages.sh LIST...
#
# Asks no questions and touches nothing when all are there. Without root or passwordless sudo, or when the
# installation fails, it says what to install and goes on: what needs a missing package says so itself.
set -eu

missing=
for package in $(sed 's/#.*//' "$@"); do
    case $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true) in
        installed) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

by_hand() {
    echo "packages: $1; please install by hand: apt-get install$missing" >&2
    exit 0
}

command -v apt-get >/dev/null || by_hand "this is not a Debian system"
if [ "$(id -u)" -eq 0 ]; then
    as_root="env"
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n env"
else
    by_hand "neither root nor passwordless sudo"
fi

echo "packages: installing$missing"
$as_root DEBIAN_FRONTEND=noninteractive apt-get -qq update || echo "packages: the package lists are not fresh" >&2
# shellcheck disable=SC2086 # a list of words is what is meant
$as_root DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing >/dev/null ||
    by_hand "apt-get failed"
