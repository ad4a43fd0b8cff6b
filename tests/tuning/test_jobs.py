"""Jobs in processes of their own: followed, killed, resumed, stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backend.domain import Job, Policy, Scope, utc_now
from backend.errors import Conflict, NotFound, UnknownField
from backend.jobs.desk import INTERRUPTED, UNFINISHED, JobDesk, spawn_runner
from backend.jobs.folder import JobFolder
from backend.jobs.runner import run
from backend.jobs.threads import one_thread_for_sums
from backend.model.card import Card, load_card
from backend.settings import Settings
from backend.storage import open_repository
from backend.storage.repository import Mark, PredictionFilter
from backend.storage.tinydb_repository import TinyDBRepository
from tests.api.harness import API, Clock, wire
from tests.fakes import FakeJudge
from tests.tuning.planted import fill_log


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory, parent: Card) -> Settings:
    """A home of its own with a reviewed log, for processes to work in."""
    settings = Settings(home=tmp_path_factory.mktemp("jobs"), port=80)
    settings.prepare_home()
    repository = open_repository(settings)
    fill_log(repository, parent)
    repository.close()
    return settings


@pytest.fixture
def log(at_home: Settings) -> Iterator[TinyDBRepository]:
    opened = open_repository(at_home)
    yield opened
    opened.close()


def wait(desk: JobDesk, job: Job, timeout_s: float = 120) -> Job:
    """Return the job once it has ended, however it ended."""
    deadline = time.monotonic() + timeout_s
    while (found := desk.get(job.id)).state in UNFINISHED:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_a_killed_fine_tune_is_resumed_and_its_verdicts_flip(
    at_home: Settings, log: TinyDBRepository, parent: Card
) -> None:
    """Killed with SIGKILL it is `interrupted`; resumed by another desk, it ends with a candidate.

    A re-score by the candidate then fills the queue of flipped verdicts, and again clears it.
    """
    processes: list[subprocess.Popen[bytes]] = []
    desk = JobDesk(at_home, log, lambda *about: processes.append(spawn_runner(*about)))
    job = desk.start("fine-tune", {"steps": 40, "version": "mine"}, "me")
    with pytest.raises(Conflict, match="already"):
        desk.start("fine-tune", {}, "me")
    fold = JobFolder.of(at_home, job.id).run / "fold-0.safetensors"
    while not fold.exists():
        assert processes[0].poll() is None, desk.get(job.id)
        time.sleep(0.02)
    assert desk.get(job.id).state == "running"
    os.kill(processes[0].pid, signal.SIGKILL)
    processes[0].wait()
    assert desk.get(job.id).state == INTERRUPTED
    assert not (at_home.home / "weights" / "mine").exists()

    another = JobDesk(at_home, log)
    another.resume(job.id, "me")
    done = wait(another, job)
    planted = log.list_predictions(PredictionFilter(site="zine.example"), limit=200).records
    for record in planted[:30]:
        log.undo_review(log.reviews_of(record.image.sha256)[0].id, utc_now())
    assert (done.state, done.result["version"]) == ("done", "mine"), done
    assert len(another.curve(done)) >= 2
    assert another.curve(done)[-1]["step"] == 40

    scored = wait(another, another.start("re-score", {"version": "mine"}, "me"))
    assert scored.state == "done", scored
    assert scored.result["judged"] == 300
    assert 0 < int(str(scored.result["flipped"])) < 300
    assert 0 < log.count_waiting(Mark.FLIPPED) <= 30  # all the others have a label
    assert {"job.start", "job.resume"} <= {event.action for event in log.list_events()}
    scored = wait(another, another.start("re-score", {"version": parent.ref.version}, "me"))
    assert scored.result["flipped"] == 0
    assert log.count_waiting(Mark.FLIPPED) == 0


def re_score_slowly(settings: Settings, job_id: str, pipe: Any) -> None:
    """Do a re-score in small pages, and say when the first has been dealt with."""
    keep = JobFolder.keep_place

    def slow(folder: JobFolder, place: dict[str, Any]) -> None:
        keep(folder, place)
        pipe.send("now")
        time.sleep(60)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.jobs.work._PAGE", 40)
        patch.setattr(JobFolder, "keep_place", slow)
        run(settings, job_id)


def test_a_killed_re_score_goes_on_at_its_place(at_home: Settings, log: TinyDBRepository) -> None:
    """After SIGKILL it is `interrupted`; resumed, every record is judged once."""
    desk = JobDesk(at_home, log, lambda settings, job_id: None)
    job = desk.start("re-score", {}, "me")
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=re_score_slowly, args=(at_home, job.id, theirs))
    child.start()
    assert ours.poll(60)
    assert desk.get(job.id).state == "running"
    os.kill(child.pid or 0, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    child.join()
    assert desk.get(job.id).state == INTERRUPTED
    assert JobFolder.of(at_home, job.id).place()["seen"] == 40
    desk.resume(job.id, "me")
    run(at_home, job.id)
    done = desk.get(job.id)
    assert (done.state, done.result["judged"]) == ("done", 300), done
    assert JobFolder.of(at_home, job.id).place() == {}


def test_a_job_is_stopped_before_its_turn_and_at_a_step(
    at_home: Settings, log: TinyDBRepository
) -> None:
    """A wish to stop is heard; what never started in a process is stopped at once."""
    desk = JobDesk(at_home, log, lambda settings, job_id: None)
    job = desk.start("re-score", {}, "me")
    JobFolder.of(at_home, job.id).mark_held()  # its process is gone
    assert desk.get(job.id).state == INTERRUPTED
    assert desk.cancel(job.id, "me").state == "cancelled"
    with pytest.raises(Conflict):
        desk.cancel(job.id, "me")
    desk.resume(job.id, "me")
    JobFolder.of(at_home, job.id).ask_to_stop()
    run(at_home, job.id)
    assert desk.get(job.id).state == "cancelled"
    with pytest.raises(NotFound):
        desk.get("nothing")
    with pytest.raises(UnknownField):
        desk.start("dance", {}, "me")


def idle_desk(settings: Settings, log: TinyDBRepository) -> JobDesk:
    """Return a desk that starts no process: the tests run the jobs themselves."""
    return JobDesk(settings, log, lambda settings, job_id: None)


def run_until(settings: Settings, job: Job, is_enough: Callable[[JobFolder], bool]) -> None:
    """Run a job and stop it as soon as its folder says that it has come far enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.jobs.work._PAGE", 40)
        patch.setattr(JobFolder, "is_asked_to_stop", is_enough)
        run(settings, job.id)


