"""Pictures of the analyses. Needs matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.analysis.drive import DriveCourse
from pylstm.analysis.framing import FramingStudy
from pylstm.analysis.sensitivity import Shading, Study
from pylstm.analysis.truncation import Course
from pylstm.analysis.vanishing import N_STEPS, WEIGHTS, factor, largest_factor, products
from pylstm.files import written_whole

__all__ = [
    "draw_course",
    "draw_drive",
    "draw_factors",
    "draw_framings",
    "draw_lags",
    "draw_shading",
    "save",
]

Array = npt.NDArray[Any]

_SMALL = 1e-12  # below that a curve leaves the picture
_FELT = (1e-6, 10)

# Plain nets blue, the darker the larger the radius, black the trained one; LSTM in warm colours.
_COLOURS = ("#6baed6", "#2171b5", "#08306b", "k", "C1", "C3", "darkred")


def save(path: Path, draw: Callable[..., None], *what: Any, size: tuple[float, float]) -> Path:
    """Draw a picture and write it, whole or not at all.

    Parameters
    ----------
    path : Path
        PNG.
    draw : callable
        Called with a matplotlib Figure and `what`.
    *what
    size : (width, height)
        Inches.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    draw(figure, *what)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return path


# ---------------------------------------------------------------- one unit


def draw_factors(figure: Any) -> None:
    """Draw what is left of an error after k steps back through one unit, and one step's factor.

    Parameters
    ----------
    figure : matplotlib Figure
    """
    panels = figure.subplots(2, 2).ravel()
    steps = np.arange(N_STEPS + 1)
    for axes, (kind, weights) in zip(panels, WEIGHTS.items(), strict=False):
        for n, w in enumerate(weights):
            is_carousel = kind == "identity" and w == 1
            style = {"color": "k", "lw": 2.5} if is_carousel else {"color": f"C{n}"}
            axes.semilogy(steps, products(w, kind, N_STEPS), label=f"w = {w}", **style)
        axes.set(ylim=(_SMALL, 1e5), xlim=(0, N_STEPS), title=f"{kind} unit")
        axes.set(xlabel="steps back k", ylabel="share of the error left")
        axes.legend(loc="lower right" if kind == "identity" else "upper right", ncols=2)
    panels[2].set(title="identity: w = 1 is the constant error carousel")
    _draw_one_step(panels[3])


def _draw_one_step(axes: Any) -> None:
    w = np.linspace(0, 12, 481)
    axes.plot(w, w / 4, color="0.6", ls="--")
    axes.text(3.0, 0.79, "|w| / 4", ha="right", color="0.4")
    axes.axhline(1, color="0.6", lw=0.8)
    for n, a in enumerate((1.0, 0.5, 0.25)):
        axes.plot(w, factor(w, a, "logistic"), color=f"C{n}")
        top = largest_factor(a, "logistic")
        axes.plot(*top, "o", color=f"C{n}")
        axes.annotate(f"a(t-1) = {a:g}", top, (8, 4), textcoords="offset points", color=f"C{n}")
    axes.set(xlim=(0, 12), ylim=(0, 1.2), title="logistic: one step, never above 1 for |w| < 4")
    axes.set(xlabel="w", ylabel="|f'(w a) w|")


# ---------------------------------------------------------------- nets


def draw_lags(figure: Any, study: Study) -> None:
    """Draw what the outputs at the end feel of the inputs before: shaded, and as curves.

    Parameters
    ----------
    figure : matplotlib Figure
    study : Study
    """
    upper, lower = figure.subplots(2, 1, height_ratios=(2, 3), sharex=True)
    shares = np.array([of_net / of_net[0] for of_net in study.by_lag.values()])
    n_lags = shares.shape[1]
    image = _shade(upper, shares, (_SMALL, 1), (-0.5, n_lags - 0.5))
    upper.set_yticks(range(len(shares)), [study.label(name) for name in study.by_lag])
    figure.colorbar(image, ax=upper, pad=0.01, aspect=12)
    for n, (name, share) in enumerate(zip(study.by_lag, shares, strict=True)):
        style = {"ls": "--", "lw": 1.5} if name.startswith("plain") else {"lw": 2.5}
        lower.semilogy(range(n_lags), share, color=_COLOURS[n], **style)
        upper.get_yticklabels()[n].set_color(_COLOURS[n])
    lower.set(ylim=(_SMALL, 10), xlim=(n_lags - 0.5, -0.5))
    lower.set(xlabel="steps before the end, k", ylabel="|dy(T)/dx(T-k)|, relative to k = 0")
    upper.set(title="What the outputs at the end feel of the input k steps before")


