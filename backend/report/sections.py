"""The parts of a report. What comes from outside passes `escape` on its way in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from backend.domain import Outcome, ReviewLabel, percent
from backend.wire import Json, time_from_text

_STATUS_WORDS = {
    "verified": "verified",
    "declared": "declared",
    "invalid": "does not hold",
    "unreadable": "unreadable",
    "absent": "not there",
}
_KIND_WORDS = {
    "c2pa": "Content Credentials",
    "generator": "A generator's parameters",
    "declaration": "Declaration",
    "camera": "Camera",
    "mark": "Mark in the picture",
    "watermark": "Invisible watermark",
}
_BASIS_WORDS = {
    "model": "the model's opinion",
    "provenance": "what the file says of itself",
    "review": "a person's review",
}
_REVIEW_WORDS = {
    ReviewLabel.AI_GENERATED.value: "AI-generated",
    ReviewLabel.HUMAN_MADE.value: "human-made",
    ReviewLabel.CANNOT_TELL.value: "cannot tell",
}
_SPLIT_WORDS = {
    "val": "held out, of sources it learnt from",
    "test": "test set",
    "unseen": "sources and generators it never met",
}


def head(facts: Json) -> str:
    """Return the title, and in one breath that this is no proof."""
    made = f"Made on {_day(facts['made_at'])} with Brushmark {escape(str(facts['brushmark']))}."
    return (
        '<header><p class="brand">Brushmark report</p>'
        "<h1>An opinion on where a picture comes from</h1>"
        f'<p class="quiet">{made}</p>'
        '<p class="alarm"><strong>This is an opinion and no proof.</strong> A program compared the '
        "picture with others and read what its file says. Both can be wrong, and nobody may be "
        "accused on this page alone: ask the maker for sketches, layers or the raw photograph."
        "</p></header>"
    )


def verdict(facts: Json, image: str) -> str:
    """Return the picture, the outcome, both probabilities and the sentence."""
    record = facts["record"]
    outcome = Outcome(record["outcome"])
    basis = _BASIS_WORDS.get(record["basis"] or "")
    rests = f'<p class="quiet">It rests on {basis}.</p>' if basis else ""
    missing = '<p class="quiet frame">The picture was not kept; its hash is given below.</p>'
    return (
        '<section id="verdict"><div class="pair">'
        f"<figure>{image or missing}</figure>"
        f'<div><p class="outcome {outcome.value}">{escape(_outcome_words(outcome))}</p>'
        f"{_bars(record['probabilities'])}"
        f"<p>{escape(record['summary'])}</p>{_conflict(record)}{rests}{_review(facts['review'])}"
        "</div></div></section>"
    )


def _outcome_words(outcome: Outcome) -> str:
    return outcome.words[:1].upper() + outcome.words[1:]


def _bars(probabilities: Json | None) -> str:
    if probabilities is None:
        return '<p class="quiet">The model did not judge this picture.</p>'
    rows = (("AI-generated", "ai", "ai_generated"), ("human-made", "human", "human_made"))
    return "".join(
        f'<div class="bar"><span>{words}</span>'
        f'<span class="track"><i class="{kind}" style="width:{100 * probabilities[name]:.1f}%"></i>'
        f"</span><b>{percent(probabilities[name])}</b></div>"
        for words, kind, name in rows
    )


def _conflict(record: Json) -> str:
    if not record["conflict"]:
        return ""
    return '<p class="alarm">The file and the model disagree. A person should look.</p>'


def _review(review: Json | None) -> str:
    if review is None:
        return ""
    words = _REVIEW_WORDS.get(review["label"], "reviewed")
    return (
        f"<p>A person reviewed these bytes on {_day(review['created_at'])}: "
        f"<strong>{escape(words)}</strong>.</p>"
    )


def evidence(record: Json) -> str:
    """Return the ledger: each finding with how far it can be trusted."""
    rows = "".join(_finding(row) for row in record["evidence"])
    if not rows:
        return _section("evidence", "What the file says of itself", _p("Nothing was looked for."))
    return _section(
        "evidence",
        "What the file says of itself",
        _p("What is not there says nothing: most pictures lose it on their way.", "quiet"),
        f'<ul class="ledger">{rows}</ul>',
    )


def _finding(row: Json) -> str:
    status = str(row["status"])
    kind = _KIND_WORDS.get(row["kind"], str(row["kind"]))
    prompt = row.get("prompt")
    asked = f"<blockquote><b>Prompt</b> {escape(prompt)}</blockquote>" if prompt else ""
    return (
        f'<li><span class="status {escape(status)}">{escape(_STATUS_WORDS.get(status, status))}'
        f"</span><div><strong>{escape(kind)}</strong><p>{escape(row['detail'])}</p>{asked}"
        "</div></li>"
    )


def heat(image: str) -> str:
    """Return the heat map with its legend; nothing where there is none."""
    if not image:
        return ""
    return _section(
        "heat",
        "Where the model found its reasons",
        f"<figure>{image}<figcaption>"
        '<span class="key"><i class="ai"></i>spoke for AI-generated</span>'
        '<span class="key"><i class="human"></i>spoke for human-made</span>'
        "</figcaption></figure>",
        _p(
            "It shows where, not what. It is coarse, its colours are relative to this picture, and "
            "it marks no “generated part”.",
            "quiet",
        ),
    )


def file(record: Json) -> str:
    """Return what identifies the file."""
    image = record["image"]
    return _section(
        "file",
        "The file that was checked",
        _pairs(
            (
                ("SHA-256", f"<code>{escape(image['sha256'])}</code>"),
                ("Format", escape(image["format"])),
                ("Size", f"{image['width']} × {image['height']} pixels, {image['bytes']:,} bytes"),
                ("Checked", _day(record["created_at"])),
            )
        ),
        _p(
            "The hash is of the file as it came. A copy that was saved anew, cut or sent through a "
            "messenger is another file, with another hash and perhaps another verdict.",
            "quiet",
        ),
    )


def model(facts: Json) -> str:
    """Return which model judged, under which thresholds, and how often it errs."""
    record, card = facts["record"], facts["card"]
    ref, limits = record["model"], facts["thresholds"]
    pairs = []
    if ref:
        pairs.append(("Model", escape(ref["version"])))
        pairs.append(("Hash of its card", f"<code>{escape(ref['sha256'])}</code>"))
    if limits:
        pairs.append(
            (
                f"Thresholds (policy {record['policy']})",
                f"human-made up to {limits['human_at_most']:.3f}, AI-generated from "
                f"{limits['ai_at_least']:.3f}, uncertain between",
            )
        )
    return _section("model", "The model", _pairs(pairs), _figures(card))


def _figures(card: Json | None) -> str:
    if not card or not card["figures"]:
        return _p("The figures of this model's card were not at hand.", "quiet")
    rows = "".join(
        f'<tr><th scope="row">{escape(_SPLIT_WORDS.get(name, name))}</th>'
        f"<td>{row['pictures']:,}</td><td>{_share(row['decided'])}</td>"
        f"<td>{_share(row['right'])}</td><td>{_share(row['human_called_ai'])}</td>"
        f"<td>{_share(row['ai_called_human'])}</td></tr>"
        for name, row in card["figures"].items()
    )
    heads = ("pictures", "decided", "right when decided", "people's called AI", "AI's called human")
    head_row = "".join(f'<th scope="col">{escape(h)}</th>' for h in ("measured on", *heads))
    return (
        '<div class="wide" tabindex="0"><table><caption>How often it was right and wrong, from '
        f"its card</caption><thead><tr>{head_row}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def limits(facts: Json) -> str:
    """Return what the model is not for, and what it does not see."""
    card = facts["card"] or {}
    items = [*card.get("limits", ()), *(f"Not for {use}." for use in card.get("not_for", ()))]
    general = [
        "A probability is not a share of the picture, and 90 % is wrong one time in ten.",
        "Unsigned words in a file can be copied into any other. A signature says who signed, and "
        "not that they told the truth.",
        "Pictures that were generated in parts, or painted over, do not fit the two classes.",
    ]
    # Cards are written in Markdown, and name a split in backticks.
    listed = "".join(f"<li>{escape(item.replace('`', ''))}</li>" for item in (*general, *items))
    return _section("limits", "What this page cannot tell you", f"<ul>{listed}</ul>")


def checking() -> str:
    """Return how whoever holds the page and the picture can check both, offline."""
    return _section(
        "checking",
        "How to check this report",
        _p("With Brushmark and the picture's file at hand, on a machine of your own and offline:"),
        "<pre><code>brushmark check --verify-report REPORT.html PICTURE</code></pre>",
        _p(
            "It compares the file's hash, reads the evidence and judges the picture again, and "
            "holds this page against the data within it. The page is not signed: that somebody "
            "gave it to you is no proof of who made it.",
            "quiet",
        ),
    )


def _section(anchor: str, title: str, *parts: str) -> str:
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def _p(text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{escape(text)}</p>"


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of names and values; the values are HTML already."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in pairs)
    return f"<dl>{rows}</dl>"


def _share(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def _day(text: str) -> str:
    moment = time_from_text(text)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
