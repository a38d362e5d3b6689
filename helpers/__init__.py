"""What the notebooks share, so that each of them can show the library calls that matter."""
