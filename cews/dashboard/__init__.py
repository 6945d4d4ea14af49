"""The dashboard: what analysts look at. Reads the store; writes sessions and what people change.

One request makes one :class:`~cews.dashboard.view.View` (language, knowledge time, query); pages are
functions of a view; figures and series are pure.
"""
