"""What the tests of every room share: guards that fail a careless test, and small made cohorts."""
