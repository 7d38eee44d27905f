"""Makers and models of scanners, by the words that their names are made of.

The header's fields are free text, in which a name or a date can stand as well: words that no scanner's name
is made of are left out.
"""

from __future__ import annotations

import re

__all__ = ["known_manufacturer", "known_model"]

_MAKER_WORDS = """ SIEMENS HEALTHINEERS HEALTHCARE GMBH AG GE MEDICAL SYSTEMS PHILIPS TOSHIBA CANON MEC
HITACHI FUJIFILM CORPORATION UIH UNITED IMAGING HYPERFINE BRUKER BIOSPIN ESAOTE FONAR NEUSOFT MINDRAY PICKER
INTERNATIONAL INC MARCONI ELSCINT SHIMADZU VARIAN AGILENT ALLTECH SYNAPTIVE ASPECT PARAMED IMRIS
"""
_MODEL_WORDS = """ MAGNETOM PRISMA SKYRA VERIO TRIO TRIOTIM TIM AVANTO AERA SYMPHONY SYMPHONYTIM SONATA
SONATAVISION ESPREE VISION ALLEGRA HARMONY CONCERTO ESSENZA AMIRA SOLA ALTEA SEMPRA LUMINA VIDA CIMA CIMA.X
TERRA TERRA.X FREE.MAX FREE.STAR SPECTRA CONNECTOM CONNECTOME BIOGRAPH MMR FIT DOT INVESTIGATIONAL DEVICE
IMPACT EXPERT SIGNA DISCOVERY OPTIMA GENESIS HDX HDXT HDE HDI EXCITE PIONEER PREMIER ARCHITECT ARTIST VOYAGER
CREATOR EXPLORER BRIVO PET MR XR AIR UHP TWINSPEED LX INFINITY ECHOSPEED HORIZON ACHIEVA INGENIA INTERA
AMBITION ELITION GYROSCAN NT PANORAMA HFO DSTREAM EVOLUTION CX OMEGA X TX MULTIVA PRODIVA INGENUITY TF VANTAGE
TITAN GALAN ORIAN ELAN FORTIAN EXCELART ATLAS ZGV CENTURIAN UMR JUPITER ECHELON OVAL SMART OASIS AIRIS ELITE
APERTO LUCENT VELOCITY SWOOP BIOSPEC PHARMASCAN GYREX EDGE ECLIPSE UPRIGHT
"""
_MAKERS, _MODELS = frozenset(_MAKER_WORDS.split()), frozenset(_MODEL_WORDS.split())
_NUMBERED = re.compile(r"MR\d{3}[A-Z]?|[3-9]\d0[A-Z]?|0\.55T?|0\.064T?|[0-4]\.\d{1,2}T|1\.5T?|3(\.0)?T?|7T?")


def known_manufacturer(text: str) -> str:
    """Return the words of a text that makers of scanners are called by.

    Examples
    --------
    >>> known_manufacturer("GE MEDICAL SYSTEMS"), known_manufacturer("Siemens, for Jane Doe 1951")
    ('GE MEDICAL SYSTEMS', 'Siemens')
    """
    return _kept(text, _MAKERS, None)


def known_model(text: str) -> str:
    """Return the words of a text that models of scanners are called by.

    Examples
    --------
    >>> known_model("Prisma_fit"), known_model("DISCOVERY MR750"), known_model("Room 5 Doe")
    ('Prisma_fit', 'DISCOVERY MR750', '')
    """
    return _kept(text, _MODELS, _NUMBERED)


def _kept(text: str, words: frozenset[str], numbered: re.Pattern[str] | None) -> str:
    """Keep the text as it stands where every word is known, else the words that are."""
    split = re.findall(r"[^\W_]+(?:\.[^\W_]+)*", text)
    names = [word for word in split if word.upper() in words]
    if not names:
        return ""
    known = [word for word in split if word in names or (numbered and numbered.fullmatch(word.upper()))]
    whole = known == split and re.fullmatch(r"[\w ./,-]{1,64}", text.strip())
    return text.strip() if whole else " ".join(dict.fromkeys(known))
