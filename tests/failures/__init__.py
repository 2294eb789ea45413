"""What the service does when the machine or the database below it fails."""
