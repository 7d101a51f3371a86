"""What the tree promises about itself: directions of imports, names, sizes, words, files."""
