# Install a Python package from a wheel that its project publishes, instead of building it.
#
# For what no layer has a recipe for and whose build is a project of its own (PyAV brings its FFmpeg, ONNX Runtime its
# CMake superbuild). What a wheel contains is checked by checksum and left alone: not compiled, not stripped.
#
#   PYPI_PACKAGE        the project's name, as in the wheel's file name (default: PN without "python3-")
#   PYTHON_WHEEL        the wheel's file name (default: PYPI_PACKAGE-PV-PYTHON_WHEEL_TAG.whl)
#   PYTHON_WHEEL_TAG    its tags; "py3-none-any" is for all machines, others want COMPATIBLE_HOST
#   SRC_URI[sha256sum]  its checksum
#
# The licence's file is looked for in the unpacked wheel, S.
#
#   inherit python_wheel
#   PYTHON_WHEEL_TAG = "cp311-abi3-manylinux_2_28_aarch64"
#   COMPATIBLE_HOST = "aarch64.*-linux"

PYTHON_WHEEL_TAG ?= "py3-none-any"
PYTHON_WHEEL ?= "${PYPI_PACKAGE}-${PV}-${PYTHON_WHEEL_TAG}.whl"

inherit pypi python3native python3-dir setuptools3-base

DEPENDS += "python3-installer-native"

def python_wheel_uri(d):
    """Where pypi.bbclass finds a source archive, with the wheel's Python tag in the place of "source"."""
    archives = pypi_src_uri(d).split("/source/")[0]
    package, wheel = d.getVar("PYPI_PACKAGE"), d.getVar("PYTHON_WHEEL")
    python = d.getVar("PYTHON_WHEEL_TAG").split("-")[0]
    return f"{archives}/{python}/{package[0]}/{package}/{wheel};downloadfilename={wheel};unpack=0"

PYPI_SRC_URI = "${@python_wheel_uri(d)}"
S = "${UNPACKDIR}/wheel"

# The licence is read from what is unpacked here; what is installed comes from the wheel itself.
do_unpack[cleandirs] += "${UNPACKDIR}"
do_unpack[postfuncs] += "python_wheel_unpack"
# nooelint: oelint.task.docstrings - not a task
python python_wheel_unpack() {
    import zipfile
    with zipfile.ZipFile(os.path.join(d.getVar("UNPACKDIR"), d.getVar("PYTHON_WHEEL"))) as wheel:
        wheel.extractall(d.getVar("S"))
}

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    nativepython3 -m installer --compile-bytecode=0 --interpreter "${USRBINPATH}/env python3" \
        --prefix=${prefix} --destdir=${D} ${UNPACKDIR}/${PYTHON_WHEEL}
    find ${D} -path '*.dist-info/RECORD' -delete
}

# manylinux wheels carry stripped libraries, linked without our flags, that find each other by a relative path.
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_PACKAGE_DEBUG_SPLIT = "1"
# nooelint: oelint.vars.insaneskip - somebody else built them
INSANE_SKIP:${PN} += "already-stripped ldflags"
