"""The first version of the additional questions, for agents to turn on; administrators publish the next ones."""

from django.db import migrations

TEXT, LONG_TEXT, NUMBER, DATE, YES_NO, CHOICE, CHOICES = (
    "text", "long_text", "number", "date", "yes_no", "choice", "choices",
)

# insurance type: (key, label, kind, required, options)
QUESTIONS = {
    "auto": [
        ("drivers", "How many people drive your vehicles?", NUMBER, True, []),
        ("vehicles", "Year, make and model of each vehicle", LONG_TEXT, True, []),
        ("use", "What are they used for?", CHOICES, False, ["Commuting", "Pleasure", "Business", "Ride sharing"]),
        ("incidents", "Any accidents or tickets in the last five years?", YES_NO, False, []),
    ],
    "home": [
        ("address", "Address of the home", TEXT, True, []),
        ("year_built", "Year it was built", NUMBER, False, []),
        ("roof", "What is the roof made of?", CHOICE, False, ["Shingle", "Tile", "Metal", "Flat", "I do not know"]),
        ("claims", "Any claims in the last five years?", YES_NO, False, []),
    ],
    "renters": [
        ("address", "Address of the rented home", TEXT, True, []),
        ("belongings", "About how much are your belongings worth, in dollars?", NUMBER, False, []),
        ("pets", "Do you have pets?", YES_NO, False, []),
    ],
    "umbrella": [
        ("limit", "Coverage wanted", CHOICE, False, ["1 million", "2 million", "5 million", "More", "I do not know"]),
        ("watercraft", "Do you own a boat?", YES_NO, False, []),
    ],
    "life": [
        ("birth_date", "Date of birth of the person to insure", DATE, True, []),
        ("tobacco", "Does the person use tobacco?", YES_NO, False, []),
        ("coverage", "Coverage wanted, in dollars", NUMBER, False, []),
    ],
    "commercial": [
        ("business", "What does the business do?", LONG_TEXT, True, []),
        ("employees", "How many people work there?", NUMBER, False, []),
        ("revenue", "Revenue of a year, in dollars", NUMBER, False, []),
    ],
    "other": [
        ("what", "What would you like to insure?", LONG_TEXT, True, []),
    ],
}


def add(apps, schema_editor):
    QuestionSet = apps.get_model("clients", "QuestionSet")
    Question = apps.get_model("clients", "Question")
    for insurance_type, questions in QUESTIONS.items():
        made = QuestionSet.objects.create(insurance_type=insurance_type, version=1)
        Question.objects.bulk_create(
            Question(
                question_set=made, position=position, key=key, label=label, kind=kind, required=required, options=options
            )
            for position, (key, label, kind, required, options) in enumerate(questions, start=1)
        )


class Migration(migrations.Migration):
    dependencies = [("clients", "0001_initial")]

    # Going back leaves nothing to do: the migration before takes the tables with all that is in them.
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
