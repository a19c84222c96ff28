"""Draws the posters of the invented cinema: no words, so that one picture goes with each language, and nobody else's
art. The same bytes at every drawing with one version of Pillow.

python -m infra.local.posters     # all of them, into build/posters/
"""

import io
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from infra.local.films import FILMS
from infra.paths import BUILD

WIDTH, HEIGHT = 480, 720  # twice what a card shows
_FINE = 2  # drawn so much larger, for smooth edges
_QUALITY = 82
Colour = str
Point = tuple[float, float]


class Sheet:
    """A picture under the brush. Places and sizes are in hundredths of its width: it is 100 wide and 150 high."""

    def __init__(self, *sky: Colour) -> None:
        self._unit = WIDTH * _FINE / 100
        self.picture = _gradient((WIDTH * _FINE, HEIGHT * _FINE), sky)

    def shape(self, points: Sequence[Point], colour: Colour, *, alpha: float = 1, blur: float = 0) -> None:
        """A filled polygon."""
        self._paint(lambda draw: draw.polygon(self._scaled(points), fill=255), colour, alpha, blur)

    def disc(self, at: Point, radius: float, colour: Colour, *, alpha: float = 1, blur: float = 0) -> None:
        """A filled circle."""
        self.discs([(at, radius)], colour, alpha=alpha, blur=blur)

    def discs(
        self, places: Iterable[tuple[Point, float]], colour: Colour, *, alpha: float = 1, blur: float = 0
    ) -> None:
        """Many of one colour, in one stroke."""
        boxes = [self._scaled([(x - r, y - r), (x + r, y + r)]) for (x, y), r in places]

        def draw(onto: ImageDraw.ImageDraw) -> None:
            for box in boxes:
                onto.ellipse(box, fill=255)

        self._paint(draw, colour, alpha, blur)

    def ring(self, at: Point, radius: float, colour: Colour, *, width: float, alpha: float = 1) -> None:
        """A circle's line."""
        (x, y), r = at, radius
        box = self._scaled([(x - r, y - r), (x + r, y + r)])
        line = round(width * self._unit)
        self._paint(lambda draw: draw.ellipse(box, outline=255, width=line), colour, alpha, 0)

    def line(self, points: Sequence[Point], colour: Colour, *, width: float, alpha: float = 1) -> None:
        """A line with rounded bends."""
        thick = round(width * self._unit)
        self._paint(
            lambda draw: draw.line(self._scaled(points), fill=255, width=thick, joint="curve"), colour, alpha, 0
        )

    def box(self, at: Point, to: Point, colour: Colour, *, round_by: float = 0, alpha: float = 1) -> None:
        """A rectangle."""
        corners, radius = self._scaled([at, to]), round_by * self._unit
        self._paint(lambda draw: draw.rounded_rectangle(corners, radius, fill=255), colour, alpha, 0)

    def hills(self, level: float, height: float, colour: Colour, *, seed: int, alpha: float = 1) -> None:
        """A soft skyline down to the lower edge."""
        dice = random.Random(seed)  # noqa: S311 - the same hills every time
        waves = [(dice.uniform(1, 4), dice.uniform(0, 6), dice.uniform(0.3, 1)) for _ in range(4)]
        top = [
            (x, level - height * sum(a * math.sin(x / 100 * f * 3 + p) for f, p, a in waves) / 2) for x in range(101)
        ]
        self.shape([(0, 150), *top, (100, 150)], colour, alpha=alpha)

    def stars(self, count: int, *, seed: int, below: float = 90) -> None:
        """Small lights above `below`."""
        dice = random.Random(seed)  # noqa: S311 - the same stars every time
        places = [((dice.uniform(0, 100), dice.uniform(0, below)), dice.choice((0.25, 0.35, 0.55)))
                  for _ in range(count)]  # fmt: skip
        self.discs(places, "#ffffff", alpha=0.8)

    def finished(self) -> bytes:
        """With darker edges, as a JPEG."""
        size = self.picture.size
        edges = Image.radial_gradient("L").resize(size).point(lambda tone: max(tone - 110, 0) // 2)
        self.picture.paste("#000000", mask=edges)
        kept = io.BytesIO()
        self.picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(
            kept, "JPEG", quality=_QUALITY, optimize=True, progressive=True
        )
        return kept.getvalue()

    def _scaled(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._unit, y * self._unit) for x, y in points]

    def _paint(self, draw: Callable[[ImageDraw.ImageDraw], object], colour: Colour, alpha: float, blur: float) -> None:
        mask = Image.new("L", self.picture.size)
        draw(ImageDraw.Draw(mask))
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * self._unit))
        if alpha < 1:
            mask = ImageChops.multiply(mask, Image.new("L", mask.size, round(alpha * 255)))
        self.picture.paste(colour, mask=mask)