def _shade(
    axes: Any, values: Array, limits: tuple[float, float], columns: tuple[float, float]
) -> Any:
    """Draw a matrix, a row a row, dark where it is high, in powers of ten."""
    from matplotlib.colors import LogNorm

    values = np.maximum(values, limits[0])
    return axes.imshow(
        values, norm=LogNorm(*limits), cmap="Greys", **_axes_of_matrix(values, columns)
    )


def _axes_of_matrix(rows: Array, columns: tuple[float, float]) -> dict[str, Any]:
    """How a matrix is laid out: its columns from left to right, its first row on top."""
    extent = (*columns, len(rows) - 0.5, -0.5)
    return {"aspect": "auto", "interpolation": "nearest", "extent": extent}


def draw_shading(figure: Any, shading: Shading) -> None:
    """Draw what every unit feels of one input, of a plain net and of an LSTM, and the gates.

    Parameters
    ----------
    figure : matplotlib Figure
    shading : Shading
    """
    lstm = {name: shading.lstm[name] for name in ("cell_state", "cell_output", "output")}
    panels = (shading.plain, lstm, shading.gates)
    heights = [sum(map(len, parts.values())) for parts in panels]
    upper, middle, lower = all_axes = figure.subplots(3, 1, height_ratios=heights, sharex=True)
    columns = (0.5, len(shading.symbols) + 0.5)
    for axes, parts in zip(all_axes, panels, strict=True):
        rows = np.vstack(list(parts.values()))
        if axes is lower:
            image = axes.imshow(
                rows, cmap="Greens", vmin=0, vmax=1, **_axes_of_matrix(rows, columns)
            )
        else:
            image = _shade(axes, rows, _FELT, columns)
        bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=1.2 * len(rows))
        bar.ax.minorticks_off()
        bar.set_label("activation" if axes is lower else "|du(T)/dx(t)|")
        _label_parts(axes, parts)
    symbol, step = shading.symbols[shading.step], shading.step + 1
    upper.set(title=f"What every unit feels of the {symbol} at step {step}: plain net, trained")
    middle.set(title="LSTM, trained on the same sequences")
    lower.set(title="its gates: dark is open", xlabel="step, symbol")
    ticks = _decisive_steps(shading)
    lower.set_xticks(ticks, [f"{tick}\n{shading.symbols[tick - 1]}" for tick in ticks])


def _decisive_steps(shading: Shading) -> list[int]:
    """The steps, from 1, of the symbols that matter, and of the last, which asks."""
    places = [k for k, symbol in enumerate(shading.symbols, start=1) if symbol in "XY"]
    return [*places, len(shading.symbols)]


def _label_parts(axes: Any, parts: Mapping[str, Array]) -> None:
    """Name groups of rows, with a line between one and the next."""
    sizes = np.array([len(rows) for rows in parts.values()])
    ends = np.cumsum(sizes)
    names = [name.replace("_", " ") + "s" for name in parts]
    axes.set_yticks(ends - sizes / 2 - 0.5, names)
    axes.tick_params(axis="y", length=0)
    for end in ends[:-1]:
        axes.axhline(end - 0.5, color="C0", lw=1)


# ---------------------------------------------------------------- truncation

_THICK = {"hidden": {"color": "k", "lw": 2.5}, "all": {"color": "0.6", "lw": 2.5, "ls": "--"}}


def draw_course(figure: Any, course: Course) -> None:
    """Draw angles and norm ratios along a learning run, and the learning curves of both nets.

    Parameters
    ----------
    figure : matplotlib Figure
    course : Course
    """
    (angles, errors), (ratios, wrong) = figure.subplots(2, 2, sharex=True)
    seen = course.seen[: len(course.comparisons)]
    for n, name in enumerate(course.comparisons[0]):
        if name == "output":  # nothing is cut on the way to the weights of the outputs
            continue
        style = _THICK.get(name, {"color": f"C{n}", "lw": 1})
        of_group = [comparisons[name] for comparisons in course.comparisons]
        angles.plot(seen, [of.angle for of in of_group], label=name.replace("_", " "), **style)
        ratios.plot(seen, [of.ratio for of in of_group], **style)
    for method, name in (("truncated", "truncated gradient"), ("bptt", "exact gradient")):
        error, share = course.error[method], course.wrong[method]
        ends = course.seen[1 : len(error) + 1]
        style = {"lw": 2, "color": "k" if method == "truncated" else "C3"}
        errors.plot(ends, error, label=name, **style)
        wrong.plot(ends, share, **style)
    angles.axhline(90, color="0.6", lw=0.8, ls="--")
    ratios.axhline(1, color="0.6", lw=0.8, ls="--")
    angles.set(ylabel="angle, degrees (above 90: uphill)", ylim=(0, 180), yticks=range(0, 181, 45))
    angles.set(title="truncated against exact gradient")
    ratios.set(ylabel="norm, exact = 1", yscale="log", xlabel="training sequences")
    errors.set(ylabel="mean absolute error", ylim=(0, None))
    errors.set(title=f"learning {course.row} by either")
    wrong.set(ylabel="share of wrong sequences", ylim=(-0.02, 1.02), xlabel="training sequences")
    ratios.locator_params(axis="x", nbins=5)
    ratios.xaxis.set_major_formatter("{x:,.0f}")
    angles.legend(ncols=2)
    errors.legend()


