"""What goes into an OS image for a board."""
