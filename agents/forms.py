"""What forms in the admin take, by the API's own rules."""

from django import forms
from rest_framework.exceptions import ValidationError as InvalidValue

from agents.serializers import PhoneNumberField


class PhoneNumberForm(forms.ModelForm):
    """A form with a `phone_number`."""

    def clean_phone_number(self) -> str:
        try:
            return PhoneNumberField(allow_blank=True).run_validation(self.cleaned_data["phone_number"])
        except InvalidValue as refusal:
            raise forms.ValidationError([str(text) for text in refusal.detail]) from refusal
