"""The effect of a formula on a book of accounts as text of at most 80 columns."""

from __future__ import annotations

from churnbench.release.portfolio import PortfolioShift

WIDTH = 80
_MATRIX_BANDS = 5
_CELL = 11


def portfolio_text(shift: PortfolioShift) -> str:
    """Matrix of bands, score and coverage shift, ARR moved, farthest movers with their reasons."""
    share = f" ({100 * shift.changed / shift.accounts:.1f} %)" if shift.accounts else ""
    lines = [f"{shift.accounts:,} accounts; {shift.changed:,} scores change{share}.", ""]
    lines += _matrix(shift) if len(shift.bands) <= _MATRIX_BANDS else _flows(shift)
    lines += ["", *_figures(shift)]
    if shift.movers:
        lines += ["", "Farthest movers, score and the three largest reasons in points"]
    for mover in shift.movers:
        arr = "" if mover.arr is None else f", ARR {mover.arr:,.0f}"
        lines.append(
            f"  {_cut(mover.account_id, 24)}: {mover.score_before:.2f} {_cut(mover.band_before, 12)} -> "
            f"{mover.score_after:.2f} {_cut(mover.band_after, 12)}{arr}"[:WIDTH]
        )
        lines += [f"      {points:+7.2f}  {_cut(name, 60)}" for name, points in mover.reasons]
    return "\n".join(line.rstrip() for line in lines)


def _matrix(shift: PortfolioShift) -> list[str]:
    """Accounts from band (rows) to band (columns), and the same for ARR when there is any."""
    lines = _one_matrix(shift, "accounts", {(f.before, f.after): f"{f.accounts:,}" for f in shift.flows})
    if shift.arr is not None:
        amounts = {(f.before, f.after): "?" if f.arr is None else f"{f.arr:,.0f}" for f in shift.flows}
        lines += ["", *_one_matrix(shift, "ARR", amounts)]
    return lines


def _one_matrix(shift: PortfolioShift, what: str, cells: dict[tuple[str, str], str]) -> list[str]:
    heads = "".join(f"{_cut(band, _CELL - 1):>{_CELL}}" for band in shift.bands)
    lines = [f"{what + ', from / to':<19}{heads}"]
    for old in shift.bands:
        row = "".join(f"{cells.get((old, new), '.'):>{_CELL}}" for new in shift.bands)
        lines.append(f"  {_cut(old, 17):<17}{row}")
    return lines


def _flows(shift: PortfolioShift) -> list[str]:
    """Too many bands for a matrix: the largest flows."""
    lines = [f"{'from':<24}{'to':<24}{'accounts':>12}{'ARR':>18}"]
    for flow in sorted(shift.flows, key=lambda flow: -flow.accounts)[:30]:
        arr = "" if flow.arr is None else f"{flow.arr:,.0f}"
        lines.append(f"{_cut(flow.before, 23):<24}{_cut(flow.after, 23):<24}{flow.accounts:>12,}{arr:>18}")
    return lines


def _figures(shift: PortfolioShift) -> list[str]:
    lines = []
    if shift.shift:
        s = shift.shift
        lines.append(
            f"Score shift: mean {s['mean']:+.2f}, median {s['q50']:+.2f}, 90 % of accounts within "
            f"{s['q05']:+.2f} .. {s['q95']:+.2f}"
        )
        lines.append(f"             least {s['least']:+.2f}, most {s['most']:+.2f}")
    else:
        lines.append("Score shift: no account has a score under both.")
    sides = [shift.coverage["before"], shift.coverage["after"]]
    if sides[0] is not None and sides[1] is not None:
        lines.append(f"Coverage, mean: {sides[0]:.1f} % -> {sides[1]:.1f} %")
    if shift.arr is not None:
        m = shift.arr
        lines.append(f"ARR to a lower band {m['lower']:,.0f}, to a higher one {m['higher']:,.0f}")
        lines.append(f"ARR that loses its score {m['lost']:,.0f}, that gains one {m['gained']:,.0f}")
        if shift.without_arr:
            lines.append(f"{shift.without_arr:,} accounts have no known ARR and are in no sum.")
    return lines


def _cut(text: str, width: int) -> str:
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= width else clean[: width - 1] + "…"
