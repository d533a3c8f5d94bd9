"""PNG images judged: every kind that is sound, everything that is not, and no bytes at all make it raise."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest
from backends.pictures import DAMAGED, KINDS, SIGNATURE, SOUND, TOO_LARGE, WIDE, chunk, header, of_kind
from hypothesis import given
from hypothesis import strategies as st

from hal.backends import png


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize(("colour", "depth"), KINDS)
def test_every_kind_of_image_is_decoded(colour: int, depth: int, interlace: int) -> None:
    for width, height in ((11, 9), (1, 1), (3, 5), (8, 8)):
        assert png.judge(of_kind(colour, depth, interlace, width, height)) == (width, height, True, "")


def test_what_stands_behind_the_end_and_more_rows_do_no_harm() -> None:
    assert png.judge(SOUND + b"anything") == (8, 8, True, "")
    assert png.judge(SOUND[:-12] + chunk(b"tEXt", b"Comment\0hello") + SOUND[-12:]).whole


@pytest.mark.parametrize("case", DAMAGED)
def test_what_is_damaged_is_told(case: str) -> None:
    data, words = DAMAGED[case]
    judged = png.judge(data)
    assert judged.whole is False
    assert words in judged.wrong
    assert judged.wrong


@pytest.mark.parametrize("case", TOO_LARGE)
def test_what_is_over_a_limit_is_not_decoded(case: str) -> None:
    data, words = TOO_LARGE[case]
    tracemalloc.start()
    judged = png.judge(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (judged.whole, words in judged.wrong) == (None, True)
    assert peak < 1024 * 1024


def test_the_largest_image_is_within_the_limits() -> None:
    assert png.judge(of_kind(0, 1, 0, 3840, 2160)) == (3840, 2160, True, "")
    assert png.judge(of_kind(0, 1, 0, 4096, 2025)) == (4096, 2025, True, "")


def test_without_decoding_the_header_is_told() -> None:
    assert png.judge(WIDE, decode=False) == (100, 50, None, "")
    assert png.judge(DAMAGED["pixels"][0], decode=False) == (8, 8, None, "")
    assert png.judge(b"GIF89a", decode=False).whole is False


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    for given_bytes in (data, SIGNATURE + data, SIGNATURE + header(8, 8) + data):
        judged = png.judge(given_bytes)
        assert judged.whole is None or judged.whole == (judged.wrong == "")


@given(st.data())
def test_no_change_of_a_sound_image_makes_it_raise(data: st.DataObject) -> None:
    colour, depth = data.draw(st.sampled_from(KINDS))
    changed = bytearray(of_kind(colour, depth, data.draw(st.sampled_from((0, 1)))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(8, len(changed) - 1))
        changed[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    png.judge(bytes(changed))


@given(
    st.lists(
        st.tuples(
            st.sampled_from((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"zTXt", b"iTXt", b"fdAT", b"eXIf")),
            st.binary(max_size=40),
        ),
        max_size=6,
    ),
    st.sampled_from(KINDS),
)
def test_no_chunks_make_it_raise(chunks: list[tuple[bytes, bytes]], kind: tuple[int, int]) -> None:
    """With right checksums, so that what is behind them is reached."""
    start = SIGNATURE + header(8, 8, kind[1], kind[0])
    png.judge(start + b"".join(chunk(*each) for each in chunks) + chunk(b"IEND", b""))


def test_pillow_is_loaded_when_an_image_is_decoded_and_only_its_png_decoder() -> None:
    code = (
        "import sys; from hal.backends import png; from hal.tree.picture import picture\n"
        "png.judge(picture(8, 8), decode=False); print('PIL' in sys.modules)\n"
        "png.judge(picture(8, 8)); print([m for m in sys.modules if m.startswith('PIL.') and m.endswith('Plugin')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["False", "['PIL.PngImagePlugin']"]
