"""Small real HTTP servers that speak as model servers do, over a transformers model, for tests of the remote engine.

The answers have the forms that vLLM 0.32, SGLang, OpenAI's completions and llama.cpp's server give.
"""

from __future__ import annotations

import base64
import io
import json
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

FLAVOURS = ("vllm", "vllm_suffix", "sglang", "echo", "vllm_echo", "chat", "llama_cpp", "nothing")


class Words(Protocol):
    """What the servers need of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...


class RefusalError(Exception):
    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


@dataclass
class ModelServer:
    """One server. ``change`` may alter an answer before it is sent, or raise a ``RefusalError``."""

    model: PreTrainedModel
    words: Words
    flavour: str = "vllm"
    name: str = "m"
    key: str | None = None
    max_model_len: int = 256
    end_id: int = -1
    tokenizer: PreTrainedTokenizerBase | None = None  # told at /tokenizer_info and rendered with, where it is given
    change: Callable[[str, dict[str, Any], Any], Any] = lambda path, body, answer: answer
    asked: list[tuple[str, Any]] = field(default_factory=list)
    cached: list[tuple[int, ...]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    _http: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None
    port: int = 0

    def start(self) -> ModelServer:
        ThreadingHTTPServer.request_queue_size = 128
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), _handler_of(self))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening; the same object can be started again on its port."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()
            self._http = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def num_asked(self, path: str) -> int:
        with self.lock:
            return sum(found == path for found, _ in self.asked)

    def answer(self, path: str, body: Any, authorization: str | None) -> Any:
        with self.lock:
            self.asked.append((path, body))
        if self.key is not None and authorization != f"Bearer {self.key}":
            raise RefusalError(401, "Unauthorized")
        if path == "/v1/models" and self.flavour != "nothing":
            entry = {"id": self.name, "root": "models/m", "max_model_len": self.max_model_len}
            return {"object": "list", "data": [{"id": self.name} if self.flavour == "echo" else entry]}
        if isinstance(body, dict) and body.get("model", self.name) != self.name:
            raise RefusalError(404, f"The model `{body['model']}` does not exist.")
        routes = _ROUTES.get(self.flavour, {})
        if path not in routes:
            raise RefusalError(404, "Not Found")
        return self.change(path, body, routes[path](self, body))

    def rows(self, ids: Sequence[int]) -> np.ndarray[Any, Any]:
        """(tokens, vocabulary) log-probabilities of what follows each token."""
        if len(ids) >= self.max_model_len:
            raise RefusalError(
                400, f"This prompt ({len(ids)}) is longer than the maximum model length of {self.max_model_len}."
            )
        if max(ids) >= self.model.config.vocab_size:
            raise RefusalError(400, f"Token id {max(ids)} is out of vocabulary")
        with self.lock, torch.no_grad():
            logits = self.model(torch.tensor([list(ids)]), use_cache=False).logits[0].double()
        return logits.log_softmax(-1).numpy()

    def generate(
        self, ids: Sequence[int], sampling: dict[str, Any], limit_key: str
    ) -> tuple[list[int], list[float], str]:
        """Sampled ids, their log-probabilities and why they ended."""
        draws = np.random.default_rng(sampling.get("seed"))
        stops = {self.end_id, *(sampling.get("stop_token_ids") or ())}
        found: list[int] = []
        values: list[float] = []
        while len(found) < (sampling.get(limit_key) or 1):
            row = self.rows([*ids, *found])[-1]
            temperature = sampling.get("temperature", 1.0)
            token = (
                int(row.argmax()) if not temperature else int(draws.choice(len(row), p=np.exp(row) / np.exp(row).sum()))
            )
            found.append(token)
            values.append(float(row[token]))
            if token in stops:
                return found, values, "stop"
        return found, values, "length"


def _usage(num_prompt: int, num_written: int, cached: int | None = None) -> dict[str, Any]:
    details = None if cached is None else {"cached_tokens": cached}
    return {"prompt_tokens": num_prompt, "completion_tokens": num_written, "prompt_tokens_details": details}


def _prompt_logprobs(rows: np.ndarray[Any, Any], ids: Sequence[int]) -> list[Any]:
    return [None, *({str(t): {"logprob": _json(rows[i, t]), "rank": 1}} for i, t in enumerate(ids[1:]))]


def _json(value: float) -> float | None:
    return float(value) if math.isfinite(value) else -9999.0


def _vllm_generate(server: ModelServer, body: dict[str, Any]) -> Any:
    ids, sampling = body["token_ids"], body["sampling_params"]
    suffix = sampling.get("prompt_logprob_token_ids")
    if suffix is not None and server.flavour != "vllm_suffix":
        raise RefusalError(400, "prompt_logprob_token_ids requires the V2 model runner")
    written, values, reason = server.generate(ids, sampling, "max_tokens")
    answer: dict[str, Any] = {"prompt_logprobs": None, "prompt_token_id_logprobs": None, "usage": _usage(len(ids), 1)}
    if sampling.get("prompt_logprobs") is not None:
        answer["prompt_logprobs"] = _prompt_logprobs(server.rows(ids), ids)
    if suffix is not None:
        answer["prompt_token_id_logprobs"], num_cached = _suffix(server, ids, sampling)
        answer["usage"] = _usage(len(ids), 1, num_cached)
    content = [{"token_id": t, "logprob": v, "top_logprobs": []} for t, v in zip(written, values, strict=True)]
    choice = {"index": 0, "finish_reason": reason, "token_ids": written, "logprobs": {"content": content}}
    return {**answer, "choices": [choice]}


def _suffix(server: ModelServer, ids: Sequence[int], sampling: dict[str, Any]) -> tuple[str | None, int]:
    """Scores as an array in base64, or None when the cache (whole blocks of 4 here) had gone past the first row."""
    start = sampling["prompt_logprob_start"]
    with server.lock:
        shared = max((_shared(ids, known) for known in server.cached), default=0)
        server.cached.append(tuple(ids))
    num_cached = 0 if sampling.get("skip_reading_prefix_cache", True) else min(shared, len(ids) - 1) // 4 * 4
    if num_cached > start:
        return None, num_cached
    rows = server.rows(ids)
    scores = [
        [rows[start + i, token] for token in tokens] for i, tokens in enumerate(sampling["prompt_logprob_token_ids"])
    ]
    with io.BytesIO() as buffer:
        np.save(buffer, np.array(scores, dtype=np.float32))
        return base64.b64encode(buffer.getvalue()).decode(), num_cached


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


def _sglang(server: ModelServer, body: dict[str, Any]) -> Any:
    ids, sampling = body["input_ids"], body["sampling_params"]
    limit = sampling["max_new_tokens"]
    written, values, reason = server.generate(ids, sampling, "max_new_tokens") if limit else ([], [], "length")
    info: dict[str, Any] = {"completion_tokens": len(written), "finish_reason": {"type": reason}, "cached_tokens": 0}
    if body.get("return_logprob"):
        start = body.get("logprob_start_len", len(ids) - 1)
        rows = server.rows(ids)
        info["input_token_logprobs"] = [
            [None if i == start else float(rows[i - 1, ids[i]]), ids[i], None] for i in range(start, len(ids))
        ]
        info["output_token_logprobs"] = [[v, t, None] for t, v in zip(written, values, strict=True)]
    kept = written[:-1] if reason == "stop" else written
    return {"text": server.words.decode(kept), "meta_info": info}


def _echo(server: ModelServer, body: dict[str, Any]) -> Any:
    """OpenAI's old completions; refuses keys that it does not know unless it is vLLM's."""
    if server.flavour == "echo" and "return_tokens_as_token_ids" in body:
        raise RefusalError(400, "Unrecognized request argument supplied: return_tokens_as_token_ids")
    ids = body["prompt"]
    limit = body.get("max_tokens", 16)
    written, values, reason = server.generate(ids, body, "max_tokens") if limit else ([], [], "length")
    shown, known = list(written), [float(v) for v in values]
    if body.get("echo"):
        rows = server.rows(ids)
        known = [None, *(float(rows[i, t]) for i, t in enumerate(ids[1:])), *known]  # type: ignore[list-item]
        shown = [*ids, *written]
    as_ids = body.get("return_tokens_as_token_ids")
    tokens = [f"token_id:{token}" if as_ids else server.words.decode([token]) for token in shown]
    logprobs = {"tokens": tokens, "token_logprobs": known} if body.get("logprobs") is not None else None
    kept = written[:-1] if reason == "stop" else written
    choice = {"index": 0, "text": server.words.decode(kept), "logprobs": logprobs, "finish_reason": reason}
    return {"choices": [choice], "usage": _usage(len(ids), len(written))}


def _llama_cpp(server: ModelServer, body: dict[str, Any]) -> Any:
    """llama.cpp's: echo is ignored, log-probabilities are of generated tokens alone, and there is no error."""
    ids = body["prompt"]
    written, values, reason = server.generate(ids, body, "max_tokens")
    rows = [server.rows([*ids, *written[:place]])[-1] for place in range(len(written))]
    top = [np.argsort(-row)[: body.get("logprobs") or 0] for row in rows]
    content = [
        {
            "id": token,
            "token": server.words.decode([token]),
            "logprob": value,
            "top_logprobs": [
                {"id": int(t), "token": server.words.decode([int(t)]), "logprob": float(row[t])} for t in best
            ],
        }
        for token, value, row, best in zip(written, values, rows, top, strict=True)
    ]
    logprobs = {"content": content} if body.get("logprobs") else None
    kept = written[:-1] if reason == "stop" else written
    choice = {"index": 0, "text": server.words.decode(kept), "logprobs": logprobs, "finish_reason": reason}
    return {"choices": [choice], "usage": _usage(len(ids), len(written))}


