# SPDX-License-Identifier: BSD-2-Clause
"""What a row says to whoever started it: one line a finished cell."""
import json

import ktap

BUILD = "build"  # the column that tells whether a configuration could be built
MARK = "@cell "


def tell(configuration, suite, result):
    """Say that a cell is finished."""
    print(MARK + json.dumps({"configuration": configuration, "suite": suite, "result": result.as_dict()}), flush=True)


def read(line):
    """(configuration, suite, Result) of such a line; None of any other."""
    if not line.startswith(MARK):
        return None
    try:
        event = json.loads(line[len(MARK):])
        return event["configuration"], event["suite"], ktap.Result.from_dict(event["result"])
    except (ValueError, KeyError, TypeError, AttributeError):  # cut in two, or not ours
        return None
