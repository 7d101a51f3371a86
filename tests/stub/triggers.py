"""Model names that decide the answer, for demos and examples where nobody can script.

| model                | answer                                                      |
|----------------------|-------------------------------------------------------------|
| always-rate-limited  | 429, with `retry-after-ms: 1` so that retries are over soon |
| always-overloaded    | 529, likewise                                               |
| always-failing       | 500, likewise                                               |
| slow-answer          | the default, after one second                               |
| slow-stream          | the default, 0.2 s between the events of a stream           |
| always-cut           | a stream that is cut after three events                     |
| always-broken        | a stream that reports an error after three events           |
| without-usage        | the default, without usage                                  |

What concerns a stream leaves a plain request alone. Scripts win over these names.
"""

from __future__ import annotations

from .script import Reply, Stream

_SOON = {"retry-after-ms": "1"}

TRIGGERS: dict[str, Reply] = {
    "always-rate-limited": Reply(429, headers=_SOON),
    "always-overloaded": Reply(529, headers=_SOON),
    "always-failing": Reply(500, headers=_SOON),
    "slow-answer": Reply(delay=1.0),
    "slow-stream": Stream(gap=0.2),
    "always-cut": Stream(cut_after=3),
    "always-broken": Stream(error_after=3),
    "without-usage": Reply(usage=None),
}