def test_a_stopped_fine_tune_goes_on_with_what_was_reviewed_since(
    at_home: Settings, log: TinyDBRepository
) -> None:
    """Resumed after a review it starts anew, and learns from the log as it is."""
    desk = idle_desk(at_home, log)
    job = desk.start("fine-tune", {"steps": 10, "version": "later"}, "me")
    run_until(at_home, job, lambda folder: (folder.run / "fold-0.safetensors").exists())
    assert desk.get(job.id).state == "cancelled"
    before = json.loads((JobFolder.of(at_home, job.id).run / "config.json").read_text())
    taken_back = log.list_predictions(PredictionFilter(reviewed=True), limit=1).records[0]
    log.undo_review(log.reviews_of(taken_back.image.sha256)[0].id, utc_now())
    desk.resume(job.id, "me")
    run(at_home, job.id)
    done = desk.get(job.id)
    assert (done.state, done.result.get("version")) == ("done", "later"), done
    learnt = load_card(at_home.home / "weights" / "later").document["tuning"]["data"]
    assert learnt["sha256"] != before["data"]["sha256"]


def test_a_name_that_a_run_chose_before_is_not_in_its_way(
    at_home: Settings, log: TinyDBRepository, parent: Card
) -> None:
    """Killed with its candidate in place, and resumed after a review, it chooses another name."""
    desk = idle_desk(at_home, log)
    job = desk.start("fine-tune", {"steps": 10, "seed": 3}, "me")
    folder = JobFolder.of(at_home, job.id).run
    folder.mkdir()
    (folder / "version").write_text(parent.ref.version)  # a version that is there
    run(at_home, job.id)
    done = desk.get(job.id)
    assert done.state == "done", done
    assert done.result["version"] != parent.ref.version


def test_a_name_that_somebody_gave_stays_in_the_way(
    at_home: Settings, log: TinyDBRepository, parent: Card
) -> None:
    """A version that exists is not replaced, nor is what the run has done thrown away."""
    desk = idle_desk(at_home, log)
    job = desk.start("fine-tune", {"steps": 10, "version": parent.ref.version}, "me")
    folder = JobFolder.of(at_home, job.id).run
    folder.mkdir()
    run(at_home, job.id)
    assert desk.get(job.id).state == "failed"
    assert "choose another name" in desk.get(job.id).detail
    assert folder.exists()


def test_a_re_score_does_not_mix_thresholds(at_home: Settings, log: TinyDBRepository) -> None:
    """Resumed after a policy was published, it judges all by that policy."""
    desk = idle_desk(at_home, log)
    job = desk.start("re-score", {}, "me")
    run_until(at_home, job, lambda folder: bool(folder.place()))
    assert JobFolder.of(at_home, job.id).place()["seen"] == 40
    log.append_policy(Policy(1, 0.0001, 0.9999, utc_now(), "me"))
    desk.resume(job.id, "me")
    run(at_home, job.id)
    again = desk.start("re-score", {}, "me")
    run(at_home, again.id)
    whole = desk.get(again.id).result
    assert int(str(whole["flipped"])) > 0
    assert desk.get(job.id).result == whole


def test_a_fine_tune_without_labels_fails_with_a_sentence(home: Settings) -> None:
    """Over HTTP: the job says what is wanting, and can be started again."""
    repository = open_repository(home)
    wired = wire(home, repository, FakeJudge(), Clock())
    headers = wired.token(Scope.ADMIN)
    started = wired.client.post(f"{API}/jobs", json={"kind": "fine-tune"}, headers=headers)
    assert started.status_code == 201
    address = f"{API}/jobs/{started.get_json()['id']}"
    deadline = time.monotonic() + 60
    while (job := wired.client.get(address, headers=headers).get_json())["state"] in UNFINISHED:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert job["state"] == "failed"
    assert "0 reviewed pictures" in job["detail"]
    assert job["curve"] == []
    repository.close()


def test_sums_take_one_thread_unless_told_otherwise() -> None:
    """A process that works beside others has one, and somebody's own choice stands."""
    told = {"OPENBLAS_NUM_THREADS": "4"}
    fresh: dict[str, str] = {}
    one_thread_for_sums(told)
    one_thread_for_sums(fresh)
    assert told == {"OPENBLAS_NUM_THREADS": "4"}
    assert fresh == {"OPENBLAS_NUM_THREADS": "1"}
