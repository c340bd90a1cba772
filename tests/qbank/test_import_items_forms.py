"""What single items of each form mean, read without a bank."""

from __future__ import annotations

import contextlib
import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qbank.errors import ImportFileError
from qbank.importing.questions import aiken, gift, moodle, qti
from qbank.importing.questions.forms import opened
from qbank.importing.questions.item import UnusableItemError
from qbank.importing.questions.markup import Markdown
from qbank.importing.questions.xml import parsed


def made(entries):
    """(name, item or why there is none) of each entry."""
    found = []
    for entry in entries:
        try:
            item = entry.make()
            found.append((item.reference, item))
        except UnusableItemError as error:
            found.append((entry.name, str(error)))
    return found


def read(path):
    with opened(path, None, None, "external_ref", "stem") as content:
        return made(content.entries)


MILLION = 1_000_000


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "x {" + " " * MILLION + "x",
        "x {" + "\n" * MILLION + "x",
        "x {T" + " " * MILLION + "x",
        "ANSWER: A" + " " * MILLION + "B",
        " " * MILLION + "ANSWER",
    ],
)
def test_what_a_text_is_costs_its_length(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    with contextlib.suppress(ImportFileError):  # which form it is found to be is not the matter
        read(tmp_path / "a.txt")


@pytest.mark.timeout(60)
def test_what_is_no_number_costs_its_length():
    (weight,) = made(gift.entries("::B::x {~%" + "1" * MILLION + "..%y}"))
    assert "%" in weight[1]


COMMENTED = (
    ("// [id:a]\n// ::A::Old {=x ~y}\n\n// [id:b]\n::B::New {=x ~y}", "b", []),
    ("// [id:a] [tag:old]\n\n// [tag:new]\n::B::New {=x ~y}", "B", ["new"]),
    ("// [id:a] [tag:old]\n// ::A::Old {=x ~y}\n::B::New {=x ~y}", "B", None),
    ("// [id:a] [tag:old]\n// ::A::Old {\n// =x\n// }\n// [id:b]\n::B::New {=x ~y}", "b", None),
    ("// [id:a]\n// [id:b] [tag:t]\n::B::New {=x ~y}", "b", ["t"]),
    ("// [id:b] [tag:[id:a\\]]\n::B::New {=x ~y}", "b", ["[id:a]"]),
    ("// [id:{b}] [tag:t}]\n\n::B::New {=x ~y}", "{b}", ["t}"]),
    ("// [id:b] [tag:t]\n$CATEGORY: x\n\n::B::New {=x ~y}", "B", None),
    ("// [id:b]\n$CATEGORY: x\n::B::New {=x ~y}", "b", None),
    ("::B::New\n// [id:a] of no question\n{=x ~y}", "B", None),
)


def test_comments_of_gift_tell_of_the_question_below_them():
    for text, name, tags in COMMENTED:
        ((found, item),) = made(gift.entries(text))
        assert found == name, text
        assert item.rest.get("tags") == (tags or None), text


def test_a_weight_of_gift_that_is_no_number_is_refused():
    for weight in ("1.2.3", "."):
        ((_, why),) = made(gift.entries(f"Q {{=%{weight}%a ~b}}"))
        assert f"option 1 is worth %{weight}%: use a number up to 100" in why
    ((_, item),) = made(gift.entries("Q {~%100%a ~%-33.33333%b ~%.0%c}"))
    assert item.key == "A"


HEAD = "external_ref,stem,option_a,option_b,key,tags,assets,references,explanation\n"
ROWS = (
    ('q,s,x,y,A,"[1]",', "tag 1 is no text"),
    ('q,s,x,y,A,"[null]",', "tag None is no text"),
    ('q,s,x,y,A,"[[""a""]]",', "is no text"),
    ("q,s,x,y,A,[a,", "tags is no list"),
    ('q,s,x,y,A,,"[{""url"": NaN}]"', "assets is no list"),
    *(
        (f'q,s,x,y,A,,"[{{""url"": ""{url}""}}]"', "begin it with https:// or /")
        for url in ("javascript:alert(1)", "http://x/y.png", "/a b", "/a\\u0000", "/" + "a" * 2000)
    ),
    ('q,s,x,y,A,,"[{""url"": 5}]"', "an asset's url 5 is no text"),
    ('q,s,x,y,A,,"[""/p.png""]"', "assets are objects like"),
    ('q,s,x,y,A,,"[{""alt"": ""P""}]"', "assets are objects like"),
    ('q,s,x,y,A,,"[{""url"": ""/p"", ""by"": ""me""}]"', "assets are objects like"),
    ('q,s,x,y,A,,"[{""url"": ""/p"", ""alt"": ""\\u0000""}]"', "has the control character"),
    ('q,s,x,y,A,,"' + "[" + ",".join(['{""url"": ""/p""}'] * 21) + ']"', "it has 21 assets: 20"),
    ('q,s,x,y,A,,,"[1998]"', "reference 1998 is no text"),
    ('q,s,x,y,A,,,"[""a\\u0000b""]"', "its reference has the control character"),
    ("q,s,x,y,A,,," + "r|" * 51, "it has 51 references: 50 are allowed"),
    ("q,s,x,y,A,,," + "r" * 2001, "its reference has 2001 characters: 2000 are allowed"),
    ("q,s,x,y,A,,,," + "r" * 2001, "its explanation has 2001 characters: 2000 are allowed"),
    ('q,s,x,y,A,"[""\\ud800""]"', "which is half a character"),
)


def row_cells(row):
    return len(next(csv.reader([row]))) - 1


def test_a_value_that_is_no_value_is_refused_by_its_reason(tmp_path):
    for row, said in ROWS:
        (tmp_path / "t.csv").write_text(HEAD + row + "," * (8 - row_cells(row)) + "\n")
        ((_, why),) = read(tmp_path / "t.csv")
        assert said in str(why), row


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.json"])
def test_numbers_as_names_are_read_as_in_imports_of_responses(tmp_path, name):
    def names(*values):
        table = {"external_ref": values, "stem": ["s"] * 2, "options": ["x|y"] * 2}
        table["key"] = ["A"] * 2
        if name == "t.parquet":
            pq.write_table(pa.table(table), tmp_path / name)
        elif name == "t.json":
            rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
            (tmp_path / name).write_text(json.dumps(rows))
        else:
            rows = [",".join(map(str, row)) for row in zip(*table.values(), strict=True)]
            (tmp_path / name).write_text("\n".join([",".join(table), *rows]) + "\n")
        return [found for found, _ in read(tmp_path / name)]

    assert names(101.0, 102.0) == ["101", "102"]
    # decimal numbers are names of their own
    assert names("1.0", "1.1") == ["1.0", "1.1"]


def test_a_name_that_was_rounded_is_refused(tmp_path):
    columns = {"external_ref": [2.0**60], "stem": ["s"], "options": ["x|y"], "key": ["A"]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    ((_, why),) = read(tmp_path / "t.parquet")
    assert "is a number that was rounded: keep it as text" in why


@pytest.mark.parametrize("name", ["t.json", "t.parquet"])
def test_lists_of_json_and_parquet_are_lists(tmp_path, name):
    row = {"external_ref": "q", "stem": "s", "options": ["x | y", "2"], "key": "B"}
    row |= {"tags": ["a|b", "c"], "references": ["one"]}
    row |= {"assets": [{"url": "/p.png", "alt": "P"}]}
    if name == "t.json":
        (tmp_path / name).write_text(json.dumps([row]))
    else:
        pq.write_table(pa.Table.from_pylist([row]), tmp_path / name)
    ((_, item),) = read(tmp_path / name)
    assert [(option.label, option.text_md) for option in item.options] == [
        ("A", "x | y"),
        ("B", "2"),
    ]
    assert item.key == "B"
    assert item.rest["tags"] == ["a|b", "c"]
    assert item.rest["reference_list"] == ["one"]
    assert item.rest["assets"] == row["assets"]


def test_half_a_character_of_json_is_refused_by_its_row(tmp_path):
    rows = [{"external_ref": "q", "stem": s, "options": "x|y", "key": "A"} for s in ("s", "\ud800")]
    for text in (json.dumps(rows), "\n".join(map(json.dumps, rows))):
        (tmp_path / "t.json").write_text(text)
        (name, _), (_, why) = read(tmp_path / "t.json")
        assert (name, why) == ("q", "it is no JSON object of texts")


HTML = (
    ("a < b and <b>c</b> * d", "a < b and **c** \\* d"),
    ("&lt;script&gt;alert(1)&lt;/script&gt;", "\\<script>alert(1)\\</script>"),
    ("&amp;lt; is &lt;!-- no", "\\&lt; is \\<!-- no"),
    ("_x_ __y__ snake_case: _____.", "\\_x\\_ \\_\\_y\\_\\_ snake_case: _____."),
    ("[x](http://y) [H+] a[0]", "[x]\\(http://y) [H+] a[0]"),
    (r"\* and \alpha and C:\\x", "\\\\\\* and \\alpha and C:\\\\\\x"),
    (r"\(a_1 * b_2\) and $x_1 < y$", "$a_1 * b_2$ and $x_1 < y$"),
    ("<code>a*b_c &lt;p&gt;</code>", "`a*b_c <p>`"),
    ("<code>`x`</code> and <tt>a`b</tt>", "`` `x` `` and ``a`b``"),
    (
        "x<pre><code>int *a;\n\n\n  b[i];\n</code></pre>y",
        "x\n\n```\nint *a;\n\n\n  b[i];\n```\n\ny",
    ),
    ("<pre>a<br>b  \n```\n<b>c</b></pre>", "````\na\nb  \n```\nc\n````"),
    ("<code>never closed", "`never closed`"),
)


def test_html_becomes_markdown_that_shows_the_same():
    for html, said in HTML:
        assert Markdown().of(html) == said, html


OWN = (
    ("if a<b and c>d then", "if a<b and c>d then"),
    ("x<p and y>q", "x<p and y>q"),
    ("a<b>c</b>", "a**c**"),
    ("int x;\nreturn x;", "int x;\nreturn x;"),
    ("see <b>this</b>\nand that", "see **this**\nand that"),
    ("<p>one</p>\n<p>two</p>", "one\n\ntwo"),
    ('<span class="a">x</span>\ny', "x\ny"),
    ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "- a\n- b"),
)


def test_moodle_s_own_format_is_html_where_there_are_tags():
    for text, said in OWN:
        assert Markdown().of_own(text) == said, text
    quiz = """<quiz><question type="truefalse"><name><text>n</text></name><questiontext
        format="moodle_auto_format"><text>int x;\nreturn x;</text></questiontext>
        <answer fraction="100"><text>true</text></answer><answer><text>false</text></answer>
        <correctfeedback><text>Yes</text></correctfeedback><hint><text>Think</text></hint>
        </question></quiz>"""
    ((_, item),) = made(moodle.entries(parsed(quiz.encode(), "quiz")))
    assert item.stem_md == "int x;\nreturn x;"
    assert item.remarks == (
        "feedback of single options is left out",
        "hints are left out",
    )


QTI = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i">
<responseDeclaration identifier="R" cardinality="single"><correctResponse><value>{0}</value>
</correctResponse></responseDeclaration><itemBody>{1}</itemBody>{2}</assessmentItem>"""
CHOICES = """<choiceInteraction responseIdentifier="R">
<simpleChoice identifier="C">x <feedbackInline identifier="C">no</feedbackInline> of <b>France</b>
<feedbackInline identifier="D">no</feedbackInline> now</simpleChoice>
<simpleChoice identifier="A">y</simpleChoice><simpleChoice identifier="B">All of the above
</simpleChoice></choiceInteraction>"""
SAID = '<modalFeedback identifier="{}">{}</modalFeedback>'


def of_qti(body, key="A", feedback=""):
    return qti.item(parsed(QTI.format(key, body, feedback).encode(), "item"))


def test_qti_keeps_the_text_behind_what_is_left_out_and_the_order_of_choices():
    item = of_qti(f"<div>Before {CHOICES} tail</div>")
    assert item.stem_md.split() == ["Before", "tail"]
    assert [(o.label, o.text_md, o.is_correct) for o in item.options] == [
        ("A", "x of **France** now", False),
        ("B", "y", True),
        ("C", "All of the above", False),
    ]


def test_qti_feedback_is_an_explanation_unless_it_is_of_some_answers():
    body = f"<p>Which?</p>{CHOICES}"
    for identifier in ("incorrect", "Correct", "feedback_incorrect", "C"):
        item = of_qti(body, feedback=SAID.format(identifier, "no"))
        assert "rationale_md" not in item.rest
        assert "feedback of single options is left out" in item.remarks
    text = "<qti-content-body><p>For it is.</p></qti-content-body>"
    item = of_qti(body, feedback=SAID.format("general", text))
    assert item.rest["rationale_md"] == "For it is."
    both = SAID.format("explanation", text) + SAID.format("incorrect", "no")
    assert of_qti(body, feedback=both).rest["rationale_md"] == "For it is."


def test_a_line_of_an_aiken_stem_is_no_option():
    text = (
        "Think of bacteria.\nE. coli lives in:\nA. guts\nB. stars\nC. D. melanogaster\nANSWER: A\n"
    )
    ((_, item),) = made(aiken.entries(text))
    assert item.stem_md == "Think of bacteria.\nE. coli lives in:"
    assert [option.text_md for option in item.options] == ["guts", "stars", "D. melanogaster"]
    for letters in ("AAB", "ABD", "ACB"):
        lines = "".join(f"{letter}. text\n" for letter in letters)
        ((_, why),) = made(aiken.entries(f"Stem\n{lines}ANSWER: A\n"))
        assert f"its options are {', '.join(letters)}: letter them A, B, C by order" in why
