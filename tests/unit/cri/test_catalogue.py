from __future__ import annotations

from pathlib import Path

import pytest

from labkit.cluster.embedded.cri.errors import NotFoundError
from labkit.cluster.embedded.cri.images import Catalogue

SOURCES = Path(__file__).parents[3]

TEXT = """
images:
  - names: [app, example.org/app]
    files:
      /bin/app: app
      /bin/helper: {program: helper, executable: true}
      /etc/app.conf: {text: "hello"}
      /extra: {program: extra, optional: true}
    cmd: [app]
    env: {A: 1, B: both}
    tags:
      one: {env: {A: one}}
      two: {env: {A: two}, user: {name: app, uid: 7}}
  - names: [tool]
    cmd: [sh]
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    (tmp_path / "images.yaml").write_text(TEXT)
    programs = {}
    for name in ("app", "helper"):
        (tmp_path / name).write_text(name)
        programs[name] = str(tmp_path / name)
    return Catalogue.load(tmp_path / "images.yaml", programs)


def test_a_tag_may_differ_from_the_rest(catalogue: Catalogue) -> None:
    one, two = catalogue.find("app:one"), catalogue.find("example.org/app:two")
    assert (one.env["A"], one.env["B"], one.user.uid) == ("one", "both", 0)
    assert (two.env["A"], two.user.uid, two.user.gid) == ("two", 7, 7)
    assert one.id != two.id
    assert one.repo_tags == ["docker.io/library/app:one", "example.org/app:one"]


def test_an_id_is_stable_and_finds_its_image(catalogue: Catalogue) -> None:
    image = catalogue.find("tool")
    assert (
        catalogue.find(image.id)
        is catalogue.find(image.id.removeprefix("sha256:"))
        is catalogue.find(f"tool@{image.id}")
        is image
    )


def test_an_image_without_tags_has_any(catalogue: Catalogue) -> None:
    assert catalogue.find("tool:whatever") is catalogue.find("tool")


def test_a_name_or_tag_that_is_not_there_says_what_is(catalogue: Catalogue) -> None:
    with pytest.raises(NotFoundError, match=r"which has: app, example\.org/app, tool"):
        catalogue.find("other")
    with pytest.raises(NotFoundError, match=r"app has no tag latest here; it has: one, two"):
        catalogue.find("app")


def test_an_image_is_there_once_its_programs_are(catalogue: Catalogue) -> None:
    Path(catalogue.programs["helper"]).unlink()
    with pytest.raises(NotFoundError, match="run `labkit build helper`"):
        catalogue.find("app:one")
    assert [image.repositories for image in catalogue.present()] == [("docker.io/library/tool",)]


def test_files_are_placed(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    files = catalogue.files(catalogue.find("app:one"), tmp_path / "made")
    assert files["/bin/app"] == catalogue.programs["app"]
    assert Path(files["/bin/helper"]).read_text() == "helper"
    assert Path(files["/bin/helper"]).stat().st_mode & 0o777 == 0o755
    assert Path(files["/etc/app.conf"]).read_text() == "hello"
    assert catalogue.files(catalogue.find("app:one"), tmp_path / "made") == files
    assert "/extra" not in files
    catalogue.programs["extra"] = str(tmp_path)
    assert catalogue.files(catalogue.find("app:one"), tmp_path / "made")["/extra"] == str(tmp_path)


def test_the_lessons_catalogue_is_sound() -> None:
    catalogue = Catalogue.load(SOURCES / "clusters/embedded/images.yaml", {})
    names = [name for image in catalogue.images for name in image.repo_tags]
    assert len(names) == len(set(names))
    assert all(image.entrypoint or image.cmd for image in catalogue.images)
    demo = {image.tags[0]: image for image in catalogue.images if "labkit/demo" in image.repositories[0]}
    assert set(demo) == {"blue", "green", "yellow", "bad-green", "slow-green"}
    assert all(image.env["PODINFO_UI_MESSAGE"] == tag for tag, image in demo.items())
