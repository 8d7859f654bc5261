SUMMARY = "Argon2 for passwords"
DESCRIPTION = "The hash of the console's password and of the tokens of its API."
HOMEPAGE = "https://argon2-cffi.readthedocs.io"
BUGTRACKER = "https://github.com/hynek/argon2-cffi/issues"
SECTION = "devel/python"
CVE_PRODUCT = "python:argon2-cffi"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://argon2_cffi-${PV}.dist-info/licenses/LICENSE;md5=e91e96ef55f45fe9caf7fc3e73672c4b"

PYPI_PACKAGE = "argon2_cffi"
SRC_URI[sha256sum] = "fdc8b074db390fccb6eb4a3604ae7231f219aa669a2652e0f20e16ba513d5741"

inherit python_wheel

RDEPENDS:${PN} += "python3-argon2-cffi-bindings"
