"""Packages of QTI 3.0: what stands in them, for other programs and for the way back."""

from __future__ import annotations

import json
import re
import zipfile
from xml.etree import ElementTree

import pytest

from qbank.importing.questions import packages
from qbank.importing.questions.source import inline_xhtml, xhtml
from qbank.postgres import connect
from qbank.stores import item_parameters
from qbank.stores.exposure import Control, Origin
from qbank.stores.exposure import publish as control
from tests.qbank.answers import rows

ITEMS = (
    {
        "external_ref": "Q1",
        "stem": "Which is **prime**: $a_1 * b_1 * c$?",
        "lead_in": "![sign](/media/s.png)",
        "explanation": "* 2 is\n* 1 is not",
        "options": ["1 < 2", "2"],
        "key": "B",
        "topic": "M/N//O",
        "tags": ["x & y", "z"],
        "difficulty": "hard",
    },
    {"external_ref": "q1", "stem": "Plain?", "options": ["yes", "no"], "key": "A", "topic": "M"},
    {
        "external_ref": "a name",
        "stem": "Plain?",
        "options": ["yes", "no"],
        "key": "A",
        "difficulty": "easy",
    },
)
STEM = """SELECT v.stem_md, v.lead_in, v.rationale_md, v.tags, v.difficulty_label, t.name
FROM question_versions AS v JOIN questions AS q ON q.id = v.question_id
JOIN topics AS t ON t.id = v.topic_id WHERE q.external_ref = %s ORDER BY version DESC LIMIT 1"""


@pytest.fixture
def package(command, tmp_path):
    """The files of the exam's exported package, by name."""
    command("exam", "create", "EX")
    (tmp_path / "t.json").write_text(json.dumps(ITEMS))
    done = command("import", "items", "t.json", "--exam", "EX", "--publish")
    assert done.code == 0, done.err

    def export(name="out.zip"):
        done = command("export", "items", name, "--exam", "EX")
        assert done.code == 0, done.err
        with zipfile.ZipFile(tmp_path / name) as archive:
            return {each: archive.read(each).decode() for each in archive.namelist()}

    return export


@pytest.fixture
def imported(command, tmp_path):
    """Imports a package of these files."""

    def run(files, *options):
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return command("import", "items", "in.zip", "--exam", "EX", *options)

    return run


def test_what_is_of_all_items_may_be_larger_than_an_item(package, imported, monkeypatch):
    files = package()
    largest = max(len(text) for name, text in files.items() if name.startswith("items/"))
    monkeypatch.setattr(packages, "MAX_MEMBER", largest + 100)
    assert len(files["imsmanifest.xml"]) > packages.MAX_MEMBER
    files["usage-data.xml"] += " " * packages.MAX_MEMBER
    done = imported(files)
    assert "3 items read: 0 new, 0 changed, 3 known" in done.out, done.err
    monkeypatch.setattr(packages, "MAX_MANIFEST", 1000)
    assert "imsmanifest.xml has more than 1,000 bytes unpacked" in imported(files).err


def newest(name):
    return rows(STEM.replace("%s", f"'{name}'"))[0]


def test_other_programs_find_xhtml_and_the_key(package):
    files = package()
    item = files["items/Q1.xml"]
    assert "<strong>prime</strong>: $a_1 * b_1 * c$?" in item
    assert '<div class="qbank-lead-in"><p><img src="/media/s.png" alt="sign" /></p></div>' in item
    assert '<qti-simple-choice identifier="choice_A">1 &lt; 2</qti-simple-choice>' in item
    assert "<qti-correct-response><qti-value>choice_B</qti-value>" in item
    assert "<li>1 is not</li>" in item
    # files are told apart by case on some systems alone, and a name is not always an identifier
    assert {name for name in files if name.startswith("items/")} > {"items/Q1.xml", "items/q1_.xml"}
    assert len(files) == 5
    again = package("again.zip")
    assert again == files


MARKDOWN = (
    ("a *b* `c` <script>x</script> &amp; &copy;", "a <em>b</em> <code>c</code> &lt;script&gt;"),
    ("| a | b |\n|:-:|--|\n| 1 | 2 |", "<th>a</th>"),
    ("3. x\n4. y", "<ol>\n<li>x</li>"),
    ("```py x\nif a < b:\n```", "<pre><code>if a &lt; b:"),
    ("![a \"q\"](p.png 'title')", '<img src="p.png" alt="a &quot;q&quot;" />'),
    ("[l](https://x.y 'title') [s](javascript:alert(1))", '<a href="https://x.y">l</a> [s]'),
    ("$$a_1\n*b*$$ and \\$5 *x* $6", "$$a_1\n*b*$$ and $5 <em>x</em> $6"),
    ("> q\n\n# h\n\n---\n\nx  \ny", "<blockquote>\n<p>q</p>\n</blockquote>\n<h1>h</h1>\n<hr />"),
)


def test_markdown_is_xhtml_of_elements_that_qti_has():
    known = {"p", "em", "strong", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "ol"}
    known |= {"ul", "li", "img", "a", "blockquote", "h1", "hr", "br", "div"}
    for text, said in MARKDOWN:
        html = xhtml(text)
        assert said in html, html
        for element in ElementTree.fromstring(f"<div>{html}</div>").iter():  # noqa: S314
            assert element.tag in known
            assert set(element.attrib) <= {"href", "src", "alt"}
    assert inline_xhtml("one *line*") == "one <em>line</em>"
    assert inline_xhtml("two\n\nparagraphs").startswith("<p>two")


