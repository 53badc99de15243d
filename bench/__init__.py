"""Measurements behind every figure in the README: ``python -m bench --help``, from the checkout.

Every measurement first compares what it is about to time with the NumPy reference, then times it:
the median of repeats, alternating with the peer in the same process. Nothing runs on import.
"""