def _gradient(size: tuple[int, int], colours: Sequence[Colour]) -> Image.Image:
    """From top to bottom, through evenly spaced colours."""
    column = Image.new("RGB", (1, len(colours)))
    for number, colour in enumerate(colours):
        column.paste(colour, (0, number, 1, number + 1))
    # Pixels are interpolated between their middles: half of the first and of the last would stay flat.
    half = 0.5
    return column.resize(size, Image.Resampling.BILINEAR, box=(0, half, 1, len(colours) - half))


def _river() -> Sheet:
    sheet = Sheet("#1f2f4d", "#56688c", "#d79a83", "#f3cfa4")
    sheet.disc((66, 62), 26, "#ffd9a0", alpha=0.45, blur=9)
    sheet.disc((66, 62), 11, "#fff0cf")
    sheet.hills(76, 5, "#6d6580", seed=4)
    sheet.hills(83, 5, "#3f4560", seed=11)
    sheet.shape([(0, 90), (100, 90), (100, 150), (0, 150)], "#2a3350")
    for n, (y, half) in enumerate(((95, 14), (101, 10), (108, 15), (117, 9), (127, 13), (138, 8))):
        sheet.box((66 - half + n % 2 * 3, y), (66 + half, y + 1.6), "#f6cf9e", round_by=0.8, alpha=0.75 - n * 0.09)
    sheet.shape([(18, 112), (48, 112), (44, 118), (22, 118)], "#11131f")
    sheet.line([(27, 112), (27, 101)], "#11131f", width=2.4)
    sheet.disc((27, 99), 2.2, "#11131f")
    sheet.line([(39, 112), (39, 103)], "#11131f", width=2.4)
    sheet.disc((39, 101), 2.2, "#11131f")
    sheet.line([(0, 90.4), (100, 90.4)], "#0f1426", width=0.7)
    return sheet


def _last_show() -> Sheet:
    sheet = Sheet("#2b0a18", "#5d1028", "#2b0a18")
    for n in range(13):
        x = n * 8.6 - 4
        sheet.shape([(x, 0), (x + 4.6, 0), (x + 4.2, 150), (x - 0.4, 150)], "#8d1a35", alpha=0.55, blur=0.8)
    sheet.shape([(76, 24), (-6, 70), (-6, 116)], "#ffe4a3", alpha=0.28, blur=1.2)
    sheet.shape([(76, 24), (2, 80), (2, 106)], "#fff3cc", alpha=0.5, blur=1.6)
    sheet.box((70, 14), (104, 38), "#12070d", round_by=2)
    sheet.disc((76, 24), 4.4, "#fff3cc")
    sheet.disc((79, 8), 9, "#12070d")
    sheet.ring((79, 8), 5.6, "#5d1028", width=1.4)
    sheet.disc((97, 8), 9, "#12070d")
    sheet.ring((97, 8), 5.6, "#5d1028", width=1.4)
    for row, (y, size) in enumerate(((124, 7), (138, 8.4))):
        for n in range(7):
            x = n * 17 + row * 8 - 4
            sheet.disc((x, y), size * 0.62, "#16060d")
            sheet.box((x - size, y + 3), (x + size, 160), "#16060d", round_by=5)
    return sheet


def _lighthouse() -> Sheet:
    sheet = Sheet("#0d2438", "#1c4a5e", "#3f7f86", "#a8c6b4")
    sheet.stars(46, seed=3, below=62)
    sheet.shape([(54, 42), (-10, 18), (-10, 50)], "#ffe9a8", alpha=0.5, blur=2)
    sheet.shape([(54, 42), (110, 26), (110, 50)], "#ffe9a8", alpha=0.3, blur=2)
    sheet.shape([(48, 50), (60, 50), (65, 116), (43, 116)], "#f3ede0")
    for top in (60, 80, 100):
        low = top + 10
        sheet.shape(
            [(48 - (top - 50) / 13, top), (60 + (top - 50) / 13, top), (60 + (low - 50) / 13, low),
             (48 - (low - 50) / 13, low)], "#c2473d",
        )  # fmt: skip
    sheet.box((46, 47), (62, 50.4), "#1b2733")
    sheet.box((49, 37), (59, 47), "#ffe9a8")
    sheet.shape([(47, 37), (61, 37), (54, 28)], "#c2473d")
    sheet.disc((54, 42), 9, "#fff4cf", alpha=0.6, blur=4)
    sheet.shape([(20, 150), (30, 118), (44, 110), (66, 111), (84, 124), (100, 150)], "#14222c")
    sheet.hills(134, 3, "#0f3b49", seed=9, alpha=0.92)
    sheet.hills(141, 2.4, "#0a2a36", seed=2)
    return sheet


