SUMMARY = "D-Bus in pure Python"
DESCRIPTION = "By it the runtime speaks to RAUC."
HOMEPAGE = "https://gitlab.com/takluyver/jeepney"
BUGTRACKER = "https://gitlab.com/takluyver/jeepney/-/issues"
SECTION = "devel/python"
CVE_PRODUCT = "python:jeepney"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://jeepney-${PV}.dist-info/licenses/LICENSE;md5=aad69c93f605003e3342b174d9b0708c"

SRC_URI[sha256sum] = "97e5714520c16fc0a45695e5365a2e11b81ea79bba796e26f9f1d178cb182683"

inherit python_wheel

RDEPENDS:${PN} += "python3-asyncio python3-io python3-numbers python3-threading"
