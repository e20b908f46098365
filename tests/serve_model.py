"""A model server as a process of its own: ``python -m tests.serve_model FOLDER FLAVOUR`` prints its address."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.model_servers import ModelServer


class FolderWords:
    """The tokenizer of a model's folder."""

    def __init__(self, folder: str) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids)))


def main(folder: str, flavour: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    length = int(model.config.max_position_embeddings)
    server = ModelServer(model, FolderWords(folder), flavour, name="nano", max_model_len=length).start()
    print(server.url, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
