"""The review as a Temporal workflow."""