def _express() -> Sheet:
    sheet = Sheet("#0b1026", "#142a55", "#3d5b8c", "#b9cbe0")
    sheet.stars(60, seed=8, below=70)
    sheet.disc((24, 30), 10, "#eaf0ff", alpha=0.9)
    sheet.disc((28, 28), 9, "#111a3a")
    sheet.hills(84, 9, "#263d6b", seed=21)
    sheet.hills(96, 6, "#182a4e", seed=5)
    sheet.shape([(0, 104), (100, 104), (100, 150), (0, 150)], "#e6edf6")
    sheet.shape([(50, 104), (110, 150), (-10, 150)], "#c4d2e4")
    for n in range(7):
        y, half = 107 + n * n * 0.95, 3 + n * 6.2
        sheet.box((50 - half, y), (50 + half, y + 1 + n * 0.35), "#55657f", round_by=0.4)
    sheet.shape([(49, 104), (14, 150), (19, 150), (49.8, 104)], "#27344d")
    sheet.shape([(51, 104), (86, 150), (81, 150), (50.2, 104)], "#27344d")
    sheet.disc((50, 84), 30, "#ffd98a", alpha=0.35, blur=8)
    sheet.box((36, 66), (64, 108), "#16233f", round_by=7)
    sheet.box((40, 72), (49, 82), "#ffdf9c", round_by=1.4)
    sheet.box((51, 72), (60, 82), "#ffdf9c", round_by=1.4)
    sheet.shape([(34, 100), (66, 100), (70, 110), (30, 110)], "#9e2436")
    sheet.disc((50, 92), 4.4, "#fff6dc")
    sheet.disc((50, 92), 10, "#fff2c4", alpha=0.7, blur=4)
    return sheet


def _autumn() -> Sheet:
    sheet = Sheet("#f4c979", "#e99a4b", "#c4582f", "#7c2d24")
    sheet.disc((50, 66), 34, "#fff0bf", alpha=0.6, blur=10)
    for side in (-1, 1):
        x = 50 + side * 42
        sheet.shape([(x - 5, 150), (x - 3, 30), (x + 3, 30), (x + 5, 150)], "#4a1f1c")
        sheet.line([(x, 60), (x - side * 18, 34), (x - side * 30, 30)], "#4a1f1c", width=2.2)
    dice = random.Random(17)  # noqa: S311 - the same leaves every time
    for colour in ("#8f2a22", "#b8321f", "#d9622b", "#f0a13c") * 2:
        leaves = [((dice.uniform(-4, 104), abs(dice.gauss(0, 24))), dice.uniform(2.4, 6)) for _ in range(19)]
        sheet.discs(leaves, colour, alpha=0.85)
    sheet.shape([(0, 128), (30, 118), (70, 118), (100, 128), (100, 150), (0, 150)], "#5b2420")
    sheet.shape([(44, 118), (56, 118), (74, 150), (26, 150)], "#f2b45f", alpha=0.8)
    for x in (37, 63):
        sheet.box((x - 1.6, 78), (x + 1.6, 119), "#32130f")
        sheet.disc((x, 77), 2.6, "#32130f")
    for n in range(6):
        sheet.line([(22 + n * 2.6, 86 + n), (22 + n * 2.6, 119)], "#32130f", width=0.9)
    sheet.disc((51, 104), 2.8, "#32130f")
    sheet.shape([(51, 105), (47, 120), (55, 120)], "#9c1f2d")
    sheet.discs([((dice.uniform(4, 96), dice.uniform(60, 146)), dice.uniform(0.7, 1.6)) for _ in range(26)], "#f7c25e")
    return sheet


