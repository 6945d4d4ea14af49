"""The screen of docs/methods/screen.md once more, one series after the other in plain Python: what the compiled one is
compared with. Slow, and written to be read beside the page."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist, median

import numpy as np
from scipy.special import stdtr

FARTHEST = math.log(50)
NAN = math.nan
EDGES = np.linspace(-20, 20, 801)
SIDES = {"lower80": 0.1, "upper80": 0.9, "lower95": 0.025, "upper95": 0.975}


@dataclass
class Model:
    gain: float
    seasonal: bool
    level: float = NAN
    loss: float = 1.0


def models() -> list[Model]:
    return [Model(gain, seasonal) for gain in (0.1, 0.3, 0.7) for seasonal in (False, True)]


@dataclass
class Series:
    seen: list[float] = field(default_factory=list)  # lessons, one a month
    deviation: dict[int, float] = field(default_factory=dict)
    models: list[Model] = field(default_factory=models)
    weight: float = 0.0
    error: float = 0.0
    history: int = 0
    trading: int = 0
    fell: int = 0
    silent: int = 0
    stayed: int = 0
    run: int = 0

    @property
    def lumpy(self) -> bool:
        return self.silent > 0.25 * max(self.trading + self.silent, 1)

    def season(self, month: int, error: float) -> float:
        years = [self.deviation.get(month - 12 * k, NAN) for k in range(1, 11)]
        known = [year for year in years if not math.isnan(year)]
        middle = median([0.0, *known])
        noise = 1.25 * error / math.sqrt(1 + len(known))
        return middle * max(0.0, 1 - (noise / middle) ** 2) if middle else 0.0

    def z_of_silence(self, sigma: float, begins: float) -> float:
        if not self.fell:
            return -FARTHEST / sigma
        start = (2 * begins + self.fell) / (2 + self.trading)
        stay = (1 + self.stayed) / (2 + self.silent)
        chance = min(max(start * stay**self.run, 1e-6), 0.5)
        return max(-FARTHEST / sigma, NormalDist().inv_cdf(chance))

    def absorb(self, month: int, lesson: float, members: list[float], mixture: float, error: float) -> None:
        self.seen.append(lesson)
        if not math.isnan(lesson) and self.history:
            self.learn(lesson, members, mixture, error)
        elif not math.isnan(lesson):
            self.stand_at(lesson)
        year = [seen for seen in self.seen[-12:] if not math.isnan(seen)]
        if 0 < self.weight < 5 and year:
            self.stand_at(median(year))
        self.note_deviations(month)

    def stand_at(self, level: float) -> None:
        for model in self.models:
            model.level = level

    def learn(self, lesson: float, members: list[float], mixture: float, error: float) -> None:
        cap = 3 * error
        for model, member in zip(self.models, members, strict=True):
            miss = lesson - member
            step = min(max(miss, -1.5 * 1.25 * error), 1.5 * 1.25 * error)
            model.level += max(model.gain, 1 / (self.weight + 2)) * step
            model.loss += (min(abs(miss), 2 * cap) + 0.02 - model.loss) / (self.weight + 1)
        self.error = 0.97 * self.error + min(abs(lesson - mixture), cap)
        self.weight = 0.97 * self.weight + 1

    def note_deviations(self, month: int) -> None:
        if month == 11:
            for earlier in range(6):
                self.note(earlier, dict.fromkeys(range(12), 1.0))
        elif month >= 12:
            window = dict.fromkeys(range(month - 12, month + 1), 1.0)
            window[month - 12] = window[month] = 0.5
            self.note(month - 6, window)

    def note(self, month: int, window: dict[int, float]) -> None:
        known = {m: weight for m, weight in window.items() if not math.isnan(self.seen[m])}
        weight = sum(known.values())
        usual = sum(part * self.seen[m] for m, part in known.items()) / weight if weight >= 10 else NAN
        self.deviation[month] = self.seen[month] - usual

    def count(self, active: bool) -> None:
        self.history += 1
        self.trading += active
        self.silent += not active
        self.fell += not active and self.run == 0
        self.stayed += not active and self.run > 0
        self.run = 0 if active else self.run + 1

    def end(self) -> None:
        self.models, self.weight, self.error, self.history = models(), 0.0, 0.0, 0
        self.trading = self.fell = self.silent = self.stayed = self.run = 0


def plain_screen(table: np.ndarray) -> dict[str, np.ndarray]:
    months, count = table.shape
    names = ("expected", *SIDES, "residual", "sigma", "z", "level", "history", "silent", "stratum")
    out = {name: np.full(table.shape, NAN) for name in names}
    every = [Series() for _ in range(count)]
    errors = np.tile(99 * np.diff(stdtr(3, EDGES), prepend=0.0), (3, 1))
    for month in range(months):
        speaking = [one.error / one.weight for one in every if one.weight >= 3 and not one.lumpy]
        typical = median(speaking) if len(speaking) >= 5 else 0.4
        begins = (sum(one.fell for one in every) + 1) / (sum(one.trading for one in every) + 20)
        heaped = errors.cumsum(axis=1)
        told = []
        for number, one in enumerate(every):
            row = score(one, month, float(table[month, number]), typical, begins, heaped)
            told.append(row)
            for name, figure in row.items():
                out[name][month, number] = figure
        for row in told:
            if not math.isnan(row.get("z", NAN)):
                errors[int(row["stratum"]), np.searchsorted(EDGES[:-1], row["z"])] += 1
    return out


def score(one: Series, month: int, value: float, typical: float, begins: float, heaped: np.ndarray) -> dict[str, float]:
    error = max((4 * typical + one.error) / (4 + one.weight), 0.02)
    sigma = 1.25 * error * math.sqrt(1 + 4 / max(one.history, 1))
    stratum = 2 if one.lumpy else 1 if error > 0.45 else 0
    season = one.season(month, error)
    members = [model.level + season * model.seasonal for model in one.models]
    best = min(model.loss for model in one.models)
    share = [(best / model.loss) ** one.weight for model in one.models]
    mixture = sum(w * member for w, member in zip(share, members, strict=True)) / sum(share)
    level = sum(w * model.level for w, model in zip(share, one.models, strict=True)) / sum(share)
    if_silent = one.z_of_silence(sigma, begins)

    known, log = not math.isnan(value), math.log(value) if value > 0 else NAN
    active = value > 0 and not log < mixture - FARTHEST
    residual = min(max(log - mixture, -FARTHEST), FARTHEST) if active and one.history else -FARTHEST
    said: dict[str, float] = {"history": one.history, "stratum": stratum if one.history else NAN}
    if one.history >= 6:
        said |= {"expected": math.exp(mixture), "level": level, "sigma": sigma}
        said |= {"residual": residual if known else NAN}
        said |= {"z": (residual / sigma if active else if_silent) if known else NAN}
        for name, part in SIDES.items():
            bound = EDGES[np.searchsorted(heaped[stratum], part * heaped[stratum][-1])]
            said[name] = 0.0 if if_silent >= bound else math.exp(mixture + bound * sigma)

    taught = known and (active or (one.history > 0 and not one.fell))
    one.absorb(month, (mixture + residual if one.history else log) if taught else NAN, members, mixture, error)
    if known and (active or one.history):
        one.count(active)
        said["silent"] = one.run
    if one.run > 12:
        one.end()
    return said
