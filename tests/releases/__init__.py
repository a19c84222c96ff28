"""What the last release wrote and read, for tests of the way forward and of the way back."""
