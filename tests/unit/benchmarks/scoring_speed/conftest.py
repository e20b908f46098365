import pytest
import torch

from benchmarks.scoring_speed.contenders.serving import Loading
from benchmarks.scoring_speed.random_model import write_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Loading:
    """A tiny model with random weights in a folder; room for few sequences a pass, so that there are several."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    state = torch.random.get_rng_state()
    write_model("tiny", folder)
    torch.random.set_rng_state(state)
    return Loading(str(folder), "float32", "cpu", torch.get_num_threads(), 600)
