"""A picture of what grows with a count: points on logarithmic axes, and what is to be reached beside them."""

import math
from collections.abc import Mapping, Sequence

SIZE, LEFT, TOP = (560, 320), 60, 30
COLORS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed")
Points = Sequence[tuple[float, float]]


def plot(
    title: str, across: str, up: str, lines: Mapping[str, Points], reach: Points = (), *, plain: bool = False,
    steps: Sequence[str] = (),
) -> str:  # fmt: skip
    """SVG. `lines` by name, `reach` dashed. `plain`: both axes are linear, as for what goes on over time. `steps`: what
    0, 1 and so on across are called, of which seven are told at most."""
    scale = float if plain else math.log10
    points = [point for line in (*lines.values(), reach) for point in line]
    xs, ys = ([scale(p[at]) for p in points] for at in (0, 1))
    low, high = (min(xs), math.floor(min(ys))), (max(xs), math.ceil(max(ys)))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = ((scale(p) - lo) / ((hi - lo) or 1) for p, lo, hi in zip(point, low, high, strict=True))
        return LEFT + x * (SIZE[0] - LEFT - 120), SIZE[1] - 40 - y * (SIZE[1] - TOP - 60)

    quarters = [tuple(lo + (hi - lo) * part / 4 for lo, hi in zip(low, high, strict=True)) for part in range(5)]
    powers = () if plain else range(int(low[1]), int(high[1]) + 1)
    ups = [y for _, y in quarters] if plain else [10.0**power for power in powers]
    across_at = [x for x, _ in (quarters if plain else next(iter(lines.values())))]
    every = max(1, -(-len(steps) // 7))
    counts = {float(at): steps[at] for at in range(0, len(steps), every)} or {x: f"{x:,.0f}" for x in across_at}
    first = points[xs.index(low[0])][0]
    drawn = [f'<text x="{LEFT}" y="18" font-weight="bold">{title}</text>']
    drawn += [_tick(place((first, y)), f"{y:,.0f}" if plain else f"{y:g}") for y in ups]
    drawn += [_count(place((x, ups[0]))[0], told) for x, told in counts.items()]
    drawn += [f'<text x="{SIZE[0] / 2:.0f}" y="{SIZE[1] - 5}">{across}</text>', f'<text x="5" y="{TOP}">{up}</text>']
    named = [*lines.items(), *([("to be reached", reach)] if reach else [])]
    for (name, line), color in zip(named, (*COLORS[: len(lines)], "#6b7280"), strict=False):
        dash = ' stroke-dasharray="5 4"' if line is reach else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, line))
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        dots = line[:0] if plain else line
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in map(place, dots)]
        x, y = place(line[-1])
        drawn.append(f'<text x="{x + 6:.1f}" y="{y + 4:.1f}" fill="{color}">{name}</text>')
    box = f'viewBox="0 0 {SIZE[0]} {SIZE[1]}" font-family="sans-serif" font-size="11"'
    paper = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{paper}{"".join(drawn)}</svg>\n'


def _count(x: float, told: str) -> str:
    return f'<text x="{x:.0f}" y="{SIZE[1] - 22}" text-anchor="middle">{told}</text>'


def _tick(at: tuple[float, float], words: str) -> str:
    x, y = at
    line = f'<line x1="{x:.0f}" x2="{SIZE[0] - 120}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e5e7eb"/>'
    return f'{line}<text x="{x - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{words}</text>'
