"""Pictures that items bring along, kept in a folder and named by its address."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile

import pytest

from tests.qbank.answers import rows

PNG = b"\x89PNG\r\n\x1a\n" + b"one picture"
GIF = b"GIF89a" + b"another"
NAME = hashlib.sha256(PNG).hexdigest()[:32] + ".png"
OTHER = hashlib.sha256(GIF).hexdigest()[:32] + ".gif"
MANIFEST = """<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1" identifier="m"><resources>
<resource identifier="r" type="imsqti_item_xmlv2p2" href="items/i.xml"><file href="items/i.xml"/>
<file href="media/the%20sign.png"/></resource></resources></manifest>"""
ITEM = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p2" identifier="one"
 title="One" adaptive="false" timeDependent="false"><responseDeclaration identifier="RESPONSE"
 cardinality="single" baseType="identifier"><correctResponse><value>A</value></correctResponse>
</responseDeclaration><itemBody><p>See <img src="../media/the%20sign.png" alt="a sign"/></p>
<choiceInteraction responseIdentifier="RESPONSE" maxChoices="1"><prompt>Which?</prompt>
<simpleChoice identifier="A"><img src="b.gif" alt="this"/></simpleChoice>
<simpleChoice identifier="B">that <img src="https://x.org/y.png" alt=""/></simpleChoice>
</choiceInteraction></itemBody></assessmentItem>"""
MOODLE = f"""<quiz><question type="multichoice"><name><text>m1</text></name>
<questiontext format="html"><text><![CDATA[<p>See <img src="@@PLUGINFILE@@/the%20sign.png"
 alt="a sign"> and <img src="data:image/gif;base64,{base64.b64encode(GIF).decode()}"></p>]]></text>
<file name="the sign.png" path="/" encoding="base64">{base64.b64encode(PNG).decode()}</file>
</questiontext><answer fraction="100"><text>x</text></answer>
<answer fraction="0"><text>y</text></answer></question></quiz>"""


@pytest.fixture
def imported(command, tmp_path):
    """Imports a package of these files; the folder of pictures is ``web``."""
    (tmp_path / "web").mkdir()

    def run(files, *options, media=("--media-dir", "web", "--media-url", "/media/")):
        if isinstance(files, str):
            (tmp_path / "in.xml").write_text(files)
            name = "in.xml"
        else:
            name = "in.zip"
            with zipfile.ZipFile(tmp_path / name, "w") as archive:
                for each, data in files.items():
                    archive.writestr(each, data)
        words = ("import", "items", name, "--exam", "EX", "--create-exam", *media)
        done = command(*words, *options)
        return done, {path.name: path.read_bytes() for path in (tmp_path / "web").iterdir()}

    return run


PACKAGE = {
    "imsmanifest.xml": MANIFEST,
    "items/i.xml": ITEM,
    "media/the sign.png": PNG,
    "items/b.gif": GIF,
}


def test_pictures_of_a_package_are_kept_under_their_address(imported):
    done, folder = imported(PACKAGE, "--dry-run")
    assert "2 pictures are kept in web" in done.out, done.err
    assert folder == {}
    done, folder = imported(PACKAGE)
    assert done.code == 0, done.err
    assert folder == {NAME: PNG, OTHER: GIF}
    assert (
        "files that the items name, and the bank does not hold: https://x.org/y.png\n" in done.out
    )
    assert rows("SELECT stem_md FROM question_versions") == [
        (f"See ![a sign](/media/{NAME})\n\nWhich?",)
    ]
    options = rows("SELECT option_text_md FROM question_options ORDER BY option_label")
    assert options == [(f"![this](/media/{OTHER})",), ("that ![](https://x.org/y.png)",)]
    done, again = imported(PACKAGE)
    assert "1 known" in done.out
    assert again == folder
    # without a folder the text names the file as the package does
    done, _ = imported(PACKAGE, media=())
    assert "does not hold: b.gif, https://x.org/y.png, ../media/the%20sign.png" in done.out


def test_pictures_in_moodle_xml_are_kept(imported):
    done, folder = imported(MOODLE)
    assert done.code == 0, done.err
    assert folder == {NAME: PNG, OTHER: GIF}
    assert rows("SELECT stem_md FROM question_versions") == [
        (f"See ![a sign](/media/{NAME}) and ![](/media/{OTHER})",)
    ]
    assert "not kept" not in done.out


def of_moodle(data):
    return base64.b64encode(data).decode()


SAME_NAMES = f"""<quiz><question type="multichoice"><name><text>m1</text></name>
<questiontext format="html"><text><![CDATA[<img src="@@PLUGINFILE@@/image.png?time=1690000000">
<img src="@@PLUGINFILE@@/old/image.png">]]></text>
<file name="image.png" path="/old/" encoding="base64">{of_moodle(PNG + b"0")}</file>
<file name="image.png" path="/" encoding="base64">{of_moodle(PNG + b"1")}</file></questiontext>
<generalfeedback format="html"><text><![CDATA[<img src="@@PLUGINFILE@@/image.png">]]></text>
<file name="image.png" path="/" encoding="base64">{of_moodle(PNG + b"2")}</file></generalfeedback>
<answer fraction="100" format="html"><text><![CDATA[<img src="@@PLUGINFILE@@/image.png">]]></text>
<file name="image.png" encoding="base64">{of_moodle(PNG + b"3")}</file></answer>
<answer fraction="0"><text>y</text></answer></question></quiz>"""


def test_each_text_of_moodle_xml_has_its_own_pictures(imported):
    done, folder = imported(SAME_NAMES)
    assert done.code == 0, done.err
    assert len(folder) == 4
    stem, explanation, option = rows(
        """SELECT v.stem_md, v.rationale_md, o.option_text_md FROM question_versions AS v
        JOIN question_options AS o ON o.question_version_id = v.id WHERE o.option_label = 'A'"""
    )[0]
    shown = [
        folder[name][len(PNG) :].decode()
        for text in (stem, explanation, option)
        for name in re.findall(r"/media/(\w+\.png)", text)
    ]
    assert shown == ["1", "0", "2", "3"]


WRONG = (
    (PACKAGE | {"items/b.gif": b"<svg onload='x'/>"}, "'b.gif' is no PNG, JPEG, GIF or WebP"),
    ({k: v for k, v in PACKAGE.items() if k != "items/b.gif"}, "'b.gif' is not in the package"),
    (
        PACKAGE | {"items/i.xml": ITEM.replace("b.gif", "http://[bad/b.gif")},
        "'http://[bad/b.gif' is no address",
    ),
    (PACKAGE | {"items/i.xml": ITEM.replace("b.gif", "../../b.gif")}, "is not in the package"),
    (MOODLE.replace('name="the', 'name="a'), "picture 'the sign.png' is not in the XML"),
    (MOODLE.replace('base64">', 'base64">*'), "picture 'the sign.png' is no base64"),
)


def test_what_is_no_picture_is_refused_and_nothing_of_it_stays(imported):
    for files, said in WRONG:
        done, folder = imported(files)
        assert done.code == 2
        assert said in done.err, done.err
        assert folder == {}


def test_where_pictures_go_is_checked_first(imported):
    for options, said in (
        (("--media-dir", "web"), "--media-dir and --media-url belong together"),
        (("--media-dir", "no", "--media-url", "/m"), "--media-dir no is no folder: make it first"),
        (("--media-dir", "web", "--media-url", "http://x"), "begin it with https:// or /"),
    ):
        done, _ = imported(PACKAGE, media=options)
        assert (done.code, said in done.err) == (2, True), done.err
