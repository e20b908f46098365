import pytest

from benchmarks.scoring_speed.gate import compare

RIGHT = [[-1.0, -2.0], [-3.0, -4.0, -5.0]]


def answer(off: float, *, with_tokens: bool = True) -> dict[str, object]:
    tokens = [[-9.0], [-1.0, -2.0 + off], [-3.0, -4.0, -5.0]]
    return {"sums": [sum(row) for row in tokens], "tokens": tokens if with_tokens else None}


@pytest.mark.parametrize(
    ("dtype", "off", "passes"),
    [
        ("float32", 0.9e-4, True),
        ("float32", 1.2e-4, False),
        ("bfloat16", 0.09, True),
        ("bfloat16", 0.11, False),
        ("float32", float("nan"), False),
        ("bfloat16", float("nan"), False),
    ],
)
def test_a_difference_passes_up_to_the_tolerance_of_its_dtype(dtype: str, off: float, passes: bool) -> None:
    assert compare(answer(off), RIGHT, [1, 2], dtype)["passed"] is passes


def test_differences_are_told_for_sums_means_and_tokens() -> None:
    found = compare(answer(0.5), RIGHT, [1, 2], "bfloat16")
    assert found["max_abs_sum_nats"] == pytest.approx(0.5)
    assert found["max_abs_mean_nats"] == pytest.approx(0.25)
    assert found["max_abs_token_nats"] == pytest.approx(0.5)
    assert found["rms_token_nats"] == pytest.approx((0.25 / 5) ** 0.5)
    assert found["num_items"] == 2


def test_a_large_sum_may_be_off_by_two_roundings() -> None:
    off = 2.3e-4  # a float32 at a thousand nats is known to 1.2e-4
    assert compare({"sums": [-1000.0 + off], "tokens": None}, [[-1000.0]], [0], "float32")["passed"] is True
    assert compare({"sums": [-500.0 + off], "tokens": None}, [[-500.0]], [0], "float32")["passed"] is False


def test_sums_alone_are_enough() -> None:
    found = compare(answer(0.0, with_tokens=False), RIGHT, [1, 2], "float32")
    assert found["passed"] is True
    assert "rms_token_nats" not in found
