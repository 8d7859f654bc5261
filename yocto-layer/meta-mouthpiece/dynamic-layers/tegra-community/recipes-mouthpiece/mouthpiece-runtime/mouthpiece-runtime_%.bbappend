# The motion network on the GPU; elsewhere ONNX Runtime does it on the processor.
RDEPENDS:${PN}:append:cuda = " pytorch"
