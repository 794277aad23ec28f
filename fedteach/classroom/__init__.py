"""A federation of a whole class over HTTP: the server that an instructor starts, and the client that a laptop is."""
