"""Champion against candidate, and what may be served: compared, guarded, swapped, rolled back."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.app import create_app
from backend.domain import Scope
from backend.errors import (
    BadInput,
    Conflict,
    WeightsDamaged,
    WeightsMissing,
    WorseThanServed,
)
from backend.model.card import CARD_NAME, CHECKPOINT, Card, load_card
from backend.model.judge import Judge
from backend.model.registry import find_card, list_versions
from backend.releasing import Releases
from backend.settings import Settings
from backend.storage.tinydb_repository import TinyDBRepository
from backend.training.run import Run
from backend.tuning.compare import AUDIT_RECORDS, EVALUATION_SET, _of_both_classes, compare
from backend.tuning.examples import Examples, Gathered, from_log, from_release, sharing_trunk
from backend.tuning.export_file import from_export
from backend.tuning.figures import Judged, figures, resampled
from backend.tuning.loop import Made
from backend.tuning.pack import pack
from backend.tuning.tune import tune
from tests.api.harness import API, Clock, Wired, wire
from tests.fakes import FakeJudge
from tests.pictures import jpeg
from tests.tuning.planted import QUICK


@pytest.fixture(scope="session")
def spoilt(
    settings: Settings, parent: Card, made: Made, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A candidate that learnt every label the wrong way round."""
    rows, _ = from_release(parent, "val")
    wrong = replace(rows, labels=1 - rows.labels)
    data = Gathered(wrong, wrong.take(np.zeros(len(wrong), bool)), {})
    run = Run(tmp_path_factory.mktemp("run") / "spoilt")
    tuned = tune(parent, data, run, recipe=replace(QUICK, replay_share=0.0, lr=3e-3))
    return pack(parent, tuned, "spoilt", settings.home / "weights", "a test").name


@pytest.fixture
def releases(settings: Settings, filled: TinyDBRepository) -> Iterator[Releases]:
    yield Releases(settings, filled)
    (settings.home / "active-model.json").unlink(missing_ok=True)


def copied(made: Made, version: str) -> Path:
    """Return the folder of a copy of a candidate under another name."""
    folder = made.folder.with_name(version)
    shutil.copytree(made.folder, folder)
    document = json.loads((folder / CARD_NAME).read_text())
    (folder / CARD_NAME).write_text(json.dumps({**document, "version": version}))
    return folder


def test_two_versions_are_compared_on_what_neither_learnt(
    releases: Releases, made: Made, parent: Card, filled: TinyDBRepository
) -> None:
    """Figures of both on both hold-outs, intervals around the change, and the flips of the log."""
    found = releases.compare(None, made.version)
    assert [h.name for h in found.hold_outs] == [EVALUATION_SET, AUDIT_RECORDS]
    shipped, audits = found.hold_outs
    assert (shipped.ai_generated, shipped.human_made) == (334, 378)
    assert (
        audits.ai_generated + audits.human_made
        == made.data["held_out"]["ai_generated"] + (made.data["held_out"]["human_made"])
    )
    for figure in (*shipped.figures, *audits.figures):
        assert figure.low <= figure.candidate - figure.champion <= figure.high
    assert found.objections == ()
    assert found.looked_at == 300
    flip = found.flips[0]
    record = filled.get_prediction(flip.prediction_id)
    assert record is not None
    assert record.verdict.outcome.value == flip.champion != flip.candidate
    assert json.loads(json.dumps(found.to_json()))["candidate"] == made.version


def test_a_version_against_itself_changes_nothing(releases: Releases, parent: Card) -> None:
    """The paired bootstrap of a model against itself has no width."""
    found = releases.compare(parent.ref.version, parent.ref.version)
    assert {f.low for h in found.hold_outs for f in h.figures} == {0.0}
    assert found.flips == ()


