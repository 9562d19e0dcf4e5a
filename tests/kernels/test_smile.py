"""Moves of smiles against their twin."""

import numpy as np

from loadline.kernels.smile import shape_moves, smile_factors
from tests.reference import smile as twin


def test_factors_equal_their_twin() -> None:
    draw = np.random.default_rng(4)
    sizes = [0, 1, 2, 7]
    start = np.array([[sum(sizes[:n]), sum(sizes[: n + 1])] for n in range(4)])
    nodes = np.concatenate([np.sort(draw.normal(0.0, 0.3, k)) for k in sizes])
    values = draw.uniform(0.2, 1.5, len(nodes))
    x, move = draw.normal(0.0, 0.3, 4), draw.normal(0.0, 0.2, (4, 30))
    x[3], move[3, 0] = nodes[start[3, 0]], 0.0  # on a node, and no move
    found = smile_factors(x, move, start, nodes, values)
    for n in range(4):
        mine = slice(*start[n])
        expected = [twin.smile_factor(x[n], m, nodes[mine].tolist(), values[mine].tolist()) for m in move[n].tolist()]
        np.testing.assert_allclose(found[n], expected, rtol=1e-14)
    assert (found[0] == 1.0).all() and found[3, 0] == 1.0


def test_shapes_equal_their_twin() -> None:
    draw = np.random.default_rng(5)
    nodes, curves = np.array([-2.0, -0.5, 0.0, 1.5]), draw.normal(0.0, 0.1, (2, 3, 4))
    x, move, deviation = draw.normal(0.0, 0.3, 5), draw.normal(0.0, 0.2, (5, 20)), draw.uniform(0.05, 0.5, 5)
    which, pick = np.array([0, 1, -1, 1, 0]), draw.integers(-1, 3, 20)
    found = shape_moves(x, move, deviation, which, nodes, curves, pick)
    for n in range(5):
        for s in range(20):
            known = which[n] >= 0 and pick[s] >= 0
            curve = curves[which[n], pick[s]].tolist() if known else None
            expected = twin.shape_move(x[n], move[n, s], deviation[n], nodes.tolist(), curve)
            assert abs(found[n, s] - expected) <= 1e-15
    assert not shape_moves(x, move, deviation, np.full(5, -1), nodes, np.empty((0, 3, 4)), pick).any()
