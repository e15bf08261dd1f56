"""Reads metrics as Prometheus does: standard input is the page, standard output its families as JSON.

Beyond what the client library demands, each family has its HELP and TYPE before its samples, no series comes twice, counters end
in _total, and the buckets of a histogram grow up to its count.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

page = sys.stdin.read()
assert page.endswith("\n"), "the last line has no end"
families, series = {}, set()
for family in text_string_to_metric_families(page):
    assert family.documentation and family.type != "unknown", family.name
    assert family.name not in families, f"{family.name} comes twice"
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        assert key not in series, f"{key} comes twice"
        series.add(key)
        if family.type == "counter":
            assert sample.name.endswith("_total") and sample.value >= 0, sample
    if family.type == "histogram":
        buckets = [s for s in family.samples if s.name.endswith("_bucket")]
        counts = [s.value for s in buckets]
        total = next(s.value for s in family.samples if s.name.endswith("_count"))
        assert counts == sorted(counts) and counts[-1] == total, family.name
        assert buckets[-1].labels["le"] == "+Inf", family.name
    families[family.name] = [[s.name, s.labels, s.value] for s in family.samples]
assert page.count("# HELP ") == page.count("# TYPE ") == len(families)
json.dump(families, sys.stdout)
