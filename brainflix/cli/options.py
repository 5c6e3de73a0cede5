"""Every argument and option of the command line, declared once, with its shell completion."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from brainflix.cli.completion import VERBS as VERBS
from brainflix.cli.completion import (
    complete_categories,
    complete_changes,
    complete_checkpoint_kinds,
    complete_checkpoints,
    complete_datasets,
    complete_inputs,
    complete_kinds,
    complete_metrics,
    complete_names,
    complete_options,
    complete_parts,
    complete_presets,
    complete_protocols,
    complete_recipes,
    complete_refs,
    complete_stages,
    complete_steps,
    complete_subjects,
)

# Paragraphs that begin with this character are not wrapped.
_KEEP_LINES = "\b"


def new_group(name: str | None = None, **about: Any) -> typer.Typer:
    """Return an empty group of commands that shows its help when it is called without a command."""
    group = typer.Typer(
        name=name,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
        add_completion=name is None,
        **about,
    )
    if name is not None:
        group.callback()(help_when_bare)
    return group


def help_when_bare(context: typer.Context) -> None:
    """Show the help of a group that was called without a command."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def example(*lines: str) -> str:
    """Return the end of a command's help: a worked example."""
    return "\n".join([_KEEP_LINES, "Example:", *(f"  {line}" for line in lines)])


def names_in(text: str | None) -> tuple[str, ...]:
    """Return the names of a list with commas, none for None."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _above_zero(value: float | None) -> float | None:
    """Refuse what is no rate; Typer's own bounds let NaN pass."""
    if value is not None and not 0 < value < math.inf:
        raise typer.BadParameter(f"a frame rate of {value:g} is not above 0.")
    return value


def _not_negative(value: float) -> float:
    if not 0 <= value < math.inf:
        raise typer.BadParameter(f"{value:g} is not a number of 0 or more.")
    return value


RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="Name or file of a recipe.", autocompletion=complete_recipes)
]
RecipeOrDataset = Annotated[
    str,
    typer.Argument(metavar="RECIPE", help="Name or file of a recipe, or a data set.", autocompletion=complete_datasets),
]
ReportName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A recipe, or the ref of a report.", autocompletion=complete_recipes),
]
RefArgument = Annotated[
    str, typer.Argument(metavar="REF", help="kind/name or kind/name@key.", autocompletion=complete_refs)
]
OtherRef = Annotated[
    str, typer.Argument(metavar="OTHER", help="The artifact to compare with.", autocompletion=complete_refs)
]
RefArguments = Annotated[
    list[str] | None,
    typer.Argument(metavar="[REF]...", help="Artifacts; all if none is given.", autocompletion=complete_refs),
]
ScoreRefs = Annotated[
    list[str],
    typer.Argument(metavar="SCORES...", help="Scores to compare, two or more.", autocompletion=complete_refs),
]
KindArgument = Annotated[
    str | None, typer.Argument(metavar="[KIND]", help="Only artifacts of this kind.", autocompletion=complete_kinds)
]
CategoryArgument = Annotated[
    str | None,
    typer.Argument(metavar="[CATEGORY]", help="Only parts of this category.", autocompletion=complete_categories),
]
DatasetName = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="Say everything about this data set.",
        autocompletion=lambda incomplete: complete_names("dataset", incomplete),
    ),
]
PartArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[PART]", help="Show the parameters of this part of the category.", autocompletion=complete_parts
    ),
]
NewFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to make.")]

Subjects = Annotated[
    list[int] | None,
    typer.Option(
        "--subject",
        min=1,
        metavar="N",
        help="Only this subject. Can be repeated.",
        autocompletion=complete_subjects,
    ),
]
DownloadStep = Annotated[
    str | None,
    typer.Option(
        "--step", metavar="NAME", help="stimuli, or bold: the subjects' files.", autocompletion=complete_steps
    ),
]
What = Annotated[
    str | None,
    typer.Option("--what", metavar="A,B", help="Only these files: stimuli, or as the data set has it bold, betas, ..."),
]
FromFolder = Annotated[
    Path | None,
    typer.Option("--from", metavar="DIR", help="Adopt files that you fetched: a folder, or an archive."),
]
Agree = Annotated[
    str | None, typer.Option("--i-agree", metavar="NAME", help="Agree to the terms of this data set; asked once.")
]
Verify = Annotated[bool, typer.Option("--verify", help="Hash what is in the store again, and fetch nothing.")]
LagScan = Annotated[
    bool, typer.Option("--lag-scan", help="Only look which volume answers a clip, in the raw runs; writes nothing.")
]
Area = Annotated[str, typer.Option("--area", metavar="NAME", help="Area for --lag-scan, as HCP-MMP1 calls it.")]
StepName = Annotated[
    str | None,
    typer.Option("--step", metavar="NAME", help="Only this step of the stage.", autocompletion=complete_steps),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="ROLE=REF",
        help="Take this artifact as the input of a role. Can be repeated.",
        autocompletion=complete_inputs,
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="A.B=C",
        help="Change one parameter of the recipe. Can be repeated.",
        autocompletion=complete_changes,
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Take the recipe in one of its presets, as tiny.",
        autocompletion=complete_presets,
    ),
]
Only = Annotated[
    str | None,
    typer.Option("--only", metavar="STAGE", help="Only this stage, and what it needs.", autocompletion=complete_stages),
]
StorePath = Annotated[Path | None, typer.Option("--store", metavar="PATH", help="Folder of the artifact store.")]
Device = Annotated[str | None, typer.Option("--device", metavar="NAME", help="auto, or a device as PyTorch names it.")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"] | None,
    typer.Option("--precision", help="Compute dtype of networks."),
]
Attention = Annotated[Literal["auto", "sdpa", "xformers"] | None, typer.Option("--attention", help="Attention kernel.")]
Workers = Annotated[int | None, typer.Option("--workers", min=0, metavar="N", help="CPU threads; 0 takes all.")]
Offline = Annotated[
    bool | None, typer.Option("--offline/--online", help="Never open a network connection.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only refs or names, one per line.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done and why.")]
