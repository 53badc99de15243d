"""Handwritten digits read row by row: sequences of eight steps, a label at the end of each.

1,797 images of scikit-learn's digits. The id of the image is a column of X, so that scikit-learn's
splitters keep its rows together. Needs scikit-learn and matplotlib.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import GroupShuffleSplit

from pylstm.sklearn import LSTMClassifier

images, labels = load_digits(return_X_y=True)
ids = np.repeat(np.arange(len(images)), 8)
X = np.column_stack([ids, images.reshape(-1, 8)])  # a row of the image is a row of X
y = np.full(len(X), None)
y[7::8] = labels  # the label stands at the last row of its image; the others have none

split = GroupShuffleSplit(1, test_size=0.3, random_state=0)
learn, test = next(split.split(X, y, groups=ids))
model = LSTMClassifier(n_cells=48, sequence_column=0, n_epochs=20).fit(X[learn], y[learn])
last = np.array([label is not None for label in y[test]])
found, wanted = model.predict(X[test])[last], y[test][last].astype(int)
print(f"{accuracy_score(wanted, found):.1%} of {len(wanted)} images are right")

# How the probabilities of one image change while it is read.
image = X[test][8 * 3 : 8 * 4]
shares = model.predict_proba(image)
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3.2), width_ratios=(1, 1, 1.6))
left.imshow(image[:, 1:], cmap="gray_r")
left.set(title="read from the top", xticks=[], yticks=[])
middle.imshow(shares, cmap="Blues", vmin=0, vmax=1)
middle.set(title="probability", xlabel="digit", xticks=range(10), yticks=[])
ConfusionMatrixDisplay.from_predictions(wanted, found, ax=right, cmap="Blues", colorbar=False)
plt.savefig(sys.argv[1] if len(sys.argv) > 1 else "digits_by_rows.png")
