"""The arithmetic of the engine in NumPy: readable and slow, what the C kernels are tested against.

First a twin of every kernel of csrc/: same name, same argument order, outputs written in place. The
sizes are arguments because they are the kernel's; the arrays know them anyway. Then
`online_gradients`, the whole algorithm on the named weights of an `LSTM`.

Symbols as in csrc/network/network.h. HS97: Hochreiter & Schmidhuber (1997), equations of its
appendix A.1; Gers 2000: Gers, Schmidhuber & Cummins; Gers 2002: Gers, Schraudolph & Schmidhuber.
The engine uses nothing of this.
"""

from __future__ import annotations

from pylstm.reference.exact import *  # noqa: F403
from pylstm.reference.forward import *  # noqa: F403
from pylstm.reference.online import online_gradients
from pylstm.reference.optimizer import *  # noqa: F403
from pylstm.reference.scaling import (
    scale_give_back,
    scale_of_first,
    scale_standardise,
    scale_update,
)
from pylstm.reference.simd import *  # noqa: F403
from pylstm.reference.squashing import KINDS, slope, squashed
from pylstm.reference.trace import *  # noqa: F403

__all__ = [
    "KINDS",
    "online_gradients",
    "scale_give_back",
    "scale_of_first",
    "scale_standardise",
    "scale_update",
    "slope",
    "squashed",
]