# Read by `app.invoke` from the arguments, so that it also works for errors before a command starts.
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Why = Annotated[bool, typer.Option("--why", help="Name the first thing that changed since the newest artifact.")]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Also put the page into this file.")]
Bench = Annotated[bool, typer.Option("--bench", help="Time the attention kernels on the device.")]

Experiment = Annotated[
    str, typer.Option("--name", metavar="TEXT", help="Label of this experiment, shown in tables; part of no key.")
]
ArtifactName = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Only artifacts of this name.")]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        metavar="REF",
        help="As --unused, but keep this too, with what it needs.",
        autocompletion=complete_refs,
    ),
]
Remove = Annotated[
    list[str] | None,
    typer.Option(
        "--remove", metavar="REF", help="Delete this artifact. Can be repeated.", autocompletion=complete_refs
    ),
]
Unused = Annotated[
    bool, typer.Option("--unused", help="Delete what is neither the newest of its name nor needed by one that is.")
]
OlderThan = Annotated[
    float,
    typer.Option(
        "--older-than", metavar="HOURS", help="Least age of what dead processes left.", callback=_not_negative
    ),
]
Now = Annotated[bool, typer.Option("--now", help="Whatever its age; also folders without a manifest.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")]

Layout = Annotated[
    Literal["paired", "side-by-side"],
    typer.Option("--layout", help="Two folders, or clips that show the truth on the left of the prediction."),
]
ProtocolName = Annotated[
    str,
    typer.Option(
        "--protocol",
        metavar="NAME",
        help="strict, mindvideo, glfa, mindanimator, neurons or brainnetflix.",
        autocompletion=complete_protocols,
    ),
]
BugCompat = Annotated[bool, typer.Option("--bug-compat", help="Reproduce what the protocol's scripts got wrong.")]
MetricNames = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        metavar="A,B,...",
        help="Only these metrics; `brainflix list metrics` names them.",
        autocompletion=complete_metrics,
    ),
]
FpsPred = Annotated[
    float | None,
    typer.Option(
        "--fps-pred",
        metavar="HZ",
        help="Frame rate of the predictions, whatever their files say.",
        callback=_above_zero,
    ),
]
FpsTruth = Annotated[
    float | None,
    typer.Option(
        "--fps-truth", metavar="HZ", help="Frame rate of the truth, whatever its files say.", callback=_above_zero
    ),
]
Padding = Annotated[
    int | None, typer.Option("--padding", min=0, metavar="PX", help="Border of the grid of side-by-side clips.")
]
Block = Annotated[
    int,
    typer.Option("--block", min=1, metavar="N", help="So many clips in natural order are one block for intervals."),
]
LogitsPred = Annotated[
    Path | None, typer.Option("--logits-pred", metavar="NPZ", help="Class scores of predicted clips or frames.")
]
LogitsTruth = Annotated[
    Path | None, typer.Option("--logits-truth", metavar="NPZ", help="Class scores of true clips or frames.")
]
FeaturesPred = Annotated[
    Path | None, typer.Option("--features-pred", metavar="NPZ", help="Features of the predictions, for FVD and KVD.")
]
FeaturesTruth = Annotated[
    Path | None, typer.Option("--features-truth", metavar="NPZ", help="Features of the truth, for FVD and KVD.")
]
Checkpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--checkpoint",
        metavar="KEY=WEIGHTS",
        help="Take this folder, demo/NAME or REPOSITORY@COMMIT as vit, videomae, clip_b32, clip_l14, vifi or swav; or "
        "image=efficientnet-lite0, a judge without a hub, or image=ARCHITECTURE:FILE. Can be repeated.",
        autocompletion=complete_checkpoints,
    ),
]
CacheFolder = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Folder that keeps what networks say of clips.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of resampling.")]
ScoreFile = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Also write the document to this file.")]

CheckpointKind = Annotated[
    str,
    typer.Argument(metavar="KIND", help="Whose network it is.", autocompletion=complete_checkpoint_kinds),
]
CheckpointPath = Annotated[Path, typer.Argument(metavar="PATH", help="The released file or folder.")]
NewName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name of the model; its own file's if left out.")
]
ImportOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="A=B",
        help="Say what the checkpoint does not. Can be repeated.",
        autocompletion=complete_options,
    ),
]
