"""Recipes that somebody made to do harm, or that went wrong on the way: one sentence at once, and nothing else."""

from __future__ import annotations

import random
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from brainflix.engine.plan import make_plan
from brainflix.errors import BrainflixError, IntegrityError, UsageError
from brainflix.recipe.changes import apply_change
from brainflix.recipe.files import list_recipes, load_recipe
from brainflix.recipe.yaml_text import read_yaml
from brainflix.store.store import Store

HEAD = b"recipe: r\nschema: 1\ndataset: {name: demo, subjects: [1]}\n"
BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 9)) for n in range(ord("a"), ord("i"))
)
ATTACKS = {
    "brackets": HEAD + b"align: " + b"[" * 200_000,
    "braces": HEAD + b"align: " + b"{a: " * 50_000,
    "closed brackets": HEAD + b"align: " + b"[" * 100_000 + b"]" * 100_000,
    "nested maps": HEAD + b"".join(b"%s%s:\n" % (b" " * depth, b"a") for depth in range(700)),
    "nested lists": HEAD + b"align:\n  " + b"- " * 100_000,
    "explicit keys": HEAD + b"? " * 100_000,
    "a long number": HEAD + b"seed: " + b"9" * 6000,
    "a long fraction": HEAD + b"seed: " + b"9" * 6000 + b".0",
    "a long number in base 60": HEAD + b"seed: 1" + b":1" * 100_000,
    "a long number in base 2": HEAD + b"seed: 0b" + b"1" * 200_000,
    "a long number in text": HEAD + b"align: {part: none, n_iterations: '" + b"9" * 6000 + b"'}",
    "one subject many times": HEAD.replace(b"[1]", b"[" + b"1, " * 50_000 + b"1]"),
    "many subjects": HEAD.replace(b"[1]", b"[" + b", ".join(b"%d" % n for n in range(40_000)) + b"]"),
    "aliases that grow": HEAD + BOMB,
    "an alias of itself": HEAD + b"align: &a [*a]",
    "a huge anchor": HEAD + b"align: &" + b"a" * 200_000 + b" {part: none}",
    "a huge key": HEAD + b"k" * 200_000 + b": 1",
    "a huge source": HEAD + b"align: {part: none, inputs: {bold: '" + b"a" * 200_000 + b"'}}",
    "many steps": HEAD + b"align: {" + b"".join(b"s%d: {part: none}, " % n for n in range(9000)) + b"}",
    "not UTF-8": HEAD + b"about: \xff\xfe\x80\n",
    "a NUL": HEAD + b"about: a\0b\n",
    "an escape": HEAD + b"about: a\x1b[2Jb\n",
    "half a surrogate": HEAD + b"about: \xed\xa0\x80\n",
    "not a number": HEAD + b"align: {part: procrustes, anchor: .nan}\n",
    "infinity": HEAD + b"align: {part: procrustes, anchor: .inf}\n",
    "infinity by overflow": HEAD + b"align: {part: procrustes, anchor: 1.0e+999}\n",
    "a merge": HEAD + b"align: {<<: {part: none}}\n",
    "a key that is a list": HEAD + b"? [a]\n: 1\n",
    "two documents": HEAD + b"---\n" + HEAD,
    "an empty file": b"",
    "a section that is a number": HEAD + b"align: 5\n",
    "a preset that takes away nothing": HEAD + b"align: 5\npresets: {tiny: {align.x: null}}\n",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_one_short_sentence_with_exit_code_2(name: str, tmp_path: Path) -> None:
    path = tmp_path / "attack.yaml"
    path.write_bytes(ATTACKS[name])
    with pytest.raises(UsageError) as caught:
        make_plan(load_recipe(str(path), preset="tiny" if "preset" in name else None), Store(tmp_path / "store"))
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 1000 and "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory hold on Linux alone")
def test_all_attacks_are_read_under_limits_of_a_process(tmp_path: Path) -> None:
    """A gigabyte of addresses, and for all of them together one second of the processor each, start included."""
    for number, text in enumerate(ATTACKS.values()):
        (tmp_path / f"{number}.yaml").write_bytes(text)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from brainflix.errors import UsageError\n"
        "from brainflix.recipe.files import load_recipe\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.yaml')):\n"
        "    try:\n"
        "        load_recipe(str(path))\n"
        "    except UsageError:\n"
        "        pass\n"
        "    print(path.name)\n"
    )

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (len(ATTACKS), len(ATTACKS)))
        resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))

    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(ATTACKS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"recipe: r\nrecipe: s\n", "the key 'recipe' twice (lines 1 and 2)"),
        (HEAD + b"regress:\n  z: {part: ridge}\n  z: {part: mlp}\n", "the key 'z' twice (lines 5 and 6)"),
        (HEAD + b"align: {part: none, part: ridge}\n", "the key 'part' twice (line 4)"),
        (HEAD + b"seed: 010\n", "the number 010 (YAML reads it in base 8; line 4)"),
        (HEAD + b"seed: 1:30\n", "the number 1:30 (YAML reads it in base 60; line 4)"),
        (HEAD.replace(b"[1]", b"[1, 2, 1]"), "subject 1 is named twice"),
        (HEAD.replace(b"[1]", b"[true]"), "true is no number"),
        (HEAD + b"seed: true\n", "true is no number"),
        (HEAD + b"regress: {part: ridge, inputs: {rows: 'align[1,1]'}}\n", "subject 1 is named twice"),
        (HEAD + b"regress: {part: ridge, inputs: {rows: [align, align]}}\n", "the step align is named twice"),
        (HEAD + b"regress: {part: ridge, subjects: [1, 1]}\n", "subject 1 is named twice"),
    ],
)
def test_what_stands_twice_or_reads_otherwise_is_refused(tmp_path: Path, text: bytes, words: str) -> None:
    (tmp_path / "twice.yaml").write_bytes(text)
    with pytest.raises(UsageError) as caught:
        load_recipe(str(tmp_path / "twice.yaml"))
    assert words in str(caught.value), str(caught.value)


