SUMMARY = "The networks that find a face and its landmarks"
DESCRIPTION = "Two files of MediaPipe's wheel, which are the same for every machine; the rest of it, a gigabyte with what \
it depends on, is not needed."
HOMEPAGE = "https://ai.google.dev/edge/mediapipe"
BUGTRACKER = "https://github.com/google-ai-edge/mediapipe/issues"
SECTION = "multimedia"
CVE_PRODUCT = "google:mediapipe"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://mediapipe-${PV}.dist-info/LICENSE;md5=87a30e5cfa12d1ab9ada4fb6f3feed4b"

PYPI_PACKAGE = "mediapipe"
PYTHON_WHEEL_TAG = "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"
SRC_URI[sha256sum] = "a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4"

inherit python_wheel

do_install() {
    install -d ${D}${PYTHON_SITEPACKAGES_DIR}/appliance/pipeline/models
    install -m 0644 \
        ${S}/mediapipe/modules/face_detection/face_detection_short_range.tflite \
        ${S}/mediapipe/modules/face_landmark/face_landmark.tflite \
        ${D}${PYTHON_SITEPACKAGES_DIR}/appliance/pipeline/models/
}
