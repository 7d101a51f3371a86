"""One file for each SDK that the suite runs through."""
