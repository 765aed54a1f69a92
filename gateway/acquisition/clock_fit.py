"""Straight lines through readings of a clock. Pure."""

from itertools import pairwise
from typing import NamedTuple

Point = tuple[float, float]


class ClockFit(NamedTuple):
    """Line ``y = offset + slope * x`` that relates two ways of counting time.

    >>> fit = ClockFit(offset=10.0, slope=256.5)  # samples at seconds
    >>> fit.at(2), fit.inverse(523.0)
    (523.0, 2.0)
    """

    offset: float
    slope: float

    def at(self, x: float) -> float:
        """Return `y` at `x`."""
        return self.offset + self.slope * x

    def inverse(self, y: float) -> float:
        """Return the `x` at which the line reaches `y`."""
        return (y - self.offset) / self.slope


def least_squares(points: list[Point]) -> ClockFit:
    """Return the line nearest to `points` in the mean square.

    Parameters
    ----------
    points : list of (float, float)
        At least two, with different abscissas.

    Examples
    --------
    >>> least_squares([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)])
    ClockFit(offset=1.0, slope=2.0)
    """
    n = len(points)
    x_mean = sum(x for x, _ in points) / n
    y_mean = sum(y for _, y in points) / n
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in points) / spread
    return ClockFit(y_mean - slope * x_mean, slope)


def line_below(points: list[Point]) -> ClockFit:
    """Return the nearest line that passes below all points.

    Nearest in the sum of distances: the edge of the lower convex hull that lies
    under the mean abscissa (Moon, Skelly and Towsley, INFOCOM 1999).

    Parameters
    ----------
    points : list of (float, float)
        At least two, in order of rising abscissa.

    Examples
    --------
    >>> line_below([(0.0, 1.0), (1.0, 9.0), (2.0, 3.0)])  # the second came late
    ClockFit(offset=1.0, slope=1.0)
    """
    hull: list[Point] = []
    for x, y in points:
        while len(hull) > 1 and _turns_down(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    middle = sum(x for x, _ in points) / len(points)
    (x0, y0), (x1, y1) = next(edge for edge in pairwise(hull) if edge[1][0] >= middle)
    slope = (y1 - y0) / (x1 - x0)
    return ClockFit(y0 - slope * x0, slope)


def _turns_down(a: Point, b: Point, c: Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])
