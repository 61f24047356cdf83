"""The JavaScript module writes canonical JSON and hashes as Python does."""

import base64
import hashlib
import math
import struct
from pathlib import Path
from random import Random

import pytest
from formula_worlds import assemble, random_body
from javascript_runs import answer

from churnbench_scorer import canonical

pytestmark = pytest.mark.usefixtures("node")


def test_random_bodies_load_and_their_hashes_are_pythons(tmp_path: Path) -> None:
    documents = [assemble(random_body(Random(seed))) for seed in range(60)]
    found = answer(tmp_path, "return given.map((document) => cb.load(document).body_sha256);", documents)
    assert found == [document["integrity"]["body_sha256"] for document in documents]


def test_canonical_numbers_are_written_as_python_writes_them(tmp_path: Path) -> None:
    rng = Random(7)
    bits = [rng.getrandbits(64) for _ in range(6000)]
    doubles = [struct.unpack(">d", struct.pack(">Q", value))[0] for value in bits]
    doubles += [rng.randint(-(10**6), 10**6) / 10 ** rng.randint(0, 12) for _ in range(3000)]
    doubles += [float(10**power) for power in range(-30, 31)] + [2.0**power for power in range(-1074, 1024, 7)]
    doubles += [math.nextafter(10.0**power, towards) for power in range(-8, 24) for towards in (0.0, math.inf)]
    doubles = [value for value in [*doubles, 0.0, -0.0, 5e-324, 1.7976931348623157e308] if math.isfinite(value)]
    found = answer(
        tmp_path,
        """
        return given.map((bits) => {
          const view = new DataView(new ArrayBuffer(8));
          view.setBigUint64(0, BigInt(`0x${bits}`));
          return cb.canonical(view.getFloat64(0));
        });
        """,
        [struct.pack(">d", value).hex() for value in doubles],
    )
    assert found == [canonical(value).decode() for value in doubles]


def test_canonical_text_of_odd_keys_and_texts_is_pythons(tmp_path: Path) -> None:
    rng = Random(8)

    def text() -> str:
        points = [
            rng.choice([rng.randrange(0x20), rng.randrange(0x7F, 0xD800), rng.randrange(0xE000, 0x110000), 34, 92])
        ]
        return "".join(map(chr, points * rng.randint(0, 3)))

    values = [{text(): [text(), None, True, {text(): rng.random()}] for _ in range(6)} for _ in range(300)]
    assert answer(tmp_path, "return given.map(cb.canonical);", values) == [canonical(v).decode() for v in values]


def test_sha256_is_that_of_hashlib_at_every_length_around_its_blocks(tmp_path: Path) -> None:
    rng = Random(9)
    texts = [rng.randbytes(length) for length in [*range(200), 1000, 4096, 100_003]]
    found = answer(
        tmp_path,
        'return given.map((text) => cb.sha256(Uint8Array.from(Buffer.from(text, "base64"))));',
        [base64.b64encode(text).decode() for text in texts],
    )
    assert found == [hashlib.sha256(text).hexdigest() for text in texts]
    assert answer(tmp_path, 'return cb.sha256("Größe");') == hashlib.sha256("Größe".encode()).hexdigest()
