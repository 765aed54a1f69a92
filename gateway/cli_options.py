"""Options that several verbs of the command line share."""

from typing import NoReturn

import click


def _mapping(
    ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str] | None:
    """Read ``OURS=THEIRS`` pairs; None when none was given."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            _refuse(ctx, param, f"{pair!r} is not OURS=THEIRS")
        if ours in mapping:
            _refuse(ctx, param, f"{ours!r} is given twice")
        mapping[ours] = theirs
    return mapping or None


def _refuse(ctx: click.Context, param: click.Parameter, message: str) -> NoReturn:
    raise click.BadParameter(message, ctx=ctx, param=param)


CHANNEL = click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="OURS=THEIRS",
    callback=_mapping,
    help="Use the file's channel THEIRS as OURS, e.g. 'EEG Fpz-Cz=FP-C'; repeat for "
    "each channel. Default: every channel whose label begins EEG, EOG or EMG.",
)
MODEL = click.option(
    "--model",
    default="default",
    show_default=True,
    help="The packaged model, or the path of a .tflite package.",
)
MAINS = click.option(
    "--mains-hz",
    type=click.Choice(["50", "60"]),
    default="50",
    show_default=True,
    callback=lambda _ctx, _param, text: int(text),
    help="Frequency of the mains where the recording was made.",
)
SEED = click.option(
    "--seed", default=1, show_default=True, help="Of the synthetic night."
)
HOURS = click.option(
    "--hours",
    type=click.FloatRange(1 / 120, 24),
    default=8.0,
    show_default=True,
    help="Of the synthetic night.",
)
