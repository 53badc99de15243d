"""The next character of Python's own help: a network learns to spell, in one pass, and writes.

150,000 characters that come with Python (`pydoc_data`). A bare network with a softmax output;
characters are tokens. Needs matplotlib.
"""

import re
import sys
from pydoc_data.topics import topics

import matplotlib.pyplot as plt
import numpy as np

import pylstm

text = re.sub(r"\s+", " ", " ".join(topics[name] for name in sorted(topics)))[:150_000]
alphabet = sorted(set(text))
place = {character: k for k, character in enumerate(alphabet)}
tokens = np.array([place[character] for character in text])

net = pylstm.LSTM(
    n_inputs=len(alphabet),
    n_outputs=len(alphabet),
    n_blocks=96,
    output="softmax",
    gradient="bptt",
    window=20,
    optimizer=pylstm.Adam(0.004, clip_norm=1.0),
)
_, loss = net.run(tokens[:-1], tokens[1:], update=10, return_loss=True)
bits = loss / np.log(2)
parts = bits[: len(bits) // 5000 * 5000].reshape(-1, 5000).mean(axis=1)
shares = np.bincount(tokens) / len(tokens)
single = -np.sum(shares[shares > 0] * np.log2(shares[shares > 0]))
print(f"bits a character: {parts[0]:.2f} at first, {parts[-10:].mean():.2f} at the end")
print(f"frequencies of single characters alone: {single:.2f}")


def sample(net, prompt, n_characters, temperature=0.5, seed=0):
    """Write on from a prompt: every character drawn is the next input."""
    rng = np.random.default_rng(seed)
    writer, written = net.copy(), prompt
    shares = writer.run(np.array([place[c] for c in prompt]))[-1].astype(float)
    for _ in range(n_characters):
        chances = shares ** (1 / temperature)
        token = int(rng.choice(len(alphabet), p=chances / chances.sum()))
        written += alphabet[token]
        shares = writer.step(token).astype(float)
    return written


print(sample(net, "The function ", 200))
plt.plot(5 * np.arange(1, len(parts) + 1), parts, label="network, before it learns from them")
plt.axhline(single, linestyle=":", color="tab:gray", label="single characters")
plt.xlabel("thousands of characters read")
plt.ylabel("bits a character")
plt.legend()
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "python_help.png")
