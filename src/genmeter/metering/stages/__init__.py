"""What happens to one finished call, in order: price → describe → measure → report. Each is a function of the record."""
