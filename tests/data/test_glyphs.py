"""Generated handwriting: repeatable, true to its arguments, and learnable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedteach import data
from fedteach.data import glyph_font, glyphs
from fedteach.randomness import rng_for


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("x", "y", "writers"))


def test_the_classes_are_leafs_62_in_leafs_order():
    classes = data.load("glyphs", n_writers=1).classes
    assert len(classes) == 62
    assert (classes[9], classes[10], classes[35], classes[36], classes[61]) == ("9", "A", "Z", "a", "z")


def test_shapes_follow_the_arguments():
    dataset = data.load("glyphs", n_writers=3, per_writer=20, size=16)
    # a tenth of 20 is 2: 18 and 2 for each of 3 writers
    assert dataset.train.x.shape == (54, 16, 16, 1)
    assert dataset.test.x.shape == (6, 16, 16, 1)
    assert (dataset.train.x.dtype, dataset.train.y.dtype) == (np.float32, np.int32)
    assert dataset.train.writers.tolist() == [0] * 18 + [1] * 18 + [2] * 18
    assert dataset.test.writers.tolist() == [0, 0, 1, 1, 2, 2]


def test_a_writer_with_few_images_still_gives_one_to_the_test():
    dataset = data.load("glyphs", n_writers=4, per_writer=2)
    assert (len(dataset.train), len(dataset.test)) == (4, 4)


def test_pixels_are_whole_255ths_with_an_empty_background():
    x = data.load("glyphs", n_writers=5).train.x
    assert (x.min(), x.max() <= 1) == (0, True)
    np.testing.assert_allclose(x * 255, np.rint(x * 255), atol=1e-4)
    # most of an image is paper: about 10 % ink in MNIST, and never half
    assert (x > 0).mean(axis=(1, 2, 3)).max() < 0.5
    assert (x.max(axis=(1, 2, 3)) > 0.5).all()


def test_the_same_seed_gives_the_same_people_and_another_seed_others():
    one = glyphs.load(n_writers=3, per_writer=5, seed=4)
    assert same(one.train, glyphs.load(n_writers=3, per_writer=5, seed=4).train)
    assert not same(one.train, glyphs.load(n_writers=3, per_writer=5, seed=5).train)


@settings(max_examples=8)
@given(few=st.integers(1, 4), more=st.integers(1, 4), per_writer=st.integers(2, 12))
def test_a_writer_writes_the_same_however_many_there_are(few, more, per_writer):
    small = glyphs.load(n_writers=few, per_writer=per_writer)
    large = glyphs.load(n_writers=few + more, per_writer=per_writer)
    np.testing.assert_array_equal(small.train.x, large.train.x[: len(small.train)])
    np.testing.assert_array_equal(small.test.y, large.test.y[: len(small.test)])


def test_writers_differ_in_hand_and_in_what_they_write():
    hands = [glyphs.draw_hand(rng_for(0, "glyphs", writer)) for writer in range(10)]
    for trait in ("slant", "size", "aspect", "pen", "ink", "turn"):
        # two may share the steepest slant that is allowed
        assert len({getattr(hand, trait) for hand in hands}) >= 8
    letters = [glyphs.write(np.array([10]), hand, 28, np.random.default_rng(0)) for hand in hands]
    assert len({letter.tobytes() for letter in letters}) == 10
    mixes = np.stack([hand.mix for hand in hands])
    np.testing.assert_allclose(mixes.sum(axis=1), 1)
    assert mixes.max() > 2 / 62


def test_no_two_characters_look_the_same():
    hand = glyphs.draw_hand(rng_for(0, "glyphs", 0))
    images = np.concatenate([glyphs.write(np.array([c]), hand, 28, np.random.default_rng(0)) for c in range(62)])
    distance = np.abs(images[:, None] - images[None]).sum(axis=(2, 3)) + 1e9 * np.eye(62)
    # one pixel of difference would be 1: the nearest pairs differ in a stroke, not in a speck
    assert distance.min() > 5


def test_every_character_has_strokes_and_lies_in_the_box():
    font = glyph_font.build()
    assert set(glyph_font.STROKES) == set(glyph_font.CLASSES)
    assert set(glyph_font.VARIANTS) <= set(glyph_font.CLASSES)
    assert len(font.start) == 62 + len(glyph_font.VARIANTS)
    assert font.count.min() >= 3
    assert font.count.sum() == len(font.a) == len(font.b)
    assert np.abs(font.a[:, 0]).max() < 45
    assert (font.a[:, 1].min() > -5, font.a[:, 1].max() < 145) == (True, True)
    # pieces are short, so that one small window holds each
    assert np.hypot(*(font.b - font.a).T).max() < 10


def slow_ink(a, b, image, n_images, size, pen, dark):
    """The same picture written differently: every pixel against every piece, one by one."""
    canvas = np.zeros((n_images, size, size))
    for (ax, ay), (bx, by), which in zip(a.astype(float), b.astype(float), image, strict=True):
        for row in range(size):
            for column in range(size):
                dx, dy = bx - ax, by - ay
                t = min(1, max(0, ((column - ax) * dx + (row - ay) * dy) / max(dx * dx + dy * dy, 1e-12)))
                distance = np.hypot(column - ax - t * dx, row - ay - t * dy)
                value = min(1, max(0, pen + 0.5 - distance))
                canvas[which, row, column] = max(canvas[which, row, column], value)
    return canvas * dark


@settings(max_examples=15)
@given(seed=st.integers(0, 999), pen=st.floats(0.3, 2.5), dark=st.floats(0.3, 1))
def test_fast_ink_equals_every_pixel_against_every_piece(seed, pen, dark):
    rng = np.random.default_rng(seed)
    # some pieces lie outside the image, some have no length
    a = rng.uniform(-3, 13, size=(6, 2)).astype(np.float32)
    b = (a + rng.uniform(-3, 3, size=(6, 2)) * (rng.random((6, 1)) < 0.8)).astype(np.float32)
    image = np.sort(rng.integers(2, size=6))
    fast = glyphs.ink(a, b, image, 2, 10, pen, dark)
    # rounded to 255ths: half of one, and a little for float32
    np.testing.assert_allclose(fast, slow_ink(a, b, image, 2, 10, pen, dark), atol=0.5 / 255 + 1e-5)


def test_a_dot_by_hand():
    # A pen of half width 1 at the middle of pixel (1, 1): 1 there; the four beside it, at distance 1, get
    # 1 + 0.5 - 1 = 0.5; the diagonal ones, at 1.414, get 0.086, which is 22 of 255; darkness 1.
    dot = np.array([[1, 1]], np.float32)
    image = glyphs.ink(dot, dot, np.array([0]), 1, 3, pen=1.0, dark=1.0)
    expected = np.array([[22, 128, 22], [128, 255, 128], [22, 128, 22]]) / 255
    np.testing.assert_allclose(image[0], expected, atol=1e-6)


def test_classes_can_be_learnt_from_other_images():
    # Nearest neighbour in plain pixels; guessing would give 1/62 = 0.016.
    dataset = data.load("glyphs")
    train, test = (part.x.reshape(len(part), -1) for part in (dataset.train, dataset.test))
    distance = (train**2).sum(axis=1) - 2 * test @ train.T
    guess = dataset.train.y[distance.argmin(axis=1)]
    assert (guess == dataset.test.y).mean() > 0.7


REFUSED = {
    "no writers": ({"n_writers": 0}, "n_writers must be a whole number of at least 1, got 0"),
    "one image": ({"per_writer": 1}, "per_writer must be a whole number of at least 2, got 1; one image is kept"),
    "tiny": ({"size": 7}, "size must be a whole number from 8 to 128, got 7"),
    "negative seed": ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        data.load("glyphs", **options)