def test_what_looks_alike_and_is_right_is_read(tmp_path: Path) -> None:
    text = HEAD + (
        b"seed: 0x10\nabout: '010 & *star !bang 1:30'\n"
        b"regress: {a: {part: ridge, alphas: [1e-3, 0.1, 1_0]}, b: {part: ridge, inputs: {rows: 'align[1,2]'}}}\n"
    )
    (tmp_path / "right.yaml").write_bytes(text)
    recipe = load_recipe(str(tmp_path / "right.yaml"))
    assert recipe.seed == 16 and recipe.about == "010 & *star !bang 1:30"
    assert recipe.steps["regress"]["a"].params["alphas"] == ["1e-3", 0.1, 10]
    assert recipe.steps["regress"]["b"].inputs["rows"][0].subjects == (1, 2)


RAW = {"recipe": "r", "dataset": {"name": "demo", "subjects": [1]}, "regress": {"z": {"part": "ridge"}}}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("[" * 10_000, UsageError),
        ("9" * 6000, UsageError),
        (".nan", UsageError),
        ("-.inf", UsageError),
        ("{a: 1, a: 2}", UsageError),
        ("&a [*a]", UsageError),
        ("!!python/name:os.system", IntegrityError),
    ],
)
def test_a_value_of_set_is_read_as_strictly(value: str, kind: type[BrainflixError]) -> None:
    with pytest.raises(kind, match=r"the value of --set regress\.z\.x") as caught:
        apply_change(RAW, f"regress.z.x={value}")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("value", ["2020-01-01", "2001-99-99", "2020-01-01 10:00:00"])
def test_a_date_stays_text(value: str) -> None:
    step = apply_change(RAW, f"regress.z.x={value}")["regress"]["z"]
    assert step["x"] == value == read_yaml(value, "a text")


