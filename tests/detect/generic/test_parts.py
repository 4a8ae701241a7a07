from __future__ import annotations

import random

import hyperscan
import pytest

from pushwarden.detect.generic import TRIGGERS, candidates, features, gate, language, model, statistics


def found(text: bytes) -> list[tuple[str, bytes, bytes]]:
    return [
        (each.link, each.name.strip(b" \"'\\"), text[each.start : each.end])
        for each in candidates.find(text, 0, len(text))
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"db_password = 'a b'", ("op", b"db_password", b"a b")),
        (b'{\\"token\\": \\"q1w2\\"}', ("op", b"token", b"q1w2")),
        (b'set("api_key", "q1w2e3")', ("comma", b"api_key", b"q1w2e3")),
        (b'get(password) or "q1w2e3"', ("default", b"password", b"q1w2e3")),
        (b"run --password q1w2e3", ("gap", b"--password", b"q1w2e3")),
        (b"IDENTIFIED BY 'q1w2e3'", ("gap", b"IDENTIFIED BY", b"q1w2e3")),
        (b"amqp://me:q1w2e3@host/", ("url", b"amqp", b"q1w2e3")),
        (b"X: Basic q1w2e3", ("header", b"X", b"q1w2e3")),
        (b"<password>q1w2e3</password>", ("tag", b"password", b"q1w2e3")),
        (b'setCipherKey(Base64.decode("q1w2e3"));', ("comma", b"setCipherKey", b"q1w2e3")),
        (b"fill_in :password, with: 'q1w2e3'", ("comma", b"password", b"q1w2e3")),
        (b"allow(box).to receive(:token) { 'q1w2e3' }", ("comma", b"token", b"q1w2e3")),
        (b"cookies[:token] = { value: 'q1w2e3' }", ("op", b"token]", b"q1w2e3")),
        (b"Consumer Secret: ``q1w2e3``", ("op", b"Secret", b"q1w2e3")),
    ],
)
def test_a_candidate_has_link_name_and_value(text: bytes, expected: tuple[str, bytes, bytes]) -> None:
    assert expected in found(text)


@pytest.mark.parametrize(
    "text",
    [
        b"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-k3JxP9",
        b"pattern: '^arn:[^:]{1,63}:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9]+'",
        b'"alias/aws/secretsmanager": "k3JxP9vQ2mZt"',
    ],
)
def test_the_name_of_a_resource_assigns_nothing(text: bytes) -> None:
    assert not [link for link, name, _ in found(text) if b"secret" in name]


@pytest.mark.parametrize(
    ("text", "qualified"),
    [
        (b"Aws::Key: q1w2e3", True),
        (b"lib/key: q1w2e3", True),
        (b":access_token => 'q1w2e3'", False),
        (b"dump /masterkey:q1w2e3", False),
        (b"//password = q1w2e3", False),
    ],
)
def test_a_symbol_an_option_and_a_comment_are_no_part_of_a_path(text: bytes, qualified: bool) -> None:
    (candidate,) = candidates.find(text, 0, len(text))
    assert candidate.qualified is qualified


@pytest.mark.parametrize("text", ["hotpink: q1w2e3", "otpInfo: q1w2e3"])
def test_letters_inside_another_word_name_nothing(text: str) -> None:
    assert not found(text.encode())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("p\\u00e4sswort", True),
        ("p\\u00e4ss wort 1", True),
        ("Pa\u00dfwort.", True),
        ("p\u00e4ss7-x", False),
        ("p\\u0061ss", False),
        ("plain", False),
    ],
)
def test_words_of_other_languages_are_text_also_when_escaped(value: str, text: bool) -> None:
    assert gate.is_text(value.encode()) is text


def test_a_value_may_end_behind_the_stretch_that_is_read() -> None:
    text = b"token=" + b"a1" * 50
    assert [each.end for each in candidates.find(text, 0, 10)] == [len(text)]


def test_the_longest_part_of_a_json_object_in_a_string_is_the_value() -> None:
    text = rb'"token": "{\"kind\": \"q\", \"value\": \"q1w2e3r4t5z6u7i8\"}"'
    assert found(text)[0] == ("op", b"token", b"q1w2e3r4t5z6u7i8")