def test_the_bootstrap_covers_what_is_known() -> None:
    """On drawn groups its mean is the sample's figure, and its width the binomial's."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 400)
    scores = np.clip(labels * 0.4 + rng.uniform(0, 0.6, 800), 0, 1)
    judged = Judged(scores, labels, 0.9)
    drawn = resampled(judged, np.arange(800).astype(str))
    for name, value in figures(judged).items():
        assert abs(float(np.mean(drawn[name])) - value) < 0.02
    p = figures(judged)["human_called_ai"]
    assert abs(np.std(drawn["human_called_ai"]) - np.sqrt(p * (1 - p) / 400)) < 0.004


def test_what_is_worse_is_served_only_for_a_reason(
    releases: Releases, spoilt: str, parent: Card, filled: TinyDBRepository
) -> None:
    """The refusal names the figures; a reason overrides it and goes to the audit trail."""
    with pytest.raises(WorseThanServed, match="balanced accuracy on the shipped evaluation set"):
        releases.activate(spoilt, "me")
    assert not filled.list_events()
    assert releases.activate(spoilt, "me", "a drill").active
    event = filled.list_events()[0]
    assert (event.actor, event.action) == ("me", "model.activate")
    assert event.detail.startswith(spoilt)
    assert event.detail.endswith(": a drill")
    assert releases.roll_back("me").name == parent.ref.version


def test_no_candidate_is_served_because_it_is_the_newest(
    settings: Settings, made: Made, parent: Card
) -> None:
    """Without a choice the newest release is served, never something that was fine-tuned."""
    assert find_card(settings).ref == parent.ref
    assert list_versions(settings)[0].active is False


def test_killed_while_it_is_chosen_the_version_before_stays(
    releases: Releases,
    settings: Settings,
    made: Made,
    parent: Card,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The choice is written whole or not at all, and can be made again."""

    class Killed(BaseException):
        pass

    def die(_: int) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("backend.model.registry.os.fsync", die)
        with pytest.raises(Killed):
            releases.activate(made.version, "me")
    assert find_card(settings).ref == parent.ref
    assert releases.activate(made.version, "me").active


def test_a_folder_is_no_version_over_http(releases: Releases, parent: Card) -> None:
    """Versions are found by name alone: no path of the server's is ever opened."""
    with pytest.raises(WeightsMissing):
        releases.activate(str(parent.folder), "me")
    with pytest.raises(WeightsMissing):
        releases.compare(None, str(parent.folder))


def test_a_pinned_version_stays(
    settings: Settings, filled: TinyDBRepository, made: Made, parent: Card
) -> None:
    """Where BRUSHMARK_WEIGHTS says what is served, activation says so instead of doing nothing."""
    pinned = Releases(replace(settings, weights=parent.ref.version), filled)
    with pytest.raises(Conflict, match="BRUSHMARK_WEIGHTS"):
        pinned.activate(made.version, "me")


@pytest.mark.parametrize(
    ("labels", "shown"),
    [([0] * 8 + [1] * 2, [0, 1, 8, 9]), ([1] * 9 + [0], [0, 1, 2, 9]), ([0, 1], [0, 1])],
)
def test_of_a_rare_class_all_are_shown(labels: list[int], shown: list[int]) -> None:
    """Of four pictures half are of each class where it has them; the other fills up."""
    assert _of_both_classes(np.array(labels), 4).tolist() == shown


