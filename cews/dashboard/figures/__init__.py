"""Charts: pure functions from data to plotly figures as plain dicts (several times faster than ``go.Figure``).

Texts come in ready; a tick or hover label is made by the function given as ``label``. Colours are those of
the light scheme; the style sheet maps them for the dark one.
"""
