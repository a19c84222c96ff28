"""What is wrong with a letter although it can be rendered: errors, for which it is not stored, and warnings. Looks at
the rendered letter; knows neither the network nor the clock."""
