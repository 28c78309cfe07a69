"""What the authors of plugins import in their tests.

Make a `MetricContext` by hand to test a metric on frames of your own::

    context = MetricContext(metric="kent.size", tables={"outcomes": frame})
    kent.size(context)
"""
