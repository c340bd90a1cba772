"""Files of items that mean harm, or are broken: refused by name, and nothing is written."""

from __future__ import annotations

import itertools
import re
import struct
import zipfile
import zlib

from qbank.importing.questions import packages
from tests.qbank.answers import size
from tests.qbank.test_import_items import FILES, NEWEST, TABLE, everything, load, rows
from tests.qbank.test_import_keys import workbook

__all__ = ["load"]

ITEM = (FILES / "qti30.xml").read_text()
RESOURCE = '<resource identifier="{0}" type="imsqti_item_xmlv3p0" href="{1}"/>'
MANIFEST = """<?xml version="1.0"?>
<manifest xmlns="http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1" identifier="M">
<organizations/><resources>{}</resources></manifest>"""


def package(path, files, resources=None):
    """A QTI package of (name, text); its manifest lists those that are items."""
    if resources is None:
        resources = [name for name in files if name.endswith(".xml")]
    listed = "".join(RESOURCE.format(f"r{k}", name) for k, name in enumerate(resources))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("imsmanifest.xml", MANIFEST.format(listed))
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def named(identifier):
    return ITEM.replace('identifier="three"', f'identifier="{identifier}"')


def refused(done, *said):
    assert done.code == 2, done.err
    for each in said:
        assert each in done.err + done.out
    assert "Traceback" not in done.err
    assert everything() == [0] * 7


def test_a_package_comes_in_and_what_it_lacks_is_named(load, tmp_path):
    files = {
        "items/a 1.xml": named("a1"),
        "items/b.xml": named("b").replace("choice-interaction", "order-interaction"),
        "test.xml": '<qti-assessment-test identifier="T"/>',
        "images/a.png": "no picture",
    }
    made = package(tmp_path / "p.zip", files, ["items/a%201.xml", "items/b.xml", "items/c.xml"])
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr("later.txt", "x")
    done = load(made)
    refused(
        done,
        "p.zip (qti): 3 items read: 1 new",
        "item 2 (r1): it is a orderInteraction: the bank keeps choiceInteraction",
        "item 3 (r2): its file 'items/c.xml' is not in the package",
    )
    done = load(made, "--max-rejects", "2", "--publish")
    assert done.code == 0, done.err
    assert [row[0] for row in rows(NEWEST)] == ["a1"]


DOCTYPES = (
    '<!DOCTYPE quiz [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE quiz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY x "&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>',
    '<!DOCTYPE quiz SYSTEM "http://127.0.0.1:9/evil.dtd">',
)


def test_document_types_are_refused(load, tmp_path):
    """Entities that read a file, that grow without end, and a type from elsewhere."""
    for name, doctype in itertools.product(("moodle.xml", "qti30.xml", "package"), DOCTYPES):
        text = ITEM if name == "package" else (FILES / name).read_text()
        text = re.sub(r"\?>\n", f"?>\n{doctype}\n", text, count=1)
        text = text.replace("<p>1 is", "<p>&x;1 is").replace("Water is only", "&x; Water is only")
        if name == "package":
            done = load(package(tmp_path / "p.zip", {"i.xml": text}))
        else:
            done = load(text, name="evil.xml")
        refused(done, "has a document type (<!DOCTYPE>)")
        assert "root:" not in done.out + done.err


def test_names_that_lead_out_of_a_package_are_refused(load, tmp_path):
    for name in ("../evil.xml", "/etc/evil.xml", "a/../../evil.xml", "..\\evil.xml"):
        refused(load(package(tmp_path / "p.zip", {name: ITEM})), "which leads out of the package")
        inside = package(tmp_path / "q.zip", {"i.xml": ITEM}, [name.replace("\\", "/")])
        refused(load(inside), "lies outside the package")
    assert not list(tmp_path.parent.glob("evil*"))


def test_a_zip_bomb_is_refused_before_it_grows(load, tmp_path):
    files = {"i.xml": ITEM.replace("</qti-item-body>", " " * (17 << 20) + "</qti-item-body>")}
    made = package(tmp_path / "p.zip", files)
    assert made.stat().st_size < 100_000
    refused(load(made), "i.xml has more than 16,777,216 bytes unpacked: it is refused")
    # and one whose directory lies about it
    data = made.read_bytes()
    grown = struct.pack("<I", len(files["i.xml"].encode()))
    (tmp_path / "lie.zip").write_bytes(data.replace(grown, struct.pack("<I", 1000)))
    done = load(tmp_path / "lie.zip")
    assert done.code == 2
    assert size("questions") == 0


def test_a_workbook_with_a_large_sheet_is_no_package(load, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "MAX_MEMBER", 100)
    workbook(tmp_path / "a.xlsx", [row.split(",") for row in TABLE.splitlines()[:2]])
    done = load(tmp_path / "a.xlsx", "--dry-run")
    assert "a.xlsx (table): 1 items read: 1 new" in done.out, done.err


def test_a_package_of_too_much_is_refused(load, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "MAX_MEMBERS", 3)
    made = package(tmp_path / "p.zip", {f"{k}.xml": named(f"i{k}") for k in range(3)})
    refused(load(made), "holds 4 files: 3 are allowed")
    monkeypatch.setattr(packages, "MAX_MEMBERS", 4)
    monkeypatch.setattr(packages, "MAX_IN_ALL", 1000)
    refused(load(made), "bytes of XML unpacked, 1,000 are allowed")


