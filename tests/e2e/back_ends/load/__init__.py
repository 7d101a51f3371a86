"""Load at a fixed rate on the whole path, and what it costs the collector: the sender, the machine, the judgement."""
