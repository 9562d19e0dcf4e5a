"""Smiles that move along with the price, and moves of their shape, one option and one scenario at a time."""


def line(nodes: list[float], values: list[float], x: float) -> float:
    if x <= nodes[0]:
        return values[0]
    for k in range(1, len(nodes)):
        if x < nodes[k]:
            return values[k - 1] + (values[k] - values[k - 1]) * (x - nodes[k - 1]) / (nodes[k] - nodes[k - 1])
    return values[-1]


def smile_factor(x: float, move: float, nodes: list[float], values: list[float]) -> float:
    return line(nodes, values, x - move) / line(nodes, values, x) if nodes else 1.0


def shape_move(x: float, move: float, deviation: float, nodes: list[float], curve: list[float] | None) -> float:
    return line(nodes, curve, (x - move) / deviation) if curve else 0.0
