"""Faults of one line, put in one at a time: does the suite find each?

    python tests/faults.py                   every fault, some minutes each
    python tests/faults.py --list
    python tests/faults.py --only NUMBER ...

The checkout is copied to a temporary folder, once. There a line is replaced, the engine built in
the baseline instruction set without optimisation, and the tests run, as `pytest` does, until one
fails: first those in the files named with the fault, because they are the likely ones, then the
others. At the end the tests that have failed must pass without any fault. 1 is returned when a
fault is not found.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

#: Of the whole build: one instruction set is enough, since all are made of the same lines.
COMPILER = '#!/bin/sh\nexec {compiler} "$@" -O0 -DPYLSTM_BASELINE\n'


@dataclass(frozen=True)
class Fault:
    """`line`, which stands once in `file`, and with what it is replaced; what that breaks."""

    file: str
    line: str
    fault: str
    breaks: str
    tests: str  # the files in which it is likely to be found, without "test_" and ".py"


FAULTS = [
    # ------------------------------------------------------------ forward
    Fault(
        "csrc/network/forward.inc",
        "y[k] /= sum;",
        "y[k] *= sum;",
        "softmax multiplies by its sum",
        "gradient",
    ),
    Fault(
        "csrc/network/forward.inc",
        "const ptrdiff_t input = lay->n_hidden + token, last = lay->n_out_sources - 1;",
        "const ptrdiff_t input = token, last = lay->n_out_sources - 1;",
        "with a shortcut a token is looked for among the cells",
        "tokens",
    ),
    Fault(
        "csrc/network/forward.inc",
        "NAME(copy)(h, z + end, lay->n_hidden);",
        "NAME(copy)(h, z + end, lay->n_cells);",
        "units are no sources",
        "units",
    ),
    # ------------------------------------------------------------ errors
    Fault(
        "csrc/network/error.inc",
        "e[j] *= NAME(slope_at)(s, u[j]);",
        "e[j] *= NAME(slope_at)(s, e[j]);",
        "the slope of a unit is taken elsewhere",
        "units kernels",
    ),
    Fault(
        "csrc/network/factors.inc",
        "NAME(errors_of_units)(n, now + lay->at_eu, row);",
        "NAME(errors_of_units)(n, now + lay->at_e, row);",
        "a unit learns from the error of a cell, where one pass learns everything",
        "units",
    ),
    Fault(
        "csrc/network/learn.inc",
        "eu[j] = 0;",
        ";",
        "a unit learns at steps without an error, from that of an older step",
        "units",
    ),
    Fault(
        "csrc/network/bptt.inc",
        "eu[j] += row[lay->at_eu + j];",
        "eu[j] = row[lay->at_eu + j];",
        "what comes back to a unit from later steps is lost",
        "units",
    ),
    Fault(
        "csrc/network/error.inc",
        "delta[k] = y[k] * (dy[k] - mean);",
        "delta[k] = y[k] * dy[k];",
        "the slope of a softmax without its mean",
        "gradient",
    ),
    Fault(
        "csrc/network/error.inc",
        "e[v] = eps[l] * (valid[v] * o[v] * NAME(slope_at)(s, hc[v]));",
        "e[v] = eps[l] * (valid[v] * o[v] * NAME(slope_at)(s, o[v]));",
        "the slope of the cell output is taken at the gate",
        "gradient",
    ),
    Fault(
        "csrc/network/error.inc",
        "loss += (a > 0 ? a : 0) - a * t + log1p(exp(a > 0 ? -a : a));",
        "loss += (a > 0 ? a : 0) - a * t + log1p(exp(a));",
        "the cross-entropy of positive net inputs",
        "online errors",
    ),
    Fault(
        "csrc/network/error.inc",
        "n->optimizer.error += sqrt(NAME(squares)(delta, n->shape.n_outputs));",
        "n->optimizer.error = sqrt(NAME(squares)(delta, n->shape.n_outputs));",
        "ObGD forgets the errors of earlier steps",
        "optimizers",
    ),
    Fault(
        "csrc/network/error.inc",
        "sum[k] += delta[k];",
        "sum[k] = delta[k];",
        "a second error at a step replaces the first",
        "online any_order learner progress",
    ),
    # ------------------------------------------------------------ traces
    Fault(
        "csrc/network/factors.inc",
        "NAME(write_factor)(c_prev, f, m, d, lay->cell_stride, NAME(forget_squashing)(lay));",
        "NAME(write_factor)(c_prev, f, m, d, n->layout.cell_stride, "
        "NAME(squashing_of)(PYLSTM_LOGISTIC));",
        "the slope of a leaky forget gate",
        "gradient",
    ),
    Fault(
        "csrc/network/factors.inc",
        "segment[s * n->shape.n_blocks + b] = aside[b * n->shape.block_size + s];",
        "segment[s * n->shape.n_blocks + b] = aside[b * n->shape.block_size];",
        "all cells of a block have the trace of the first",
        "gradient",
    ),
    Fault(
        "csrc/network/factors.inc",
        "df[l] = valid[l] * (c_prev[l] * NAME(slope_at)(forgets, f[l]));",
        "df[l] = valid[l] * (c_prev[l] * NAME(slope_at)(gate, f[l]));",
        "the same slope, where one pass learns everything",
        "online leak",
    ),
    Fault(
        "csrc/streams/learn.inc",
        "n_rows, -1);",
        "n_rows, 1);",
        "the gradient of several streams has the wrong sign",
        "streams",
    ),
    Fault(
        "csrc/network/trace.inc",
        "sum[l] = forward ? net[r0 + l] : 0;",
        "sum[l] = 0;",
        "a matrix beyond the first-level cache forgets what it summed before",
        "kernels online",
    ),
    # ------------------------------------------------------------ gradient
    Fault(
        "csrc/network/learn.inc",
        "NAME(add_peephole)(n, coef + lay->row_o, row + lay->at_c, G + lay->at_peephole_o);",
        "NAME(add_peephole)(n, coef + lay->row_o, prev + lay->at_c, G + lay->at_peephole_o);",
        "the output gate's peepholes see the cell state of the step before",
        "gradient",
    ),
    Fault(
        "csrc/network/learn.inc",
        "E[j] = MADD(d[j], c_prev[j % n->shape.n_blocks * n->shape.block_size + s], E[j]);",
        "E[j] = MADD(d[j], c_prev[j % n->shape.n_blocks * n->shape.block_size], E[j]);",
        "the traces of peepholes know the first cell of a block alone",
        "online sequences",
    ),
    Fault(
        "csrc/network/learn.inc",
        "REAL *to = G + j / lay->n_cells * n->shape.n_blocks + j % n->shape.n_blocks;",
        "REAL *to = G + j / lay->n_cells * n->shape.n_blocks;",
        "in blocks of several cells the old traces go to the first block",
        "online",
    ),
    Fault(
        "csrc/network/learn.inc",
        "memset(e_bias + lay->row_g, 0, (size_t)lay->n_cells * sizeof(REAL));",
        "memset(e_bias + lay->row_g, 0, (size_t)n->shape.n_blocks / 2 * sizeof(REAL));",
        "cell inputs without bias learn one",
        "online parameters",
    ),
    Fault(
        "csrc/network/learn.inc",
        "p[v] *= f[v];",
        "p[v] *= 1;",
        "what is settled into the traces forgets nothing",
        "online",
    ),
    # ------------------------------------------------------------ large networks
    Fault(
        "csrc/network/lazy.inc",
        "F[r] *= f[r];",
        "F[r] *= 1;",
        "the old traces of a lazy network do not decay",
        "lazy large",
    ),
    Fault(
        "csrc/network/lazy.inc",
        "w[lay->row_o + v] = -(REAL)n->optimizer.rate * eo[v];",
        "w[lay->row_o + v] = (REAL)n->optimizer.rate * eo[v];",
        "a lazy network's output gates learn uphill",
        "lazy large",
    ),
    Fault(
        "csrc/network/lazy.inc",
        "return n->layout.lazy && n->optimizer.rule == PYLSTM_SGD && "
        "n->optimizer.weight_decay == 0 &&",
        "return n->layout.lazy && n->optimizer.rule == PYLSTM_SGD &&",
        "a lazy network's weight decay ends with the pass",
        "lazy optimizers",
    ),
    Fault(
        "csrc/network/lazy.inc",
        "NAME(move_row)(n, k + s, s);",
        "NAME(move_row)(n, s, s);",
        "steps not yet learned from stay behind those that are written",
        "lazy any_order machines",
    ),
    # ------------------------------------------------------------ tokens
    Fault(
        "csrc/network/tokens.inc",
        "if (n->buffers.tokens[s] == input || n->buffers.tokens[s] < 0)",
        "if (n->buffers.tokens[s] == input)",
        "an input leaves while a vector of the record holds it",
        "tokens machines",
    ),
    Fault(
        "csrc/network/tokens.inc",
        "!n->progress.collected && n->shape.method != PYLSTM_RTRL;",
        "n->shape.method != PYLSTM_RTRL;",
        "an input leaves before its gradient is used",
        "tokens machines",
    ),
    Fault(
        "csrc/network/tokens.inc",
        "if (n->progress.collected && n->shape.shortcut)",
        "if (0 && n->shape.shortcut)",
        "an input that comes again finds an old gradient of the shortcut",
        "tokens machines",
    ),
    Fault(
        "csrc/network/tokens.inc",
        "if (squares > o->clip_norm * o->clip_norm) {",
        "if (squares > o->clip_norm) {",
        "gradients are clipped from the root of the bound on",
        "optimizers",
    ),
    # ------------------------------------------------------------ exact gradients
    Fault(
        "csrc/network/bptt.inc",
        "NAME(peephole_flow)(P + lay->at_peephole_o, eo, a, n->shape.n_blocks, "
        "n->shape.block_size);",
        "NAME(peephole_flow)(P + lay->at_peephole_o, eo, a, n->shape.n_blocks, 1);",
        "with bptt one cell of a block feels the output gate's peepholes",
        "exact",
    ),
    Fault(
        "csrc/network/bptt.inc",
        "const int behind_i = row > lay->row_i && lay->row_i >= 0;",
        "const int behind_i = row > lay->row_i;",
        "without an input gate the errors of recurrent gates are shifted",
        "exact",
    ),
    Fault(
        "csrc/network/verbs.inc",
        "const ptrdiff_t first = n->progress.n_pending - (n->shape.window - 1);",
        "const ptrdiff_t first = n->progress.n_pending - n->shape.window;",
        "the window moves by a step too few",
        "exact",
    ),
    Fault(
        "csrc/network/rtrl.inc",
        "NAME(write_factor)(valid, act + rows[k], valid, slope, blocks, k == 1 ? forget : gate);",
        "NAME(write_factor)(valid, act + rows[k], valid, slope, blocks, gate);",
        "the slope of a leaky forget gate as a source, with rtrl",
        "rtrl",
    ),
    Fault(
        "csrc/network/rtrl.inc",
        "row[first + v] += c[v];",
        "row[first + v] = c[v];",
        "a peephole's own column loses what came through the others",
        "rtrl",
    ),
    # ------------------------------------------------------------ progress
    Fault(
        "csrc/network/verbs.inc",
        "n->progress.closed = truncated && n->progress.n_pending > 0;",
        "n->progress.closed = 0;",
        "after a deep update the traces are not settled with the weights",
        "persistence tokens",
    ),
    Fault(
        "csrc/network/verbs.inc",
        "n->optimizer.error = error < 0 ? -error : error;",
        "n->optimizer.error = error;",
        "ObGD takes a negative TD error for none",
        "optimizers",
    ),
    Fault(
        "csrc/network/progress.c",
        "if (at->has_error & ~at->learnable)",
        "if (at->has_error & at->learnable & 0)",
        "a saved population may have an error at a step it cannot learn from",
        "loading progress",
    ),
    # ------------------------------------------------------------ optimizers, scales
    Fault(
        "csrc/network/optimizer.inc",
        "*m = MADD(g, g, p->second * *m);",
        "*m = MADD(g, g, *m);",
        "the mean square of RMSprop is a sum",
        "optimizers",
    ),
    Fault(
        "csrc/network/optimizer.inc",
        "const double more = o->error < 1 ? 1 / o->error : 1;",
        "const double more = 1;",
        "ObGD does not see how small the error is",
        "optimizers",
    ),
    Fault(
        "csrc/network/optimizer.c",
        "o->root = 1 / sqrt(1 - pow(o->second, (double)o->n_updates));",
        "o->root = sqrt(1 - pow(o->second, (double)o->n_updates));",
        "Adam corrects its second moment the wrong way",
        "optimizers",
    ),
    Fault(
        "csrc/network/optimizer.c",
        "factor = o->factors[o->n_updates - o->first_factor];",
        "factor = o->factors[0];",
        "a schedule stands still during a call",
        "optimizers",
    ),
    Fault(
        "csrc/network/scale.c",
        "s->variance[j] = (1 - rate) * (v + rate * (root * root));",
        "s->variance[j] = (1 - rate) * v + rate * (root * root);",
        "a running variance with the deviation from the old mean counted whole",
        "scaling scaled_network",
    ),
    Fault(
        "csrc/network/scale.c",
        "put_number(z, z_doubles, j, value == value ? clip(unit, s->limit) : missing);",
        "put_number(z, z_doubles, j, value == value ? unit : missing);",
        "an outlier among inputs is not bounded",
        "scaling scaled_network",
    ),
    # ------------------------------------------------------------ streams
    Fault(
        "csrc/streams/learn.inc",
        "for (ptrdiff_t step = top; step > bottom && step > before; step--) {",
        "for (ptrdiff_t step = top; step > bottom; step--) {",
        "steps before a stream's reset count once more",
        "streams",
    ),
    Fault(
        "csrc/streams/learn.inc",
        "NAME(clear)(delta, n->layout.row_stride);",
        ";",
        "with bptt a stream that was reset keeps what another step has left",
        "streams exact",
    ),
    Fault(
        "csrc/streams/learn.inc",
        ".ready = !t->start},",
        ".ready = 1},",
        "errors of streams go down through weights of another time",
        "stack_streams",
    ),
    Fault(
        "csrc/streams/verbs.inc",
        "for (ptrdiff_t v = 0; v < n_below; v += AT_ONCE)",
        "for (ptrdiff_t v = AT_ONCE; v < n_below; v += AT_ONCE)",
        "the first cells of the layer below hear nothing from that above",
        "stack_streams",
    ),
    # ------------------------------------------------------------ populations
    Fault(
        "csrc/population/optimizer.inc",
        "m[j + l] = on[l] ? first : m[j + l];",
        "m[j + l] = first;",
        "the moments of a network left out go on",
        "population_optimizers",
    ),
    Fault(
        "csrc/population/optimizer.inc",
        "p->errors[group * LANES + k] = 0;",
        ";",
        "in a population the errors that ObGD knows add up from update to update",
        "population_optimizers",
    ),
    Fault(
        "csrc/population/group.inc",
        "p->groups[group].collected &= ~active;",
        ";",
        "in a population the gradient of an eligibility trace is accumulated as well",
        "population_verbs",
    ),
    Fault(
        "csrc/population/scale.inc",
        "apart[l] = is_first ? x[l] : (double)NAN;",
        "apart[l] = x[l];",
        "in a population the first values of a column never end",
        "scaled_population",
    ),
    Fault(
        "csrc/population/learn.inc",
        "pass.d = d + (p->layout.row_i < 0 ? 0 : p->layout.n_cells) * LANES;",
        "pass.d = d + p->layout.n_cells * LANES;",
        "without an input gate the forget gate's peepholes have others' factors",
        "population sequences",
    ),
    Fault(
        "csrc/population/group.inc",
        "delta[k + l] = on[l] ? before + new[k + l] : before;",
        "delta[k + l] = on[l] ? new[k + l] : before;",
        "in a population a second error replaces the first",
        "population machines",
    ),
    Fault(
        "csrc/population/sequences.inc",
        "const ptrdiff_t n = call->last ? 1 : at->length[l];",
        "const ptrdiff_t n = 1;",
        "one row only of a sequence that diverged is NaN",
        "sequences population",
    ),
    Fault(
        "csrc/population/courses.inc",
        "p->n_updates[group * LANES + l] = 0;",
        "p->n_updates[group * LANES + l] += 0;",
        "a rate that falls goes on falling in the next training stream",
        "later_tasks",
    ),
    Fault(
        "csrc/population/courses.inc",
        "course->n_parts += !is_wrong && ends_part;",
        "course->n_parts += ends_part;",
        "the part of a stream with the wrong output is counted",
        "later_tasks",
    ),
    # ------------------------------------------------------------ the seam
    Fault(
        "pylstm/_core/network_steps.pyx",
        "if not 0 <= given.token < self.lowest.shape.n_inputs:",
        "if not 0 <= given.token <= self.lowest.shape.n_inputs:",
        "a token behind the last is taken",
        "tokens bad_input",
    ),
    Fault(
        "pylstm/_core/network_buffers.pyx",
        "if not 0 <= factors[k] < np.inf:",
        "if not factors[k] < np.inf:",
        "a schedule may turn descent round",
        "optimizers bad_input",
    ),
    Fault(
        "pylstm/_core/streams.pyx",
        's.stream[b].optimizer.error = progress["output_errors"][b]',
        "s.stream[b].optimizer.error = 0",
        "resumed streams have lost the errors ObGD has seen",
        "streams optimizers checkpoint",
    ),
    Fault(
        "pylstm/_core/growth.pyx",
        "tokens[:b.progress.n_pending + 1] = net.tokens_[:b.progress.n_pending + 1]",
        "pass",
        "a network that grows forgets which of its steps were tokens",
        "grow machines",
    ),
    Fault(
        "pylstm/_core/growth.pyx",
        "U[:, b.shape.n_inputs:] = W[:, a.shape.n_inputs:]",
        "U[:, a.shape.n_inputs:W.shape[1]] = W[:, a.shape.n_inputs:]",
        "a network that grows keeps the weights of cells where its new inputs are",
        "grow",
    ),
    # ------------------------------------------------------------ Python
    Fault(
        "pylstm/schemas/networks.py",
        'must(np.count_nonzero(listed) == live.size, "every live input once")',
        "pass",
        "a saved network may list an input twice",
        "loading",
    ),
    Fault(
        "pylstm/schemas/networks.py",
        'must(tokens.min() >= -1 and tokens.max() < n_inputs, "tokens below n_inputs, or -1")',
        'must(tokens.max() < n_inputs, "tokens below n_inputs, or -1")',
        "a saved token may lie before the weights",
        "loading",
    ),
    Fault(
        "pylstm/estimators/features.py",
        "self.before[: before.size] = before",
        "pass",
        "with a new feature the row before is forgotten",
        "estimators river",
    ),
    Fault(
        "pylstm/estimators/spread.pyx",
        "self.error = finite_or_none(error)",
        "self.error = finite_or_none(-error)",
        "a regressor is told its last error with the wrong sign",
        "estimators",
    ),
    Fault(
        "pylstm/estimators/past.pyx",
        "inputs[3 + j] = as_finite(self.before(s - (lead - 1) % s) - self.last)",
        "inputs[3 + j] = as_finite(self.before(self.n) - self.last)",
        "a forecaster's season is as long as its memory",
        "estimators forecasts",
    ),
    Fault(
        "pylstm/delayed.py",
        "due = self.__inputs_waiting[0] if len(self.__inputs_waiting) == self.__delay else None",
        "due = self.__inputs_waiting[-1] if len(self.__inputs_waiting) == self.__delay else None",
        "what learns late is given the last row, not the one that is due",
        "delayed",
    ),
    Fault(
        "pylstm/tabular/blocks.pyx",
        "self.sums[: len(half)] = half",
        "self.sums[-len(half) :] = half",
        "when the segments of the scores are merged their order is lost",
        "scores",
    ),
    Fault(
        "pylstm/files.py",
        "os.replace(temporary, target)",
        "target.write_bytes(temporary.read_bytes())",
        "a file is written where it stands, so that a killed process leaves half of one",
        "checkpoint kill",
    ),
    Fault(
        "pylstm/onnx/network.py",
        'keep = 1 - self.config["leak"] if gate == "forget_gate" else 1.0',
        "keep = 1.0",
        "an exported forget gate does not leak",
        "onnx",
    ),
]  # fmt: skip


def misplaced():
    """The faults whose line does not stand exactly once in its file."""
    texts = {fault.file: (ROOT / fault.file).read_text() for fault in FAULTS}
    return [fault for fault in FAULTS if len(_places(texts[fault.file], fault.line)) != 1]


def _places(text, line):
    """Where a line stands, whatever its breaks and indentation."""
    pattern = r"\s+".join(map(re.escape, line.split()))
    return list(re.finditer(rf"(?m)^[ \t]*({pattern})[ \t]*$", text))


def put_in(folder, fault):
    """Write the fault into the copy; return what undoes it."""
    path = folder / fault.file
    text = path.read_text()
    [place] = _places(text, fault.line)
    path.write_text(text[: place.start(1)] + fault.fault + text[place.end(1) :])

    def take_out():
        path.write_text(text)

    return take_out


class Copy:
    """A copy of the checkout in which things are built and tried."""

    def __init__(self, folder):
        self.folder = folder
        names = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split("\0")
        for name in filter(None, names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        compiler = folder / "build" / "cc"
        compiler.parent.mkdir()
        compiler.write_text(COMPILER.format(compiler=os.environ.get("CC", "cc")))
        compiler.chmod(0o755)
        with open(ROOT / "pyproject.toml", "rb") as file:
            needed = tomllib.load(file)["build-system"]["requires"]
        self.build_with = folder / "build" / "packages"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", self.build_with, *needed]
        subprocess.run(pip, check=True)
        # The copy is found before the checkout, by the tests and by the programs they start.
        self.environment = {
            **os.environ, "CC": shlex.quote(str(compiler)), "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def run(self, *command, path=()):
        """Run Python in the copy; return what it printed, and whether it ended well."""
        places = os.pathsep.join(map(str, [self.folder, *path]))
        ran = subprocess.run(
            [sys.executable, *command], cwd=self.folder, text=True,
            env=self.environment | {"PYTHONPATH": places},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return ran.stdout, ran.returncode == 0

    def build(self):
        """Build the engine; what is built already is kept but for what has changed."""
        told, well = self.run("setup.py", "-q", "build_ext", "--inplace", path=[self.build_with])
        if not well:
            raise SystemExit(told)

    def first_failure(self, tests):
        """The first test that fails, or None."""
        told, well = self.run("-m", "pytest", "-x", "-p", "no:cacheprovider", *tests)
        failed = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", told, re.MULTILINE)
        return None if well else failed[0] if failed else told[-500:]


def find(copy, fault):
    """The test that finds a fault, or None."""
    take_out = put_in(copy.folder, fault)
    try:
        copy.build()  # after a fault in Python too: the fault before may be built in
        likely = [f"tests/test_{name}.py" for name in fault.tests.split()]
        return copy.first_failure(["-n0", *likely]) or copy.first_failure([])
    finally:
        take_out()


def main(arguments=None):
    """Try the faults; 1 if one is not found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="say what the faults are")
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="as --list has it")
    options = parser.parse_args(arguments)
    for fault in misplaced():
        parser.error(f"{fault.file} has not exactly one line {fault.line}")
    if options.list:
        for number, fault in enumerate(FAULTS, 1):
            print(f"{number:3} {fault.file}: {fault.breaks}")
        return 0
    chosen = options.only or range(1, len(FAULTS) + 1)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for number in chosen:
            fault, start = FAULTS[number - 1], time.monotonic()
            failed = find(copy, fault)
            if failed:
                found[number] = failed
            seconds = time.monotonic() - start
            print(
                f"{number:3} {failed or 'NOT FOUND'} ({seconds:.0f} s): {fault.breaks}", flush=True
            )
        copy.build()
        failed = copy.first_failure(["-n0", *sorted(set(found.values()))])
        if failed:
            print(f"fails without any fault: {failed}")
            return 1
    print(f"{len(found)} of {len(chosen)} found")
    return int(len(found) < len(chosen))


if __name__ == "__main__":
    sys.exit(main())
