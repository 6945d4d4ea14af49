"""``cews backtest``: how well past events would have been raised, beside the rules of published systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.table import Table

from cews import backtest as backtesting
from cews.backtest import frozen, kept, labels
from cews.backtest.observations import MOST_ITEMS, read
from cews.backtest.rules import KNOWN
from cews.commands.data import given_options
from cews.commands.session import Session, pass_session, print_json
from cews.domain import UserError
from cews.open_data import scorecard
from detectors.baselines import RULES
from ingest.files import FORMATS
from ingest.tables import Given

BUDGETS: Final = (1.0, 10.0)  # false alarms in 1,000 item-months: what is promised, and what a small file can tell of
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("more", nargs=-1, type=_FILE, metavar="[FILE]...")
@click.option("--observations", multiple=True, type=_FILE, help="Files of trade; more may follow it.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="The published scorecard: the simulated world and, with --data, every frozen file, each kept.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --all: a folder with frozen files (docs/scorecard.md names them).",
)
@click.option(
    "--publish",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --all: write the scorecard as pages, CSV and JSON into this folder, for anyone to host.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Form of the files (default: by their columns).")
@given_options
@click.option(
    "--shocks", type=_FILE, help="The label file: what happened, and when (default: the documented shocks and decoys)."
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    show_default=f"{BUDGETS[0]}; with --all {BUDGETS[0]} and {BUDGETS[1]}",
    help="False alarms allowed in 1,000 item-months without a label.",
)
@click.option("--baselines", default=",".join(RULES), show_default=True, help=f"Which of {', '.join(KNOWN)}.")
@click.option(
    "--items",
    type=click.Choice(["all", "labelled"]),
    default="all",
    show_default=True,
    help=f"Every item (of many reporters a sample of some {MOST_ITEMS:,} items), or only those of the labels.",
)
@click.option(
    "--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here; - prints."
)
@click.option(
    "--keep", "kept_as", metavar="NAME", help="Keep the figures for the dashboard's scorecard under this name."
)
@click.option("--rules-only", is_flag=True, help="Leave out the ranker that learns from the trade known before.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes that fit ets and prophet."
)
@pass_session
def backtest(
    session: Session,
    /,
    observations: tuple[Path, ...],
    more: tuple[Path, ...],
    everything: bool,
    data: Path | None,
    publish: Path | None,
    form: str | None,
    given: Given,
    shocks: Path | None,
    budget: float | None,
    baselines: str,
    items: str,
    output: Path | None,
    kept_as: str | None,
    rules_only: bool,
    workers: int,
) -> None:
    """Replay past months of files, knowing only what was known then, and compare what is raised with labels.

    The engine is held to the budget by its own calibration, every baseline to the false alarms the engine really
    gave. Nothing of your store is read or written. The label file and every figure: docs/guide/backtest.md.
    """
    _refuse_mixture(
        everything, {"--observations": observations, "--shocks": shocks, "--json": output, "--keep": kept_as}
    )
    if not everything and (data or publish):
        raise UserError("--data and --publish belong to the whole scorecard; write --all with them")
    question = backtesting.Question(
        labels.read_labels(shocks.read_bytes(), shocks.name) if shocks else labels.shipped(),
        budget or BUDGETS[0],
        list(dict.fromkeys(name.strip() for name in baselines.split(",") if name.strip())),
        workers,
        rules_only,
    )
    if everything:
        _everything(session, question, (budget,) if budget else BUDGETS, data, publish)
        return
    with session.progress("Reading") as progress:
        files = read((*observations, *more), form, given, session.now, progress)
    if kept_as is not None:
        kept.checked(kept_as)
    record = backtesting.run(files, question, only_labelled=items == "labelled", now=session.now, bar=session.progress)
    if kept_as is not None:
        kept.keep(session.settings.home, kept_as, record, session.now)
    if str(output) == "-":
        print_json(record)
        return
    if output is not None:
        output.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
    _show(session, record)


def _refuse_mixture(everything: bool, alone: Mapping[str, object]) -> None:
    named = [name for name, value in alone.items() if value]
    if everything and named:
        raise UserError(f"--all has its own files, labels and names; leave {', '.join(named)} out")
    if not everything and "--observations" not in named:
        raise UserError("nothing to replay; give files by --observations, or --all for the whole scorecard")


def _everything(
    session: Session,
    question: backtesting.Question,
    budgets: Sequence[float],
    data: Path | None,
    publish: Path | None,
) -> None:
    """Every set of the scorecard at every budget, kept and, where asked for, published."""
    home = session.settings.home
    for name, files, own in frozen.sets(data, session.now, lambda done, total: None):
        for budget in budgets:
            asked = replace(question, labels=own, budget=budget)
            record = backtesting.run(files, asked, only_labelled=False, now=session.now, bar=session.progress)
            kept.keep(home, f"{name}-{budget:g}".replace(".", "-"), record, session.now)
            session.say(_line(name, budget, record))
    if publish is not None:
        scorecard.publish(kept.all_of(home), publish, session.now)
        session.say(f"Published to {publish}.")


def _line(name: str, budget: float, record: Mapping[str, Any]) -> str:
    said = record["engine"]
    rate = "" if said["alerts_per_1000"] is None else f", {said['alerts_per_1000']:.2f} false alarms in 1,000"
    return (
        f"{name} at {budget:g}: {said['raised']} of {said['labels']} events, "
        f"{said['decoys_raised']} of {said['decoys']} decoys{rate}"
    )


def _show(session: Session, record: Mapping[str, Any]) -> None:
    months = f"{record['months'][0]} to {record['months'][1]}"
    session.say(
        f"{record['items']:,} of {record['items_in_files']:,} items of {len(record['reporters'])} of "
        f"{record['reporters_in_files']} reporters, {months}: "
        f"{record['item_months']:,} item-months without a label."
    )
    if record["ranker"] and not record["ranker"]["trained"]:
        session.say(f"Rules only: {record['ranker']['note']}")
    if record["not_in_data"]:
        session.say(f"Not in these files, and not counted: {', '.join(record['not_in_data'])}.")
    if record["items"] < record["items_in_files"] and len(record["reporters"]) < record["reporters_in_files"]:
        session.say("Reporters without a label are a sample drawn by lot; false alarms are counted on it.")
    session.console.print(_labels_table(record), "", _methods_table(record))


def _labels_table(record: Mapping[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in (
        "label",
        "effect",
        "raised",
        "delay",
        "level",
        "class",
        "of",
        "other alerts",
        "rules that raised it",
    ):
        table.add_column(heading, overflow="fold", no_wrap=heading == "label")
    for label in record["engine"]["by_label"]:
        rules = [_raised(one, label["id"]) for one in record["baselines"].values()]
        table.add_row(
            f"{label['id']} ({label['label_class']})",
            label["effect_month"],
            label["first_month"] or "[red]no[/red]" + "".join(f" ({said['code']})" for said in label["silence"][-1:]),
            _plain(label["delay_months"]),
            _plain(label["level"]),
            _plain(label["class"]),
            _plain(label["partner"]),
            _plain(label["other_alerts"]),
            f"{sum(rules)} of {len(rules)}",
        )
    return table


def _raised(method: Mapping[str, Any], label: str) -> bool:
    return any(one["raised"] for one in method["by_label"] if one["id"] == label)


def _methods_table(record: Mapping[str, Any]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("method", no_wrap=True)
    for heading in ("raised", "recall", "95 %", "of falls", "decoys", "alerts per 1,000", "precision"):
        table.add_column(heading, justify="right")
    for name, one in {"engine": record["engine"], **record["baselines"]}.items():
        table.add_row(
            name,
            f"{one['raised']} of {one['labels']}",
            _share(one["recall"]),
            f"{_share(one['recall_low'])}–{_share(one['recall_high'])}",
            f"{one['supply_raised']} of {one['supply_labels']}",
            f"{one['decoys_raised']} of {one['decoys']}",
            "" if one["alerts_per_1000"] is None else f"{one['alerts_per_1000']:.2f}",
            _share(one["precision"]),
        )
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _plain(value: object) -> str:
    return "" if value is None else str(value)


COMMANDS = [backtest]
