"""Intercom: chat and e-mail conversations, read and answered through the vendor's own SDK."""
