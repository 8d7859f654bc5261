SUMMARY = "Python bindings of FFmpeg's libraries, with the libraries"
DESCRIPTION = "Reads every sound and video that a visitor may bring, records from ALSA, encodes H.264 and AAC, and writes \
MP4. The wheel carries an FFmpeg of its own, with x264."
HOMEPAGE = "https://github.com/PyAV-Org/PyAV"
BUGTRACKER = "https://github.com/PyAV-Org/PyAV/issues"
SECTION = "devel/python"
CVE_PRODUCT = "ffmpeg:ffmpeg videolan:x264 python:av"
# PyAV itself is BSD; the FFmpeg inside is built with x264 and x265.
LICENSE = "BSD-3-Clause & GPL-2.0-or-later"
LICENSE_FLAGS = "commercial"
LIC_FILES_CHKSUM = "file://av-${PV}.dist-info/licenses/LICENSE.txt;md5=a9c4cea4308c4521674ecd7c3255d8af"

PYTHON_WHEEL_TAG = "cp311-abi3-manylinux_2_28_aarch64"
COMPATIBLE_HOST = "aarch64.*-linux"
SRC_URI[sha256sum] = "6fc837cc51adf80331ac850779cd53b5d4c4460b0ebe9057a02a921c6736f19d"

inherit python_wheel

# Its alsa-lib looks for a configuration that the wheel does not bring.
RDEPENDS:${PN} += "alsa-conf python3-numpy"
