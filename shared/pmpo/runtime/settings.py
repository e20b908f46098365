"""Settings: every ``PMPO_*`` variable in one frozen object per process, built once and passed down."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pmpo.errors import ConfigurationError

PREFIX = "PMPO_"
TEST_VARIABLES = frozenset({"PMPO_TEST_MODELS_DIR"})
_KUBERNETES = re.compile(r"^PMPO_\w*(_SERVICE_HOST|_SERVICE_PORT(_\w+)?|_PORT(_\d+_\w+)?)$")


class Settings(BaseSettings):
    """All settings of all processes. Names are the environment's, without ``PMPO_`` and in lower case."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", allow_inf_nan=False)

    redis_url: str | None = Field(
        default=None, repr=False, description="Redis to use; the embedded stack starts one when unset"
    )
    redis_fsync: Literal["everysec", "always"] = Field(
        default="everysec", description="when the embedded stack's Redis brings its append-only file to the disk"
    )
    api_host: str = Field(default="127.0.0.1", description="address the API binds")
    api_port: int = Field(default=8000, ge=0, le=65535, description="port of the API; 0 takes a free one")
    api_keys: Literal["auto", "required", "off"] = Field(
        default="auto", description="who may call the API: auto asks for keys unless it is bound to loopback"
    )
    api_max_queued_jobs: int = Field(default=1_000, ge=1, description="jobs that may wait in all; above: 429")
    api_max_active_jobs_per_project: int = Field(
        default=500, ge=1, description="jobs of one project that may be waiting, running or paused; above: 429"
    )
    api_max_requests_per_minute: int = Field(
        default=0, ge=0, description="requests of one key (without keys: of all) in a minute; above: 429; 0: no limit"
    )
    scorer_host: str = Field(default="127.0.0.1", description="address the scorer binds")
    scorer_port: int = Field(default=8100, ge=0, le=65535, description="port of the scorer; 0 takes a free one")
    scorer_key: str | None = Field(
        default=None, repr=False, description="key that the scorer asks for; API and worker send it"
    )
    scorer_open: bool = Field(
        default=False, description="let a scorer that is not bound to loopback answer without a key"
    )
    scorer_model: str = Field(default="nano", description="model folder, hub name, or nano for the bundled model")
    scorer_engine: Literal["torch_tree", "vllm_local", "remote", "sampled_prefix"] = Field(
        default="torch_tree", description="engine that scores: torch_tree, vllm_local, remote or sampled_prefix"
    )
    scorer_dtype: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="numbers the model runs in"
    )
    scorer_deterministic: bool = Field(default=False, description="no batching across requests: runs are bit-equal")
    scorer_max_queued_tokens: int = Field(default=2_000_000, ge=1, description="tokens that may wait; above: 429")
    scorer_max_batch_tokens: int = Field(default=8_192, ge=64, description="tokens of one forward pass")
    scorer_memo_bytes: int = Field(default=134_217_728, ge=0, description="memory for scores already computed; 0: none")
    scorer_max_restarts: int = Field(default=5, ge=0, description="restarts in a row of a dead engine before giving up")
    scorer_batch_mib: int = Field(default=0, ge=0, description="MiB of a forward pass beside the weights; 0: no limit")
    scorer_threads: int = Field(default=0, ge=0, description="CPU threads of the model; 0 leaves the choice to torch")
    scorer_remote_urls: str | None = Field(default=None, description="model servers of one model, with commas between")
    scorer_remote_model: str | None = Field(
        default=None, description="the model's name there, where several are served"
    )
    scorer_remote_tokenizer: Literal["files", "server"] = Field(
        default="files",
        description="whose tokenizer: files (of PMPO_SCORER_MODEL), or what a vLLM server tells: server",
    )
    scorer_remote_key: str | None = Field(default=None, repr=False, description="key for the model servers")
    scorer_remote_context_length: int = Field(
        default=0, ge=0, description="tokens of one item; 0: what the server says"
    )
    scorer_remote_concurrency: int = Field(default=32, ge=1, description="calls under way at each model server")
    scorer_remote_timeout_s: float = Field(
        default=120.0, gt=0, le=86_400, description="deadline of one call to a model server"
    )
    scorer_vllm_max_model_len: int = Field(default=0, ge=0, description="context length for vLLM; 0: the model's own")
    scorer_vllm_tensor_parallel: int = Field(default=1, ge=1, description="GPUs that vLLM spreads the model over")
    scorer_vllm_gpu_memory: float = Field(
        default=0.9, gt=0, le=1, description="share of a GPU's memory that vLLM may use"
    )
    scorer_vllm_cache_gib: float = Field(default=0.0, ge=0, description="GiB of vLLM's KV cache; 0: what is left")
    scorer_vllm_float32_head: bool = Field(default=True, description="vLLM's output layer in float32")
    scorer_vllm_quantization: str | None = Field(default=None, description="vLLM's method for a quantised model")
    scorer_vllm_lora: str | None = Field(default=None, description="folder of a LoRA adapter for vLLM to apply")
    scorer_vllm_eager: bool = Field(default=False, description="vLLM without compilation: starts sooner, runs slower")
    scorer_sampled_max_calls: int = Field(
        default=2_000, ge=1, description="most calls that sampled_prefix may make for scores"
    )
    endpoints: str | None = Field(default=None, description="endpoint table: JSON text, or path of a YAML or JSON file")
    data_dir: str | None = Field(default=None, description="folder in which a job file's data is also looked up")
    url: str = Field(default="http://127.0.0.1:8000", description="API that the client and the CLI call")
    api_key: str | None = Field(default=None, repr=False, description="key that the client sends")
    lease_s: float = Field(
        default=15.0, gt=0.5, le=86_400, description="a worker's hold on a job, renewed at a third of it"
    )
    drain_s: float = Field(
        default=5.0, ge=0, le=86_400, description="time for the call at hand when a worker is asked to stop"
    )
    score_cache_bytes: int = Field(
        default=268_435_456, ge=0, description="memory in Redis for scores that all jobs share; 0: none"
    )
    dataset_max_rows: int = Field(default=50_000, ge=1, description="most rows of a stored data set")
    dataset_max_bytes: int = Field(default=52_428_800, ge=1, description="most bytes of a data set that is sent")
    upstream_timeout_s: float = Field(
        default=300.0, gt=0, le=86_400, description="deadline of one call to a scorer or generator"
    )
    webhook_secret: str | None = Field(
        default=None, repr=False, description="what webhooks are signed with; without it, jobs with one are refused"
    )
    webhook_allow: str | None = Field(
        default=None, description="hosts and networks that webhooks may reach though they are private, with commas"
    )
    retention_days: float = Field(default=0.0, ge=0, description="days that jobs are kept after their end; 0: for ever")
    retention_events_days: float = Field(
        default=0.0, ge=0, description="days that their events are kept, reports with them; 0: as long as the job"
    )
    retention_journal_days: float = Field(
        default=0.0, ge=0, description="days that their journals are kept; 0: as long as the job"
    )
    import_max_bytes: int = Field(
        default=1_073_741_824, ge=1, description="most bytes of an import, packed as well as unpacked"
    )
    state_dir: str | None = Field(default=None, description="where the embedded stack keeps Redis' files and its logs")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the environment, or the variables given. Names that the endpoint table uses for keys are known, too.

    Raises:
        ConfigurationError: an unknown ``PMPO_`` name, or a value that breaks a rule; all are named.
    """
    from pmpo.runtime.endpoints import key_variables

    given = dict(os.environ if environment is None else environment)
    _refuse_unknown(given, key_variables(given.get("PMPO_ENDPOINTS")))
    values = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in given.items()
        if name.removeprefix(PREFIX).lower() in Settings.model_fields and name.startswith(PREFIX)
    }
    for name in ("api_port", "scorer_port"):
        if values.get(name, "").startswith("tcp://"):
            raise ConfigurationError(
                f"{PREFIX}{name.upper()}={values[name]!r} was set by Kubernetes for a service of that name; "
                "set enableServiceLinks: false in the pod, or give the port"
            )
    try:
        return _WithoutEnvironment(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise ConfigurationError(f"{PREFIX}{name.upper()}={values.get(name)!r} is not usable: {first['msg']}") from None


class _WithoutEnvironment(Settings):
    """Settings from the given values alone, so that tests and children do not see this process's environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The values that are passed in, and nothing else."""
        return (init_settings,)


def _refuse_unknown(environment: Mapping[str, str], known_keys: frozenset[str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | TEST_VARIABLES | known_keys
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in known or _KUBERNETES.match(name):
            continue
        near = difflib.get_close_matches(
            name.removeprefix(PREFIX), sorted(each.removeprefix(PREFIX) for each in known), n=1
        )
        hint = f"; did you mean {PREFIX}{near[0]}?" if near else "; remove it, or see the README's table of settings"
        raise ConfigurationError(f"{name} is no setting of this program{hint}")
