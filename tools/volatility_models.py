"""The models of the volatility study: those of ``loadline.forecast.models``."""

from loadline.forecast.models import REFIT, START, WINDOW, garch, models, part_of, regressed, weighted
from loadline.forecast.models import Periods as History

__all__ = ["REFIT", "START", "WINDOW", "History", "garch", "models", "part_of", "regressed", "weighted"]
