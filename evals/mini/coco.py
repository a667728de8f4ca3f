"""Mini COCO captions: one thing, several of a kind, or two that face each other.

Written as captions_{train,val}2014.json and, with Karpathy's splits, dataset_coco.json: train is
train2014, and val2014 holds restval, val and test.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from evals.mini.drawing import COLORS, SHAPES, SIZE, Scene, Thing, draw_background, name_plural
from evals.mini.layout import place_alone, place_group, place_pair
from evals.mini.vqa_files import (
    FIRST_IMAGE_ID,
    LICENSE,
    SUBSETS,
    write_coco_picture,
    write_json,
)

NUM_PICTURES = {"train": 2000, "val": 260}
NUM_RESTVAL, NUM_VAL = 30, 30
"""Of val2014's pictures; the other 200 are Karpathy's test split."""
NUMBER_WORDS = {2: "two", 3: "three", 4: "four"}


def make_coco(folder: Path) -> None:
    seen: set[Scene] = set()
    karpathy: list[dict[str, object]] = []
    for split, subset in SUBSETS.items():
        (folder / subset).mkdir(parents=True)
        images, annotations = [], []
        pictures = make_pictures(Random(f"mini coco {split}"), NUM_PICTURES[split], seen=seen)
        for number, (scene, captions) in enumerate(pictures):
            image_id = FIRST_IMAGE_ID[split] + number
            file_name = write_coco_picture(folder, subset, image_id, scene=scene)
            caption_ids = [image_id * 10 + index for index in range(len(captions))]
            images.append(_describe_image(image_id, file_name))
            annotations += [
                {"image_id": image_id, "id": caption_id, "caption": caption}
                for caption_id, caption in zip(caption_ids, captions, strict=True)
            ]
            karpathy.append(
                {
                    "filepath": subset,
                    "sentids": caption_ids,
                    "filename": file_name,
                    "imgid": len(karpathy),
                    "split": _karpathy_split(split, number),
                    "sentences": [
                        {
                            "tokens": caption.lower().rstrip(".").split(),
                            "raw": caption,
                            "imgid": len(karpathy),
                            "sentid": caption_id,
                        }
                        for caption_id, caption in zip(caption_ids, captions, strict=True)
                    ],
                    "cocoid": image_id,
                }
            )
        head = {"info": {"description": "mini COCO captions", "version": "1.0", "year": 2026}}
        write_json(
            folder / f"captions_{subset}.json",
            {**head, "images": images, "licenses": [LICENSE], "annotations": annotations},
        )
    write_json(folder / "dataset_coco.json", {"images": karpathy, "dataset": "coco"})


def make_pictures(
    rng: Random, num_pictures: int, *, seen: set[Scene]
) -> Iterator[tuple[Scene, list[str]]]:
    """Yield scenes with their five captions."""
    while num_pictures:
        family = rng.choices((_show_one, _show_group, _show_pair), weights=(30, 30, 40))[0]
        things, captions = family(rng)
        scene = Scene(tuple(things), background=draw_background(rng))
        if scene in seen:
            continue
        seen.add(scene)
        num_pictures -= 1
        rng.shuffle(captions)
        yield scene, captions


def _show_one(rng: Random) -> tuple[list[Thing], list[str]]:
    color, shape = rng.choice(list(COLORS)), rng.choice(SHAPES)
    name = f"{_article(color)} {color} {shape}"
    captions = [
        f"{name.capitalize()} on a light background.",
        f"{name.capitalize()} on a light background.",
        f"There is {name} on a light background.",
        f"A large {color} {shape} in the middle.",
        f"A picture of {name}.",
    ]
    return [place_alone(rng, color, shape)], captions


def _show_group(rng: Random) -> tuple[list[Thing], list[str]]:
    color, shape = rng.choice(list(COLORS)), rng.choice(SHAPES)
    num_things = rng.choice(list(NUMBER_WORDS))
    name = f"{NUMBER_WORDS[num_things]} {color} {name_plural(shape)}"
    captions = [
        f"{name.capitalize()} on a light background.",
        f"{name.capitalize()} on a light background.",
        f"There are {name} on a light background.",
        f"A group of {name}.",
        f"A picture of {name}.",
    ]
    return place_group(rng, shape=shape, num_things=num_things, color=color), captions


def _show_pair(rng: Random) -> tuple[list[Thing], list[str]]:
    first, second, axis = place_pair(rng)
    there, back = {
        "row": ("to the left of", "to the right of"),
        "column": ("above", "below"),
    }[axis]
    a = f"{_article(first.color)} {first.color} {first.shape}"
    b = f"{_article(second.color)} {second.color} {second.shape}"
    captions = [
        f"{a.capitalize()} {there} {b}.",
        f"{a.capitalize()} {there} {b}.",
        f"{b.capitalize()} {back} {a}.",
        f"There is {a} {there} {b}.",
        f"A picture of {a} and {b}.",
    ]
    return [first, second], captions


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _karpathy_split(split: str, number: int) -> str:
    if split == "train":
        return "train"
    if number < NUM_RESTVAL:
        return "restval"
    return "val" if number < NUM_RESTVAL + NUM_VAL else "test"


def _describe_image(image_id: int, file_name: str) -> dict[str, object]:
    return {
        "id": image_id,
        "file_name": file_name,
        "width": SIZE,
        "height": SIZE,
        "license": 1,
        "coco_url": "",
        "flickr_url": "",
        "date_captured": "2026-01-01 00:00:00",
    }