def test_a_place_of_set_is_not_endless() -> None:
    with pytest.raises(UsageError, match="nested more than 32 levels"):
        apply_change(RAW, "regress." + "a." * 20_000 + "b=1")


PIECES = (
    *(b"[", b"]", b"{", b"}", b": ", b", ", b"\n", b"\n  ", b"- ", b"? ", b"&a ", b"*a", b"!!str ", b"!x ", b"<<: "),
    *(b"null", b"true", b"-1", b"0.5", b".nan", b"1e9", b"9" * 30, b"0x", b"''", b'"', b"'", b"#", b"%", b"|", b">"),
    *(b"part", b"inputs", b"subjects", b"params", b"steps", b"presets", b"align", b"demo/align[all]", b"\0", b"\xff"),
    *(b"\xe2\x80\xae", b"\x1b", b"2001-99-99", b"=", b"---\n", b"...\n", b"\t", b"\r", b"../", b":x[others]"),
)
VALUES = (
    *(b"null", b"true", b"-1", b"0", b"0.5", b".nan", b"1e9", b"9" * 30, b"-9223372036854775808", b"''", b"[]", b"{}"),
    *(
        b"[1, 2]",
        b"[[1]]",
        b"{part: none}",
        b"align",
        b"align.group[all]",
        b"demo/align[all]",
        b"preprocess[1,9]",
        b"each",
    ),
    *(
        b"none",
        b"ridge",
        b"2001-01-01",
        b"a/b",
        b"..",
        b"'\\e[2J'",
        b"\xc2\x9b",
        b"mlp",
        b"brainnetflix",
        b"demo",
        b"bmd",
    ),
)


def mutated(text: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """Return a text with one to three changes: a piece put in or over, a cut, a line doubled, moved or of another."""
    for _ in range(rng.randint(1, 3)):
        at, length = rng.randrange(len(text) + 1), rng.choice([0, 0, 1, 4, 40])
        lines = text.splitlines(keepends=True) or [b""]
        values = list(re.finditer(rb"(?<=: )[^\n,{}\[\]]+|(?<=[\[,] )[^\n,{}\[\]]+", text))
        match rng.randrange(9):
            case 0:
                text = text[:at] + rng.choice(PIECES) + text[at + length :]
            case 1:
                text = text[:at] + text[at + length :]
            case 2:
                lines.insert(rng.randrange(len(lines)), rng.choice(lines))
                text = b"".join(lines)
            case 3:
                lines[rng.randrange(len(lines))] = rng.choice(rng.choice(others).splitlines(keepends=True))
                text = b"".join(lines)
            case 4:
                text = text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]
            case _ if values:
                found = rng.choice(values)
                text = text[: found.start()] + rng.choice(VALUES) + text[found.end() :]
    return text


@pytest.mark.parametrize("seed", range(4))
def test_of_a_mutated_recipe_comes_a_plan_or_an_error_of_ours(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    originals = [path.read_bytes() for name, path in sorted(list_recipes().items()) if name != "demo"]
    originals += [
        ATTACKS["a preset that takes away nothing"],
        (Path(__file__).parents[1] / "recipes/tiny.yaml").read_bytes(),
    ]
    path, store = tmp_path / "mutated.yaml", Store(tmp_path / "store")
    for count in range(60):
        path.write_bytes(mutated(rng.choice(originals), originals, rng))
        preset = rng.choice([None, None, "tiny"])
        try:
            make_plan(load_recipe(str(path), preset=preset), store)
        except BrainflixError as error:
            assert error.exit_code in (2, 3, 4, 5) and "\n" not in str(error), (seed, count)
        except Exception as error:
            kept = Path(tempfile.gettempdir()) / f"brainflix-recipe-{seed}-{count}.yaml"
            kept.write_bytes(path.read_bytes())
            raise AssertionError(f"{kept} with preset {preset}: {error!r}") from error
