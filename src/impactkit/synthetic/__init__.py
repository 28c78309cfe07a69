"""The synthetic local authority: an invented county with known effects.

It is the demo, the training ground and the oracle. `county` returns tables in canonical form
together with the `Truth` about them, and `County.write` puts them in the file formats of the
Department for Education and of a local authority's own registers.
"""

from __future__ import annotations

from impactkit.synthetic.county import County, county
from impactkit.synthetic.layout import Layout
from impactkit.synthetic.regression import Regression, regression_to_the_mean
from impactkit.synthetic.truth import Truth

__all__ = ["County", "Layout", "Regression", "Truth", "county", "regression_to_the_mean"]
