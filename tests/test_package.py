"""What a user installs is complete."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def build(source: Path, form: str, folder: Path) -> list[str]:
    """Build a distribution with the project's own build backend; the names of the files in it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", form, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (archive,) = folder.iterdir()
    if form == "wheel":
        return zipfile.ZipFile(archive).namelist()
    with tarfile.open(archive) as tar:
        return [name.partition("/")[2] for name in tar.getnames()]


def loader_files() -> set[str]:
    """All files of the package, by their names in the repository."""
    found = (path for path in (ROOT / "loader").rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if path.suffix != ".pyc"}


def test_a_wheel_holds_the_whole_package_and_its_licence(tmp_path: Path) -> None:
    """Nothing that the code reads is missing: types, templates, style sheet, the command, the licence."""
    names = build(ROOT, "wheel", tmp_path)
    assert loader_files() == {name for name in names if name.startswith("loader/")}
    assert {"loader/py.typed", "loader/report/templates/report.css"} <= set(names)
    endings = {name.partition(".dist-info/")[2] for name in names if ".dist-info/" in name}
    assert endings == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def test_a_source_distribution_can_be_tested_and_built(tmp_path: Path) -> None:
    """It holds the package, its tests and samples, and what the build reads."""
    names = set(build(ROOT, "sdist", tmp_path))
    assert loader_files() <= names
    assert {"tests/conftest.py", "sample_data/events.parquet", "docs/tutorial.md", "Makefile"} <= names
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Dockerfile", ".dockerignore"} <= names


def test_an_image_is_built_from_what_reaches_the_docker_daemon(tmp_path: Path) -> None:
    """What `.dockerignore` lets through is what the Dockerfile copies, and makes the same wheel."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        word.rstrip("/")
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert "*" in ignored
    assert sent == copied
    (tmp_path / "src").mkdir()
    for name in sent:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / "src" / name)
    here = build(ROOT, "wheel", tmp_path / "here")
    assert build(tmp_path / "src", "wheel", tmp_path / "there") == here
