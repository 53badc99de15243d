"""The loss over time of sixteen learning rates on one stream, run side by side."""

import sys

import matplotlib.pyplot as plt
import numpy as np

import pylstm

wave = np.sin(0.2 * np.arange(4001.0)) * np.sin(0.013 * np.arange(4001.0))
X, targets = wave[:-1, None], wave[1:, None]
rates = [0.001, 0.03, 0.3, 2.0]
pop = pylstm.Population(
    len(rates), n_inputs=1, n_outputs=1, n_blocks=8, optimizer=[pylstm.SGD(r) for r in rates]
)
errors = np.abs(pop.run(X, targets) - targets)[..., 0]
for rate, error in zip(rates, errors, strict=True):
    plt.semilogy(np.convolve(error, np.ones(250) / 250, "valid"), label=f"SGD({rate:g})")
last = np.abs(X - targets)[:, 0].mean()
plt.axhline(last, linestyle=":", color="tab:gray", label="last value")
plt.xlabel("step")
plt.ylabel("absolute error, mean of 250")
plt.legend(ncols=2)
plt.savefig(sys.argv[1])
