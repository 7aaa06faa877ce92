"""The manifest of a project: small, versioned, with a checksum; the only file that is ever replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from multimil_gui.core.errors import Refusal
from multimil_gui.project.commit import atomic_commit
from multimil_gui.project.objects import digest, json_bytes, parse_json

#: Version of the manifest's layout.
SCHEMA = 1


class ProjectError(Refusal):
    """A project cannot be opened or saved."""


class Manifest(BaseModel):
    """What a project holds.

    Attributes
    ----------
    schema_version
        Layout of this file.
    application
        The program and version that wrote it.
    project_id
        Random name, so that a journal of another project is never taken for this one's.
    generation
        Counts the saves.
    objects
        Names of all blobs that ``state`` refers to, sorted.
    state
        What was open, as plain values; the state room knows what they mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA
    application: str = ""
    project_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    generation: int = Field(ge=0)
    objects: tuple[str, ...] = ()
    state: dict[str, Any] = Field(default_factory=dict)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a manifest whole or not at all, and read it back before it takes the old one's place."""
    plain = _plain(manifest)
    content = json_bytes({"checksum": digest(json_bytes(plain)), "manifest": plain})
    atomic_commit(path, lambda file: _write(file, content), check=lambda written: _same(written, manifest))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises
    ------
    ProjectError
        When it is missing, damaged, or of a newer version.
    """
    where = f"{path.parent.name}/{path.name}"
    try:
        found = parse_json(path.read_bytes())
    except OSError as error:
        raise ProjectError("This folder is not a readable project.", f"{where}: {error.strerror}.") from error
    except ValueError as error:
        raise ProjectError("The project's list of contents is damaged.", f"{where}: {error}.") from error
    plain = found.get("manifest") if isinstance(found, dict) else None
    if not isinstance(plain, dict):
        raise ProjectError("This is not the list of contents of a project.", f"{where}.")
    version = plain.get("schema_version")
    if isinstance(version, int) and version > SCHEMA:
        made_by = str(plain.get("application", "a newer version"))[:80]
        raise ProjectError(f"This project was made by {made_by}.", f"{where}.", "Update this program to open it.")
    if found.get("checksum") != digest(json_bytes(plain)):
        raise ProjectError("The project's list of contents was changed or damaged.", f"{where}.")
    try:
        return Manifest.model_validate(plain)
    except ValidationError as error:
        raise ProjectError("The project's list of contents is damaged.", f"{where}.") from error


def references(value: Any) -> set[str]:
    """Return the names of all blobs that plain values refer to, as ``{"blob": name}``."""
    if isinstance(value, dict):
        if set(value) == {"blob"} and isinstance(value["blob"], str):
            return {value["blob"]}
        return set().union(*(references(item) for item in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(references(item) for item in value)) if value else set()
    return set()


def _plain(manifest: Manifest) -> dict[str, Any]:
    """Return the manifest as JSON values; the state as it is, because pydantic would turn its NaN into null."""
    head = manifest.model_dump(exclude={"state"})
    return {**head, "objects": list(manifest.objects), "state": manifest.state}


def _same(written: Path, manifest: Manifest) -> None:
    if json_bytes(_plain(read_manifest(written))) != json_bytes(_plain(manifest)):
        raise ProjectError("The project could not be saved: what was written reads back differently.")


def _write(file: Any, content: bytes) -> None:
    file.write(content)
