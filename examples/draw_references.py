"""Draws the reference pictures of the example brief into `examples/brief/`.

    python examples/draw_references.py [folder]

Three pictures that hold the identity of Lumen Coffee's campaign "Winter light": a character sheet, the
product, and a palette board. They come from the built-in sketching renderer, which is not an AI model, with
the campaign's palette and fixed seeds: drawing them again gives the same pictures.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from generation.providers.protocol import StepRequest  # noqa: E402
from generation.sketch import images, lettering  # noqa: E402

PALETTE = ("#16202e", "#3d5872", "#8fa9bd", "#dfe6ea", "#e8b27a")
NAMES = ("Harbour night", "Wool blue", "First frost", "Window light", "Lamp")
PAPER = (243, 242, 238)
INK = (24, 30, 40)
CHARACTER = "Portrait of Mara, a barista in a blue scarf, winter light"
POSES = (("Mara, left", 12), ("Mara, right", 11), ("Mara, at the counter", 14))
PRODUCT = "Lumen coffee beans, pouch on a plinth in soft window light"
PRODUCT_SEED = 21


def draw(prompt: str, seed: int, size: tuple[int, int]) -> Image.Image:
    request = StepRequest("image", prompt, seed, *size, parameters={"palette": PALETTE})
    return images.image(request)


def sheet(title: str, size: tuple[int, int]) -> Image.Image:
    """An empty board with its title."""
    board = Image.new("RGB", size, PAPER)
    write(board, title, 48, 72, 30)
    write(board, "Lumen Coffee · Winter light", 48, 104, 17)
    return board


def write(board: Image.Image, text: str, left: int, baseline: int, size: int) -> None:
    mask = Image.new("L", board.size, 0)
    lettering.draw(mask, text, left=left, baseline=baseline, size=size)
    board.paste(INK, (0, 0, *board.size), mask)


def character_sheet() -> Image.Image:
    board = sheet("Character: Mara", (1280, 720))
    for number, (name, seed) in enumerate(POSES):
        left = 48 + number * 400
        board.paste(draw(CHARACTER, seed, (384, 480)), (left, 140))
        write(board, name, left, 656, 19)
    return board


def palette_board() -> Image.Image:
    board = sheet("Palette and light", (1280, 720))
    pen = ImageDraw.Draw(board)
    for number, (colour, name) in enumerate(zip(PALETTE, NAMES, strict=True)):
        left = 48 + number * 240
        pen.rectangle([left, 140, left + 224, 340], fill=colour)
        write(board, name, left, 372, 19)
        write(board, colour, left, 396, 15)
    scenes = (
        ("Snowy mountain valley before dawn", 3),
        ("Morning light through a window into a quiet room", 6),
        ("City across the harbour at night, snow", 5),
    )
    for number, (prompt, seed) in enumerate(scenes):
        board.paste(draw(prompt, seed, (384, 240)), (48 + number * 400, 430))
    return board


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("character-sheet", character_sheet()),
        ("product-pouch", draw(PRODUCT, PRODUCT_SEED, (896, 1120))),
        ("palette-board", palette_board()),
    ):
        path = folder / f"{name}.webp"
        picture.save(path, quality=88, method=6)
        print(f"{path.name}: {picture.width} × {picture.height}, {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "examples" / "brief")
