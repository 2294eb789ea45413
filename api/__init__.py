"""The service over HTTP and the command line: everything that knows requests, cookies, clocks and terminals."""
