"""Pages for authors, reviewers and publishers."""
