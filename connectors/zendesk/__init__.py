"""Zendesk: tickets by e-mail and web form, drafts as internal notes, replies as public comments."""
