"""Rows A1 to A8: files that point outside themselves, run in circles, or nest and count beyond all reason."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from multimil_hostile.make_h5ad import h5ad, h5mu, patch
from multimil_hostile.outcomes import AGAIN, ANEW, AUTHOR, OPENABLE, Refuse, case, changed

SECRET = "/etc/passwd"


@changed(
    h5ad,
    "A1 external link in uns",
    Refuse('The file refers to another file ("secret.h5"), which is never opened.', "x.h5ad: uns/leak.", AUTHOR),
)
def _(file: h5py.File) -> None:
    file["uns/leak"] = h5py.ExternalLink("secret.h5", "/x")


@changed(
    h5ad,
    "A1 external link in place of a matrix",
    Refuse('The file refers to another file ("/etc/passwd"), which is never opened.', "x.h5ad: X.", AUTHOR),
)
def _(file: h5py.File) -> None:
    del file["X"]
    file["X"] = h5py.ExternalLink(SECRET, "/X")


@changed(
    h5ad,
    "A1 external link as a folder on the way",
    Refuse(
        'The file refers to another file ("../../other/secret.h5ad"), which is never opened.', "x.h5ad: obsm.", AUTHOR
    ),
)
def _(file: h5py.File) -> None:
    del file["obsm"]
    file["obsm"] = h5py.ExternalLink("../../other/secret.h5ad", "/obsm")


@changed(
    h5ad,
    "A1 external link to a network share",
    Refuse(
        'The file refers to another file ("\\\\host\\share\\x.h5"), which is never opened.', "x.h5ad: uns/leak.", AUTHOR
    ),
)
def _(file: h5py.File) -> None:
    file["uns/leak"] = h5py.ExternalLink(r"\\host\share\x.h5", "/")


@changed(
    h5ad,
    "A1 external link to itself",
    Refuse('The file refers to another file ("x.h5ad"), which is never opened.', "x.h5ad: uns/self.", AUTHOR),
)
def _(file: h5py.File) -> None:
    file["uns/self"] = h5py.ExternalLink("x.h5ad", "/")


@changed(
    h5mu,
    "A1 external link in a modality",
    Refuse(
        'The file refers to another file ("/etc/passwd"), which is never opened.',
        "x.h5mu: mod/adt/obsm/X_leak.",
        AUTHOR,
    ),
)
def _(file: h5py.File) -> None:
    file["mod/adt/obsm/X_leak"] = h5py.ExternalLink(SECRET, "/X")


@changed(
    h5ad,
    "A1 external link with control characters in its target",
    Refuse(
        'The file refers to another file ("a⏎␛[31mred‹202E›.h5"), which is never opened.', "x.h5ad: uns/leak.", AUTHOR
    ),
)
def _(file: h5py.File) -> None:
    file["uns/leak"] = h5py.ExternalLink("a\n\x1b[31mred\u202e.h5", "/x")


@changed(
    h5ad,
    "A2 values stored in another file",
    Refuse(
        'The file takes values from another file ("/etc/passwd"), which is never opened.',
        "x.h5ad: obsm/X_leak.",
        AUTHOR,
    ),
)
def _(file: h5py.File) -> None:
    file.create_dataset("obsm/X_leak", shape=(12, 2), dtype="u1", external=[(SECRET, 0, 24)])


@changed(
    h5ad,
    "A2 values stored in two other files",
    Refuse('The file takes values from another file ("a.bin"), which is never opened.', "x.h5ad: uns/leak.", AUTHOR),
)
def _(file: h5py.File) -> None:
    files = [("a.bin", 0, 12), ("../b.bin", 0, h5py.h5f.UNLIMITED)]
    file.create_dataset("uns/leak", shape=(12, 2), dtype="u1", external=files)


def _virtual(source: str) -> h5py.VirtualLayout:
    layout = h5py.VirtualLayout(shape=(12, 2), dtype="f4")
    layout[:] = h5py.VirtualSource(source, "x", shape=(12, 2))
    return layout


@changed(
    h5ad,
    "A3 virtual dataset of another file",
    Refuse("The file takes values from other files (a virtual dataset).", "x.h5ad: obsm/X_virtual.", AUTHOR),
)
def _(file: h5py.File) -> None:
    file.create_virtual_dataset("obsm/X_virtual", _virtual("secret.h5"))


@changed(
    h5ad,
    "A3 virtual dataset of the file itself",
    Refuse("The file takes values from other files (a virtual dataset).", "x.h5ad: obsm/X_virtual.", AUTHOR),
)
def _(file: h5py.File) -> None:
    file.create_virtual_dataset("obsm/X_virtual", _virtual("."))


@changed(
    h5ad,
    "A3 virtual dataset of numbered files",
    Refuse("The file takes values from other files (a virtual dataset).", "x.h5ad: uns/virtual.", AUTHOR),
)
def _(file: h5py.File) -> None:
    # Planes part0.h5, part1.h5, ... for as long as they exist.
    source = h5py.h5s.create_simple((12, 1))
    target = h5py.h5s.create_simple((12, 1), (12, h5py.h5s.UNLIMITED))
    target.select_hyperslab((0, 0), (1, h5py.h5s.UNLIMITED), (1, 1), (12, 1))
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_virtual(target, b"part%b.h5", b"x", source)
    h5py.h5d.create(file["uns"].id, b"virtual", h5py.h5t.NATIVE_FLOAT, target, plan)


@changed(h5ad, "A4 soft link to an array", Refuse("The file contains a soft link.", "x.h5ad: obsm/X_soft.", AUTHOR))
def _(file: h5py.File) -> None:
    file["obsm/X_soft"] = h5py.SoftLink("/obsm/X_pca")


@changed(h5ad, "A4 soft link to nothing", Refuse("The file contains a soft link.", "x.h5ad: layers/counts.", AUTHOR))
def _(file: h5py.File) -> None:
    file["layers/counts"] = h5py.SoftLink("/nowhere")


@changed(h5ad, "A4 soft link to itself", Refuse("The file contains a soft link.", "x.h5ad: uns/a.", AUTHOR))
def _(file: h5py.File) -> None:
    file["uns/a"] = h5py.SoftLink("/uns/a")


@case(
    "A5 link of a class of its own", Refuse("The file contains a link of an unknown kind.", "x.h5ad: uns/odd.", AUTHOR)
)
def _(folder: Path) -> Path:
    # A link message: version 1, flags 8 (a type follows), type 64 is external; 70 is a user's own class.
    path = h5ad(folder, lambda file: file["uns"].__setitem__("odd", h5py.ExternalLink("target.h5", "/x")))
    return patch(path, b"\x01\x08\x40\x03odd", b"\x01\x08\x46\x03odd")


@case(
    "A5 first part of a family of files",
    Refuse("The file is cut off.", "x0.h5ad has 4,096 of 42,048 bytes; 37,952 are missing.", AGAIN),
)
def _(folder: Path) -> Path:
    with h5py.File(folder / "x%d.h5ad", "w", driver="family", memb_size=4096) as file:
        file["x"] = np.arange(5000)
    return folder / "x0.h5ad"


@case(
    "A5 second part of a family of files",
    Refuse("The file is not an HDF5 file.", "x1.h5ad starts with \\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00.", OPENABLE),
)
def _(folder: Path) -> Path:
    with h5py.File(folder / "x%d.h5ad", "w", driver="family", memb_size=4096) as file:
        file["x"] = np.arange(5000)
    return folder / "x1.h5ad"


@case(
    "A5 descriptions without their values",
    Refuse(
        "The file is one part of an HDF5 file that is split over several.", "x.h5ad-m.h5.", "Join them with h5repack."
    ),
)
def _(folder: Path) -> Path:
    with h5py.File(folder / "x.h5ad", "w", driver="split") as file:
        file["x"] = np.arange(5000)
    return folder / "x.h5ad-m.h5"


@case(
    "A5 program before the HDF5 header",
    Refuse("The file hides another file before its HDF5 header.", "x.h5ad starts with #!/bin/s.", AUTHOR),
)
def _(folder: Path) -> Path:
    path = h5ad(folder, userblock_size=512)
    with path.open("r+b") as stream:
        stream.write(b"#!/bin/sh\necho harm\n")
    return path


@case(
    "A5 zip archive before the HDF5 header",
    Refuse("The file hides another file before its HDF5 header.", "x.h5ad starts with MuData\\x00P.", AUTHOR),
)
def _(folder: Path) -> Path:
    path = h5ad(folder, userblock_size=512)
    with path.open("r+b") as stream:
        stream.write(b"MuData\x00PK\x03\x04harm")
    return path


@changed(
    h5ad, "A6 group that contains itself", Refuse("An object of the file is linked twice.", "x.h5ad: uns/self.", AUTHOR)
)
def _(file: h5py.File) -> None:
    file["uns/self"] = file["uns"]


@changed(h5ad, "A6 root inside the file", Refuse("An object of the file is linked twice.", "x.h5ad: uns/root.", AUTHOR))
def _(file: h5py.File) -> None:
    file["uns/root"] = file["/"]


@changed(
    h5ad,
    "A6 circle of three groups",
    Refuse("An object of the file is linked twice.", "x.h5ad: uns/a/b/c/again.", AUTHOR),
)
def _(file: h5py.File) -> None:
    file.create_group("uns/a/b/c")
    file["uns/a/b/c/again"] = file["uns/a"]


@changed(
    h5ad, "A6 array under two names", Refuse("An object of the file is linked twice.", "x.h5ad: layers/copy.", AUTHOR)
)
def _(file: h5py.File) -> None:
    file["layers/copy"] = file["obsm/X_pca"]


@changed(h5ad, "A7 thirty doublings", Refuse("An object of the file is linked twice.", "x.h5ad: uns/d0/right.", AUTHOR))
def _(file: h5py.File) -> None:
    group = file["uns"].create_group("d0")
    for level in range(30):
        inner = group.create_group("left")
        group["right"] = inner
        group = inner
        group.attrs["level"] = level


@changed(
    h5ad,
    "A8 forty nested groups",
    Refuse(
        "The file nests more than 32 groups.",
        "x.h5ad: uns/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/deep/….",
        AUTHOR,
    ),
)
def _(file: h5py.File) -> None:
    file.create_group("uns/" + "/".join("deep" for _ in range(40)))


@changed(
    h5ad,
    "A8 three thousand nested groups",
    Refuse(
        "The file nests more than 32 groups.",
        "x.h5ad: uns/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n/n.",
        AUTHOR,
    ),
)
def _(file: h5py.File) -> None:
    group = file["uns"]
    for _ in range(3000):
        group = group.create_group("n")


@changed(
    h5ad,
    "A8 sixty thousand links",
    Refuse("The file holds more than 50,000 objects.", "x.h5ad: uns/many.", AUTHOR),
    libver="latest",
)
def _(file: h5py.File) -> None:
    group = file.create_group("uns/many")
    for number in range(60_000):
        group.id.links.create_soft(str(number).encode(), b"/x")


@changed(
    h5ad,
    "A8 a thousand attributes",
    Refuse("An object has 1,002 attributes; 64 is the most.", "x.h5ad: uns.", AUTHOR),
    libver="latest",
)
def _(file: h5py.File) -> None:
    for number in range(1000):
        file["uns"].attrs[f"a{number}"] = number


@changed(
    h5ad,
    "A8 attribute of two megabytes",
    Refuse("An attribute is larger than programs write.", 'x.h5ad: uns. "large" has 2.1 MB.', AUTHOR),
    libver="latest",
)
def _(file: h5py.File) -> None:
    file["uns"].attrs["large"] = np.zeros(1 << 18)


@changed(
    h5ad,
    "A8 attribute with an endless name",
    Refuse(
        "An attribute is larger than programs write.",
        'x.h5ad: uns. "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn…" has 50.0 kB.',
        AUTHOR,
    ),
    libver="latest",
)
def _(file: h5py.File) -> None:
    file["uns"].attrs["n" * 50_000] = 1


@changed(
    h5ad,
    "A8 group with an endless name",
    Refuse(
        "The name of an object is not one that programs write.",
        "x.h5ad: uns/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn….",
        AUTHOR,
    ),
)
def _(file: h5py.File) -> None:
    file["uns"].create_group("n" * 20_000)


@changed(
    h5ad,
    "A8 column order of ten thousand names",
    Refuse("A table has more than 10,000 columns.", "x.h5ad: obs has 10,001.", ANEW),
    libver="latest",
)
def _(file: h5py.File) -> None:
    file["obs"].attrs["column-order"] = np.array([f"c{i}" for i in range(10_001)], dtype=h5py.string_dtype())
