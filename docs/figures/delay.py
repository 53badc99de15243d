"""Two states of one set of weights, some rows apart."""

import sys

import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(7, 2.4))
box = {"boxstyle": "round,pad=0.5", "facecolor": "none", "edgecolor": "gray"}
for t in range(9):
    axis.text(t, 0, f"x({t})", ha="center", va="center", bbox=box, color="gray")
axis.annotate(
    "follows, with the traces;\nlearns when y(2) comes",
    (2, 0.25),
    (2, 1),
    ha="center",
    color="tab:orange",
    arrowprops={"arrowstyle": "->", "color": "tab:orange"},
)
axis.annotate(
    "present state:\npredicts y(8)",
    (8, 0.25),
    (7.7, 1),
    ha="center",
    color="tab:blue",
    arrowprops={"arrowstyle": "->", "color": "tab:blue"},
)
axis.text(5, 1.1, "one set of weights", ha="center", color="gray")
axis.annotate("", (8, -0.5), (2, -0.5), arrowprops={"arrowstyle": "<->", "color": "gray"})
axis.text(5, -0.85, "delay = 6 rows", ha="center", color="gray")
axis.set(xlim=(-0.5, 8.7), ylim=(-1, 1.7))
axis.axis("off")
plt.savefig(sys.argv[1])