# ---------------------------------------------------------------- constant drive


def draw_drive(figure: Any, courses: Sequence[DriveCourse]) -> None:
    """Draw share of the drive, gains of the loop, error and the way into the saddle, a row a
    reading.

    Parameters
    ----------
    figure : matplotlib Figure
    courses : sequence of DriveCourse
        Of one row.
    """
    rows = figure.subplots(len(courses), 4, squeeze=False)
    for course, (share, gain, error, weights) in zip(courses, rows, strict=True):
        share.plot(course.seen, course.share, lw=1.5)
        share.set(ylim=(0, 1), ylabel="share of the state, by cell")
        for name, colour in (("drive", "C3"), ("hidden", "C0"), ("output", "C2")):
            gain.semilogy(course.seen, np.maximum(course.gain[name], _SMALL), c=colour, label=name)
        gain.axhline(2, color="0.6", lw=0.8, ls="--")
        gain.set(ylim=(1e-5, 1e3), ylabel="gain (above 2 it overshoots)")
        gain.legend()
        error.plot(course.seen, course.error, color="k")
        error.set(ylim=(0, None), ylabel="mean absolute error")
        for block, (drive, out) in enumerate(
            zip(course.drive.T, course.weights_out.T, strict=True)
        ):
            weights.plot(drive, out, lw=1, marker=".", ms=3, label=f"block {block + 1}")
            weights.plot(drive[0], out[0], "o", fillstyle="none", color=f"C{block}")
        weights.plot(0, 0, "kx", clip_on=False)
        weights.set(xlim=(0, None), ylim=(0, None), xlabel="drive at the end of a sequence")
        weights.set(ylabel="norm of weights to the outputs")
        weights.legend()
        differs = course.differs or "the paper to the letter"
        title = textwrap.fill(f"{course.row} {course.reading}: {differs}", 60)
        share.set_title(title, loc="left", fontsize="medium")
    for axes, what in zip(
        rows[0, 1:], ("gain of the loop", "learning", "way to the saddle, from o to x"), strict=True
    ):
        axes.set_title(what, fontsize="medium")
    for axes in rows[-1, :3]:
        axes.set(xlabel="training sequences")


# ---------------------------------------------------------------- framing

_LINES = {"frame": "-", "mean": "--", "pick": ":"}


def draw_framings(figure: Any, found: FramingStudy) -> None:
    """Draw what trained nets feel of samples, by how they read them, a panel a net.

    Parameters
    ----------
    figure : matplotlib Figure
    found : FramingStudy
    """
    panels = figure.subplots(1, len(found.felt), sharey=True)
    sizes = sorted({framing.n_samples for framing in found.framings})
    for axes, (net, felt) in zip(panels, found.felt.items(), strict=True):
        for framing, of_net, wrong in zip(found.framings, felt, found.wrong[net], strict=True):
            share = of_net / (of_net.sum() or 1)
            n = framing.n_samples
            of_steps = np.add.reduceat(share, np.arange(0, len(share), n))  # as far as they go
            axes.stairs(
                np.maximum(of_steps / n, _SMALL / 10),
                np.arange(len(of_steps) + 1) * n,
                baseline=None,
                color=f"C{sizes.index(n)}",
                ls=_LINES[framing.kind],
                label=f"{framing}: {wrong:.0%} wrong",
            )
        axes.axvspan(
            found.n_samples - found.n_information, felt.shape[1], color="0.9", label="tells"
        )
        axes.set(yscale="log", ylim=(_SMALL, 2), xlim=(felt.shape[1], 0), title=net)
        axes.set(xlabel="samples before the end")
        axes.legend(fontsize="small", loc="lower left")
    panels[0].set(ylabel="share of the sensitivity, a sample")
