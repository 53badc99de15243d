"""Every verb in every order: machines that go through random programs of calls.

`kit` is what a machine is and how a program is played, repeated and cut down; `known` the faults that
are waited for; a file an object the machines; `model` the oracle with every verb of LSTM. Played by
tests/test_machines.py (hypothesis, short) and by ``python -m bench programs`` (plain, long).
"""
