"""The meta-prompts that ship."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal

from pmpo.optim.rewrite import MetaPrompt


def small_rewrite() -> MetaPrompt:
    """The short rewriting form that small models, nano among them, can fill in."""
    return _load("rewrite_small.txt")


def small_mask() -> MetaPrompt:
    """The short form that asks for removable units between mask tags."""
    return _load("mask_small.txt")


def rewrite_form(form: Literal["small", "full"]) -> MetaPrompt:
    """The form that asks for a better prompt: the small one to fill in, or the full one for capable models."""
    return small_rewrite() if form == "small" else _load("rewrite.txt")


def mask_form(form: Literal["small", "full"]) -> MetaPrompt:
    """The form that asks for removable units, for small models or for capable ones."""
    return small_mask() if form == "small" else _load("mask.txt")


def meta_texts(form: Literal["small", "full"], own: str | None) -> list[str]:
    """The texts that a job asks its rewriter with: for rewrites (its own, where it has one) and for units."""
    rewrite, mask = ("rewrite_small.txt", "mask_small.txt") if form == "small" else ("rewrite.txt", "mask.txt")
    return [own if own is not None else _read(rewrite), _read(mask)]


def _load(name: str) -> MetaPrompt:
    return MetaPrompt.parse(_read(name))


def _read(name: str) -> str:
    return files("pmpo.runs").joinpath("meta_prompts", name).read_text(encoding="utf-8")
