drivers-$(CONFIG_DRIVER_E1000) += net/e1000
