"""A command in a process that was forked: everything is imported already."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

Action = Callable[[], int] | Sequence[str]
"""What is run: a function that gives an exit code, or arguments of `corrosion`."""


def run_in_child(
    action: Action,
    *,
    folder: Path,
    output: Path,
    more: Mapping[str, str],
    limit: Callable[[], None] = lambda: None,
) -> NoReturn:
    """Run something in this process, which was forked for it, and end it.

    Args:
        action: what is run.
        folder: becomes the working directory.
        output: file that what it prints is added to.
        more: variables of the environment that change.
        limit: what is called before.
    """
    code = 99
    try:
        os.setsid()
        os.chdir(folder)
        os.environ.update(more)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout, sys.stderr = (os.fdopen(one, "w", closefd=False) for one in (1, 2))
        limit()
        if callable(action):
            code = action()
        else:
            from corrosion.cli.main import main

            code = main(list(action))
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code & 255)