def _chat(server: ModelServer, body: dict[str, Any]) -> Any:
    if body.get("chat_template") != "{{ messages[0]['content'] }}":
        raise RefusalError(400, "this fake knows one template")
    ids = server.words.encode(body["messages"][0]["content"])
    written, values, reason = server.generate(ids, body, "max_tokens")
    content = [{"token": "", "logprob": value} for value in values]
    choice = {"index": 0, "token_ids": written, "finish_reason": reason, "logprobs": {"content": content}}
    answer = {"choices": [choice], "usage": _usage(len(ids), len(written)), "prompt_token_ids": ids}
    wanted = body.get("prompt_logprobs") is not None
    return {**answer, "prompt_logprobs": _prompt_logprobs(server.rows(ids), ids) if wanted else None}


def _tokenize(server: ModelServer, body: dict[str, Any]) -> Any:
    if "messages" not in body:
        return {"tokens": server.words.encode(body["prompt"])}
    assert server.tokenizer is not None
    opens = body.get("add_generation_prompt", True)
    text = server.tokenizer.apply_chat_template(body["messages"], tokenize=False, add_generation_prompt=opens)
    return {"tokens": server.words.encode(str(text))}


def _detokenize(server: ModelServer, body: dict[str, Any]) -> Any:
    return {"prompt": server.words.decode(body["tokens"])}


