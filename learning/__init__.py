"""What people do with drafts, or instead of them, becomes proposals and a measured confidence."""
