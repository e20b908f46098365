"""Transfer: prompts found on one model are measured on rows that no search saw."""

from dataclasses import asdict

from nano_training.report.loop import NUM_TRAIN, NUM_VALIDATION, draw_tasks
from nano_training.report.tables import transfer_table
from nano_training.report.transfer import Transfer, TransferCell, measure_transfer
from nano_training.scoring import Scorer


def test_more_rows_change_no_search_and_are_not_among_its_rows() -> None:
    plain, longer = draw_tasks(4, seed=3), draw_tasks(4, seed=3, num_more_items=10)
    for short, long in zip(plain, longer, strict=True):
        count = NUM_TRAIN + NUM_VALIDATION
        assert (short.goal, short.items, short.vague, short.clear) == (
            long.goal,
            long.items[:count],
            long.vague,
            long.clear,
        )
        assert long.items[count:]
        assert not {item.text for item in long.items[:count]} & {item.text for item in long.items[count:]}


def test_what_is_found_on_a_model_is_measured_on_every_model(nano: Scorer) -> None:
    cells = measure_transfer({"one": nano, "two": nano}, draw_tasks(1, seed=2, num_more_items=8), seed=2)
    assert [(cell.source, cell.target) for cell in cells] == [
        ("one", "one"),
        ("one", "two"),
        ("two", "one"),
        ("two", "two"),
    ]
    losses = {(cell.vague_nats, cell.found_nats, cell.clear_nats, cell.num_better) for cell in cells}
    assert len(losses) == 1, "the same model under two names finds and measures the same"
    ((vague, found, _, better),) = losses
    assert better == (found < vague) == 1


def test_the_share_is_of_the_way_from_vague_to_clear() -> None:
    cell = TransferCell("a", "b", vague_nats=2.0, found_nats=0.5, clear_nats=0.0, num_better=3)
    assert cell.share_closed == 0.75
    transfer = Transfer(4, 1, (), (cell,))
    assert "| a | b | 2.00 | 0.50 | 0.00 | 75 % | 3 of 4 |" in transfer_table(transfer)
    assert Transfer.from_dict(asdict(transfer)) == transfer
    assert transfer_table(None) == "Not measured."
