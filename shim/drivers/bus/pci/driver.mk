drivers-$(CONFIG_DRIVER_PCI) += bus/pci
