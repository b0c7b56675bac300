drivers-$(CONFIG_DRIVER_I6300ESB) += watchdog/i6300esb
