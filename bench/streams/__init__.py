"""Proof on real streams: one pass, predict then learn, beside peers: `python -m bench streams`."""
