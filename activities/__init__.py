"""What the workflow asks the outside world to do: letters and the register."""