@pytest.mark.parametrize("scheme", ["Basic", "Bearer", "Token", "OAuth", "Digest", "Negotiate", "NTLM", "ApiKey"])
def test_the_value_behind_a_scheme_is_a_candidate_but_not_behind_a_word_that_ends_like_one(scheme: str) -> None:
    assert b"q1w2e3r4" in {value for _, _, value in found(f"'{scheme} q1w2e3r4'".encode())}
    assert "header" not in {link for link, _, _ in found(f"'my{scheme.lower()} q1w2e3r4'".encode())}


def test_words_surprise_less_than_random_letters() -> None:
    table = model.load().language.table
    words, noise = (language.mean_surprise(each, table) for each in (b"connection_timeout", b"xqzvkwjh"))
    assert words < gate.MIN_SURPRISE < noise


def test_the_mean_surprise_is_the_same_however_it_is_asked_for() -> None:
    table = model.load().language.table
    for value in (b"", b"a", b"abcdef", b"q1w2e3r4t5z6u7", b"\xff\x00 .-"):
        assert language.mean_surprise(value, table) == language.surprise(value, table)[0]


def test_the_share_of_known_words_is_known() -> None:
    known = model.load().language
    assert language.coverage(b"supersecretpassword", known)[0] == 1.0
    assert language.coverage(b"zqxv", known) == (0.0, 0)
    assert language.coverage(b"123", known) == (0.0, 0)


def test_words_cover_as_many_letters_as_they_can() -> None:
    made = language.Language.of(b"", frozenset({b"abcd", b"cdefgh", b"efghij"}))
    assert language.coverage(b"abcdefghij", made) == (1.0, 6)
    assert language.coverage(b"abcdefgh.xy", made) == (0.6, 6)


def test_a_hash_is_excused_by_its_name() -> None:
    digest = b"3b18e512dba79e4c8300dd08aeb37f8e728b8dad"
    assert gate.excused(b"commit_key", digest)
    assert not gate.excused(b"api_key", digest)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"encryptedPassword", b"k3JxP9vQ2mZtY7wB"),
        (b"token", b"483920"),
        (b"ClientToken", b"550e8400-e29b-41d4-a716-446655440000"),
        (b"secret_key", b"000102030405060708090a0b0c0d0e0f"),
        (b"Sec-WebSocket-Key", b"k3JxP9vQ2mZtY7wBn4LcRw=="),
    ],
)
def test_what_is_public_or_used_once_is_excused(name: bytes, value: bytes) -> None:
    assert gate.excused(name, value)


@pytest.mark.parametrize(
    "name",
    [
        b"api_key_name",
        b"oauthClientId",
        b"secret-id",
        b"auth_user",
        b"tokenType' ",
        b"`auth_user` ",
        b'"password_length"',
    ],
)
def test_a_name_may_say_that_its_value_is_about_a_credential(name: bytes) -> None:
    assert gate.about(name)
    assert not gate.about(b"user_" + b"password")


def test_a_key_of_a_few_letters_is_what_a_program_calls_something() -> None:
    assert gate.is_label(b"PLATFORM_KEY", b"cygwin")
    assert gate.is_label(b"key']", b"qzFold")
    assert gate.is_label(b"_curses.KEY_CTAB", b"kctab")
    assert not gate.is_label(b"MONKEY_HOUSE", b"kctab")
    assert not gate.is_label(b"key", b"q1w2e3")
    assert not gate.is_label(b"key", b"qwzxkvjbnmpl")
    assert not gate.is_label(b"secret_key", b"qzFold")
    assert not gate.is_label(b"password", b"qzFold")


@pytest.mark.parametrize(
    "text",
    [
        b'env = ["SA_PASSWORD=" + pw1, "x"]',
        b"KEY `UK_k3jxp9vq2mzty7` (`email`)",
        "'FORGOT_PASSWORD': 'Passwort vergessen? Schl\u00fcssel 2'".encode(),
        b"password: ENC(k3JxP9vQ2mZtY7wB)",
        b"password: $2a$10$Irg8k8HWkDlvL0YDBKLCYee6j6zzIFTplJcvZY",
        b"api_key = 'k3JxXXXXXXXXXXXXXXXXXXXX'",
        b"password=6a2**",
    ],
)
def test_text_ciphertext_and_masked_values_are_no_candidates(text: bytes) -> None:
    known, place = model.load().language, features.Place.of("a.rb")
    left = [
        text[each.start : each.end]
        for each in candidates.find(text, 0, len(text))
        if gate.plausible(each, text[each.start : each.end], place, known)
    ]
    assert left == []


