SUMMARY = "Low-level bindings of Argon2"
DESCRIPTION = "The reference implementation in C, as argon2-cffi calls it."
HOMEPAGE = "https://github.com/hynek/argon2-cffi-bindings"
BUGTRACKER = "https://github.com/hynek/argon2-cffi-bindings/issues"
SECTION = "devel/python"
CVE_PRODUCT = "python:argon2-cffi-bindings"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://argon2_cffi_bindings-${PV}.dist-info/licenses/LICENSE;md5=3ee3eeb863160c2e6cece695dc3bb188"

PYPI_PACKAGE = "argon2_cffi_bindings"
PYTHON_WHEEL_TAG = "cp310-abi3-manylinux_2_26_aarch64.manylinux_2_28_aarch64"
COMPATIBLE_HOST = "aarch64.*-linux"
SRC_URI[sha256sum] = "92d65a0831e78294e19d7297d101eaa871033825ad2aa7cb87af2f706062acd7"

inherit python_wheel

RDEPENDS:${PN} += "python3-cffi"
