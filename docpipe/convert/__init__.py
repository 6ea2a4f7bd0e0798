"""Documents that no reader takes, made into ones that it does, by LibreOffice where it is on the machine."""

from docpipe.convert.libreoffice import LibreOffice, convert, find_libreoffice

__all__ = ["LibreOffice", "convert", "find_libreoffice"]
