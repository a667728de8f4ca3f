"""What a benchmark's splits hold, and where they are read from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evals.types.prompts import Image


@dataclass(frozen=True, slots=True)
class Example:
    """One row of a benchmark: what is asked about one picture, and what people answered."""

    id: str
    image: Image | None
    """`None` only where the data were loaded without pictures (scoring a results file)."""
    question: str = ""
    """The question; of a meme, the text written on it; of a caption task, empty."""
    references: tuple[str, ...] = ()
    """Human answers or captions, duplicates kept; empty where the split officially has none."""
    raw_references: tuple[str, ...] = ()
    """OK-VQA's answers as people typed them, parallel to the released (stemmed) `references`."""
    label: int | None = None
    """Index into `Task.choices`; `None` where the split officially has no labels."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Breakdowns and clusters: `image_id`, `answer_type`, `question_type`, ..."""

    @property
    def picture_id(self) -> str:
        """Which examples share a picture: what the data set calls it, else the example itself.

        Known also where pictures are not loaded.
        """
        return self.metadata.get("image_id", self.id)

    @property
    def shown_references(self) -> tuple[str, ...]:
        """The answers as people typed them, where the data set keeps both forms."""
        return self.raw_references or self.references


@dataclass(frozen=True, slots=True)
class HubSource:
    """A split of a Hugging Face data set (or any folder that `datasets.load_dataset` reads)."""

    repository: str
    split: str
    columns: Mapping[str, str]
    """Our field -> their column, e.g. `{"question": "question", "answers": "answers"}`."""
    config: str | None = None
    revision: str | None = None
    fallback: str | None = None
    """An older name of the repository, tried when `repository` is not found."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a task's data are read from."""

    data_dir: Path
    """The task's own folder: official file names in it or in its `annotations/`."""
    image_dir: Path | None = None
    """Holds the pictures instead of the official sub-folders of `data_dir`."""
    questions: Path | None = None
    """Overrides the official question file."""
    annotations: Path | None = None
    """Overrides the official annotation file."""
    hub: Mapping[str, HubSource] | None = None
    """Our split name -> a hub data set; given, it is read instead of the official files."""
    with_images: bool = True
    """False where nobody looks at pictures: scoring a results file."""
    keep_missing: bool = False
    """Pictures that are not there are no mistake of the load: whoever reads one is told."""


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """One loaded split: its examples in file order, and what they were read from."""

    examples: tuple[Example, ...]
    files: tuple[Path, ...] = ()
    """The annotation files, for fingerprints."""
    revision: str = ""
    """Of a hub data set: repository, revision and fingerprint, in place of files."""
    answered: bool = True
    """False where the split officially has no answers: it runs and is exported, unscored."""
