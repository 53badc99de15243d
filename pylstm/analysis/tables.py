"""The analyses as text for a terminal and as trees for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pylstm.analysis.drive import DriveCourse
from pylstm.analysis.framing import FramingStudy
from pylstm.analysis.sensitivity import Study
from pylstm.analysis.truncation import Comparison, Course
from pylstm.analysis.vanishing import N_STEPS, WEIGHTS, largest_factor, products

__all__ = [
    "drive_text",
    "drive_tree",
    "framing_text",
    "framing_tree",
    "truncation_text",
    "truncation_tree",
    "vanishing_text",
    "vanishing_tree",
]

_LAGS = (1, 5, 10, 20, 50, 90)


def _text_table(lines: Sequence[Sequence[str]]) -> str:
    """A table: the first column to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        f"{first:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        for first, *cells in lines
    )


def vanishing_text(found: Study) -> str:
    """Give the table of a study: sensitivities of nets, and products of factors of one unit."""
    lines = [["|dy(T)/dx(T-k)| relative to k = 0", *(f"k = {k}" for k in _LAGS)]]
    for name, of_net in found.by_lag.items():
        lines.append([found.label(name), *(f"{of_net[k] / of_net[0]:.1e}" for k in _LAGS)])
    of_unit = [["one unit: the error left after k steps", *(f"k = {k}" for k in _LAGS)]]
    for kind, weights in WEIGHTS.items():
        for w in weights:
            left = products(w, kind, N_STEPS)
            of_unit.append([f"{kind}, w = {w}", *(f"{left[k]:.1e}" for k in _LAGS)])
    return f"{_text_table(lines)}\n\n{_text_table(of_unit)}"


def vanishing_tree(found: Study) -> dict[str, Any]:
    """Give all numbers of a study, and those of one unit."""
    shading = found.shading
    return {
        "seed": found.seed,
        "n_learned": found.n_learned,
        "sensitivity_by_lag": {name: of_net.tolist() for name, of_net in found.by_lag.items()},
        "shading": {
            "symbols": shading.symbols,
            "step": shading.step,
            **{
                name: {part: rows.tolist() for part, rows in getattr(shading, name).items()}
                for name in ("plain", "lstm", "gates")
            },
        },
        "products": {
            kind: {f"{w:g}": products(w, kind, N_STEPS).tolist() for w in weights}
            for kind, weights in WEIGHTS.items()
        },
        "largest_factor": {
            kind: dict(zip(("w", "factor"), largest_factor(1.0, kind), strict=True))
            for kind in ("logistic", "tanh")
        },
    }


def truncation_text(course: Course) -> str:
    """Give the tables of a course: at its start, its end and nine places between."""
    last = len(course.seen) - 1
    steps = sorted({round(k * last / 10) for k in range(11)})
    groups = list(course.comparisons[0])
    angles = [["sequences", *groups]]
    curves = [["sequences", "error, truncated", "exact", "wrong, truncated", "exact"]]
    for k in steps:
        seen = f"{course.seen[k]:,}"
        of_groups = course.comparisons[k] if k < len(course.comparisons) else {}
        angles.append([seen, *(_angle_and_norm(of_groups.get(group)) for group in groups)])
        if k > 0:
            of_curves = [
                f"{curve[k - 1]:.3f}" if k <= len(curve) else "-"
                for curves_of in (course.error, course.wrong)
                for curve in curves_of.values()
            ]
            curves.append([seen, *of_curves])
    head = "angle between truncated and exact gradient, norm of the truncated one (exact = 1)"
    return f"{head}\n{_text_table(angles)}\n\nlearning curves\n{_text_table(curves)}"


def _angle_and_norm(of_group: Comparison | None) -> str:
    if of_group is None:
        return "-"
    angle, ratio = of_group
    return " ".join(
        "-" if math.isnan(value) else text
        for value, text in ((angle, f"{angle:.1f}"), (ratio, f"{ratio:.2f}"))
    )


def truncation_tree(course: Course) -> dict[str, Any]:
    """Give all numbers of a course; null where there is none."""

    def by_group(field: str) -> dict[str, list[float | None]]:
        return {
            group: [_json_number(getattr(at[group], field)) for at in course.comparisons]
            for group in course.comparisons[0]
        }

    return {
        "row": course.row,
        "reading": course.reading,
        "seed": course.seed,
        "n_compared": course.n_compared,
        "sequences": course.seen,
        "angle": by_group("angle"),
        "ratio": by_group("ratio"),
        "error": course.error,
        "wrong": course.wrong,
    }


def _json_number(value: float) -> float | None:
    """None for NaN, which JSON has not."""
    return None if math.isnan(value) else value


def drive_text(course: DriveCourse) -> str:
    """Give the table of a course: at its start, its end and nine places between."""
    blocks = range(course.drive.shape[1])
    header = ["sequences", "error", "share of drive", "gain, drive", "hidden", "output"]
    header += [f"block {k + 1} {way}" for k in blocks for way in ("drive", "out")]
    lines = [header]
    last = len(course.seen) - 1
    for k in sorted({round(place * last / 10) for place in range(11)}):
        lines.append(
            [
                f"{course.seen[k]:,}",
                "-" if math.isnan(course.error[k]) else f"{course.error[k]:.3f}",
                f"{course.share[k].mean():.0%}",
                *(f"{course.gain[name][k]:.2g}" for name in ("drive", "hidden", "output")),
                *(
                    f"{norms[k, block]:.2f}"
                    for block in blocks
                    for norms in (course.drive, course.weights_out)
                ),
            ]
        )
    return _text_table(lines)


def drive_tree(courses: Sequence[DriveCourse]) -> dict[str, Any]:
    """Give all numbers of some courses."""
    trees = []
    for course in courses:
        trees.append(
            {
                "row": course.row,
                "reading": course.reading,
                "differs": course.differs,
                "seed": course.seed,
                "seen": list(course.seen),
                "share": course.share.tolist(),
                "gain": {name: of.tolist() for name, of in course.gain.items()},
                "drive": course.drive.tolist(),
                "weights_out": course.weights_out.tolist(),
                "error": [None if math.isnan(e) else e for e in course.error.tolist()],
            }
        )
    return {"courses": trees}


def framing_text(found: FramingStudy) -> str:
    """Give the table of a study of framings: a line a net and framing."""
    lines = [["", "a step reads", "steps", "learned after", "wrong", "reach, samples", "steps"]]
    for net, learned in found.n_learned.items():
        for k, (framing, reached) in enumerate(zip(found.framings, found.reach(net), strict=True)):
            n = framing.n_samples
            lines.append(
                [
                    net,
                    str(framing),
                    str(-(-found.n_samples // n)),
                    "-" if learned[k] is None else f"{learned[k]:,}",
                    f"{found.wrong[net][k]:.0%}",
                    str(reached),
                    str(-(-reached // n)),
                ]
            )
    return _text_table(lines)


def framing_tree(found: FramingStudy) -> dict[str, Any]:
    """Give all numbers of a study of framings; null where a net has not learned."""
    return {
        **{name: getattr(found, name) for name in ("seed", "n_samples", "n_information")},
        "at_most": found.at_most,
        "nets": [
            {
                "net": net,
                "kind": framing.kind,
                "samples_a_step": framing.n_samples,
                "n_learned": found.n_learned[net][k],
                "wrong": found.wrong[net][k],
                "reach": found.reach(net)[k],
                "felt": found.felt[net][k].tolist(),
            }
            for net in found.felt
            for k, framing in enumerate(found.framings)
        ],
    }
