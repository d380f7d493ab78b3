"""Pages of the stock: dashboard, needs, map, breakages, lives and cutting plans, all drawn from the server's sections."""
