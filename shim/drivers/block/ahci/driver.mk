drivers-$(CONFIG_DRIVER_AHCI) += block/ahci
