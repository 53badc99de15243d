"""Real uses named by the textbook chapter on LSTM, each with real data beside a published figure.

One file a use:

    text.py         bits a byte of Python's own documentation, read once, a byte at a time
    vowels.py       which of nine speakers said it: sequences with a label, read both ways
    chorales.py     Bach's chorales as piano rolls, from the wheel of music21
    music.py        the notes of the next step, nats a step
    __main__.py     ``python -m bench chapter``

Settings were chosen on other data than those reported, each file says on which; ``--choose`` shows
the candidates and what they came to there.
"""
