"""What can be said of text without asking anyone: markup in and out, and what a person really wrote."""
