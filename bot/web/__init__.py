"""What people and vendors reach over HTTP."""