BROKEN = (
    (b"", "is empty: nothing to import"),
    (b"PK\x03\x04broken", "cannot be read to its end"),
    (b"<quiz><question", "is no XML"),
    (b"<html><body/></html>", "<html> holds no items that are known"),
    (b"<questestinterop/>", "this is QTI 1.x: export it as QTI 2.1, 2.2 or 3.0"),
    (b"<manifest/>", "import the zip that it is of"),
    (b"<quiz></quiz>", "has no items"),
    (b"Caf\xe9 au lait?\nA. yes\nB. no\nANSWER: A\n", "line 1: b'\\xe9' is no utf-8 text"),
    (b"user_id,question,correct\nu,q,1\n", "has no column 'external_ref' for the items' names"),
    (b"external_ref,stem,key\nq,s,A\n", "has no options: give columns option_a"),
    (b"external_ref,stem,option_a,option_b\nq,s,x,y\n", "has no column 'key'"),
    (b"external_ref,option_a,key\nq,s,A\n", "has no column 'stem' for the stem"),
    (b"external_ref,stem,option_a,Option A,key\nq,s,a,b,A\n", "mean the same: keep one"),
    (b"external_ref,stem,option_a,option_b,key\nq,\xff,x,y,A\n", "it is not UTF-8"),
    (b"\xff\xfeq\x00", "has no column 'external_ref'"),
)


def test_what_is_no_file_of_items_is_refused_by_name(load):
    for data, said in BROKEN:
        refused(load(data, name="a.bin"), said)


def test_another_form_than_it_is_said_to_be_is_refused(load):
    refused(load(TABLE, "--format", "qti"), "items.csv")
    refused(load(TABLE, "--format", "gift"), "none of its")
    refused(load(ITEM, "--format", "aiken", name="i.xml"), "<assessmentItem> holds no items")
    refused(load(TABLE, "--format", "docx"), "--format is 'docx': use table or gift")


def test_encodings_are_found_out_or_named(load):
    aiken = "Café?\nA. oui\nB. non\nANSWER: A\n"
    assert load(aiken.encode("utf-16"), name="u.txt").code == 0
    assert load(aiken.encode("latin-1"), "--encoding", "latin-1", name="l.txt").code == 0
    assert [row[3] for row in rows(NEWEST)] == ["Café?"]


def test_a_stem_of_html_becomes_text_that_runs_nothing(load):
    html = (FILES / "moodle.xml").read_text()
    stem = (
        '<p onclick="alert(1)">a &lt; b * c<a href="javascript:alert(1)">link</a></p>'
        "<style>p{}</style><ul><li>one</li><li>two <i>x</i></li></ul>"
        "<table><tr><th>h</th><th>k</th></tr><tr><td>1</td><td>2</td></tr></table>"
    )
    said = html.replace("<p>A solution has pH&nbsp;3. What is", f"{stem}<p>What is")
    assert load(said, "--max-rejects", "2", name="m.xml").code == 0
    text = next(row[3] for row in rows(NEWEST) if row[0] == "CHEM-1")
    assert text.startswith(
        "a < b \\* clink\n\n- one\n- two *x*\n\n| h | k |\n| --- | --- |\n| 1 | 2 |\n\nWhat is"
    )
    assert "alert" not in text
    for tag in ("script", "iframe", "object", "math", "video", "svg", "form"):
        bad = html.replace("<p>A solution", f"<{tag}>x</{tag}><p>A solution")
        done = load(bad, "--max-rejects", "2", name=f"{tag}.xml")
        assert f"its text has a <{tag}>, which the bank's Markdown cannot say" in done.err


def test_very_many_options_and_very_deep_elements_are_refused(load, tmp_path):
    many = "".join(
        f'<qti-simple-choice identifier="c{k}">x</qti-simple-choice>' for k in range(5000)
    )
    text = ITEM.replace(
        '<qti-simple-choice identifier="A">', f'{many}<qti-simple-choice identifier="A">'
    )
    refused(load(text, name="many.xml"), "it has 5002 options: give 2 to 10 of them")
    wide = "external_ref,stem,options,key\nq,s," + "|".join("x" * 5000) + ",A\n"
    refused(load(wide, name="wide.csv"), "it has 5000 options")
    deep = ITEM.replace("<p>Which", "<b>" * 50_000 + "</b>" * 50_000 + "<p>Which")
    refused(load(deep, name="deep.xml"), "its elements stand too deep in each other")
    long = TABLE.replace("What is 2 + 2?", "x" * 20_001)
    refused(load(long, name="long.csv"), "its stem has 20001 characters: 20000 are allowed")


def test_a_package_that_names_an_item_twice_keeps_the_first(load, tmp_path):
    made = package(tmp_path / "p.zip", {"a.xml": named("x"), "b.xml": named("x")})
    refused(load(made), "'x' stands in item 1 already: give each item a name of its own")


def test_a_packed_bomb_of_text_is_refused(load, tmp_path, monkeypatch):
    from qbank.importing.questions import forms

    monkeypatch.setattr(forms, "MAX_BYTES", 1 << 20)
    made = zlib.compressobj(wbits=31)
    data = made.compress(b"Stem?\nA. a\nB. b\nANSWER: A\n\n" * 50_000) + made.flush()
    refused(load(data, name="a.txt.gz"), "has more than 1,048,576 bytes unpacked")
