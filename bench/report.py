"""From raw runs to medians, ratios, tables and the two result files.

A table is a list of rows of text, the first row being its head; it is drawn
once for the terminal and once as Markdown.
"""

import json
import os
import statistics

METRICS = ("cpu_us_per_request", "cpu_user_us_per_request",
           "cpu_system_us_per_request", "cpu_schedstat_us_per_request",
           "requests_per_second", "p50_us", "p99_us", "proxy_busy_percent")
RATIO_METRICS = ("cpu_us_per_request", "requests_per_second", "p50_us", "p99_us")
# The first of these that took part is what the others are compared with.
SUBJECTS = ("tenfold", "tenfold-cache")


# --- figures ---------------------------------------------------------------

def spread(values):
    """Median, minimum and maximum; None if there is no value."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"median": round(statistics.median(values), 4),
            "min": round(min(values), 4), "max": round(max(values), 4)}


def summarise(runs):
    """{scenario: {"peers": ..., "ratios": ...}}, from the valid runs only."""
    summary = {}
    for scenario in dict.fromkeys(run["scenario"] for run in runs):
        by_peer = {}
        for run in runs:
            if run["scenario"] == scenario:
                rounds = by_peer.setdefault(run["peer"], {})
                if run["valid"]:
                    rounds[run["round"]] = run
        subject = next((name for name in SUBJECTS if name in by_peer), None)
        summary[scenario] = {
            "peers": {peer: {metric: spread(run[metric] for run in rounds.values())
                             for metric in METRICS}
                      for peer, rounds in by_peer.items()},
            "ratios": {peer: _ratios(by_peer[subject], rounds)
                       for peer, rounds in by_peer.items()
                       if subject and peer != subject},
        }
    return summary


def _ratios(subject, peer):
    """tenfold/peer within each round, so that slow drift cancels out."""
    pairs = [(subject[number], peer[number]) for number in subject if number in peer]
    return {metric: spread(ours[metric] / theirs[metric]
                           for ours, theirs in pairs if theirs[metric])
            for metric in RATIO_METRICS}


# --- tables ----------------------------------------------------------------

def _duration(microseconds):
    if microseconds < 1000:
        return f"{microseconds:.0f} µs"
    return f"{microseconds / 1000:.2f} ms"


def _with_range(figures, digits):
    return (f"{figures['median']:.{digits}f} "
            f"({figures['min']:.{digits}f}–{figures['max']:.{digits}f})")


def load_table(peers):
    rows = [["", "CPU µs/request (min–max)", "user", "system",
             "requests/s", "p50", "p99", "busy"]]
    for peer, figures in peers.items():
        if figures["cpu_us_per_request"] is None:
            rows.append([peer, "no valid run", *[""] * 6])
            continue
        median = {name: value and value["median"] for name, value in figures.items()}
        rows.append([
            peer, _with_range(figures["cpu_us_per_request"], 2),
            f"{median['cpu_user_us_per_request']:.1f}",
            f"{median['cpu_system_us_per_request']:.1f}",
            f"{median['requests_per_second']:,.0f}",
            _duration(median["p50_us"]), _duration(median["p99_us"]),
            f"{median['proxy_busy_percent']:.0f} %",
        ])
    return rows


def ratio_table(ratios):
    rows = [["tenfold / peer", "CPU per request", "requests/s", "p50", "p99"]]
    for peer, figures in ratios.items():
        rows.append([f"/ {peer}", *(_with_range(figures[metric], 2) if figures[metric]
                                    else "–" for metric in RATIO_METRICS)])
    return rows


def idle_table(idle):
    rows = [["", "connections", "RSS before", "RSS after", "per connection"]]
    for run in idle:
        if run["valid"]:
            rows.append([run["peer"], f"{run['connections']:,}",
                         f"{run['rss_before_kib']:,} KiB", f"{run['rss_after_kib']:,} KiB",
                         f"{run['kib_per_connection']:.2f} KiB"])
        else:
            rows.append([run["peer"], "invalid", "", "", ""])
    return rows


def as_text(rows, indent="  "):
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append(indent + "   ".join(cells).rstrip())
    lines.insert(1, indent + "─" * (sum(widths) + 3 * (len(widths) - 1)))
    return "\n".join(lines)


def as_markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" + "|--:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)


def sections(results):
    """(title, tables) for every part of the report."""
    titles = results["settings"]["scenarios"]
    for scenario, summary in results["summary"].items():
        tables = [load_table(summary["peers"])]
        if summary["ratios"]:
            tables.append(ratio_table(summary["ratios"]))
        yield f"{scenario}: {titles[scenario]}", tables
    if results["idle"]:
        yield "Memory of idle keep-alive connections", [idle_table(results["idle"])]


def problems(results):
    """Every reason why a run is not valid, as lines of text."""
    lines = []
    for run in results["runs"]:
        place = f"{run['scenario']}, round {run['round']}, {run['peer']}"
        lines += [f"{place}: {text}" for text in run["problems"]]
    for run in results["idle"]:
        lines += [f"idle, {run['peer']}: {text}" for text in run["problems"]]
    return lines


# --- output ----------------------------------------------------------------

def terminal(results):
    parts = [f"{results['machine']['cpu']}, {results['machine']['cores']} cores; "
             f"{results['settings']['pinning']}"]
    for title, tables in sections(results):
        parts.append("\n\n".join([title, *map(as_text, tables)]))
    found = problems(results)
    if found:
        parts.append("!!! INVALID: these runs are left out of the figures\n"
                     + "\n".join(f"  !! {line}" for line in found))
    return "\n\n".join(parts)


def markdown(results):
    settings = results["settings"]
    machine, programs = (
        "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in group.items())
        for group in (results["machine"], results["versions"]))
    parts = [f"# Benchmark of {results['date_utc'][:10]}"]
    found = problems(results)
    if found:
        parts.append("**INVALID: the following runs failed and are left out.**\n\n"
                     + "\n".join(f"- {line}" for line in found))
    parts += [f"Medians of {settings['rounds']} rounds of {settings['seconds']} s. "
              "Ratios are taken within a round: median (min–max). "
              "How it is measured: `bench/README.md`.",
              f"## Machine\n\n{machine}\n- pinning: {settings['pinning']}",
              f"## Programs\n\n{programs}"]
    for title, tables in sections(results):
        parts.append("\n\n".join([f"## {title}", *map(as_markdown, tables)]))
    parts.append("## Configurations")
    for peer, text in settings["configurations"].items():
        parts.append(f"### {peer}\n\n```\n{text.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def joined(path, new):
    """The results in the file at `path` with those of a further, shorter session."""
    with open(path) as file:
        old = json.load(file)
    old["versions"] |= new["versions"]
    for group in ("scenarios", "configurations"):
        old["settings"][group] |= new["settings"][group]
    # A scenario that is there already gets further rounds.
    last = {}
    for run in old["runs"]:
        last[run["scenario"]] = max(run["round"], last.get(run["scenario"], 0))
    old["runs"] += [run | {"round": run["round"] + last.get(run["scenario"], 0)}
                    for run in new["runs"]]
    old["settings"]["rounds"] = max(run["round"] for run in old["runs"])
    old["idle"] += new["idle"]
    old["summary"] = summarise(old["runs"])
    old["valid"] = not problems(old)
    return old


def write(results, directory, kind, path=None):
    """Write the JSON and the Markdown file, in place of the ones at `path` if it is given;
    returns their common base name."""
    os.makedirs(directory, exist_ok=True)
    first = base = f"{results['date_utc'][:10]}-{kind}"
    number = 1
    # A second run on the same day must not replace the first.
    while not path and any(os.path.exists(os.path.join(directory, base + ending))
                           for ending in (".json", ".md")):
        number += 1
        base = f"{first}-{number}"
    if path:
        directory, base = os.path.split(os.path.splitext(path)[0])
    for ending, text in ((".json", json.dumps(results, indent=1, ensure_ascii=False) + "\n"),
                         (".md", markdown(results))):
        with open(os.path.join(directory, base + ending), "w") as file:
            file.write(text)
    return base
