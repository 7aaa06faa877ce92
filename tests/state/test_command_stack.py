"""The stack of commands: bounded, merging, redo cleared by something new."""

from __future__ import annotations

from multimil_gui.state.commands import LIMIT, Command, CommandStack


class Number:
    """A value that commands change."""

    def __init__(self) -> None:
        self.value = 0
        self.stack = CommandStack()

    def set(self, value: int, merge: str = "") -> None:
        old = self.value

        def put(number: int):
            return lambda: setattr(self, "value", number)

        self.stack.run(Command(f"Set {value}", put(value), put(old), merge))


def test_undo_and_redo():
    number = Number()
    number.set(1)
    number.set(2)
    assert (number.stack.undo_label, number.stack.redo_label) == ("Set 2", None)
    number.stack.undo()
    assert number.value == 1
    assert (number.stack.undo_label, number.stack.redo_label) == ("Set 1", "Set 2")
    number.stack.redo()
    assert number.value == 2


def test_with_nothing_to_undo_nothing_happens():
    number = Number()
    number.stack.undo()
    number.stack.redo()
    assert number.value == 0
    assert number.stack.undo_label is None


def test_a_new_command_forgets_what_was_undone():
    number = Number()
    number.set(1)
    number.stack.undo()
    number.set(5)
    number.stack.redo()
    assert number.value == 5


def test_only_the_last_commands_are_kept():
    number = Number()
    for value in range(1, LIMIT + 11):
        number.set(value)
    for _ in range(2 * LIMIT):
        number.stack.undo()
    assert number.value == 10


def test_a_dragged_slider_is_one_step():
    number = Number()
    number.set(1)
    for value in range(10, 20):
        number.set(value, merge="slider")
    number.stack.undo()
    assert number.value == 1
    number.stack.redo()
    assert number.value == 19


def test_a_released_slider_or_another_command_ends_the_step():
    number = Number()
    number.set(1, merge="slider")
    number.stack.end_merge()
    number.set(2, merge="slider")
    number.set(3)
    number.set(4, merge="slider")
    number.set(5, merge="other")
    seen = []
    while number.stack.undo_label:
        number.stack.undo()
        seen.append(number.value)
    assert seen == [4, 3, 2, 1, 0]


def test_nothing_merges_into_a_step_that_was_undone_and_redone():
    number = Number()
    number.set(1, merge="slider")
    number.stack.undo()
    number.stack.redo()
    number.set(2, merge="slider")
    number.stack.undo()
    assert number.value == 1


def test_every_change_of_the_stack_is_told():
    number = Number()
    told = []
    number.stack.changed.connect(lambda: told.append((number.stack.undo_label, number.stack.redo_label)))
    number.set(1)
    number.stack.undo()
    number.stack.clear()
    assert told == [("Set 1", None), (None, "Set 1"), (None, None)]
