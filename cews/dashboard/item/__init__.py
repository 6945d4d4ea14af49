"""The cards of the item page: one file a noun. Each is made of what is known of the item, for a reader's view."""
