"""Slack: a support channel whose threads are conversations, and a review channel for cards."""
