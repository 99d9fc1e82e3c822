"""What each operator of a file means in our language: one file a family, one function an operator.

A function takes a `Call`, which is one layer with the values of its inputs, and returns nodes.
``TABLE`` at the end of a file lists its operators by name; ``table.py`` outside joins the tables.
"""
