"""What is plugged in: looked at with the rows of the add-ons, and explained."""
