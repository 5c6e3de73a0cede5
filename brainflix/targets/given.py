"""Features that a data set comes with, as targets: one number for each clip and named dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from brainflix.errors import DataError, UsageError
from brainflix.parts.contract import Inputs, Noted
from brainflix.parts.work import Work
from brainflix.store.clips import Clips
from brainflix.store.features import Features
from brainflix.store.schema import Targets
from brainflix.targets.parts import GivenParams
from brainflix.wording import did_you_mean, few


def extract(params: GivenParams, inputs: Inputs, work: Work) -> Noted:
    """Return the chosen dimensions of every clip, (n_clips, n_dims), as they are.

    Raises:
        UsageError: the data set has no features, several tables, or no such table or dimension.
        DataError: there are features of more or fewer clips, or a value is not known.
    """
    raw = inputs["stimuli"][0].path
    clips = work.dataset.load_clips(raw)
    table = _table(work.dataset.load_features(raw), params.table, work.dataset_name)
    if len(table.values) != len(clips):
        raise DataError(f"features of {len(table.values)} clips, where the table of clips has {len(clips)}")
    names = params.dims or table.names
    values = table.values[:, _places(table, names)]
    _check_known(values, names, clips)
    _check_groups(params.groups, names)
    train = values[clips.of("train")]
    constant = [name for name, same in zip(names, np.ptp(train, axis=0) == 0, strict=True) if same]
    notes = {"constant_in_training": constant} if constant else {}
    attrs = {
        "axes": "clip, dimension",
        "dims": list(names),
        "groups": {group: list(members) for group, members in params.groups.items()},
        "about": table.about,
    }
    return Noted(Targets(values, clips, attrs), {"n_dims": len(names), **notes})


def _table(tables: Mapping[str, Features], name: str | None, dataset: str) -> Features:
    if not tables:
        raise UsageError(f"{dataset} comes with no features", next="choose another part of targets")
    if name is None and len(tables) == 1:
        return next(iter(tables.values()))
    if name is None:
        raise UsageError(f"{dataset} has several tables of features", why=few(list(tables)), next="name one as table")
    if name not in tables:
        raise UsageError(f"{dataset} has no table of features {name!r}", why=did_you_mean(name, list(tables)))
    return tables[name]


def _places(table: Features, names: Sequence[str]) -> list[int]:
    for name in names:
        if name not in table.names:
            raise UsageError(f"the features have no dimension {name!r}", why=did_you_mean(name, list(table.names)))
    if len(set(names)) != len(names):
        raise UsageError("targets.dims names a dimension twice")
    return [table.names.index(name) for name in names]


def _check_known(values: np.ndarray, names: Sequence[str], clips: Clips) -> None:
    unknown = np.argwhere(~np.isfinite(values))
    if len(unknown):
        clip, dim = unknown[0]
        raise DataError(
            f"{names[dim]} is not known of clip {clips.ids[clip]}",
            why=f"{len(unknown)} values are not finite",
            next="fill them in where the features come from, or leave the dimension out of dims",
        )


def _check_groups(groups: Mapping[str, Sequence[str]], names: Sequence[str]) -> None:
    for group, members in groups.items():
        for name in members:
            if name not in names:
                raise UsageError(f"group {group} names {name!r}, which is not decoded", why=did_you_mean(name, names))
        if group in names or not members:
            raise UsageError(f"group {group} is empty, or has the name of a dimension")
