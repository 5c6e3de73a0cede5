"""Checkpoints are artifacts of the store, one per stretch of epochs, bound to the key of the job they serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from brainflix.errors import IntegrityError, MissingError
from brainflix.store.keys import artifact_key
from brainflix.store.refs import Ref
from brainflix.store.verify import verify
from brainflix.train.loop import FitState
from brainflix.trained.files import CONFIG, WEIGHTS, pack, read_tensors, unpack, write_json, write_tensors

if TYPE_CHECKING:
    from brainflix.store.store import Store

VERSION = 1
STAGE = "train"
_SUFFIX = ".ckpt"
_NAME_LENGTH = 64
_BEST, _OPTIMIZER, _STATE = "best.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read back: its ref, the state to resume from, and the config that was saved beside."""

    ref: Ref
    state: FitState
    config: dict[str, Any]


def checkpoint_ref(job_ref: Ref, epoch: int) -> Ref:
    """Return the ref of a job's checkpoint after `epoch` finished epochs."""
    return Ref("model", _name(job_ref), artifact_key("model", VERSION, _parameters(job_ref, epoch), {}, ""))


def save_checkpoint(
    store: Store,
    job_ref: Ref,
    epoch: int,
    model_state: Mapping[str, Tensor],
    optimizer_state: Mapping[str, Any],
    meta: Mapping[str, Any],
    *,
    best_state: Mapping[str, Tensor] | None = None,
) -> Ref:
    """Publish a checkpoint; one that is already there stays as it is.

    Args:
        store: where to.
        job_ref: the artifact that the training is to become.
        epoch: finished epochs.
        model_state: weights.
        optimizer_state: the optimizer's state dict, any nest of tensors and JSON values.
        meta: JSON values: "history" and "scaler" of the loop, "config" of the network.
        best_state: weights of the best epoch so far, where a score is monitored.
    """
    ref = checkpoint_ref(job_ref, epoch)
    if store.has(ref):
        return ref
    with store.publish(
        ref, stage=STAGE, stage_version=VERSION, parameters=_parameters(job_ref, epoch), inputs={}
    ) as staging:
        skeleton, tensors = pack(optimizer_state)
        write_tensors(staging.path / WEIGHTS, model_state)
        write_tensors(staging.path / _OPTIMIZER, tensors)
        if best_state:
            write_tensors(staging.path / _BEST, best_state)
        write_json(staging.path / CONFIG, dict(meta.get("config", {})))
        rest = {name: value for name, value in meta.items() if name != "config"}
        write_json(staging.path / _STATE, {"epoch": epoch, "optimizer": skeleton, **rest})
    return ref


def latest_checkpoint(store: Store, job_ref: Ref) -> Checkpoint | None:
    """Return the furthest whole checkpoint of exactly this job, or None.

    Every byte is compared with the manifest; a damaged checkpoint is passed over for the one before it.
    """
    found: list[tuple[int, Ref]] = []
    for ref in store.refs("model", _name(job_ref)):
        try:
            parameters = store.open(ref).manifest.parameters
        except (IntegrityError, MissingError):
            continue
        if parameters.get("job_key") == job_ref.key:
            found.append((int(parameters["epoch"]), ref))
    for _, ref in sorted(found, key=lambda item: item[0], reverse=True):
        try:
            if not verify(store, ref):
                return _read(store, ref)
        except (IntegrityError, MissingError):
            continue
    return None


def checkpoint_hook(store: Store, job_ref: Ref, config: Mapping[str, Any]) -> Callable[[int, FitState], None]:
    """Return an `on_checkpoint` for the loop that publishes under this job."""

    def publish(epoch: int, state: FitState) -> None:
        meta = {"history": list(state.history), "scaler": state.scaler, "config": dict(config)}
        save_checkpoint(store, job_ref, epoch, state.model, state.optimizer, meta, best_state=state.best)

    return publish


def _read(store: Store, ref: Ref) -> Checkpoint:
    artifact = store.open(ref)
    rest = artifact.json(_STATE)
    has_best = any(entry.path == _BEST for entry in artifact.manifest.files)
    best = read_tensors(artifact.file(_BEST)) if has_best else {}
    state = FitState(
        epoch=int(rest["epoch"]),
        model=read_tensors(artifact.file(WEIGHTS)),
        optimizer=unpack(rest["optimizer"], read_tensors(artifact.file(_OPTIMIZER))),
        history=tuple(rest.get("history", ())),
        best=best,
        scaler=dict(rest.get("scaler", {})),
    )
    return Checkpoint(ref, state, dict(artifact.json(CONFIG)))


def _name(job_ref: Ref) -> str:
    # Cutting a long name may make two jobs share one; the job key inside the parameters keeps them apart.
    return job_ref.name[: _NAME_LENGTH - len(_SUFFIX)] + _SUFFIX


def _parameters(job_ref: Ref, epoch: int) -> dict[str, Any]:
    return {"job_key": job_ref.key, "epoch": epoch}