def _far_light() -> Sheet:
    sheet = Sheet("#05070d", "#0c1420", "#15202c", "#06080c")
    sheet.hills(74, 7, "#0a1018", seed=31)
    sheet.shape([(46, 72), (54, 72), (118, 150), (-18, 150)], "#12161d")
    for n in range(6):
        y, half = 78 + n * n * 2.1, 0.3 + n * 0.42
        sheet.shape(
            [(50 - half, y), (50 + half, y), (50 + half * 1.5, y + 2 + n * 1.5), (50 - half * 1.5, y + 2 + n * 1.5)],
            "#e8b84b",
        )
    for x in (41, 59):
        sheet.shape([(x, 70), (x - 44, 150), (x + 44, 150)], "#ffe7ae", alpha=0.2, blur=4)
        sheet.disc((x, 68), 16, "#ffdf98", alpha=0.5, blur=6)
        sheet.disc((x, 68), 4.6, "#fff8e6")
    for x, height in ((6, 40), (15, 52), (88, 46), (96, 60)):
        sheet.shape([(x - 7, 100), (x, 100 - height), (x + 7, 100)], "#04060a")
    sheet.disc((50, 112), 3, "#030406")
    sheet.shape([(47.4, 114), (52.6, 114), (54, 133), (46, 133)], "#030406")
    sheet.shape([(46, 132), (54, 132), (64, 150), (36, 150)], "#030406", alpha=0.85, blur=1)
    return sheet


def _cat() -> Sheet:
    sheet = Sheet("#ffd08a", "#ff9f6b", "#f2705d")
    sheet.disc((50, 60), 40, "#ffe6b4")
    for n, (x, y, w) in enumerate(((4, 118, 30), (66, 112, 32), (22, 104, 34), (50, 122, 30))):
        sheet.box((x, y), (x + w, 156), ("#c9834f", "#b8703f", "#d99a63", "#a86236")[n], round_by=1)
        sheet.box((x + w / 2 - 3, y), (x + w / 2 + 3, 156), "#f0c48c", alpha=0.5)
    sheet.shape([(30, 104), (33, 66), (42, 52), (58, 52), (67, 66), (70, 104)], "#2c2432")
    sheet.disc((50, 46), 17, "#2c2432")
    sheet.shape([(34, 42), (33, 20), (47, 32)], "#2c2432")
    sheet.shape([(66, 42), (67, 20), (53, 32)], "#2c2432")
    for x in (43, 57):
        sheet.disc((x, 45), 4.6, "#f7e36b")
        sheet.shape([(x, 40.6), (x + 1.5, 45), (x, 49.4), (x - 1.5, 45)], "#1a1520")
    sheet.shape([(48, 52), (52, 52), (50, 54.6)], "#f2705d")
    for side in (-1, 1):
        for rise in (-2, 0.6, 3):
            sheet.line([(50 + side * 6, 54), (50 + side * 24, 53 + rise * 1.6)], "#ffe6b4", width=0.5, alpha=0.9)
    sheet.line([(69, 100), (84, 94), (86, 78), (80, 70)], "#2c2432", width=5)
    sheet.disc((80, 70), 2.5, "#2c2432")
    return sheet


def _archive() -> Sheet:
    sheet = Sheet("#07141b", "#0c2c38", "#0f4a52", "#07141b")
    for n in range(11):
        far = n / 10
        half_x, half_y = 6 + far * far * 58, 8 + far * far * 84
        sheet.line(
            [(50 - half_x, 66 - half_y), (50 + half_x, 66 - half_y), (50 + half_x, 66 + half_y),
             (50 - half_x, 66 + half_y), (50 - half_x, 66 - half_y)], "#4fd6c4", width=0.25 + far * 0.7, alpha=0.75,
        )  # fmt: skip
    for x, y in ((-14, -26), (114, -26), (-14, 158), (114, 158)):
        sheet.line([(50, 66), (x, y)], "#4fd6c4", width=0.4, alpha=0.5)
    dice = random.Random(7)  # noqa: S311 - the same lights every time
    for _ in range(90):
        side, depth = dice.choice((-1, 1)), dice.uniform(0.35, 1)
        left, top = 50 + side * (6 + depth * depth * 58), 66 + dice.uniform(-1, 1) * (8 + depth * depth * 70)
        sheet.box((left - depth * 2, top), (left + depth * 2, top + depth * 1.4), "#9ff5e6", alpha=0.7)
    sheet.disc((50, 66), 22, "#d8fff6", alpha=0.55, blur=7)
    sheet.box((44, 58), (56, 74), "#eafffb")
    sheet.disc((50, 92), 4, "#041015")
    sheet.shape([(45, 96), (55, 96), (58, 128), (42, 128)], "#041015")
    sheet.shape([(42, 127), (58, 127), (72, 150), (28, 150)], "#041015", alpha=0.6, blur=2)
    return sheet


