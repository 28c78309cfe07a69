r"""How much schools improved after joining, beside schools that had not joined in the same years.

For a school i that joins in year g, with Y its outcome,

.. math:: \delta_i = \text{mean}_{h} Y_{i,g+h} - \text{mean}_{b} Y_{i,g+b}, \quad
    \kappa_i = \text{mean}_{h} \overline{Y_{g+h} - Y_{g+b}}, \quad \tau_i = \delta_i - \kappa_i

over event years h after joining and b before. :math:`\kappa_i` is the mean change, between the same
years, of schools not in a partnership by then, so :math:`\tau_i` is the school's own difference in
differences. In a panel without gaps the mean of :math:`\tau_i` over cohorts is the group average of
Callaway & Sant'Anna (2021) with the universal base.

Whatever is asked of the :math:`\tau_i` (a mean, a contrast of groups, a slope) is least squares.
Its covariance has two parts, added up by cluster before they are squared: that of joining schools
by the jackknife over their clusters (CRV3), and that of the comparison means which they share, by
influence. Source: MacKinnon, Nielsen & Webb (2023), Journal of Econometrics 232(2), equation 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np
import polars as pl

from impactkit.errors import EstimationError
from impactkit.evidence.jackknife import Floats, Ints, alone_in, jackknife
from impactkit.inference.few_clusters import Thresholds, warn_of_few
from impactkit.results import Estimate, Exclusion

if TYPE_CHECKING:
    from impactkit.metrics import Panel

Window = tuple[int, int]
Of = Literal["change", "expected", "excess"]
METHOD = (
    "school-level difference in differences: each joining school's change less the mean change, "
    "between the same years, of schools not in a partnership by then"
)
VARIANCE = "cluster jackknife (CRV3) over partnerships, influence of comparison schools"


@attrs.frozen(kw_only=True, eq=False)
class Coefficients:
    """Least-squares coefficients of school-level changes, with their clustered covariance.

    `df` are the degrees of freedom of Student's t, one number a coefficient: clusters that bear on
    it, less one (less one more for each further coefficient that they have to bear).
    """

    values: Floats
    covariance: Floats
    df: Ints
    n_clusters: int
    n_comparison_clusters: int

    @property
    def std_errors(self) -> Floats:
        """The square roots of the variances."""
        found: Floats = np.sqrt(np.diag(self.covariance))
        return found

    def contrast(self, weights: Sequence[float]) -> tuple[float, float, int]:
        """Return a linear combination, its standard error and its degrees of freedom.

        The degrees of freedom are Satterthwaite's, never fewer than 1.
        """
        w = np.asarray(weights, dtype=float)
        variance = max(0.0, float(w @ self.covariance @ w))  # rounding may leave it below
        parts = (w * w) * np.diag(self.covariance)
        below = float((parts**2 / self.df).sum())
        df = round(parts.sum() ** 2 / below) if below > 0 else int(self.df.min())
        return float(w @ self.values), variance**0.5, max(1, df)


@attrs.frozen(kw_only=True, eq=False)
class Improvement:
    """What each joining school gained, what schools elsewhere gained over the same years.

    Attributes
    ----------
    schools
        One row a joining school, sorted: `school_key`, `cohort`, `cluster`, `before` (its mean in
        the years before), `change`, `expected` (the mean change elsewhere), `excess` (the rest).
    n_comparison
        Schools that any `expected` rests on.
    before, after
        Event years compared; 0 is the first year in a partnership.
    exclusions
        Joining schools left out, counted, with reasons.
    """

    schools: pl.DataFrame
    n_comparison: int
    before: Window
    after: Window
    exclusions: tuple[Exclusion, ...]
    _rows: pl.DataFrame = attrs.field(repr=False)
    _others: pl.DataFrame = attrs.field(repr=False)
    _means: dict[Of, Coefficients] = attrs.field(factory=dict, init=False, repr=False)

    @property
    def n_clusters(self) -> int:
        """Partnerships, or lone schools, that the joining schools belong to."""
        return self.schools["cluster"].n_unique()

    def regress(self, design: Floats | None = None, of: Of = "excess") -> Coefficients:
        """Regress what the joining schools gained on columns of `design`.

        Parameters
        ----------
        design
            Shape (schools, coefficients), rows as in `schools`; None: a column of ones, whose
            coefficient is the mean.
        of
            ``excess``, ``change`` or ``expected``.

        Raises
        ------
        EstimationError
            When a coefficient cannot be told apart from the others, or rests on one cluster only.
        """
        if design is not None:
            return self._regressed(np.asarray(design, dtype=float), of)
        if of not in self._means:  # they are asked for again and again
            self._means[of] = self._regressed(np.ones((self.schools.height, 1)), of)
        return self._means[of]

    def _regressed(self, X: Floats, of: Of) -> Coefficients:
        y = self.schools[of].to_numpy()
        if len(y) <= X.shape[1] - 1 or np.linalg.matrix_rank(X) < X.shape[1]:
            raise EstimationError(
                f"{len(y)} schools do not tell {X.shape[1]} coefficients apart; pool groups"
            )
        labels, cluster = _coded(self.schools["cluster"])
        projection = np.asarray(np.linalg.pinv(X), dtype=np.float64)
        values = projection @ y
        touched = np.array([np.unique(cluster[np.abs(row) > 1e-12]).size for row in projection])
        own = np.zeros((X.shape[1], len(labels)))
        if of != "expected":
            own = jackknife(X, y, cluster, values)
        theirs, names = np.zeros((X.shape[1], 0)), labels.clear()
        if of != "change":
            theirs, names = self._comparison(projection, -1.0 if of == "excess" else 1.0)
        both = names.is_in(labels.to_list()).to_numpy()
        place = labels.search_sorted(names.filter(both)).to_numpy()
        np.add.at(own.T, place, theirs.T[both])
        phi = np.concatenate([own, theirs[:, ~both]], axis=1)
        extra = alone_in(projection)
        bearing = len(names) - 1 if of == "expected" else touched - np.where(extra, 1, X.shape[1])
        return Coefficients(
            values=values,
            covariance=phi @ phi.T,
            df=np.maximum(1, np.full(X.shape[1], bearing)),
            n_clusters=len(labels),
            n_comparison_clusters=len(names),
        )

    def estimate(
        self,
        estimand: str,
        *,
        fit: Coefficients | None = None,
        weights: Sequence[float] = (1.0,),
        schools: pl.DataFrame | None = None,
        level: float = 0.95,
        **fields: Any,
    ) -> Estimate:
        """Return a combination of coefficients with Student's interval, counts and method.

        Parameters
        ----------
        estimand
            What it is, in words.
        fit, weights
            Coefficients (None: the mean excess) and their weights in the combination.
        schools
            The joining schools that it is about; None: all of them.
        fields
            Further fields of the `Estimate`; those given here go before what is worked out.

        Raises
        ------
        EstimationError
            When there is no `fit` and the mean rests on one partnership.
        """
        from scipy.special import stdtr, stdtrit

        value, error, df = (fit or self.regress()).contrast(weights)
        schools = self.schools if schools is None else schools
        clusters = schools["cluster"].n_unique()
        reach = float(stdtrit(df, 0.5 + level / 2)) * error
        shown: dict[str, Any] = {
            "value": value,
            "std_error": error,
            "ci_low": value - reach,
            "ci_high": value + reach,
            "level": level,
            "df": float(df),
            "p_value": 2 * float(stdtr(df, -abs(value) / error)) if error > 0 else None,
            "n_schools": schools.height,
            "n_partnerships": clusters,
            "n_treated_clusters": clusters,
            "n_comparison": self.n_comparison,
            "method": METHOD,
            "variance": f"{VARIANCE}, t with {df} degrees of freedom",
            **fields,
        }
        warned = warn_of_few(shown["n_treated_clusters"], Thresholds().crv3)
        shown["warnings"] = (*warned, *fields.get("warnings", ()))
        return Estimate(estimand=estimand, **shown)

    def _comparison(self, projection: Floats, sign: float) -> tuple[Floats, pl.Series]:
        """Return what clusters of comparison schools contribute to each coefficient."""
        rows = self._rows
        a = projection[:, rows["school"].to_numpy()] * rows["share"].to_numpy()
        cells = int(rows["cell"].max()) + 1  # type: ignore[arg-type]
        load = np.stack([np.bincount(rows["cell"].to_numpy(), row, cells) for row in a])
        names, code = _coded(self._others["cluster"])
        phi = sign * load[:, self._others["cell"].to_numpy()] * self._others["phi"].to_numpy()
        n = len(names)
        theirs = np.stack([np.bincount(code, row, n) for row in phi])
        return theirs * (n / max(1, n - 1)) ** 0.5, names


def _coded(labels: pl.Series) -> tuple[pl.Series, Ints]:
    """Return the labels there are, sorted, and the place of each one among them."""
    names = labels.unique().sort()
    return names, names.search_sorted(labels).cast(pl.Int64).to_numpy()


def improvement(
    panel: Panel | pl.DataFrame,
    *,
    before: Window = (-1, -1),
    after: Window = (0, 30),
    control: str = "notyettreated",
    anticipation: int = 0,
    strata: pl.DataFrame | None = None,
) -> Improvement:
    """Compare the change of each joining school with that of schools elsewhere in the same years.

    Parameters
    ----------
    panel
        A `Panel`, or a frame of `school_key`, `year`, `value`, `cohort` (null: never), `cluster`
        and, where there is one, `weight`.
    before, after
        First and last event year of each window; 0 is the first year in a partnership. All years
        `before` are needed, of those `after` the ones there are.
    control
        ``notyettreated``: schools that had not joined by the later year; ``nevertreated``.
    anticipation
        Years before joining in which a school is no comparison any more.
    strata
        `school_key`, `year`, `stratum`: compare within the stratum of the year before joining.

    Raises
    ------
    EstimationError
        When no joining school can be followed, or none has a comparison; with the counts.

    Examples
    --------
    >>> frame = pl.DataFrame({
    ...     "school_key": ["a"] * 2 + ["b"] * 2 + ["c"] * 2 + ["d"] * 2,
    ...     "year": [2019, 2020] * 4, "cohort": [2020] * 4 + [None] * 4,
    ...     "cluster": ["P"] * 2 + ["Q"] * 2 + ["c"] * 2 + ["d"] * 2,
    ...     "value": [10.0, 14.0, 11.0, 17.0, 9.0, 10.0, 12.0, 13.5],
    ... })
    >>> found = improvement(frame)
    >>> found.schools.select("school_key", "change", "expected", "excess").rows()
    [('a', 4.0, 1.25, 2.75), ('b', 6.0, 1.25, 4.75)]
    >>> round(float(found.regress().values[0]), 6)
    3.75
    """
    frame = panel if isinstance(panel, pl.DataFrame) else panel.frame
    weight = pl.col("weight") if "weight" in frame.columns else pl.lit(1.0)
    frame = frame.select("school_key", "year", "value", "cohort", "cluster", weight=weight)
    joined = frame.filter(pl.col("cohort").is_not_null())
    n_joined = joined["school_key"].n_unique()
    cohorts = joined["cohort"].unique().sort().to_list()
    cells = [_cell(frame, g, before, after, strata) for g in cohorts]
    every = pl.concat(cells) if cells else frame.clear().with_columns(g=1, stratum=1, change=1.0)
    free = pl.col("cohort").is_null()
    if control == "notyettreated":
        free |= (pl.col("cohort") > pl.col("year") + anticipation) & (
            pl.col("cohort") > pl.col("g")
        )
    key = ["g", "year", "stratum"]
    other = every.filter(free).sort("school_key", *key)
    dev = (
        pl.col("weight")
        * (pl.col("change") - pl.col("expected"))
        / pl.col("weight").sum().over(key)
    )
    means = other.group_by(key).agg(
        expected=(pl.col("change") * pl.col("weight")).sum() / pl.col("weight").sum()
    )
    means = means.sort(key).with_row_index("cell")
    mine = every.filter(pl.col("cohort") == pl.col("g"))
    rows = mine.join(means, on=key, how="inner").sort("school_key", "year")
    exclusions = _left_out(n_joined, mine["school_key"].n_unique(), rows["school_key"].n_unique())
    if rows.is_empty():
        told = "; ".join(f"{e.n_schools} left out: {e.text}" for e in exclusions)
        raise EstimationError(
            f"no school that joined can be compared ({n_joined} joined"
            + (f"; {told}" if told else "")
            + "); give outcomes of the years before and after joining, and of other schools"
        )
    schools = rows.group_by("school_key", maintain_order=True).agg(
        pl.col("cohort", "cluster", "before").first(),
        pl.col("change", "expected").mean(),
        excess=(pl.col("change") - pl.col("expected")).mean(),
    )
    codes = schools.select("school_key").with_row_index("school")
    rows = rows.join(codes, on="school_key", maintain_order="left")
    used = other.join(means, on=key, how="semi").join(rows.select(key).unique(), on=key, how="semi")
    used = used.join(means, on=key, maintain_order="left").with_columns(phi=dev)
    return Improvement(
        schools=schools,
        n_comparison=used["school_key"].n_unique(),
        before=before,
        after=after,
        exclusions=exclusions,
        rows=rows.select("school", "cell", share=1.0 / pl.len().over("school")),
        others=used.select("cluster", "cell", "phi"),
    )


def _cell(
    frame: pl.DataFrame, g: int, before: Window, after: Window, strata: pl.DataFrame | None
) -> pl.DataFrame:
    """Return the changes of all schools, from before year `g` to each year after it."""
    base = (
        frame.filter(pl.col("year").is_between(g + before[0], g + before[1]))
        .group_by("school_key")
        .agg(before=pl.col("value").mean(), _years=pl.len())
        .filter(pl.col("_years") == before[1] - before[0] + 1)
        .drop("_years")
    )
    found = frame.filter(pl.col("year").is_between(g + after[0], g + after[1]))
    found = found.join(base, on="school_key").with_columns(
        g=pl.lit(g, pl.Int64), change=pl.col("value") - pl.col("before")
    )
    if strata is None:
        return found.with_columns(stratum=pl.lit(""))
    then = strata.filter(pl.col("year") == g - 1).select(
        "school_key", stratum=pl.col("stratum").cast(pl.String)
    )
    return found.join(then.drop_nulls().unique("school_key"), on="school_key")


def _left_out(joined: int, followed: int, compared: int) -> tuple[Exclusion, ...]:
    lost = (
        (
            "not_followed",
            "no outcome in all years wanted before joining and in any after, or no stratum then",
            joined - followed,
        ),
        ("no_comparison", "no school to compare with in the same years", followed - compared),
    )
    return tuple(
        Exclusion(reason=reason, text=text, n_schools=n, treated=n, stage="estimation")
        for reason, text, n in lost
        if n
    )
