"""The served graph against torch, on real pictures and the shipped weights."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from backend.imaging.decode import decode
from backend.model import openvino_runtime
from backend.model.architectures import find_architecture, load_checkpoint
from backend.model.card import Card
from backend.model.openvino_runtime import CROWD_S, Crowd, OpenVinoJudge, Requests, openvino_core
from backend.model.preprocess import FloatArray, Preprocessing, to_tensor
from backend.model.processor import Processor
from backend.model.registry import SHIPPED, load_judge
from backend.model.torch_runtime import TorchJudge
from backend.settings import RuntimeName, Settings
from backend.training.graph import export_graph
from backend.training.manifest import read_manifest
from backend.training.views import EvaluationViews
from tests.pictures import draw
from tests.training.manifests import write_manifest


def test_torch_and_the_served_graph_agree_in_32_bits(
    card: Card, pictures: list[Image.Image]
) -> None:
    """Both runtimes give probabilities within .002, the same features and the same map."""
    served, reference = OpenVinoJudge(card, precision="f32"), TorchJudge(card)
    for picture in pictures:
        one, two = served.score(picture), reference.score(picture)
        assert one.score == pytest.approx(two.score, abs=0.002)
        np.testing.assert_allclose(
            np.frombuffer(one.features, "<f2").astype(np.float32),
            np.frombuffer(two.features, "<f2").astype(np.float32),
            atol=0.02,
        )
        np.testing.assert_allclose(
            one.activation.values, two.activation.values, atol=0.05, rtol=0.05
        )


@pytest.mark.parametrize(
    ("precision", "largest", "mean"), [("bf16", 0.03, 0.01), ("int8", 0.12, 0.02)]
)
def test_fewer_bits_move_scores_by_little(
    card: Card, pictures: list[Image.Image], precision: str, largest: float, mean: float
) -> None:
    """In 16 bits no score moves far; in 8 bits one may, while they stay put on the whole."""
    fast, exact = (OpenVinoJudge(card, precision=p) for p in (precision, "f32"))
    gaps = [abs(fast.score(p).score - exact.score(p).score) for p in pictures]
    assert max(gaps) < largest
    assert float(np.mean(gaps)) < mean


def test_the_processor_gets_the_fastest_precision_that_the_card_vouches_for(
    card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 bits where hardware and card allow, else 16 in hardware, else 32: never emulated."""

    def chosen(flags: set[str], files: dict[str, str], bits: int | None = None) -> str:
        processor = Processor("test", 2, frozenset(flags))
        monkeypatch.setattr(openvino_runtime, "this_processor", lambda: processor)
        document = {**card.document, "int8": {"weight_bits": bits} if bits else {}}
        return openvino_runtime.precision_for(replace(card, files=files, document=document))

    both = {"graph-int8.xml": "", "graph-int8.bin": ""}
    assert chosen({"avx512_vnni", "avx512_bf16"}, both) == "int8"
    assert chosen({"avx512_vnni", "avx512_bf16"}, {}) == "bf16"
    assert chosen({"avx2"}, both) == "f32"  # full 8-bit weights overflow there
    assert chosen({"avx2"}, both, bits=7) == "int8"
    assert chosen({"avx2"}, {}, bits=7) == "f32"
    assert chosen(set(), both, bits=7) == "f32"


def test_a_linear_heads_map_sums_to_the_logit(tmp_path: Path) -> None:
    """With one linear layer the heat map is exact: its mean and the bias are the logit."""
    torch.manual_seed(6)
    architecture = find_architecture("resnet18-linear")
    network = architecture.build({}).eval()
    export_graph(architecture, network, tmp_path / "graph.xml", 96)
    core = openvino_core()
    model = core.read_model(tmp_path / "graph.xml")
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    bias = float(network.fc.bias[1].detach() - network.fc.bias[0].detach())
    for seed in range(4):
        out = compiled({0: to_tensor(draw(seed=seed), Preprocessing(96, 96))[None]})
        assert float(out["activation"].mean()) + bias == pytest.approx(
            float(out["logit"][0]), abs=1e-3
        )


def test_features_and_logit_belong_to_the_same_pass(
    card: Card, pictures: list[Image.Image]
) -> None:
    """The head of the checkpoint, given the logged features, says the served logit again."""
    judge = OpenVinoJudge(card, precision="f32")
    network = find_architecture(card.architecture).build(card.document).eval()
    load_checkpoint(network, card.folder / "checkpoint.safetensors")
    logits = []
    for picture in pictures:
        scored = judge.score(picture)
        vector = np.frombuffer(scored.features, "<f2").astype(np.float32)
        with torch.inference_mode():
            logit = float(network.head(torch.from_numpy(vector)[None])[0])
        assert scored.logit == pytest.approx(logit, abs=0.03)
        logits.append(round(scored.logit, 2))
    assert len(set(logits)) > len(pictures) // 2


