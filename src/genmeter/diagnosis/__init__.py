"""What stands in the way of a true bill: findings about an environment, and about one run of a program."""