def view(text: bytes, path: str = "a/b.py") -> features.View:
    (candidate,) = candidates.find(text, 0, len(text))
    return features.view_of(text, candidate, features.Place.of(path))


def test_there_is_one_number_for_each_name() -> None:
    made = view(b"password = 'q1w2e3r4'")
    assert len(statistics.numbers(made, features.name_words(made.name), model.load().language)) == len(statistics.NAMES)


def test_hashed_groups_do_not_overlap() -> None:
    made = view(b"password = 'q1w2e3r4'", "b.py")
    words = features.name_words(made.name)
    name, around, value = (
        features.hashed_name(made, words),
        features.hashed_around(made),
        features.hashed_value(made, words),
    )
    assert max(name) < features.GROUPS[0] <= min(around)
    assert max(around) < features.GROUPS[0] + features.GROUPS[1] <= min(value)
    assert max(value) < features.HASHES


def test_a_candidate_is_described_by_its_lines_and_how_often_it_stands_near_by() -> None:
    made = view(b"host = 'a'\npassword = 'q1w2e3r4'  # old\nuser = 'b'\n" + b"x = 'q1w2e3r4'\n" * 2)
    assert (made.above, made.left, made.right, made.below) == (
        b"host = 'a'",
        b"password = '",
        b"'  # old",
        b"user = 'b'",
    )
    assert (made.value, made.repeats, made.name_repeats) == (b"q1w2e3r4", 3, 1)


def test_weights_survive_packing() -> None:
    weights = model.load()
    again = model.unpack(model.pack(weights))
    assert again._replace(forest=weights.forest) == weights
    assert again.forest.questions == weights.forest.questions


def test_weights_that_are_cut_off_or_foreign_are_refused() -> None:
    raw = model.pack(model.load())
    with pytest.raises(model.ModelError, match="cut off"):
        model.unpack(raw[:-3])
    with pytest.raises(model.ModelError, match="another format"):
        model.unpack(b"SOMETHIN" + raw[8:])


def walked(tree: tuple[model.Node, ...], numbers: list[float]) -> float:
    feature, low, high, value = tree[0]
    while feature >= 0:
        feature, low, high, value = tree[low if numbers[feature] <= value else high]
    return value


def test_trees_that_are_turned_over_answer_as_if_they_were_walked() -> None:
    trees = model.load().trees
    forest, source = model.Forest.of(trees), random.Random(5)
    marks = [threshold for _, thresholds, _ in forest.questions for threshold in thresholds]
    width = 1 + max(feature for feature, _, _ in forest.questions)
    for _ in range(200):
        numbers = [source.choice((source.choice(marks), source.uniform(-5, 50))) for _ in range(width)]
        assert forest.score(numbers) == pytest.approx(sum(walked(tree, numbers) for tree in trees))


def test_a_number_on_the_threshold_goes_the_lower_way() -> None:
    forest = model.Forest.of([((0, 1, 2, 0.5), (-1, 0, 0, -1.0), (-1, 0, 0, 2.0))] * 2)
    assert forest.score([0.5]) == -2.0
    assert forest.score([0.6]) == 4.0


def test_the_weights_file_stays_below_one_megabyte() -> None:
    assert len(model.pack(model.load())) < 1_000_000


def test_hyperscan_takes_the_triggers_and_they_end_near_the_value() -> None:
    database = hyperscan.Database()
    database.compile(
        expressions=list(TRIGGERS), flags=[0] * len(TRIGGERS), ids=list(range(len(TRIGGERS))), elements=len(TRIGGERS)
    )
    data = b"x = 1\nmy_password = 'q1w2e3r4'\ny = 2\n"
    ends: list[int] = []
    database.scan(data, lambda _id, _start, end, _flags, _context: ends.append(end))
    assert ends
    assert all(data.index(b"q1w2") < end <= data.index(b"q1w2") + 4 for end in ends)


@pytest.mark.parametrize(
    "path", ["app/localization/fy_NL/labels.inc", "localisation/nl.php", "l10n/ga.json", "src/i18n/da.ts"]
)
def test_folders_of_translations_are_known_by_each_of_their_usual_names(path: str) -> None:
    assert features.Place.of(path).directories[-1] == 1.0
    assert features.Place.of("src/settings.py").directories[-1] == 0.0