def test_activation_under_load_drops_no_request(
    settings: Settings, filled: TinyDBRepository, made: Made, parent: Card
) -> None:
    """While versions change hands four times, every check is answered by one of the two."""
    app = create_app(settings, repository=filled)
    from backend.access import create_token

    secret, _ = create_token(filled, "load", Scope.ADMIN, "test")
    headers = {"Authorization": f"Bearer {secret}"}
    statuses: list[int] = []
    versions: set[str] = set()
    done = threading.Event()

    def ask(number: int) -> None:
        client = app.test_client()
        while not done.is_set():
            number += 10
            data = {"image": (io.BytesIO(jpeg(seed=number)), "a.jpg"), "log": "false"}
            answer = client.post(f"{API}/check", data=data, headers=headers)
            statuses.append(answer.status_code)
            versions.add(answer.get_json()["model"]["version"])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    client = app.test_client()
    try:
        for _ in range(2):
            # Neither a body nor its type is asked for where no reason is given.
            answer = client.post(f"{API}/models/{made.version}/activate", headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.get_json()["served"] is True
            assert client.get(f"{API}/model", headers=headers).get_json()["version"] == made.version
            answer = client.post(f"{API}/models/rollback", headers=headers)
            assert answer.get_json()["version"] == parent.ref.version
    finally:
        done.set()
        for thread in threads:
            thread.join()
        (settings.home / "active-model.json").unlink(missing_ok=True)
    assert set(statuses) == {200}
    assert versions == {made.version, parent.ref.version}


def test_another_process_is_followed(
    settings: Settings, filled: TinyDBRepository, made: Made, releases: Releases
) -> None:
    """A backend serves what another process activates; a choice it cannot load changes nothing."""
    served: list[object] = [FakeJudge()]
    backend = Releases(settings, filled, served.append, lambda: served[-1])
    backend.follow()
    assert len(served) == 1
    releases.activate(made.version, "another process")
    backend.follow()
    assert served[-1].ref.version == made.version
    choice = settings.home / "active-model.json"
    choice.write_text('{"version": 3')
    backend.follow()
    assert served[-1].ref.version == made.version


def test_a_shadow_counts_what_it_would_have_said(
    settings: Settings, tmp_path: Path, made: Made, parent: Card
) -> None:
    """A candidate judges along what is logged after it was set; the served verdicts stay."""
    log = TinyDBRepository(tmp_path / "store.sqlite3")
    wired = wire(settings, log, FakeJudge(), Clock())
    headers, ask = wired.token(), wired.client
    assert ask.get(f"{API}/shadow", headers=headers).get_json()["version"] is None
    answer = ask.post(f"{API}/shadow", json={"version": made.version}, headers=headers)
    assert answer.get_json()["looked_at"] == 0, answer.text
    import random

    from tests.tuning.planted import SITE, add, astray

    add(log, parent, astray(parent, 20, 5), [1] * 20, SITE, random.Random(1))
    report = ask.get(f"{API}/shadow", headers=headers).get_json()
    assert (report["version"], report["looked_at"], report["labelled"]) == (made.version, 20, 20)
    assert report["changed"] > 0
    assert report["candidate_right"] > report["served_right"]
    assert ask.post(f"{API}/shadow", json={"version": None}, headers=headers).status_code == 200
    missing = ask.post(f"{API}/shadow", json={"version": "nothing"}, headers=headers)
    assert missing.status_code == 404
    log.close()


def test_a_backend_without_a_model_serves_what_is_activated(
    settings: Settings, filled: TinyDBRepository, made: Made, releases: Releases
) -> None:
    """Where what was chosen could not be loaded, another version is served at once."""
    served: list[Judge] = []
    backend = Releases(settings, filled, served.append, lambda: served[-1] if served else None)
    backend.activate(made.version, "me")
    assert [judge.ref.version for judge in served] == [made.version]


@pytest.fixture
def damaged(made: Made) -> Iterator[str]:
    """A candidate whose checkpoint was written over after its release."""
    folder = copied(made, "damaged")
    path = folder / CHECKPOINT
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    yield folder.name
    shutil.rmtree(folder)


def test_damaged_weights_are_not_measured_and_do_not_stand_in_the_way(
    releases: Releases,
    settings: Settings,
    filled: TinyDBRepository,
    damaged: str,
    made: Made,
    parent: Card,
) -> None:
    """One changed bit is found before a comparison; other versions are compared all the same."""
    with pytest.raises(WeightsDamaged, match="SHA-256 differs"):
        releases.compare(None, damaged)
    with pytest.raises(WeightsDamaged, match="SHA-256 differs"):
        releases.activate(damaged, "me")
    known = [load_card(settings.home / "weights" / damaged), parent, load_card(made.folder)]
    versions = [card.ref.version for card in sharing_trunk(parent, known)]
    assert versions == [parent.ref.version, made.version]
    assert releases.compare(None, made.version).hold_outs


def test_what_is_damaged_is_left_for_a_sound_version(
    releases: Releases, settings: Settings, made: Made, damaged: str, spoilt: str
) -> None:
    """Where the active version cannot be served, any sound one may be; there is no way back."""
    choice = settings.home / "active-model.json"
    choice.write_text(json.dumps({"version": damaged, "previous": None}))
    assert releases.activate(spoilt, "me").name == spoilt
    (settings.home / "weights" / damaged / CARD_NAME).write_text("{")
    choice.write_text(json.dumps({"version": damaged, "previous": None}))
    assert releases.activate(made.version, "me").name == made.version
    with pytest.raises(Conflict, match="no earlier version"):
        releases.roll_back("me")


def test_a_shadow_whose_weights_are_gone_judges_no_more(releases: Releases, made: Made) -> None:
    """Deleting the folder of what judges along leaves nothing that judges along."""
    folder = copied(made, "short-lived")
    releases.set_shadow(folder.name, "me")
    assert releases.shadow() is not None
    shutil.rmtree(folder)
    assert releases.shadow() is None
    assert releases.shadow_report() is None


@pytest.fixture
def seen_otherwise(made: Made) -> Iterator[Card]:
    """A candidate that prepares its pictures in another way."""
    folder = copied(made, "seen-otherwise")
    document = json.loads((folder / CARD_NAME).read_text())
    document["preprocessing"]["mean"] = [0.5, 0.5, 0.5]
    (folder / CARD_NAME).write_text(json.dumps(document))
    yield load_card(folder)
    shutil.rmtree(folder)


def test_a_candidate_that_sees_otherwise_takes_no_vectors(
    releases: Releases, seen_otherwise: Card, parent: Card, filled: TinyDBRepository
) -> None:
    """With another preprocessing logged vectors are not its own: neither learnt from nor judged."""
    with pytest.raises(Conflict, match="another network"):
        releases.set_shadow(seen_otherwise.ref.version, "me")
    data = from_log(filled, seen_otherwise, [parent, seen_otherwise])
    assert len(data.learn) == 0
    assert sum(data.left.values()) == 300
    found = releases.compare(parent.ref.version, seen_otherwise.ref.version)
    assert [h.name for h in found.hold_outs] == [EVALUATION_SET]
    assert "no labelled audit record's picture was kept" in found.notes[0]
    assert (found.flips, found.looked_at) == ((), 0)


def test_versions_over_http(wired_home: Wired, made: Made, spoilt: str, parent: Card) -> None:
    """Cards, comparisons and refusals come as documents; the list says who descends from whom."""
    headers, ask = wired_home.token(), wired_home.client
    listed = {
        m["version"]: m for m in ask.get(f"{API}/models", headers=headers).get_json()["models"]
    }
    assert listed[made.version]["parent"] == parent.ref.version
    assert listed[parent.ref.version]["active"]
    report = ask.get(f"{API}/models/{made.version}", headers=headers).get_json()
    assert report["card"]["tuning"]["data"]["groups"] > 100
    assert report["metrics"]["history"]
    found = ask.get(f"{API}/comparison?candidate={spoilt}", headers=headers).get_json()
    assert found["objections"]
    refused = ask.post(f"{API}/models/{spoilt}/activate", json={}, headers=headers)
    assert (refused.status_code, refused.get_json(force=True)["code"]) == (409, "worse_than_served")
    gone = ask.post(f"{API}/models/none/activate", json={}, headers=headers)
    assert gone.status_code == 404


@pytest.fixture
def wired_home(settings: Settings, filled: TinyDBRepository) -> Iterator[Wired]:
    yield wire(settings, filled, FakeJudge(), Clock())
    (settings.home / "active-model.json").unlink(missing_ok=True)


def test_exports_that_will_not_do_are_refused(tmp_path: Path, parent: Card) -> None:
    """Damaged, foreign, hostile or contradicting files: each is refused in a sentence."""
    import zipfile

    from safetensors.numpy import save

    def zipped(name: str, raw: bytes, member: str = "features.safetensors") -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, raw)
        return tmp_path / name

    def vectors(model: str, labels: list[int], keys: list[int]) -> bytes:
        count = len(labels)
        index = np.zeros(count, np.int32)
        return save(
            {
                "train.features": np.ones((count, parent.feature_size), np.float16),
                "train.labels": np.array(labels, np.int8),
                "train.group": index,
                "train.source": index,
                "train.sha256": np.array([[k] * 32 for k in keys], np.uint8),
            },
            metadata={"group": '["g"]', "source": '["s"]', "model_sha256": model},
        )

    good = vectors(parent.ref.sha256, [0, 1], [1, 2])
    assert len(from_export(zipped("good.zip", good), parent, [parent]).learn) == 2
    (tmp_path / "torn.zip").write_bytes((tmp_path / "good.zip").read_bytes()[:5000])
    for file, words in (
        (tmp_path / "torn.zip", "no whole zip"),
        (zipped("foreign.zip", b"hello", "readme.txt"), "no export of ours"),
        (zipped("noise.zip", b"\x08" + bytes(40)), "damaged"),
        (zipped("other.zip", vectors("0" * 64, [0, 1], [1, 2])), "no vectors of the network"),
        (zipped("both.zip", vectors(parent.ref.sha256, [0, 1], [1, 1])), "both labels"),
        (zipped("odd.zip", vectors(parent.ref.sha256, [0, 7], [1, 2])), "labels other than"),
    ):
        with pytest.raises(BadInput, match=words):
            from_export(file, parent, [parent])


def test_compare_needs_no_log(parent: Card, made: Made) -> None:
    """Without a log the evaluation set alone is compared."""
    found = compare(parent, load_card(made.folder), None, [parent])
    assert [h.name for h in found.hold_outs] == [EVALUATION_SET]
    assert isinstance(from_release(parent, "val")[0], Examples)
