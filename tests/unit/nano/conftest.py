"""Shared by the tests of nano: one thread, since the models here are tiny; the shipped model, loaded once."""

from collections.abc import Iterator

import pytest
import torch

from nano_training.paths import MODEL_DIR
from nano_training.scoring import Scorer


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="session")
def nano() -> Scorer:
    return Scorer.from_folder(MODEL_DIR)
