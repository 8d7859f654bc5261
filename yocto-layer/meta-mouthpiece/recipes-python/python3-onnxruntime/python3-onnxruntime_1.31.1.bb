SUMMARY = "Runs networks in the ONNX format"
DESCRIPTION = "The default engine of the motion network. On the processor only; the providers for NPUs and CUDA are others."
HOMEPAGE = "https://onnxruntime.ai"
BUGTRACKER = "https://github.com/microsoft/onnxruntime/issues"
SECTION = "devel/python"
CVE_PRODUCT = "microsoft:onnxruntime"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://onnxruntime/LICENSE;md5=0f7e3b1308cb5c00b372a6e78835732d"

PYTHON_WHEEL_TAG = "cp314-cp314-manylinux_2_28_aarch64"
COMPATIBLE_HOST = "aarch64.*-linux"
SRC_URI[sha256sum] = "c878686b75cade1ed59131aa018ab004b1e64368b0d54041912450b9642cf04f"

inherit python_wheel

RDEPENDS:${PN} += "python3-flatbuffers python3-numpy python3-packaging python3-protobuf"