_FIRST_PICTURES = """
import sys, threading
from pathlib import Path
import numpy as np
from backend.model.card import load_card
from backend.model.openvino_runtime import OpenVinoJudge

sys.setswitchinterval(1e-6)
card = load_card(Path(sys.argv[1]))
judge = OpenVinoJudge(card)
crop_px = card.preprocessing.crop_px
picture = np.zeros((1, 3, crop_px, crop_px), np.float32)
together = threading.Barrier(8)

def first() -> None:
    together.wait()
    judge.infer(picture)

threads = [threading.Thread(target=first) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_the_first_pictures_may_come_all_at_once(card: Card) -> None:
    """A fresh process whose first pictures come at the same moment answers all of them."""
    command = [sys.executable, "-c", _FIRST_PICTURES, str(card.folder)]
    # Without the pass at loading, one start in three never answered.
    for _ in range(4):
        subprocess.run(command, check=True, timeout=120, cwd=SHIPPED.parent)


def test_the_network_runs_once_while_it_is_loaded(card: Card) -> None:
    """Loading ends with a pass in each way, so that nobody's first picture pays for the set-up."""
    ways: list[bool] = []

    class Counting(OpenVinoJudge):
        def _pass(self, tensor: FloatArray, together: bool) -> dict[str, FloatArray]:
            ways.append(together)
            return super()._pass(tensor, together)

    Counting(card)
    assert ways == [False, True]


def test_many_threads_share_one_model_without_mixing_answers(
    card: Card, pictures: list[Image.Image]
) -> None:
    """Eight threads at once get for each picture what one thread alone gets."""
    judge = OpenVinoJudge(card, precision="f32")
    alone = [judge.score(p).logit for p in pictures]
    found: dict[int, list[float]] = {}

    def work(name: int) -> None:
        order = np.random.default_rng(name).permutation(len(pictures))
        logits = {int(i): judge.score(pictures[i]).logit for i in order}
        found[name] = [logits[i] for i in range(len(pictures))]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for logits in found.values():
        np.testing.assert_allclose(logits, alone, atol=1e-4)


def test_serving_and_training_see_equal_tensors(card: Card, tmp_path: Path) -> None:
    """What evaluation feeds the network is bit for bit what serving feeds it."""
    fed: list[FloatArray] = []

    class Spy(OpenVinoJudge):
        def infer(self, tensor: FloatArray) -> dict[str, FloatArray]:
            fed.append(tensor[0])
            return super().infer(tensor)

    judge = Spy(card, precision="f32")
    rows = read_manifest(write_manifest(tmp_path)).rows
    views = EvaluationViews(rows, card.preprocessing)
    for index, row in enumerate(rows):
        judge.score(decode(row.file.read_bytes()).image)
        assert np.array_equal(views[index][0].numpy(), fed[-1])
        assert views[index][1] == row.target


@pytest.mark.parametrize("name", [RuntimeName.OPENVINO, RuntimeName.TORCH])
def test_the_setting_chooses_the_runtime(settings: Settings, name: RuntimeName) -> None:
    """BRUSHMARK_RUNTIME decides what runs the network, and the judge says so."""
    judge = load_judge(Settings(home=settings.home, runtime=name))
    assert judge.device.lower().startswith(name.value)


def test_a_signal_after_models_were_swapped_is_survived(card: Card) -> None:
    """Whichever models came and went, a signal reaches its handler and not the system's."""
    swaps = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from backend.model.card import load_card\n"
        "from backend.model.openvino_runtime import OpenVinoJudge\n"
        f"card = load_card(Path({str(card.folder)!r}))\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: print('heard'))\n"
        "serving = OpenVinoJudge(card)\n"
        "for _ in range(3):\n"
        "    serving = OpenVinoJudge(card)\n"
        "del serving\n"
        "signal.raise_signal(signal.SIGTERM)\n"
    )
    done = subprocess.run([sys.executable, "-c", swaps], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_pictures_that_come_together_are_told_from_a_lone_one() -> None:
    """Company counts while it lasts and a moment longer; a lone picture has every core."""
    now = [0.0]
    crowd = Crowd(lambda: now[0])
    with crowd.passing() as first:
        now[0] = 5.0
        with crowd.passing() as second:
            pass
    assert (first, second) == (False, True)
    now[0] += CROWD_S / 2
    with crowd.passing() as soon_after:
        now[0] += CROWD_S
    with crowd.passing() as later:
        pass
    assert (soon_after, later) == (True, False)


class _Compiled:
    made = 0

    def create_infer_request(self) -> int:
        self.made += 1
        return self.made


def test_the_request_used_last_is_lent_first() -> None:
    """Two are made where two are needed at once, and one that failed is never lent again."""
    requests = Requests(_Compiled())
    with requests.one() as outer, requests.one() as inner:
        assert (outer, inner) == (1, 2)
    with requests.one() as again:
        assert again == outer
    with pytest.raises(ValueError, match="broken"), requests.one():
        raise ValueError("broken")
    with requests.one() as left, requests.one() as fresh:
        assert (left, fresh) == (2, 3)
