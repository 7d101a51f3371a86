"""Settings: the file, the variables, and the words about what is wrong with them."""