def test_usage_data_stand_in_the_package(package):
    with connect() as connection:
        number = rows("SELECT id FROM questions WHERE external_ref = 'Q1'")[0][0]
        own = item_parameters.ItemParameters(
            number, 1, 1.25, -0.5, 0, 0.1, 0.2, None, 400, 1.702, converged=True
        )
        item_parameters.publish(connection, "EX", "2pl", [own], run_id=None)
        seen = item_parameters.ItemStatistics(number, 1, 0.75, 0.31, 900.0, 412)
        item_parameters.publish_statistics(connection, "EX", [seen])
        control(connection, "EX", [Control(number, 1, 0.6)], Origin("manual", "ann"))
        connection.execute("CREATE SCHEMA IF NOT EXISTS analytics")
        connection.execute(
            """CREATE TABLE analytics.item_health AS SELECT 'EX' AS exam_code,
            %s::bigint AS question_id, 1 AS version, 0.21::float8 AS exposure_rate""",
            [number],
        )
    files = package()
    assert '<resource identifier="usage-data" type="qtiusagedata/xml"' in files["imsmanifest.xml"]
    root = ElementTree.fromstring(files["usage-data.xml"])  # noqa: S314
    space = "{http://www.imsglobal.org/xsd/imsqti_usagedata_v3p0}"
    found = {}
    for each in root:
        assert each.find(f"{space}targetObject").attrib == {
            "identifier": "Q1",
            "objectType": "item",
        }
        assert each.get("context") == "urn:qbank:exam:EX"
        value = each.findtext(f"{space}value")
        found[each.get("name")] = (value, each.get("caseCount"), each.get("stdError"))
    assert found == {
        "a": ("1.25", "400", "0.1"),
        "b": ("-0.5", "400", "0.2"),
        "c": ("0.0", "400", None),
        "scaling_constant": ("1.702", "400", None),
        "irt_model": ("2pl", None, None),
        "n": ("412", None, None),
        "p_value": ("0.75", "412", None),
        "r_point_biserial": ("0.31", "412", None),
        "sh_p": ("0.6", None, None),
        "exposure_rate": ("0.21", None, None),
    }


def test_what_another_program_changed_is_taken(package, imported):
    files = package()
    assert "3 items read: 0 new, 0 changed, 3 known" in imported(files).out
    item = files["items/Q1.xml"]
    # blanks between elements say nothing
    spaced = item.replace("</p>", "</p>\n  ").replace("<qti-simple", "\n  <qti-simple")
    assert "3 known" in imported(files | {"items/Q1.xml": spaced}).out
    edited = item.replace("<strong>prime</strong>", "<em>composite</em>")
    done = imported(files | {"items/Q1.xml": edited})
    assert "0 new, 1 changed, 2 known" in done.out, done.out + done.err
    assert newest("Q1") == (
        "Which is *composite*: $a_1 * b_1 * c$?",
        "![sign](/media/s.png)",
        "* 2 is\n* 1 is not",
        ["x & y", "z"],
        "hard",
        "N/O",
    )
    bare = re.sub(r"<\?qbank-markdown.*?\?>", "", item)
    done = imported(files | {"items/Q1.xml": bare})
    assert "what is another: Q1 (stem, explanation)\n" in done.out, done.out


FOREIGN = """<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" identifier="m">
<resources><resource identifier="r" type="imsqti_item_xmlv2p2" href="i.xml"><metadata>
<lom xmlns="http://ltsc.ieee.org/xsd/LOM"><general>
<identifier><catalog>elsewhere</catalog><entry>77</entry></identifier>
<keyword><string language="en">cells</string></keyword></general>
<educational><difficulty><source>LOMv1.0</source><value>very difficult</value></difficulty>
</educational><relation><kind><value>references</value></kind><resource>
<description><string>Not ours</string></description></resource></relation>
<classification><purpose><source>LOMv1.0</source><value>discipline</value></purpose><taxonPath>
<taxon><entry><string>Biology</string></entry></taxon><taxon><entry><string>Cells</string></entry>
</taxon></taxonPath></classification></lom></metadata><file href="i.xml"/></resource></resources>
</manifest>"""
ITEM = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p2" identifier="one"
 title="One" adaptive="false" timeDependent="false"><responseDeclaration identifier="RESPONSE"
 cardinality="single" baseType="identifier"><correctResponse><value>A</value></correctResponse>
</responseDeclaration><itemBody><choiceInteraction responseIdentifier="RESPONSE" maxChoices="1">
<prompt>Which?</prompt><simpleChoice identifier="A">this</simpleChoice>
<simpleChoice identifier="B">that</simpleChoice></choiceInteraction></itemBody></assessmentItem>"""


def test_metadata_of_other_programs_are_topic_tags_and_difficulty(package, imported):
    done = imported({"imsmanifest.xml": FOREIGN, "i.xml": ITEM})
    assert "1 items read: 1 new" in done.out, done.out + done.err
    assert newest("one") == ("Which?", None, None, ["cells"], "hard", "Cells")


def test_items_that_qti_cannot_say_are_named(package, command, tmp_path):
    (tmp_path / "r.csv").write_text("user_id,question,correct\nu1,bare,1\n")
    command("import", "responses", "r.csv", "--exam", "EX", "--timestamp", "2024-06-01")
    with connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE question_versions SET stem_md = E'a\\x0bb' WHERE tags <> '[]'")
        connection.execute(
            """UPDATE question_versions SET reference_list = '["a\\u000bb"]'
            WHERE difficulty_label = 'easy'"""
        )
    done = command("export", "items", "o.dat", "--exam", "EX", "--format", "qti")
    assert done.out == (
        "o.dat: 1 items\n"
        "left out, for QTI cannot say their names, options or texts: Q1, a name, bare\n"
    )
