"""What config.json means to the OS's own services: files, kernel attributes, and what makes a service read them."""