def _salt() -> Sheet:
    sheet = Sheet("#fbe6c8", "#f6c9a0", "#7fb7be", "#2b6f86")
    sheet.disc((72, 34), 15, "#f2653c")
    for n in range(4):
        sheet.box((56, 27 + n * 5), (90, 28.4 + n * 5), "#fbdfbd", alpha=0.9)
    sheet.shape([(45, 22), (45, 98), (14, 98)], "#fffaf0")
    sheet.shape([(48, 30), (48, 98), (80, 98)], "#d8452f")
    sheet.shape([(48, 64), (48, 98), (80, 98)], "#b93423", alpha=0.7)
    sheet.line([(46.5, 18), (46.5, 104)], "#3a2a24", width=1.3)
    sheet.shape([(10, 103), (86, 103), (74, 116), (24, 116)], "#3a2a24")
    sheet.shape([(12, 105), (84.4, 105), (83, 107), (14, 107)], "#fffaf0")
    for n, colour in enumerate(("#3f8fa0", "#2c7489", "#1d5870", "#123f55")):
        top = 113 + n * 9
        wave = [(x, top + 2.6 * math.sin((x + n * 14) / 6.4)) for x in range(-2, 104)]
        sheet.shape([(-2, 150), *wave, (103, 150)], colour)
    for x, y in ((18, 30), (28, 40), (86, 60)):
        sheet.line([(x - 5, y - 2), (x - 2, y - 3.4), (x, y), (x + 2, y - 3.4), (x + 5, y - 2)], "#3a2a24", width=0.8)
    return sheet


def _moon() -> Sheet:
    sheet = Sheet("#1a1440", "#33246b", "#6a3f93", "#c0679b")
    sheet.stars(70, seed=14, below=110)
    sheet.disc((54, 52), 42, "#fff1b8", alpha=0.35, blur=9)
    sheet.disc((54, 52), 30, "#ffefb0")
    for x, y, r in ((44, 42, 5), (62, 38, 3.4), (66, 60, 6), (48, 64, 3)):
        sheet.disc((x, y), r, "#f2d98a")
    sheet.shape([(54, 52), (74.6, 31.4), (82, 42), (83.6, 52)], "#33246b")
    for n in range(8):
        angle = n * math.pi / 4
        at = (70 + 6.4 * math.cos(angle), 45 + 6.4 * math.sin(angle))
        sheet.disc(at, 1.7, "#e58a3c")
    sheet.disc((70, 45), 6, "#e58a3c")
    sheet.disc((70, 45), 2.4, "#33246b")
    for x in (22, 31):
        sheet.line([(x, 150), (x + 12, 74)], "#140f30", width=1.3)
    for n in range(9):
        left, top = 22.8 + n * 1.25, 146 - n * 8
        sheet.line([(left, top), (left + 9, top)], "#140f30", width=1)
    sheet.shape([(25, 100), (33, 100), (36, 122), (23, 122)], "#140f30")
    sheet.disc((29.4, 96), 3.8, "#140f30")
    sheet.line([(31, 104), (42, 92)], "#140f30", width=2)
    sheet.hills(138, 5, "#140f30", seed=6)
    sheet.shape([(62, 140), (62, 124), (70, 115), (78, 124), (78, 140)], "#140f30")
    sheet.box((68, 126), (72, 131), "#ffd27a")
    return sheet


_PAINTINGS: Mapping[str, Callable[[], Sheet]] = {
    "silence-over-the-river": _river,
    "the-last-show": _last_show,
    "letters-from-the-lighthouse": _lighthouse,
    "the-northern-express": _express,
    "the-garden-of-autumn": _autumn,
    "far-light": _far_light,
    "the-cat-who-knew": _cat,
    "archive-no-7": _archive,
    "salt-and-wind": _salt,
    "the-moon-repair-shop": _moon,
}


@cache
def poster(slug: str) -> bytes:
    """The poster of a film, a JPEG. Raises: KeyError."""
    return _PAINTINGS[slug]().finished()


def draw_all(folder: Path = BUILD / "posters") -> list[Path]:
    """Every poster, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for film in FILMS:
        drawn.append(folder / f"{film.slug}.jpg")
        drawn[-1].write_bytes(poster(film.slug))
    return drawn


if __name__ == "__main__":
    for path in draw_all():
        print(path)
