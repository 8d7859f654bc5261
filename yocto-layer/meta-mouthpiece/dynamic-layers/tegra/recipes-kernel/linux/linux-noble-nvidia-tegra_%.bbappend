require recipes-kernel/linux/mouthpiece-kernel.inc
