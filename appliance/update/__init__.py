"""What changes the box as a whole: system updates with their slots; backup and restore of what its owner would miss."""
