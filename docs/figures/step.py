"""The way of one learning step from Python to C and back."""

import sys

import matplotlib.pyplot as plt

BOXES = """
Python | pylstm/network.py | LSTM.step(x, target) | tab:blue
Cython | network_steps.pyx | take the network, check x and target;/memory for y | tab:orange
C | dispatch.c | the table of kernels of/this machine and precision | tab:green
C | verbs.inc  make_step | room in the record, sources z,/net input W z | tab:green
C | forward.inc | gates, cell state c, cell output h,/output y: a row of the record | tab:green
C | error.inc | loss, errors at outputs,/cells and output gates | tab:green
C | verbs.inc  change_weights | one pass over traces E and weights W,/also the next W z | tab:green
Cython | network_steps.pyx | release; y, or FloatingPointError | tab:orange
""".strip().splitlines()
figure, axis = plt.subplots(figsize=(7, 5.6))
for k, line in enumerate(BOXES):
    language, place, what, color = line.split(" | ")
    y = -k
    axis.add_patch(plt.Rectangle((0, y - 0.38), 10, 0.76, fill=False, edgecolor=color))
    axis.text(0.2, y, language, va="center", color=color, weight="bold")
    axis.text(1.6, y, place, va="center", family="monospace", fontsize=8)
    axis.text(5.2, y, what.replace("/", "\n"), va="center", fontsize=8)
    if k:
        arrow = {"arrowstyle": "->", "color": "gray"}
        axis.annotate("", (5, y + 0.38), (5, y + 0.62), arrowprops=arrow)
axis.set(xlim=(-0.1, 10.1), ylim=(-len(BOXES) + 0.5, 0.5))
axis.axis("off")
plt.savefig(sys.argv[1])
