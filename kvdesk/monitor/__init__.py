"""What the devices' own libraries and the operating system say about memory and load."""
