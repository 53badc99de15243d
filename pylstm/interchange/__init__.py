"""Weights to and from PyTorch and Keras, neither of which is imported.

What can be exchanged, and the equations: `pylstm.interchange.weights`.
"""

from pylstm.interchange.keras import from_keras, to_keras
from pylstm.interchange.pytorch import from_torch, to_torch

__all__ = ["from_keras", "from_torch", "to_keras", "to_torch"]
