"""The soak: clients write through HTTP while the server or its database is killed, and nothing acknowledged is lost."""
