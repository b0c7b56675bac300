drivers-$(CONFIG_DRIVER_UART) += serial/uart
