"""`kvdesk report`: the last load, or the last with all of some words, as a file that one can send."""

from pathlib import Path

from kvdesk.cli.printing import print_json, print_line
from kvdesk.cli.texts import t
from kvdesk.errors import OptionError
from kvdesk.plan.journal import find_loads
from kvdesk.plan.ledger import Ledger
from kvdesk.session.report import Form, Report, form_of, write_report
from kvdesk.settings.places import find_places


def run(file: str, words: list[str], is_html: bool | None, as_json: bool) -> int:
    """Write the file, in the form of its name where `is_html` is None.

    Raises OptionError where no load was found, StoreError where it cannot be written.
    """
    found = find_loads(Ledger(find_places().ledger).read(), " ".join(words))
    if not found:
        raise OptionError("No load was found to report.", "Load a model first, or use other words.")
    path = Path(file).expanduser()
    record = found[-1]
    form: Form = form_of(path) if is_html is None else "html" if is_html else "markdown"
    write_report(Report(record), path, form, t)
    if as_json:
        print_json({"path": str(path), "load": record.id})
    else:
        print_line(t("The load of {model} is reported in {path}.", model=record.model.name, path=str(path)))
    return 0
