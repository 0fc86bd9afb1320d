"""The command line: one thin module per verb, found in this folder and imported only when it is used.

A verb is a module with a function `command`; a module `group_verb.py` is the verb `cotmill group verb`.
Its place in the help is its file name, its line there the first line of its docstring.
"""


def reference() -> str:
    """Render the help of every verb as one Markdown page, docs/cli.md, the same on every machine."""
    from cotmill.cli.main import render_reference

    return render_reference()