def _tokenizer_info(server: ModelServer, body: None) -> Any:
    """As vLLM with --enable-tokenizer-info-endpoint: of an added token its text alone."""
    if server.tokenizer is None:
        raise RefusalError(404, "Not Found")
    added = {str(token_id): token.content for token_id, token in server.tokenizer.added_tokens_decoder.items()}
    told = {"eos_token": server.tokenizer.eos_token, "chat_template": server.tokenizer.chat_template}
    return {"tokenizer_class": "X", "added_tokens_decoder": added, **{k: v for k, v in told.items() if v}}


_VLLM = {
    "/inference/v1/generate": _vllm_generate,
    "/tokenize": _tokenize,
    "/detokenize": _detokenize,
    "/tokenizer_info": _tokenizer_info,
}
_ROUTES: dict[str, dict[str, Callable[[ModelServer, Any], Any]]] = {
    "vllm": _VLLM,
    "vllm_suffix": _VLLM,
    "sglang": {"/generate": _sglang},
    "echo": {"/v1/completions": _echo},
    "vllm_echo": {"/v1/completions": _echo, "/tokenize": _tokenize},
    "chat": {"/v1/chat/completions": _chat, "/tokenize": _tokenize},
    "llama_cpp": {"/v1/completions": _llama_cpp},
}


def _handler_of(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes: else each answer waits for an acknowledgement

        def do_GET(self) -> None:
            self._serve(None)

        def do_POST(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _serve(self, body: Any) -> None:
            headers: dict[str, str] = {}
            try:
                status, answer = 200, server.answer(self.path, body, self.headers.get("authorization"))
            except RefusalError as refusal:
                status, answer = refusal.status, {"error": {"message": refusal.message, "code": refusal.status}}
                headers = refusal.headers
            except ConnectionAbortedError:  # a server that dies in the middle of an answer
                self.close_connection = True
                return
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    return Handler
