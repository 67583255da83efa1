"""What a consumer fills in. Values are judged as the API judges them, and told in words for people."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from rest_framework.exceptions import ValidationError

from agents.serializers import PhoneNumberField
from clients.answers import MAX_LONG_TEXT, MAX_TEXT
from clients.models import InsuranceType, Question, Submission

Kind = Question.Kind
Questions = dict[str, list[Question]]

YES_NO = [("true", "Yes"), ("false", "No")]
WRONG = {
    Kind.NUMBER: "Enter a whole number in digits, for example 2.",
    Kind.DATE: "Enter a date as year-month-day, for example 1985-04-23.",
    Kind.YES_NO: "Choose yes or no.",
    Kind.CHOICE: "Choose one of the options.",
    Kind.CHOICES: "Choose from the options.",
    Kind.TEXT: f"Use at most {MAX_TEXT} characters.",
    Kind.LONG_TEXT: f"Use at most {MAX_LONG_TEXT} characters.",
}
"""By kind of question, what to do about an answer that it does not take."""
FILES = {"multiple": True, "accept": "application/pdf,image/png,image/jpeg,image/webp"}
FEW = 6
"""Options that are shown at once; more are a list to open."""


def _text(label: str, complete: str, needed: str = "", max_length: int = 100, **attributes: str) -> forms.CharField:
    """A line of text that browsers and phones can fill in by themselves; needed where there are words to say so."""
    required = {"aria-required": "true"} if needed else {}
    widget = forms.TextInput({"autocomplete": complete, "dir": "auto", **required, **attributes})
    messages = {"required": needed, "max_length": f"Use at most {max_length} characters."}
    return forms.CharField(
        label=label, max_length=max_length, required=bool(needed), widget=widget, error_messages=messages
    )


def _insurance_types(**options: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label="What would you like to insure?",
        choices=InsuranceType.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Choose from the kinds of insurance shown."},
        **options,
    )


class StartForm(forms.Form):
    """Who asks, and for what."""

    error_css_class = "at-fault"
    use_required_attribute = False  # what is wrong is told by the page, in its own words

    first_name = _text("First name", "given-name", "Enter your first name.")
    last_name = _text("Last name", "family-name", "Enter your last name.")
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        required=False,
        widget=forms.EmailInput({"autocomplete": "email", "dir": "auto"}),
        error_messages={
            "invalid": "Enter an e-mail address like name@example.com.",
            "max_length": "Use at most 254 characters.",
        },
    )
    phone_number = _text("Phone", "tel", max_length=40, type="tel", inputmode="tel")
    insurance_types = _insurance_types()
    insurance_types.error_messages["required"] = "Choose at least one kind of insurance."

    def clean_phone_number(self) -> str:
        try:
            return PhoneNumberField(allow_blank=True).run_validation(self.cleaned_data["phone_number"])
        except ValidationError:
            raise forms.ValidationError("Enter a phone number like (212) 555-0123.") from None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not (values.get("email") or values.get("phone_number") or self.errors.keys() & {"email", "phone_number"}):
            self.add_error("email", "Enter an e-mail address or a phone number, so that you can be reached.")
        return values

    @property
    def contact(self) -> dict[str, Any]:
        """Of the client, as its service takes them."""
        return {name: value for name, value in self.cleaned_data.items() if name != "insurance_types"}


@dataclass(frozen=True, slots=True)
class Section:
    """The additional questions about one kind of insurance."""

    title: str
    fields: list[BoundField]


class AnswerField(forms.Field):
    """Takes any answer to a question."""

    def __init__(self, question: Question) -> None:
        super().__init__(label=question.label, help_text=question.help_text, required=False, widget=_widget(question))
        self.is_needed = question.required
        """To finish; any answer may be left for later."""


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class SubmissionForm(forms.Form):
    """What is asked to be insured, the answers, and files. Answers and files are judged by their services, so these
    fields take anything."""

    error_css_class = "at-fault"
    use_required_attribute = False

    insurance_types = _insurance_types(required=False)

    def __init__(self, submission: Submission, questions: Questions, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, initial=_initial(submission))
        self.questions = questions
        for insurance_type, question in self._asked():
            self.fields[_name(insurance_type, question)] = AnswerField(question)
        self.fields["files"] = forms.Field(label="Add files", required=False, widget=FilesInput(FILES))

    @property
    def answers_changed(self) -> bool:
        return bool(set(self.changed_data) - {"files"})

    @property
    def sections(self) -> Iterator[Section]:
        for insurance_type, questions in self.questions.items():
            fields = [self[_name(insurance_type, question)] for question in questions]
            yield Section(InsuranceType(insurance_type).label, fields)

    @property
    def values(self) -> dict[str, Any]:
        """As the service takes them: without the answers about kinds that were taken out."""
        chosen = self.cleaned_data["insurance_types"]
        answers: dict[str, dict[str, Any]] = {}
        for insurance_type, question in self._asked():
            answer = self.cleaned_data[_name(insurance_type, question)]
            if insurance_type in chosen and answer not in (None, "", []):
                answers.setdefault(insurance_type, {})[question.key] = _plain(question, answer)
        return {"insurance_types": chosen, "answers": answers}

    def tell(self, faults: Any) -> None:
        """Puts each fault that the service found beside its field; `faults` is as `answers.judge` raises it."""
        for insurance_type, question in self._asked():
            found = faults["answers"].get(insurance_type)
            if isinstance(found, dict) and (details := found.get(question.key)):
                needed = getattr(details[0], "code", "") == "required" if isinstance(details, list) else False
                message = "Answer this question." if needed else WRONG[Kind(question.kind)]
                self.add_error(_name(insurance_type, question), message)
        if not self.errors:
            self.add_error(None, "The questions have changed meanwhile. Open the page again and answer them once more.")

    def _asked(self) -> Iterator[tuple[str, Question]]:
        for insurance_type, questions in self.questions.items():
            for question in questions:
                yield insurance_type, question


def _name(insurance_type: str, question: Question) -> str:
    return f"{insurance_type}.{question.key}"


def _initial(submission: Submission) -> dict[str, Any]:
    answers = {
        f"{insurance_type}.{key}": _as_typed(answer)
        for insurance_type, given in submission.answers.items()
        for key, answer in given.items()
    }
    return {"insurance_types": submission.insurance_types, **answers}


def _as_typed(answer: Any) -> Any:
    if isinstance(answer, bool):
        return "true" if answer else "false"
    return str(answer) if isinstance(answer, int) else answer


def _widget(question: Question) -> forms.Widget:
    needed = {"aria-required": "true"} if question.required else {}
    options = [(option, option) for option in question.options]
    match question.kind:
        case Kind.NUMBER:
            return forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "class": "short", **needed})
        case Kind.DATE:
            return forms.DateInput({"type": "date", "class": "short", **needed})
        case Kind.YES_NO:
            return forms.RadioSelect(choices=YES_NO)
        case Kind.CHOICE if len(options) > FEW:
            return forms.Select({"dir": "auto", **needed}, choices=[("", "Choose"), *options])
        case Kind.CHOICE:
            return forms.RadioSelect(choices=options)
        case Kind.CHOICES:
            return forms.CheckboxSelectMultiple(choices=options)
        case Kind.LONG_TEXT:
            return forms.Textarea({"rows": 3, "dir": "auto", "maxlength": MAX_LONG_TEXT, **needed})
        case _:
            return forms.TextInput({"dir": "auto", "maxlength": MAX_TEXT, **needed})


def _plain(question: Question, answer: Any) -> Any:
    """Numbers as people write them, `$350,000`, without what is no digit's."""
    if question.kind == Kind.NUMBER and isinstance(answer, str):
        return "".join(letter for letter in answer if letter not in "$, \u00a0")
    return answer
