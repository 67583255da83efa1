class Unreadable(Exception):
    pass


def text_of(file):
    return ""
