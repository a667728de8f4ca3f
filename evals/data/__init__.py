"""Readers: the benchmarks' official files and hub data sets become examples, and back.

Each mistake in a file is collected with its place, and all of one load are raised together.
"""
