SUMMARY = "Counters, gauges and histograms in Prometheus's text format"
DESCRIPTION = "What the console says of the box at /metrics is collected and written by it."
HOMEPAGE = "https://prometheus.github.io/client_python"
BUGTRACKER = "https://github.com/prometheus/client_python/issues"
SECTION = "devel/python"
CVE_PRODUCT = "prometheus:client_python"
LICENSE = "Apache-2.0 & BSD-2-Clause"
LIC_FILES_CHKSUM = "\
    file://prometheus_client-${PV}.dist-info/licenses/LICENSE;md5=86d3f3a95c324c9479bd8986968f4327 \
    file://prometheus_client-${PV}.dist-info/licenses/NOTICE;md5=4951b46e0743f84957d24051dcbdc0ae \
"

PYPI_PACKAGE = "prometheus_client"
SRC_URI[sha256sum] = "fa93d06737aa02bacd05794768508bb97d2fbee28cb3bca04eaae92f0ca953d6"

inherit python_wheel

RDEPENDS:${PN} += "python3-compression python3-json python3-netserver python3-threading"
