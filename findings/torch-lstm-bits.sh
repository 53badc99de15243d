#!/bin/sh
# torch 2.13.0 on CPUs (seen on x86-64 with AVX2, one thread): LSTM over a sequence, LSTM a row at a time, LSTMCell
# a row at a time, with the same weights.
#
# Bet: the three are the same bits, or none are, in either precision.
# Seen: in float32 the sequence equals the rows and LSTMCell is another computation; in float64 LSTMCell equals the
# rows and the sequence is another computation. Differences are of rounding, in most of the values.
#
#     values that differ of 1600    sequence / rows   rows / LSTMCell
#     float32                                     0              1250
#     float64                                   885                 0
#
# Matters to tests that compare a loop with torch bit for bit, and when a network is trained over sequences and
# served by LSTMCell: ask for a tolerance, in both precisions.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
venv/bin/python -I - <<'END'
import torch

torch.set_num_threads(1)


def differences(dtype):
    torch.manual_seed(0)
    lstm = torch.nn.LSTM(6, 32, dtype=dtype)
    cell = torch.nn.LSTMCell(6, 32, dtype=dtype)
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in lstm.state_dict().items()})
    x = torch.randn(50, 1, 6, dtype=dtype)
    rows, cells, state, cell_state = [], [], None, None
    with torch.no_grad():
        sequence, _ = lstm(x)
        for row in x:
            output, state = lstm(row[None], state)
            cell_state = cell(row, cell_state)
            rows.append(output[0])
            cells.append(cell_state[0])
    rows, cells = torch.stack(rows), torch.stack(cells)
    torch.testing.assert_close(sequence, rows)
    torch.testing.assert_close(cells, rows)
    counts = int((sequence != rows).sum()), int((rows != cells).sum())
    print(dtype, *counts)
    return counts


sequence, cell = differences(torch.float32)
assert sequence == 0 < cell
sequence, cell = differences(torch.float64)
assert cell == 0 < sequence
END
